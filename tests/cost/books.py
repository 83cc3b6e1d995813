"""A ledger on disk, a clock a test moves, prices that are easy to reckon, and a vendor that misbehaves."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from sophia_mcp.cost.budget import Budget
from sophia_mcp.cost.days import DAY_NS
from sophia_mcp.cost.ledger.entry import Limit
from sophia_mcp.cost.ledger.ledger import Ledger
from sophia_mcp.cost.meter import Meter, Reckoning
from sophia_mcp.cost.money import Money
from sophia_mcp.cost.schema import MIGRATIONS
from sophia_mcp.errors import ProviderError
from sophia_mcp.llm.prices.catalogue import Catalogue
from sophia_mcp.llm.providers import LLM, Hear
from sophia_mcp.store.engines.sqlite import open_database
from sophia_mcp.types import Ask, Basis, Labels, Message, Reply, Usage

NOON = 20_778 * DAY_NS + DAY_NS // 2
"""2026-11-21, a Saturday, at twelve."""

IN, OUT = 1_000, 4_000
"""Nano-dollars of one token."""


@dataclass
class Clock:
    """A clock that a test moves."""

    now_ns: int = NOON

    def __call__(self) -> int:
        return self.now_ns

    def days(self, count: float) -> None:
        self.now_ns += int(count * DAY_NS)


@dataclass(frozen=True, slots=True)
class Cost:
    nano: int | None
    basis: Basis = "computed"
    source: str = "flat"
    version: str = "1"
    unit_prices: Any = field(default_factory=lambda: {"input": "1", "output": "4"})


def price(usage: Usage, *, provider: str, model: str, at_ns: int, processing: str = "standard") -> Cost:
    """One price for everything but models whose name begins with `unknown`."""
    if model.startswith("unknown"):
        return Cost(None, "unpriced", unit_prices={})
    if usage.billed_nano is not None:
        return Cost(usage.billed_nano, "reported")
    nano = usage.input_tokens * IN + usage.output_tokens * OUT
    return Cost(nano, "estimated" if usage.estimated else "computed")


def ceiling(
    input_tokens: int,
    output_tokens: int,
    *,
    provider: str,
    model: str,
    at_ns: int,
    processing: str = "standard",
) -> Cost:
    return price(Usage(input_tokens, output_tokens), provider=provider, model=model, at_ns=at_ns)


class Counts:
    """Ten tokens for every question, and as many for a word as our own count says."""

    def estimate(self, ask: Ask) -> int:
        return 10

    def bound(self, ask: Ask) -> int:
        return 10

    def factor(self, model: str) -> float:
        return 1.0


RECKONING = Reckoning(price, ceiling, Counts())


@dataclass
class Vendor:
    """A model that does what it is told: ``usage`` and ``text`` of its answer, ``error`` to raise, words
    to ``say`` first, an event to wait for before the end."""

    usage: Usage | None = field(default_factory=lambda: Usage(10, 5))
    text: str = "fine"
    error: Exception | None = None
    say: tuple[str, ...] = ()
    until: anyio.Event | None = None
    calls: int = 0
    model: str = ""
    begun: Callable[[], None] = lambda: None

    @property
    def name(self) -> str:
        return "vendor"

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        self.calls += 1
        self.begun()
        for word in self.say:
            if hear is not None:
                hear(word)
        if self.until is not None:
            await self.until.wait()
        else:
            await anyio.lowlevel.checkpoint()
        if self.error is not None:
            raise self.error
        return Reply(self.text, self.model or ask.model, self.name, usage=self.usage)


def question(
    text: str = "Is this right?", *, model: str = "large", max_tokens: int = 10, **labels: str
) -> Ask:
    """Ten tokens in and at most ``max_tokens`` out."""
    given = {"run": "run-1", "repo": "shop", "user": "person", **labels}
    return Ask((Message("user", text),), model, max_tokens, deadline_s=5.0, labels=Labels(**given))


WORST = 10 * IN + 10 * OUT
"""What one `question` may cost, and what it is held for."""

USUAL = 10 * IN + 5 * OUT
"""What the vendor's usual answer to it costs."""


def refused(status: int = 429) -> ProviderError:
    """A vendor that surely did nothing."""
    return ProviderError("too many requests", transient=True, status=status, charged=False)


def lost() -> ProviderError:
    """A connection that broke after the question was sent."""
    return ProviderError("the connection was lost", transient=True)


@dataclass
class Books:
    """A ledger, and models that are paid from it."""

    ledger: Ledger
    clock: Clock
    told: list[Any] = field(default_factory=list)

    def budgeted(self, vendor: Vendor, *limits: Limit, unpriced_tokens: int = 0) -> LLM:
        return Budget(
            Meter(vendor, self.ledger, RECKONING),
            self.ledger,
            RECKONING,
            limits,
            unpriced_tokens=unpriced_tokens,
        )

    def metered(self, vendor: Vendor, *, patient: bool = False) -> LLM:
        return Meter(vendor, self.ledger, RECKONING, patient=patient)

    @property
    def money(self) -> Money:
        return Money(self.ledger, Catalogue())

    async def entries(self) -> list[Any]:
        return [entry async for entry in self.ledger.entries()]

    async def open_calls(self) -> int:
        return int((await self.rows("SELECT count(*) FROM cost_attempts"))[0][0])

    async def rows(self, sql: str) -> list[Any]:
        async with self.ledger.db.read(self.ledger.scope) as tx:
            return await tx.rows(sql)


@asynccontextmanager
async def open_books(folder: Path, holder: str = "test:1:a", **options: Any) -> AsyncIterator[Books]:
    """The books of a folder, as one process has them open."""
    database = await open_database(folder / "state.db", durability="truth")
    await database.migrate(MIGRATIONS)
    clock = options.pop("clock", None) or Clock()
    books = Books(Ledger(database, holder, clock=clock, **options), clock)

    async def hear(alert: Any) -> None:
        books.told.append(alert)

    books.ledger.listeners.append(hear)
    try:
        yield books
    finally:
        await database.close()


def tokens_of(text: str) -> int:
    """Our own count of a text, as the meter takes it."""
    from sophia_mcp.llm.counting.tokens import count

    return math.ceil(count(text))
