"""What would have cost less? Only what can be reckoned on the recorded calls themselves.

Every suggestion states what it would have saved on these calls at these prices. Whether a cheaper model
would have answered as well is not known here, and each text says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sophia_mcp.cost import usd
from sophia_mcp.cost.ledger.entry import Measures, Price
from sophia_mcp.security.text import counted
from sophia_mcp.types import Usage

LEAST_NANO = 10_000_000
"""Savings below a cent are not worth a sentence."""

MOST = 5


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One thing to do, and what it would have saved."""

    text: str
    saves_nano: int


@dataclass(frozen=True, slots=True)
class Use:
    """What was spent on one model. ``at_ns`` is a moment within, for the prices of the time."""

    provider: str
    model: str
    measures: Measures
    at_ns: int


@dataclass(frozen=True, slots=True)
class Repeats:
    """Questions that were asked again within a day, word for word: how many, and what those cost."""

    calls: int
    nano: int


@dataclass(frozen=True, slots=True)
class Prefix:
    """Calls of one model that sent, soon after one another, a beginning that another had sent, and did
    not have it served from the provider's cache."""

    provider: str
    model: str
    calls: int
    tokens: int
    at_ns: int


Cheaper = Callable[[str, str], Sequence[str]]
"""Models of a provider that are meant for less than the given one: (provider, model) to names."""


def suggest(
    uses: Iterable[Use],
    repeats: Repeats,
    prefixes: Iterable[Prefix],
    price: Price,
    cheaper: Cheaper,
) -> list[Suggestion]:
    """The largest savings first, at most five."""
    found = [
        *(_smaller(use, price, cheaper) for use in uses),
        *(_warmed(prefix, price) for prefix in prefixes),
        _again(repeats),
    ]
    worth = [each for each in found if each is not None and each.saves_nano >= LEAST_NANO]
    return sorted(worth, key=lambda each: (-each.saves_nano, each.text))[:MOST]


def wasted(measures: Measures) -> Suggestion | None:
    """Attempts that cost money and brought no answer."""
    if measures.wasted_nano < LEAST_NANO or not measures.nano:
        return None
    share = 100 * measures.wasted_nano // measures.nano
    return Suggestion(
        f"attempts that failed or were cancelled cost ${usd.text(measures.wasted_nano)} ({share} %): look at"
        " their errors in the timeline; longer deadlines or smaller max_tokens would have saved this",
        measures.wasted_nano,
    )


def _smaller(use: Use, price: Price, cheaper: Cheaper) -> Suggestion | None:
    m = use.measures
    if not m.nano or m.calls <= 0 or m.unpriced_calls or m.searches or not m.output_tokens:
        return None  # without words in its answers a model embeds, and no other can stand in for it
    # Prices depend on the length of one call, so the average call is priced, not their sum.
    average = Usage(
        input_tokens=m.input_tokens // m.calls,
        output_tokens=m.output_tokens // m.calls,
        cached_tokens=m.cached_tokens // m.calls,
        cache_write_tokens=m.cache_write_tokens // m.calls,
        cache_write_1h_tokens=m.cache_write_1h_tokens // m.calls,
        reasoning_tokens=m.reasoning_tokens // m.calls,
    )
    best: tuple[int, str] | None = None
    for model in cheaper(use.provider, use.model):
        one = price(average, provider=use.provider, model=model, at_ns=use.at_ns).nano
        if one is not None and one * m.calls < m.nano and (best is None or one * m.calls < best[0]):
            best = one * m.calls, model
    if best is None:
        return None
    return Suggestion(
        f"{counted(m.calls, 'call')} of {use.model} cost ${usd.text(m.nano)}; the same tokens on {best[1]} cost"
        f" about ${usd.text(best[0])}. Whether it answers as well was not measured: compare with sophia swarm eval",
        m.nano - best[0],
    )


def _warmed(prefix: Prefix, price: Price) -> Suggestion | None:
    def cost(usage: Usage) -> int | None:
        return price(usage, provider=prefix.provider, model=prefix.model, at_ns=prefix.at_ns).nano

    each = prefix.tokens // max(prefix.calls, 1)
    plain = cost(Usage(input_tokens=each))
    read = cost(Usage(input_tokens=each, cached_tokens=each))
    if plain is None or read is None or read >= plain:
        return None
    return Suggestion(
        f"{counted(prefix.calls, 'call')} of {prefix.model} sent {prefix.tokens} tokens again that another call had just"
        " sent; read from the provider's cache these would have cost less: let the first call of a fan-out"
        " answer before the others start",
        (plain - read) * prefix.calls,
    )


def _again(repeats: Repeats) -> Suggestion | None:
    if not repeats.calls:
        return None
    return Suggestion(
        f"{repeats.calls} questions were asked again, word for word, within a day: the answer cache would"
        " have given these answers for nothing (llm.cache)",
        repeats.nano,
    )
