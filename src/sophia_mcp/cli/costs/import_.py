"""`sophia cost import`: what other assistants spent, from their own logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sophia_mcp.cli import output

if TYPE_CHECKING:
    from sophia_mcp.app import App
    from sophia_mcp.cost.importing import Imported


@click.command("import")
@click.argument("clients", nargs=-1)
@click.option("--since", default=None, help="Leave out calls before this day: -30d, 2026-11-01.")
@click.option("--again", is_flag=True, help="Read files again that have not changed.")
@click.option("--list", "only_list", is_flag=True, help="Only say which clients have logs here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
def COMMAND(
    clients: tuple[str, ...], since: str | None, again: bool, only_list: bool, as_json: bool
) -> int:
    """Read the usage logs of CLIENTS (none: of all that are known) into the ledger.

    Logs are read, never changed, and stay on this machine. Each call counts once, however often it is
    imported. Amounts are what the calls cost at the makers' list prices: a flat subscription costs
    something else.

    Example: sophia cost import claude_code --since -30d
    """
    from pathlib import Path

    from sophia_mcp.cli.session import with_app
    from sophia_mcp.cost.days import DAY_NS, day_of, parse
    from sophia_mcp.cost.importing import Importer
    from sophia_mcp.cost.logs import Machine
    from sophia_mcp.settings import environment

    async def work(app: App) -> Any:
        money = await app.money()
        ledger = money.ledger
        importer = Importer(
            await app.truth(), ledger, money.catalogue.price, Machine(Path.home(), environment)
        )
        if only_list:
            return await importer.found()
        since_ns = 0 if since is None else parse(since, day_of(ledger.clock())) * DAY_NS
        with output.bar("reading logs") as update:

            async def tell(done: int, total: int, title: str) -> None:
                update(done, total, title)

            return await importer.run(clients, since_ns=since_ns, again=again, tell=tell)

    found = with_app(work)
    if only_list:
        return _listed(found, as_json)
    done = [each for each in found if each.files or each.unchanged or each.unreadable]
    if as_json:
        output.machine([_facts(each) for each in done])
    elif done:
        _shown(done)
    else:
        output.say("no logs were found; sophia cost import --list shows which clients are known")
    return output.DONE if done else output.NOTHING


def _listed(found: dict[str, int], as_json: bool) -> int:
    if as_json:
        output.machine(found)
    else:
        most_first = sorted(found, key=lambda client: (-found[client], client))
        output.table(("client", "log files"), [(client, found[client]) for client in most_first])
    return output.DONE


def _shown(done: list[Imported]) -> None:
    from sophia_mcp.cost import usd

    columns = ("client", "files read", "unchanged", "calls", "new", "corrected", "usd", "unpriced")
    rows = [
        (
            each.client,
            each.files,
            each.unchanged,
            each.calls,
            each.new,
            each.corrected,
            usd.text(each.nano),
            each.unpriced,
        )
        for each in done
    ]
    output.table(columns, rows)
    for each in done:
        if each.skipped or each.unreadable:
            output.say(
                f"{each.client}: {each.skipped} records were not understood,"
                f" {each.unreadable} files could not be read"
            )
    output.say("at list prices; what a subscription costs is not in any log")


def _facts(each: Imported) -> dict[str, Any]:
    import dataclasses

    from sophia_mcp.cost import usd

    facts = dataclasses.asdict(each)
    facts["usd"] = usd.text(facts.pop("nano"))
    for name, at_ns in (("since", facts.pop("since_ns")), ("until", facts.pop("until_ns"))):
        facts[name] = _day(at_ns) if at_ns else None
    return facts


def _day(at_ns: int) -> str:
    from sophia_mcp.cost.days import day_of, to_date

    return to_date(day_of(at_ns)).isoformat()
