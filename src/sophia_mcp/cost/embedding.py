"""How does what a hosted embedder sends get into the ledger and under the budgets?

Each request to its service is an attempt like that of any model: reserved, sent, settled. What was
sent is all that is charged; an answer of numbers has no tokens.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from sophia_mcp.cost.budget import Budget
from sophia_mcp.cost.meter import Meter, Reckoning
from sophia_mcp.cost.money import Money
from sophia_mcp.errors import BadSetting
from sophia_mcp.llm.prices import rates
from sophia_mcp.llm.prices.catalogue import Priced
from sophia_mcp.llm.prices.rates import Rates
from sophia_mcp.llm.providers import Hear
from sophia_mcp.types import Ask, Basis, Labels, Message, Reply, Usage

TAG = "embedding"

Send = Callable[[], Awaitable[int | None]]
"""Sends one request; the tokens that the service says it counted."""


@dataclass(frozen=True, slots=True)
class Sender:
    """One request, in the form in which calls of models are metered and budgeted."""

    name: str
    send: Send

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        """No words come back."""
        counted = await self.send()
        usage = Usage(input_tokens=counted) if counted else None
        return Reply("", ask.model, self.name, usage=usage)


@dataclass(frozen=True, slots=True)
class Spending:
    """What one embedder spends. ``stated`` is what a person says a million tokens cost, as exact decimal
    text; where that is zero the price lists decide. Where neither knows a price, requests are booked as
    unpriced: the embedder's own limit of tokens holds. Raises BadSetting for what is no price."""

    money: Money
    provider: str
    model: str
    stated: str = "0"

    def __post_init__(self) -> None:
        _price(self.stated)

    async def spend(self, texts: Sequence[str], send: Send) -> None:
        """Send one request as an attempt of its own. Raises BudgetExceeded, and what ``send`` raises."""
        said = Message("user", "\n".join(texts))
        ask = Ask((said,), self.model, max_tokens=0, labels=Labels(tag=TAG))
        reckoning = self._reckoning()
        metered = Meter(Sender(self.provider, send), self.money.ledger, reckoning)
        now = self.money.ledger.clock()
        most = reckoning.ceiling(1, 0, provider=self.provider, model=self.model, at_ns=now)
        known = most.nano is not None
        await (Budget(metered, self.money.ledger, reckoning) if known else metered).ask(ask)

    def _reckoning(self) -> Reckoning:
        own = Rates(input=_price(self.stated), output=Decimal(0))
        if not own.input:
            return self.money.reckoning

        def priced(nano: int | None, *, estimated: bool) -> Priced:
            basis: Basis = "estimated" if estimated else "computed"
            return Priced(nano, basis, own.text(), "embed.usd_per_million")

        def price(usage: Usage, **terms: Any) -> Priced:
            return priced(rates.cost(usage, own)[0], estimated=usage.estimated)

        def ceiling(input_tokens: int, output_tokens: int, **terms: Any) -> Priced:
            return priced(rates.ceiling(input_tokens, output_tokens, own), estimated=True)

        return Reckoning(price, ceiling, self.money.counts)


def _price(stated: str) -> Decimal:
    try:
        price = Decimal(stated)
    except InvalidOperation:
        price = Decimal(-1)
    if not price.is_finite() or price < 0:
        raise BadSetting(
            f"embed.usd_per_million is {stated!r}",
            why="it must be a decimal of 0 or more",
            next='write "0.02"',
        )
    return price
