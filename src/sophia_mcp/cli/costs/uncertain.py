"""`sophia cost uncertain`: calls whose cost nobody knows, and saying what it was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from sophia_mcp.cli import output

if TYPE_CHECKING:
    from sophia_mcp.app import App
    from sophia_mcp.cost.ledger.lines import Uncertain


@click.group("uncertain", invoke_without_command=True)
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Calls listed, the newest first.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
@click.pass_context
def COMMAND(ctx: click.Context, limit: int, as_json: bool) -> int:
    """List calls that were cut off before their cost was known. They count in budgets with all they
    may have cost, until reconciled.

    Example: sophia cost uncertain settle 1795243370821025469 0.0123
    """
    if ctx.invoked_subcommand is not None:
        return output.DONE
    from sophia_mcp.cli.session import with_app
    from sophia_mcp.cost import usd

    async def work(app: App) -> list[Uncertain]:
        return await (await app.money()).uncertain(limit)

    found = with_app(work)
    facts = [
        {
            "id": str(each.id),
            "at": datetime.fromtimestamp(each.at_ns // 10**9, UTC).isoformat(),
            "model": each.model,
            "run": each.run,
            "step": each.step,
            "known_usd": usd.text(each.nano),
            "uncertain_usd": usd.text(each.uncertain_nano),
            "why": each.why,
        }
        for each in found
    ]
    if as_json:
        output.machine(facts)
    elif facts:
        output.table(list(facts[0]), [list(each.values()) for each in facts])
    else:
        output.say("nothing is uncertain")
    return output.DONE if facts else output.NOTHING


@COMMAND.command("settle")
@click.argument("entry_id", type=int)
@click.argument("usd_text", metavar="USD")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def settle(entry_id: int, usd_text: str, as_json: bool) -> int:
    """Say what a call really cost, by the provider's own bill. The correction is a further entry.

    Example: sophia cost uncertain settle 1795243370821025469 0
    """
    from sophia_mcp.cli.session import with_app
    from sophia_mcp.cost import usd

    nano = usd.parse(usd_text, "the cost")

    async def work(app: App) -> None:
        await (await app.money()).ledger.reconcile(entry_id, nano)

    with_app(work)
    if as_json:
        output.machine({"id": str(entry_id), "usd": usd.text(nano)})
    else:
        output.say(f"entry {entry_id} cost ${usd.text(nano)}")
    return output.DONE
