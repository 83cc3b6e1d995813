"""`sophia cost report`: what was spent, by what."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from sophia_mcp.cli import output
from sophia_mcp.cli.wording import commands

if TYPE_CHECKING:
    from sophia_mcp.app import App
    from sophia_mcp.cost.reports.answer import CostReport


@click.command("report")
@click.option(
    "--since", default="-7d", show_default=True, help="-7d, -4w, today, or a date; days are UTC."
)
@click.option("--until", help="Last day, the same way. Default: today.")
@click.option(
    "--by",
    "group_by",
    multiple=True,
    metavar="DIMENSION",
    help="day, week, month, model, provider, pattern, run, agent, step, repo, user, workspace, tag;"
    " up to three times. Default: model.",
)
@click.option(
    "--only",
    "filters",
    multiple=True,
    metavar="DIMENSION=VALUE",
    help="Count only these; * stands for any text. May be repeated.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="Groups shown, the dearest first.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("table", "json", "csv", "markdown")),
    default="table",
    show_default=True,
    help="csv holds the groups alone.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def COMMAND(
    since: str,
    until: str | None,
    group_by: tuple[str, ...],
    filters: tuple[str, ...],
    limit: int,
    form: str,
    as_json: bool,
) -> int:
    """Show what was spent: calls of swarms, and imported ones of other assistants.

    Amounts are exact. Estimated, uncertain and unpriced calls are named.

    Example: sophia cost report --since -30d --by month --by model
    """
    from sophia_mcp.cli.session import with_app
    from sophia_mcp.cost.reports.tables import group_table, written

    chosen = _filters(filters)

    async def work(app: App) -> CostReport:
        money = await app.money()
        return await money.report(since, until, group_by or ("model",), chosen, limit)

    report = with_app(work)
    facts = report.facts()
    facts["next"] = facts["next"] and commands(facts["next"])
    if as_json or form == "json":
        output.machine(facts)
    elif form == "csv":
        output.show(written(facts, "csv", report.query.group_by).rstrip("\n"))
    elif form == "markdown":
        output.show(written(facts, "markdown", report.query.group_by))
    else:
        _shown(facts, group_table(facts, brief=sys.stdout.isatty()))
    return output.DONE if report.sums.total.calls else output.NOTHING


def _filters(given: tuple[str, ...]) -> dict[str, list[str]]:
    from sophia_mcp.errors import BadArgument

    chosen: dict[str, list[str]] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise BadArgument(
                f"--only {each!r} has no =", next="write it like --only model=claude-sonnet-5-5"
            )
        chosen.setdefault(name, []).append(value)
    return chosen


def _shown(facts: dict[str, Any], groups: tuple[list[str], list[list[str]]]) -> None:
    from sophia_mcp.cost.reports.tables import budget_table, headline

    for line in headline(facts):
        output.show(line)
    if groups[1]:
        output.table(*groups)
    if facts["budgets"]:
        output.table(*budget_table(facts))
    for each in facts["suggestions"]:
        output.show(f"saves ${each['saves_usd']}: {each['text']}")
    for note in facts["notes"]:
        output.say(f"note: {note}")
