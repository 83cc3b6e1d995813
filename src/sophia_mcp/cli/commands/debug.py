"""`sophia debug`: what is wrong, and how much there is."""

from __future__ import annotations

import click

from sophia_mcp.cli import output


@click.group("debug")
def COMMAND() -> None:
    """Look inside: check the installation and the stores, show sizes.

    Example: sophia debug doctor
    """


@COMMAND.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def doctor(as_json: bool) -> int:
    """Check the libraries, the stores, the embedder and the limits of this machine.

    Every line that is not ok says what to do.

    Example: sophia debug doctor --json
    """
    from sophia_mcp.cli import doctor as look
    from sophia_mcp.cli.session import with_app

    checks = with_app(look.checks)
    if as_json:
        output.machine({"ok": all(check["state"] == "ok" for check in checks), "checks": checks})
    else:
        for check in checks:
            output.show(f"{check['state']:8s} {check['name']}: {check['detail']}")
    return output.DONE if all(check["state"] != "failing" for check in checks) else output.FAILED


@COMMAND.command("stats")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def stats(as_json: bool) -> int:
    """Show what the stores hold and how large they are.

    Example: sophia debug stats
    """
    from sophia_mcp.cli import doctor as look
    from sophia_mcp.cli.session import with_app

    facts = with_app(look.stats)
    if as_json:
        output.machine(facts)
    else:
        output.table(("what", "how much"), list(facts.items()))
    return output.DONE
