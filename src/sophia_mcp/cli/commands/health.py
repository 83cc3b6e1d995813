"""`sophia health`: is this installation able to work? For machines and for people in a hurry."""

from __future__ import annotations

import click

from sophia_mcp.cli import output


@click.command("health")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def COMMAND(as_json: bool) -> int:
    """Open both stores and the embedder, and say whether they answer.

    Example: sophia health --json
    """
    from sophia_mcp.cli import doctor
    from sophia_mcp.cli.session import with_app

    health = with_app(doctor.health)
    if as_json:
        output.machine(health)
    else:
        output.show(f"status {health['status']}")
        for part, state in health["parts"].items():
            output.show(f"  {part}: {state}")
    return output.DONE if health["status"] == "ok" else output.FAILED
