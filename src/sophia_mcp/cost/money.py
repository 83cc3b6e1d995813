"""What does the rest of the product ask about money? One value with the ledger behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sophia_mcp.cost.budget import Budget
from sophia_mcp.cost.days import day_of
from sophia_mcp.cost.ledger import lines, spending
from sophia_mcp.cost.ledger.alerts import Listener
from sophia_mcp.cost.ledger.entry import Limit
from sophia_mcp.cost.ledger.ledger import Ledger
from sophia_mcp.cost.ledger.lines import Uncertain
from sophia_mcp.cost.meter import Meter, Reckoning, saving
from sophia_mcp.cost.reports.answer import CostReport, answer
from sophia_mcp.cost.reports.outlook import Outlook, outlooks
from sophia_mcp.cost.reports.report import query
from sophia_mcp.llm.counting.factors import Factors
from sophia_mcp.llm.prices.catalogue import Catalogue, Priced
from sophia_mcp.llm.providers import LLM
from sophia_mcp.types import Ask, Reply, RunCost, Usage


@dataclass(frozen=True)
class Money:
    """The ledger of a workspace, the prices and token counts it stands on, and the budgets.

    ``unpriced_tokens``: tokens a day that may be used at unknown prices; 0 refuses such calls.
    """

    ledger: Ledger
    catalogue: Catalogue
    counts: Factors = field(default_factory=Factors)
    unpriced_tokens: int = 0

    @property
    def reckoning(self) -> Reckoning:
        """How tokens are counted and priced."""
        return Reckoning(self.catalogue.price, self.catalogue.ceiling, self.counts)

    def wrap(
        self,
        provider: LLM,
        *,
        free: bool = False,
        run_id: str = "",
        max_cost_nano: int | None = None,
        seller: Callable[[str], str] | None = None,
        patient: bool = False,
    ) -> LLM:
        """The provider with its attempts metered and, unless it is free, budgeted: the stored budgets,
        and what the run may cost in all. ``seller`` says under whose name a model's prices are listed,
        where the provider is a way to several; ``patient`` that its answers may take days."""
        reckoning = self.reckoning if seller is None else self._sold(provider.name, seller)
        metered = Meter(provider, self.ledger, reckoning, patient=patient)
        if free:
            return metered
        limits = []
        if run_id and max_cost_nano is not None:
            limits.append(Limit("run", "total", max_cost_nano, name=run_id))
        return Budget(metered, self.ledger, reckoning, limits, unpriced_tokens=self.unpriced_tokens)

    def _sold(self, name: str, seller: Callable[[str], str]) -> Reckoning:
        """The reckoning in which a provider's own name stands for whoever sells the model."""

        def ceiling(
            input_tokens: int, output_tokens: int, *, provider: str, model: str, **terms: Any
        ) -> Priced:
            sold = seller(model) if provider == name else provider
            return self.catalogue.ceiling(
                input_tokens, output_tokens, provider=sold, model=model, **terms
            )

        def price(usage: Usage, *, provider: str, model: str, **terms: Any) -> Priced:
            sold = seller(model) if provider == name else provider
            return self.catalogue.price(usage, provider=sold, model=model, **terms)

        return Reckoning(price, ceiling, self.counts)

    @property
    def saved(self) -> Callable[[Ask, Reply], Awaitable[None]]:
        """What an answer cache tells of a hit."""
        return saving(self.ledger, self.reckoning)

    async def run_cost(self, run_id: str) -> RunCost:
        """What a run has cost so far; calls that died with their process are counted as uncertain."""
        await self.ledger.sweep()
        return await self.ledger.run_cost(run_id)

    async def report(
        self,
        since: str = "-7d",
        until: str | None = None,
        group_by: Sequence[str] = ("model",),
        filters: Mapping[str, Any] | None = None,
        limit: int = 50,
    ) -> CostReport:
        """What was spent, grouped, with budgets, forecast and suggestions. Raises BadArgument."""
        today = day_of(self.ledger.clock())
        asked = query(
            since=since, until=until, group_by=group_by, filters=filters, today=today, limit=limit
        )
        return await answer(self.ledger, self.catalogue, asked)

    def listen(self, listener: Listener) -> None:
        """Tell ``listener`` of every budget alert of this process from now on."""
        self.ledger.listeners.append(listener)

    async def limits(self) -> list[Limit]:
        """The budgets a person set."""
        async with self.ledger.db.read(self.ledger.scope) as tx:
            return await spending.stored(tx)

    async def outlooks(self) -> list[Outlook]:
        """How every budget stands, for each subject it has."""
        await self.ledger.sweep()
        async with self.ledger.db.read(self.ledger.scope) as tx:
            return await outlooks(tx, self.ledger.clock())

    async def uncertain(self, limit: int = 100) -> list[Uncertain]:
        """Calls whose cost is not settled, the newest first."""
        await self.ledger.sweep()
        async with self.ledger.db.read(self.ledger.scope) as tx:
            return await lines.uncertain(tx, limit)

    async def set_limit(self, limit: Limit) -> None:
        """Set a budget; it holds from the next call on, in every process."""
        async with self.ledger.db.write(self.ledger.scope) as tx:
            await spending.keep(tx, limit, self.ledger.clock())

    async def drop_limit(self, limit: Limit) -> bool:
        """Take a budget away, whatever its amount. False: there was none."""
        async with self.ledger.db.write(self.ledger.scope) as tx:
            return await spending.drop(tx, limit)
