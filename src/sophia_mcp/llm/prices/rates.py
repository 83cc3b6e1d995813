"""What does a call cost at given unit prices? Exact arithmetic, rounded once, at the end.

Unit prices are dollars for a million tokens; amounts are integer nano-dollars. One dollar for a
million tokens is a thousand nano-dollars for a token, so that nothing is ever divided.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal

from sophia_mcp.types import Usage

_NANO_PER_TOKEN = 1000
_NANO_PER_DOLLAR = 10**9

_CLAUDE_WRITE = Decimal("1.25")
_CLAUDE_WRITE_1H = Decimal(2)
"""What Claude's cache writes cost as a multiple of plain input, wherever a list leaves them out."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Unit prices of one model at one moment: dollars for a million tokens, ``request`` and ``search``
    dollars for one. None: not listed, so that the plain price of that direction applies."""

    input: Decimal | None = None
    output: Decimal | None = None
    cached: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None
    reasoning: Decimal | None = None
    request: Decimal | None = None
    search: Decimal | None = None

    def text(self) -> dict[str, str]:
        """What is listed, as exact decimal text, to be kept beside an amount."""
        listed = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: f"{value.normalize():f}" for name, value in listed.items() if value is not None}

    @classmethod
    def of(cls, text: Mapping[str, str]) -> Rates:
        """The rates that `text` came from."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: Decimal(value) for name, value in text.items() if name in known})

    def times(self, factor: Decimal) -> Rates:
        """Every listed price multiplied, for a negotiated rate or a surcharge."""
        return Rates.of({name: str(Decimal(value) * factor) for name, value in self.text().items()})


def fill(rates: Rates, model: str) -> tuple[Rates, bool]:
    """Rates whose missing cache and reasoning prices are what the vendor charges when it lists none,
    and whether all of that is certain."""
    claude = "claude" in model.lower() and rates.input is not None
    write, long, sure = rates.cache_write, rates.cache_write_1h, True
    if claude and rates.input is not None:
        sure = write is not None and long is not None
        write = rates.input * _CLAUDE_WRITE if write is None else write
        long = rates.input * _CLAUDE_WRITE_1H if long is None else long
    whole = Rates(
        rates.input,
        rates.output,
        rates.input if rates.cached is None else rates.cached,
        rates.input if write is None else write,
        (rates.input if write is None else write) if long is None else long,
        rates.output if rates.reasoning is None else rates.reasoning,
        rates.request,
        rates.search,
    )
    return whole, sure


def cost(usage: Usage, rates: Rates, model: str = "") -> tuple[int | None, bool]:
    """Nano-dollars of one call, and whether every price it needed was listed. None when the price of
    something it used is not known at all: never zero for want of a price."""
    whole, sure = fill(rates, model)
    write = min(usage.cache_write_tokens, usage.input_tokens)
    long = min(usage.cache_write_1h_tokens, write)
    read = min(usage.cached_tokens, usage.input_tokens - write)
    thought = min(usage.reasoning_tokens, usage.output_tokens)
    parts = (
        (usage.input_tokens - write - read, whole.input),
        (read, whole.cached),
        (write - long, whole.cache_write),
        (long, whole.cache_write_1h),
        (usage.output_tokens - thought, whole.output),
        (thought, whole.reasoning),
    )
    nano = Decimal(0)
    for tokens, price in parts:
        if tokens and price is None:
            return None, False
        nano += tokens * (price or Decimal(0)) * _NANO_PER_TOKEN
    nano += (whole.request or Decimal(0)) * _NANO_PER_DOLLAR
    nano += usage.searches * (whole.search or Decimal(0)) * _NANO_PER_DOLLAR
    certain = (sure or not write) and not (usage.searches and whole.search is None)
    return int(nano.quantize(Decimal(1), "ROUND_HALF_UP")), certain


def ceiling(input_tokens: int, output_tokens: int, rates: Rates, model: str = "") -> int | None:
    """The most that so many tokens can cost: everything sent is written to the cache (for five
    minutes), everything produced is of the dearer kind."""
    whole, _ = fill(rates, model)
    if whole.input is None or (output_tokens and whole.output is None):
        return None
    dearest_in = max(whole.input, whole.cache_write or whole.input)
    dearest_out = max(whole.output or Decimal(0), whole.reasoning or Decimal(0))
    nano = (input_tokens * dearest_in + output_tokens * dearest_out) * _NANO_PER_TOKEN
    nano += (whole.request or Decimal(0)) * _NANO_PER_DOLLAR
    return int(nano.to_integral_value("ROUND_CEILING"))
