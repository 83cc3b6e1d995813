"""`sophia cost prices`: what models cost here, where that is known from, and how old it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from sophia_mcp.cli import output

if TYPE_CHECKING:
    from sophia_mcp.llm.prices.catalogue import Catalogue

_PROCESSING = click.Choice(("standard", "batch", "flex", "priority", "fast"))


@click.group("prices", invoke_without_command=True)
@click.option("--provider", default=None, help="Every model of this provider.")
@click.option("--model", default=None, help="One model, by any name that providers give it.")
@click.option("--at", default=None, help="Prices of this day: 2026-05-01, -90d. Default: today.")
@click.option(
    "--processing", type=_PROCESSING, default="standard", show_default=True, help="How it runs."
)
@click.option(
    "--tokens", type=click.IntRange(0), default=1000, show_default=True, help="Length of input."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def COMMAND(
    ctx: click.Context,
    provider: str | None,
    model: str | None,
    at: str | None,
    processing: str,
    tokens: int,
    as_json: bool,
) -> int:
    """Show unit prices in dollars for a million tokens, with their source.

    Without an option: the models of the tiers at every provider, and how old the prices are.

    Example: sophia cost prices --provider anthropic --model claude-sonnet-5-5 --processing batch
    """
    if ctx.invoked_subcommand is not None:
        return output.DONE
    catalogue = _catalogue()
    now_ns = time.time_ns()
    at_ns = _moment(at, now_ns)
    rows = [
        _price(catalogue, *each, at_ns=at_ns, processing=processing, tokens=tokens)
        for each in _asked(catalogue, provider, model)
    ]
    if model is not None and not rows[0]["source"]:
        raise _unknown(catalogue, provider, model)
    age = catalogue.age(now_ns)
    if as_json:
        newest = age.newest.isoformat() if age.newest else None
        facts = {"source": age.source, "version": age.version, "newest": newest, "days": age.days}
        output.machine({"prices": rows, "list": {**facts, "warning": age.warning}})
    else:
        columns = ("provider", "model", "input", "output", "cached", "write", "write 1h", "source")
        names = ("provider", "model", "input", "output", "cached", "cache_write", "cache_write_1h")
        output.table(columns, [[*(row[name] for name in names), row["source"]] for row in rows])
        for note in sorted({row["note"] for row in rows if row["note"]}):
            output.say(f"note: {note}")
        output.say(f"{age.source} {age.version}, last change {age.newest}, {age.days} days ago")
        if age.warning:
            output.say(f"warning: {age.warning}")
    return output.DONE


@COMMAND.command("again")
@click.option("--since", default="-30d", show_default=True, help="First day.")
@click.option("--until", default=None, help="Last day. Default: today.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def again(since: str, until: str | None, as_json: bool) -> int:
    """Reckon recorded entries again at today's knowledge of the prices of their own time.

    For prices that were mended or stated later: the differences are appended, nothing is changed. What
    a provider billed itself stays.

    Example: sophia cost prices again --since 2026-11-01
    """
    from sophia_mcp.cli.session import with_app
    from sophia_mcp.cost import usd
    from sophia_mcp.cost.days import day_of, parse

    async def work(app: Any) -> tuple[int, int]:
        money = await app.money()
        today = day_of(money.ledger.clock())
        last = today if until is None else parse(until, today, "until")
        changed: tuple[int, int] = await money.ledger.reprice(
            money.catalogue.price, parse(since, today), last + 1
        )
        return changed

    entries, nano = with_app(work)
    if as_json:
        output.machine({"entries": entries, "usd": usd.text(nano)})
        return output.DONE
    output.say(f"{entries} entries changed, by ${usd.text(nano)} in all")
    return output.DONE


def _catalogue() -> Catalogue:
    from sophia_mcp.cli.session import project_folder
    from sophia_mcp.llm.prices.catalogue import Catalogue
    from sophia_mcp.settings import load, prices_file

    return Catalogue.read(prices_file(load(project_folder())))


def _moment(at: str | None, now_ns: int) -> int:
    from sophia_mcp.cost.days import DAY_NS, day_of, parse

    return now_ns if at is None else parse(at, day_of(now_ns), "at") * DAY_NS + DAY_NS // 2


def _asked(catalogue: Catalogue, provider: str | None, model: str | None) -> list[tuple[str, str]]:
    """The (provider, model) pairs to show."""
    if model is not None:
        return [(provider or catalogue.maker(model) or _lists(catalogue, model), model)]
    if provider is not None:
        from sophia_mcp.errors import NotFound

        seller = catalogue.seller(provider)
        models = catalogue.models(seller)
        if not models:
            raise NotFound(
                f"no prices of {provider} are listed",
                why=f"listed: {', '.join(catalogue.providers())}",
                next="state them in prices.toml, or name one of those",
            )
        return [(seller, each) for each in models]
    return list(dict.fromkeys((seller, each) for seller, _, each in catalogue.tiers()))


def _lists(catalogue: Catalogue, model: str) -> str:
    """Whoever lists a model whose name does not say who makes it; empty where nobody does."""
    sellers = (seller for seller in catalogue.providers() if model in catalogue.models(seller))
    return next(sellers, "")


def _unknown(catalogue: Catalogue, provider: str | None, model: str) -> Exception:
    """What to say of a model without a price: the names that are nearly it, and how to state one."""
    from difflib import get_close_matches

    from sophia_mcp.errors import NotFound

    sellers = catalogue.providers() if provider is None else (provider,)
    names = {each: seller for seller in sellers for each in catalogue.models(seller)}
    near = get_close_matches(model, names, 3)
    return NotFound(
        f"no price is known for {model}" + (f" at {provider}" if provider else ""),
        why=f"close to it: {', '.join(near)}" if near else "calls of it are counted as unpriced",
        next="name a model of: sophia cost prices --provider NAME, or state its price in prices.toml",
    )


def _price(
    catalogue: Catalogue, provider: str, model: str, *, at_ns: int, processing: str, tokens: int
) -> dict[str, str]:
    from sophia_mcp.llm.prices.rates import Rates
    from sophia_mcp.types import Usage

    usage = Usage(input_tokens=tokens)
    priced = catalogue.price(usage, provider=provider, model=model, at_ns=at_ns, processing=processing)
    units = {name: priced.unit_prices.get(name, "") for name in Rates.__dataclass_fields__}
    return {
        "provider": provider,
        "model": model,
        **units,
        "source": priced.source,
        "version": priced.version,
        "note": priced.note,
    }
