"""How are money and calls written? Integer nano-dollars inside, exact decimal text at every door."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from sophia_mcp.errors import BadArgument

NANO = 1_000_000_000
"""Nano-dollars in a dollar."""

MOST = 10**9
"""Dollars; sums of larger amounts would not fit the store's integers."""


def text(nano: int) -> str:
    """The exact amount in dollars, with at least two decimals: ``-1.50``, ``0.000000001``."""
    whole, rest = divmod(abs(nano), NANO)
    decimals = f"{rest:09d}".rstrip("0").ljust(2, "0")
    return f"{'-' if nano < 0 else ''}{whole}.{decimals}"


def parse(value: object, name: str = "the amount") -> int:
    """Nano-dollars of a decimal such as ``"12.50"``. Raises BadArgument for what is no amount of 0 or
    more, or is finer than a nano-dollar. A float, which cannot be exact, is taken to the nearest."""
    try:
        written = f"{value:.9f}" if isinstance(value, float) else str(value).strip().removeprefix("$")
        amount = Decimal(written) * NANO
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or not 0 <= amount <= MOST * NANO or amount % 1:
        raise BadArgument(
            f"{name} is {value!r}",
            why="it must be dollars from 0 to a billion, with at most nine decimals",
            next='write it like "12.50"',
        )
    return int(amount)
