"""`sophia version`: which version this is, and of what it is made."""

from __future__ import annotations

import click

from sophia_mcp.cli import output


@click.command("version")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def COMMAND(as_json: bool) -> None:
    """Show the version and those of the parts that matter.

    Example: sophia version --json
    """
    import platform
    from importlib.metadata import version

    import apsw

    from sophia_mcp import __version__

    parts = {
        "sophia": __version__,
        "python": platform.python_version(),
        "mcp": version("mcp"),
        "sqlite": apsw.sqlite_lib_version(),
        "platform": platform.platform(),
    }
    if as_json:
        output.machine(parts)
    else:
        output.show("\n".join(f"{name} {value}" for name, value in parts.items()))
