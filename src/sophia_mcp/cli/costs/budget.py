"""`sophia cost budget`: what may be spent, and how that stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import click

from sophia_mcp.cli import output

if TYPE_CHECKING:
    from collections.abc import Callable

    from sophia_mcp.app import App
    from sophia_mcp.cost.ledger.entry import Limit

_SCOPES = click.Choice(("workspace", "user", "repo", "run"))
_PERIODS = click.Choice(("day", "week", "month", "total"))


def _naming(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name one budget, and how it is answered."""
    options = (
        click.option(
            "--scope", type=_SCOPES, default="workspace", show_default=True, help="Whose spending."
        ),
        click.option(
            "--name",
            default="",
            help="The user, repository or run; without it each one has the budget for itself.",
        ),
        click.option("--period", type=_PERIODS, default="month", show_default=True, help="UTC."),
        click.option("--soft", is_flag=True, help="Warn only; a hard budget refuses calls."),
        click.option("--json", "as_json", is_flag=True, help="One JSON object."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group("budget", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
@click.pass_context
def COMMAND(ctx: click.Context, as_json: bool) -> int:
    """List the budgets with what is spent, held by calls in flight, and expected by the end.

    Example: sophia cost budget set 20 --period month
    """
    if ctx.invoked_subcommand is not None:
        return output.DONE
    from sophia_mcp.cli.session import with_app
    from sophia_mcp.cost.reports.answer import budget
    from sophia_mcp.cost.reports.tables import budget_table

    async def work(app: App) -> list[dict[str, Any]]:
        return [budget(each) for each in await (await app.money()).outlooks()]

    rows = with_app(work)
    if as_json:
        output.machine(rows)
    elif rows:
        output.table(*budget_table({"budgets": rows}))
    else:
        output.say("no budget is set; begin with: sophia cost budget set 20 --period month")
    return output.DONE if rows else output.NOTHING


@COMMAND.command("set", context_settings={"ignore_unknown_options": True})
@click.argument("usd")
@_naming
def set_(usd: str, scope: str, name: str, period: str, soft: bool, as_json: bool) -> int:
    """Set a budget of so many dollars. It holds from the next call on, in every process.

    Example: sophia cost budget set 2.50 --scope run --period total
    """
    from sophia_mcp.cli.session import with_app
    from sophia_mcp.cost import usd as money_text

    limit = _limit(money_text.parse(usd, "the budget"), scope, name, period, soft)

    async def work(app: App) -> None:
        await (await app.money()).set_limit(limit)

    with_app(work)
    if as_json:
        output.machine({"state": "set", "budget": _facts(limit)})
    else:
        output.say(f"set: {_words(limit)}")
    return output.DONE


@COMMAND.command("remove")
@_naming
def remove(scope: str, name: str, period: str, soft: bool, as_json: bool) -> int:
    """Take a budget away.

    Example: sophia cost budget remove --period month
    """
    from sophia_mcp.cli.session import with_app

    limit = _limit(0, scope, name, period, soft)

    async def work(app: App) -> bool:
        return await (await app.money()).drop_limit(limit)

    removed = with_app(work)
    if as_json:
        output.machine({"state": "removed" if removed else "not there", "budget": _facts(limit)})
    else:
        output.say("removed" if removed else "there is no such budget; sophia cost budget lists them")
    return output.DONE if removed else output.NOTHING


def _limit(nano: int, scope: str, name: str, period: str, soft: bool) -> Limit:
    from sophia_mcp.cost.ledger.entry import Limit
    from sophia_mcp.errors import BadArgument

    if scope == "workspace" and name:
        raise BadArgument("a workspace budget has no name", next="leave out --name, or choose a --scope")
    return Limit(cast("Any", scope), cast("Any", period), nano, name, hard=not soft)


def _facts(limit: Limit) -> dict[str, Any]:
    from sophia_mcp.cost import usd

    return {
        "scope": limit.scope,
        "name": limit.name,
        "period": limit.period,
        "hard": limit.hard,
        "limit_usd": usd.text(limit.nano),
    }


def _words(limit: Limit) -> str:
    from sophia_mcp.cost import usd

    whose = f"{limit.scope} {limit.name}".strip()
    if limit.scope != "workspace" and not limit.name:
        whose = f"each {limit.scope}"
    return (
        f"{'hard' if limit.hard else 'soft'} budget of ${usd.text(limit.nano)}, {whose}, {limit.period}"
    )
