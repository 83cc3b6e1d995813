"""A small ledger: postings, balances and a report, kept in integer cents."""

from __future__ import annotations

import asyncio
import os.path as paths
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from typing import Generic, TypeVar, overload

from .rates import Rates, load_rates as load

T = TypeVar("T", bound="Posting")
CENTS_PER_UNIT: int = 100
_SYMBOLS = {
    "EUR": "€",
    "USD": "$",
}


class LedgerError(Exception):
    """Anything a caller of the ledger can mend."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One movement on one account; ``cents`` is negative for a credit."""

    account: str
    cents: int
    currency: str = "EUR"
    tags: tuple[str, ...] = field(default_factory=tuple)

    @property
    def is_credit(self) -> bool:
        return self.cents < 0

    def __str__(self) -> str:
        return f"{self.account}: {format_cents(self.cents, self.currency)}"


def logged(action: str):
    """Count how often the wrapped function ran."""

    def decorate(function):
        @wraps(function)
        def wrapper(*args, **kwargs):
            wrapper.calls += 1
            return function(*args, **kwargs)

        wrapper.calls = 0
        return wrapper

    return decorate


@lru_cache(maxsize=256)
def format_cents(
    cents: int,
    currency: str = "EUR",
    *,
    signed: bool = False,
) -> str:
    sign = "+" if signed and cents > 0 else ""
    whole, rest = divmod(abs(cents), CENTS_PER_UNIT)
    symbol = _SYMBOLS.get(currency, currency)
    return f"{sign}{'-' if cents < 0 else ''}{whole}.{rest:02d}{symbol}"


class Ledger(Generic[T]):
    """Postings in order, with balances by account."""

    limit = 10_000

    class Snapshot:
        """Balances at one moment."""

        def __init__(self, balances: dict[str, int]) -> None:
            self.balances = dict(balances)

        def total(self) -> int:
            return sum(self.balances.values())

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._postings: list[T] = []
        self._lock = asyncio.Lock()

    @overload
    def post(self, posting: T) -> None: ...
    @overload
    def post(self, posting: T, *more: T) -> None: ...

    @logged("post")
    def post(self, posting: T, *more: T) -> None:
        for each in (posting, *more):
            self._check(each)
            self._postings.append(each)

    def _check(self, posting: T) -> None:
        if len(self._postings) >= self.limit:
            raise LedgerError("the ledger is full")

    def balances(self) -> dict[str, int]:
        found: defaultdict[str, int] = defaultdict(int)
        for posting in self._postings:
            found[posting.account] += posting.cents
        return dict(found)

    async def convert(self, rates: Rates, currency: str) -> list[int]:
        async with self._lock:
            return [await rates.convert(p.cents, p.currency, currency) for p in self._postings]

    @classmethod
    def open(cls, folder: str) -> Ledger[Posting]:
        ledger = cls(load(paths.join(folder, "rates.toml")))
        ledger.post(Posting("opening", 0))
        return ledger

    @staticmethod
    def by_tag(postings: Iterable[Posting], tag: str) -> Iterator[Posting]:
        yield from (posting for posting in postings if tag in posting.tags)


async def report(ledger: Ledger[Posting], *, title: str = "Balances") -> str:
    lines = [title, "=" * len(title)]
    for account, cents in sorted(ledger.balances().items()):
        lines.append(f"{account:<20}{format_cents(cents, signed=True)}")
    return "\n".join(lines)


def test_a_posted_amount_is_in_the_balance() -> None:
    ledger = Ledger(Rates())
    ledger.post(Posting("cash", 250))
    assert ledger.balances() == {"cash": 250}


if __name__ == "__main__":
    print(asyncio.run(report(Ledger.open("."))))
