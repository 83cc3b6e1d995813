"""What did this attempt use and cost? The innermost wrapper: every attempt becomes an entry.

What a provider reports is priced as it is. Where it reports nothing (a cut stream, a cancelled call, an
answer without usage) our own count is the estimate, and what was reserved beyond it stays uncertain,
because the provider may still bill it. A step for somebody patient is a call once it is answered: one
that nobody takes up was never made.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

import anyio

from sophia_mcp.cost.ledger.entry import Attempt, Ceiling, Outcome, Price, Priced, Record, Settled
from sophia_mcp.cost.ledger.ledger import Ledger
from sophia_mcp.errors import ProviderError, SophiaError
from sophia_mcp.llm.counting import tokens
from sophia_mcp.llm.providers import LLM, Hear
from sophia_mcp.types import Ask, Reply, Usage


class Counts(Protocol):
    """How many tokens a model counts for a question: about, at most, and for each one of ours."""

    def estimate(self, ask: Ask) -> int: ...
    def bound(self, ask: Ask) -> int: ...
    def factor(self, model: str) -> float: ...


@dataclass(frozen=True, slots=True)
class Reckoning:
    """How tokens are counted and priced. All of it is pure."""

    price: Price
    ceiling: Ceiling
    counts: Counts

    def of_reply(self, ask: Ask, reply: Reply, at_ns: int) -> tuple[Usage, Priced, bool]:
        """Usage and price of an answer, and whether the provider reported the usage. A report that
        contradicts itself is none: what it was billed at may be any amount."""
        reported = reply.usage is not None and not reply.usage.estimated
        usage = reply.usage or self.estimate(ask, reply.text)
        priced = self._priced(usage, ask, reply.provider, reply.model, at_ns)
        return usage, priced, reported

    def estimate(self, ask: Ask, received: str) -> Usage:
        """Our own count of a question and of what came back."""
        back = math.ceil(tokens.count(received) * self.counts.factor(ask.model))
        return Usage(
            input_tokens=self.counts.estimate(ask),
            output_tokens=min(back, ask.max_tokens),
            estimated=True,
        )

    def of_received(self, ask: Ask, provider: str, received: str, at_ns: int) -> tuple[Usage, Priced]:
        """Usage and price of a call that ended early, by our own count."""
        usage = self.estimate(ask, received)
        return usage, self._priced(usage, ask, provider, ask.model, at_ns)

    def _priced(self, usage: Usage, ask: Ask, provider: str, model: str, at_ns: int) -> Priced:
        """By the model that answered, else by the one that was asked."""
        terms = {"at_ns": at_ns, "processing": ask.processing}
        priced = self.price(usage, provider=provider, model=model, **terms)  # type: ignore[arg-type]
        if priced.nano is None and model != ask.model:
            priced = self.price(usage, provider=provider, model=ask.model, **terms)  # type: ignore[arg-type]
        return priced


@dataclass(slots=True)
class Hold:
    """An attempt on its way from the budget, which reserved for it, to the meter, which settles it."""

    attempt: Attempt
    taken: bool = False


held: ContextVar[Hold | None] = ContextVar("held", default=None)
"""The attempt that the budget around this call reserved for."""


class Meter:
    """Writes an entry for every attempt of the LLM inside it. ``patient``: the answer may take days, costs
    nothing, and may never come."""

    def __init__(
        self, inner: LLM, ledger: Ledger, reckoning: Reckoning, *, patient: bool = False
    ) -> None:
        self._inner, self._ledger, self._reckoning = inner, ledger, reckoning
        self._patient = patient

    @property
    def name(self) -> str:
        return self._inner.name

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        """The inner answer, after its entry is written. Raises what the inner LLM raises."""
        if self._patient:
            return await self._awaited(ask, hear)
        attempt = await self._attempt(ask)
        received: list[str] = []

        def heard(text: str) -> None:
            received.append(text)
            if hear is not None:
                hear(text)

        try:
            reply = await self._inner.ask(ask, heard if hear is not None else None)
        except ProviderError as error:
            await self._cut_off(attempt, ask, "failed", received, error.code, charged=error.charged)
            raise
        except SophiaError as error:
            # An error of ours that no provider caused: nothing was sent.
            await self._ledger.settle(attempt, Settled("unsent", error=error.code))
            raise
        except anyio.get_cancelled_exc_class():
            await self._cut_off(attempt, ask, "cancelled", received, "cancelled")
            raise
        except BaseException as error:
            await self._cut_off(attempt, ask, "failed", received, type(error).__name__)
            raise
        usage, priced, reported = self._reckoning.of_reply(ask, reply, attempt.at_ns)
        beyond = 0 if reported else max(0, attempt.reserved_nano - (priced.nano or 0))
        settled = Settled("answered", usage, priced, beyond, provider=reply.provider, model=reply.model)
        await self._ledger.settle(attempt, settled)
        return reply

    async def _awaited(self, ask: Ask, hear: Hear | None) -> Reply:
        """The answer of somebody patient, with its entry written when it is there."""
        asked = self._ledger.attempt(ask, self.name)
        try:
            reply = await self._inner.ask(ask, hear)
        except ProviderError as error:
            await self._note(asked, Settled("failed", error=error.code))
            raise
        usage, priced, _ = self._reckoning.of_reply(ask, reply, asked.at_ns)
        answered = Settled("answered", usage, priced, provider=reply.provider, model=reply.model)
        await self._note(asked, answered)
        return reply

    async def _note(self, asked: Attempt, settled: Settled) -> None:
        about = (asked.at_ns, settled.provider or asked.provider, settled.model or asked.model)
        with anyio.CancelScope(shield=True):
            await self._ledger.record([Record(*about, settled, asked.labels, asked.processing)])

    async def _attempt(self, ask: Ask) -> Attempt:
        hold = held.get()
        if hold is not None and not hold.taken:
            hold.taken = True
            return hold.attempt
        return await self._ledger.begin(self._ledger.attempt(ask, self.name))

    async def _cut_off(
        self,
        attempt: Attempt,
        ask: Ask,
        outcome: Outcome,
        received: list[str],
        error: str,
        *,
        charged: bool = True,
    ) -> None:
        """Settle a call that brought no answer. What was heard was surely made and is estimated; what
        was reserved beyond it may be billed, unless the provider surely did nothing."""
        if not charged and not received:
            await self._ledger.settle(attempt, Settled(outcome, error=error))
            return
        usage, priced = None, None
        if received:
            text = "".join(received)
            usage, priced = self._reckoning.of_received(ask, self.name, text, attempt.at_ns)
        known = (priced.nano or 0) if priced is not None else 0
        beyond = max(0, attempt.reserved_nano - known)
        await self._ledger.settle(attempt, Settled(outcome, usage, priced, beyond, error=error))


def saving(ledger: Ledger, reckoning: Reckoning) -> Callable[[Ask, Reply], Awaitable[None]]:
    """What a cache tells of a hit: an entry that cost nothing, and what asking would have cost."""

    async def saved(ask: Ask, reply: Reply) -> None:
        now = ledger.clock()
        usage, priced, _ = reckoning.of_reply(ask, reply, now)
        settled = Settled("cached", usage, priced)
        labels = ledger.attempt(ask, reply.provider).labels
        record = Record(now, reply.provider, reply.model, settled, labels, ask.processing)
        await ledger.record([record])

    return saved
