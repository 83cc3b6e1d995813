"""May this call be made? The worst case is reserved before every attempt, in all budgets at once.

A call that no budget could ever pay for is refused at once. One that is only kept out by what calls in
flight hold waits for them, as long as its own deadline allows.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

import anyio

from sophia_mcp.cost import usd
from sophia_mcp.cost.ledger.entry import Attempt, Limit, Settled
from sophia_mcp.cost.ledger.ledger import Allowed, Ledger
from sophia_mcp.cost.ledger.spending import Refused
from sophia_mcp.cost.meter import Hold, Reckoning, held
from sophia_mcp.errors import BudgetExceeded, NotAllowed
from sophia_mcp.llm.providers import LLM, Hear
from sophia_mcp.types import Ask, Reply

WAIT_SHARE = 0.8
"""How much of its time a call waits for money: the rest is for the answer, and a provider is not blamed
for a wait that it did not cause."""

LOOK_S = 0.5
"""How often a waiting call looks whether another process has given something back."""


class Budget:
    """Reserves for every attempt of the LLM inside it. ``limits`` hold beside the stored budgets.
    ``unpriced_tokens``: how many tokens a day may be used at unknown prices; 0 refuses such calls."""

    def __init__(
        self,
        inner: LLM,
        ledger: Ledger,
        reckoning: Reckoning,
        limits: Iterable[Limit] = (),
        *,
        unpriced_tokens: int = 0,
    ) -> None:
        self._inner, self._ledger, self._reckoning = inner, ledger, reckoning
        self._limits, self._unpriced_tokens = tuple(limits), unpriced_tokens

    @property
    def name(self) -> str:
        return self._inner.name

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        """The inner answer. Raises BudgetExceeded, NotAllowed, and what the inner LLM raises."""
        hold = Hold(await self._reserve(ask))
        token = held.set(hold)
        try:
            return await self._inner.ask(ask, hear)
        finally:
            held.reset(token)
            if not hold.taken:
                await self._ledger.settle(hold.attempt, Settled("unsent"))

    async def _reserve(self, ask: Ask) -> Attempt:
        """The attempt, once every budget has room for it."""
        ending = time.monotonic() + ask.deadline_s * WAIT_SHARE
        while True:
            changed = self._ledger.changed
            attempt = self._worst(ask)
            answer = await self._ledger.reserve(attempt, unpriced_tokens=self._unpriced_tokens)
            if isinstance(answer, Allowed):
                return answer.attempt
            left = ending - time.monotonic()
            if not answer.waiting or left <= 0:
                raise self._refusal(answer, attempt)
            # What a dead process holds is never given back: once it counts as uncertain, there is
            # nothing to wait for.
            if not await self._ledger.sweep():
                with anyio.move_on_after(min(left, LOOK_S)):
                    await changed.wait()

    def _worst(self, ask: Ask) -> Attempt:
        """The attempt with the most it can cost. Raises NotAllowed where that is not known."""
        attempt = self._ledger.attempt(ask, self.name)
        sent = self._reckoning.counts.bound(ask)
        worst = self._reckoning.ceiling(
            sent,
            ask.max_tokens,
            provider=self.name,
            model=ask.model,
            at_ns=attempt.at_ns,
            processing=ask.processing,
        )
        limits = self._limits
        if worst.nano is not None:
            return replace(attempt, reserved_nano=worst.nano, limits=limits)
        if not self._unpriced_tokens:
            raise NotAllowed(
                f"the price of {ask.model} at {self.name} is not known",
                why="what a call may cost cannot be reserved, so no budget could hold",
                next="state its price in prices.toml, or allow a number of tokens without a price: "
                "cost.unpriced_tokens",
            )
        return replace(attempt, reserved_tokens=sent + ask.max_tokens, limits=limits)

    def _refusal(self, refused: Refused, attempt: Attempt) -> BudgetExceeded:
        standing = refused.standing
        if standing is None:
            return BudgetExceeded(
                f"{attempt.reserved_tokens} more tokens without a price would pass the limit",
                why=f"{refused.used_tokens} of {self._unpriced_tokens} are used today",
                next="raise cost.unpriced_tokens, or state the model's price in prices.toml",
            )
        limit = standing.limit
        whose = f"{limit.scope} {standing.subject}".strip()
        period = "" if limit.period == "total" else f" a {limit.period}"
        uncertain = (
            f" and ${usd.text(standing.uncertain_nano)} perhaps spent" if standing.uncertain_nano else ""
        )
        held_text = (
            f", ${usd.text(standing.reserved_nano)} is held by calls in flight"
            if standing.reserved_nano
            else ""
        )
        mend = (
            "give the run a higher max_cost_usd"
            if limit.scope == "run"
            else "raise it: sophia cost budget set"
        )
        return BudgetExceeded(
            f"the next call could pass the {whose} budget of ${usd.text(limit.nano)}{period}",
            why=f"${usd.text(standing.spent_nano)} is spent{uncertain}{held_text}; "
            f"this call may cost up to ${usd.text(attempt.reserved_nano)}",
            next=f"{mend}, choose a cheaper tier, or a smaller max_tokens",
        )
