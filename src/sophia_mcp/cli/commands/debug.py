"""`sophia debug`: what is wrong, how much there is, and what a run did."""

from __future__ import annotations

import click

from sophia_mcp.cli import output


@click.group("debug")
def COMMAND() -> None:
    """Look inside: check the installation and the stores, show sizes and timelines.

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


@COMMAND.command("timeline")
@click.argument("run_id")
@click.option("--follow", is_flag=True, help="Go on until the run has ended.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each event.")
@click.option("--otel", is_flag=True, help="Send it as spans to OTEL_EXPORTER_OTLP_ENDPOINT.")
def timeline(run_id: str, follow: bool, as_json: bool, otel: bool) -> int:
    """Show everything a swarm run did, said, cost and decided, as a tree.

    Example: sophia debug timeline swarm-1a2b3c --follow
    """
    from sophia_mcp.cli import timelines
    from sophia_mcp.cli.session import with_app

    if otel:
        sent = with_app(lambda app: timelines.send(app, run_id))
        output.say(f"{sent} spans sent")
        return output.DONE
    with_app(lambda app: timelines.show(app, run_id, follow=follow, as_json=as_json))
    return output.DONE
