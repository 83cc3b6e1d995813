"""How long may a question take, how often is it tried again, and is its provider worth asking now?

Every attempt passes through the inner chain on its own, so each reserves its money and each is an entry
of the ledger. Nothing below repeats anything: SDK retries are off.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import anyio

from sophia_mcp.errors import ProviderError
from sophia_mcp.llm.providers import LLM, Hear
from sophia_mcp.ops.breaker import Breaker
from sophia_mcp.ops.retry import LONGEST_S
from sophia_mcp.types import Ask, Reply


@dataclass(frozen=True, slots=True)
class Policy:
    """``attempts`` in all; the wait doubles from ``first_wait_s`` to ``most_wait_s``, each with up to
    half as much again by chance; a service's own Retry-After is never undercut. ``deadline_s`` replaces
    the ask's own where it is not 0. ``pause`` and ``clock`` (seconds) are arguments, so that a test can
    hand in its own."""

    attempts: int = 3
    deadline_s: float = 0.0
    first_wait_s: float = 0.5
    most_wait_s: float = 8.0
    pause: Callable[[float], Awaitable[None]] = anyio.sleep
    clock: Callable[[], float] = time.monotonic


@dataclass(slots=True)
class Lane:
    """All calls of this process to one peer: how many at once, whether it fails, and when it wants to
    be asked again."""

    limiter: anyio.CapacityLimiter
    breaker: Breaker
    resume_at: float = 0.0
    last_fault: str = ""


@dataclass(slots=True)
class Lanes:
    """The lanes of all peers. One for each provider, and behind a gateway one for each target."""

    concurrency: int = 8
    policy: Policy = Policy()
    known: dict[str, Lane] = field(default_factory=dict)

    def of(self, provider: str, model: str) -> Lane:
        """The lane a model is asked through."""
        target = model.partition("/")[0] if model.startswith("@") else ""
        name = f"{provider}{target}"
        if name not in self.known:
            self.known[name] = Lane(
                anyio.CapacityLimiter(self.concurrency), Breaker(clock=self.policy.clock)
            )
        return self.known[name]


class Guard:
    """Asks with a deadline, again where that makes sense, and not at all while the breaker is open.

    The ask's deadline covers all attempts and the waits between them; waiting for one's turn is not
    counted. With ``hear``, a repeated attempt is heard from its beginning.
    """

    def __init__(self, inner: LLM, lanes: Lanes) -> None:
        self._inner, self._lanes, self._policy = inner, lanes, lanes.policy

    @property
    def name(self) -> str:
        return self._inner.name

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        """The inner answer. Raises its last ProviderError, or one that says the deadline passed."""
        lane = self._lanes.of(self.name, ask.model)
        clock = self._policy.clock
        if self._policy.deadline_s:
            ask = replace(ask, deadline_s=self._policy.deadline_s)
        left = ask.deadline_s
        for attempt in range(1, self._policy.attempts + 1):
            left, trial = await self._let_pass(lane, left)
            async with lane.limiter:
                started = clock()
                try:
                    reply = await self._attempt(ask, hear, lane, left, trial)
                except ProviderError as error:
                    wait = self._wait(error, attempt)
                    left -= clock() - started
                    if error.retry_after_s:
                        held = min(error.retry_after_s, LONGEST_S)
                        lane.resume_at = max(lane.resume_at, clock() + held)
                    if not error.transient or attempt == self._policy.attempts or wait >= left:
                        raise
                else:
                    return reply
            await self._policy.pause(wait)
            left -= wait
        raise AssertionError("the last attempt answers or raises")

    async def _attempt(self, ask: Ask, hear: Hear | None, lane: Lane, left: float, trial: int) -> Reply:
        try:
            with anyio.fail_after(max(left, 0)):
                reply = await self._inner.ask(replace(ask, deadline_s=left), hear)
        except TimeoutError:
            lane.breaker.failed()
            lane.last_fault = "it did not answer in time"
            raise ProviderError(
                f"{self.name} did not answer within {ask.deadline_s:g} s",
                why=f"the deadline of the question to {ask.model} passed",
                next="raise llm.deadline_s, or ask a faster tier",
                status=408,
            ) from None
        except ProviderError as error:
            if error.transient and error.status != 429:
                lane.breaker.failed()
                lane.last_fault = error.why or error.what
            elif error.status:  # it says no, but it is there
                lane.breaker.succeeded(trial)
            else:
                lane.breaker.undecided(trial)
            raise
        except BaseException:  # refused by a budget, or cancelled: nothing was learned of the peer
            lane.breaker.undecided(trial)
            raise
        lane.breaker.succeeded(trial)
        return reply

    async def _let_pass(self, lane: Lane, left: float) -> tuple[float, int]:
        """Wait until the peer wants to be asked again: the seconds left then, and which trial of its breaker
        this is. Raises where it cannot be asked in time."""
        broken = lane.breaker.wait_s()
        trial = lane.breaker.trial
        held = lane.resume_at - self._policy.clock()
        if broken > 0 or held >= left:
            wait = max(broken, held)
            raise ProviderError(
                f"{self.name} is not asked for now",
                why=f"it failed several times in a row; the last time: {lane.last_fault}"
                if broken > 0
                else "it asked to be left alone",
                next=f"wait {wait:.0f} s, or set llm.fallback to another provider",
                transient=True,
                retry_after_s=wait,
                charged=False,
            )
        if held <= 0:
            return left, trial
        await self._policy.pause(held)
        return left - held, trial

    def _wait(self, error: ProviderError, attempt: int) -> float:
        usual = min(self._policy.first_wait_s * 2.0 ** (attempt - 1), self._policy.most_wait_s)
        usual *= 1 + random.random() / 2  # noqa: S311 - spreads callers, hides nothing
        return max(usual, error.retry_after_s or 0.0)
