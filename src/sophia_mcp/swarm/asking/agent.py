"""How is one step of a run asked, once, and written down?

An agent is one question to a model: it has a role, no tools and no say over other agents. A question
that was answered before is not asked again; a question that was under way when a process died is,
and its first cost stays in the books as uncertain.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio.abc import TaskGroup

from sophia_mcp.errors import BudgetExceeded, SophiaError
from sophia_mcp.llm.desk import packet_of
from sophia_mcp.llm.providers import LLM, Hear
from sophia_mcp.llm.wrappers.masking import masked
from sophia_mcp.swarm.answers.proposals import words
from sophia_mcp.swarm.history.journal import Journal, Line, digest
from sophia_mcp.types import Ask, Labels, Message, Order, Reply, Tier

SAID_CHARS = 240
"""How much of an answer the timeline repeats; the journal has all of it."""

PATIENT = frozenset(("host", "sampling"))
"""Providers whose answer comes from somebody who may take hours: their steps wait to be seen."""


@dataclass(frozen=True, slots=True)
class Call:
    """One question of a pattern. ``key`` names it for good within its run."""

    key: str
    role: str
    messages: tuple[Message, ...]
    max_tokens: int
    schema: Mapping[str, Any] | None = None
    tier: Tier = "standard"


@dataclass(frozen=True, slots=True)
class Given:
    """What a step came to. ``value`` is the parsed answer, or None where no schema was asked for."""

    key: str
    role: str
    text: str
    value: Any
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """Why a step came to nothing, and what can be done about it. ``money``: a budget did not allow it."""

    key: str
    role: str
    reason: str
    money: bool = False
    next: str = ""

    @property
    def said(self) -> str:
        """Both, as errors are told."""
        return f"{self.reason} · next: {self.next}" if self.next else self.reason


Answer = Given | Left


@dataclass(eq=False)
class Asker:
    """Asks the questions of one run. ``aside`` is where answers are written down while the run goes on,
    and ends with the run; ``at_once`` and ``steps`` bound how many are asked at the
    same time and in all; ``repo`` is whose their cost is; ``price`` is what a step has cost so far, in
    nano-dollars, or None."""

    journal: Journal
    aside: TaskGroup
    order: Order
    provider: str
    llm: LLM
    at_once: anyio.Semaphore
    steps: int
    deadline_s: float
    repo: str = ""
    price: Callable[[str, str], Awaitable[int | None]] | None = None
    asking: set[str] = field(default_factory=set)
    asked: int = 0
    """Questions that reached a model in this process."""
    _turn: anyio.Lock = field(default_factory=anyio.Lock)

    @property
    def patient(self) -> bool:
        return self.provider in PATIENT

    async def ask(self, call: Call, hear: Hear | None = None) -> Answer:
        """The answer to one call, or why there is none. Raises Lost when another process has the run."""
        ask = self._ask(call)
        question = self._digest(ask, call)
        known = self.journal.finished(call.key, question)
        if known is not None:
            return await self._again(call, known, question)
        if call.key not in self.journal.lines and len(self.journal.lines) >= self.steps:
            reason = f"the run has had its {self.steps} steps"
            await self.journal.fail(call.key, question, reason, skipped=True)
            return Left(call.key, call.role, reason)
        async with self.at_once:
            # Before the first wait: a run is asked for all its branches at once.
            self.asking.add(call.key)
            try:
                if self.patient:
                    async with self._turn:
                        shown, _ = await masked(ask)
                    await self.journal.wait(packet_of(shown), question)
                else:
                    await self.journal.start(call.key, question, role=call.role, tier=call.tier)
                self.asked += 1
                return await self._asked(call, ask, question, hear)
            finally:
                self.asking.discard(call.key)

    async def _asked(self, call: Call, ask: Ask, question: str, hear: Hear | None) -> Answer:
        try:
            reply = await self.llm.ask(ask, hear)
        except BudgetExceeded as error:
            await self.journal.fail(call.key, question, _why(error), skipped=True)
            await self.journal.note("budget", call.key, reason=_why(error))
            return Left(call.key, call.role, _why(error), money=True, next=error.next)
        except SophiaError as error:
            await self.journal.fail(call.key, question, _why(error))
            return Left(call.key, call.role, _why(error), next=error.next)
        facts = await self._facts(call, reply)
        self.aside.start_soon(self._write_down, call.key, question, _kept(reply), facts)
        return Given(call.key, call.role, reply.text, reply.value)

    async def _write_down(
        self, key: str, question: str, output: dict[str, Any], facts: dict[str, Any]
    ) -> None:
        """Nobody waits for it: the next question is written in the same commit, and never before. What
        was answered is paid, so a cancel does not keep it from being written."""
        with anyio.CancelScope(shield=True):
            await self.journal.done(key, question, output, **facts)

    async def _again(self, call: Call, known: Line, question: str) -> Given:
        """The answer that is written already, or that was given while no process had the run."""
        kept = known.output
        if known.state == "answered":
            kept = _laid(kept, self.provider)
            await self.journal.done(call.key, question, kept, model=self.provider)
        else:
            await self.journal.note("step.replayed", call.key)
        return Given(call.key, call.role, kept["text"], kept["value"], replayed=True)

    async def _facts(self, call: Call, reply: Reply) -> dict[str, Any]:
        facts: dict[str, Any] = {"model": reply.model, "finish": reply.finish}
        if reply.requested:
            facts["requested"] = reply.requested
        if reply.usage is not None:
            facts |= {
                "input_tokens": reply.usage.input_tokens,
                "output_tokens": reply.usage.output_tokens,
                "cached_tokens": reply.usage.cached_tokens,
            }
        if reply.cached:
            facts["cached"] = True
        if self.price is not None:
            facts["nano"] = await self.price(self.journal.run_id, call.key)
        facts["said"] = words(reply.text, SAID_CHARS)
        return facts

    def _ask(self, call: Call) -> Ask:
        return Ask(
            messages=call.messages,
            model=call.tier,
            max_tokens=call.max_tokens,
            schema=call.schema,
            deadline_s=self.deadline_s,
            labels=Labels(
                run=self.journal.run_id,
                step=call.key,
                pattern=self.order.pattern,
                agent=call.role,
                repo=self.repo,
            ),
        )

    def _digest(self, ask: Ask, call: Call) -> str:
        said = [(message.role, message.text) for message in ask.messages]
        return digest(self.provider, call.tier, said, ask.max_tokens, ask.schema)


def _why(error: SophiaError) -> str:
    return f"{error.what} ({error.why})" if error.why else error.what


def _kept(reply: Reply) -> dict[str, Any]:
    return {"text": reply.text, "value": reply.value, "model": reply.model, "provider": reply.provider}


def _laid(value: Any, provider: str) -> dict[str, Any]:
    """An answer that was validated when it was given, as a reply is kept."""
    text = value if isinstance(value, str) else ""
    return {"text": text, "value": None if isinstance(value, str) else value, "model": provider}
