"""How are several questions asked at the same time, and when does one go ahead?

Where a provider charges less for a beginning it has seen, the first question of a fan-out goes ahead
until its first word or its answer; the others then find the beginning in the provider's cache. Five
agents that begin cold pay for five writes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import anyio
import anyio.to_thread

from sophia_mcp.swarm.asking.agent import Answer, Asker, Call, Given, Left
from sophia_mcp.swarm.asking.material import shared_tokens
from sophia_mcp.swarm.history.journal import Journal

WARM_TOKENS = 4_000
"""A shared beginning of at least this is sent once before the rest of a fan-out follows."""


@dataclass(frozen=True)
class FanOut:
    """Asks many questions of one run. ``caches``: the provider serves repeated beginnings for less."""

    asker: Asker
    journal: Journal
    caches: bool = False

    async def ask(self, calls: Sequence[Call]) -> list[Answer]:
        """All calls at the same time; where a shared beginning is worth it, one goes ahead until its
        first word."""
        answers: dict[str, Answer] = {}
        warm = await self._worth_warming(calls)

        async def one(call: Call, heard: anyio.Event | None = None) -> None:
            try:
                hear = (lambda piece: heard.set()) if heard is not None else None
                answers[call.key] = await self.asker.ask(call, hear)
            finally:
                if heard is not None:
                    heard.set()

        async with anyio.create_task_group() as group:
            for call in calls:
                ahead = anyio.Event() if warm else None
                group.start_soon(one, call, ahead)
                if ahead is not None:
                    await ahead.wait()
                    # A replayed answer was sent to nobody, and so has warmed nothing.
                    early = answers.get(call.key)
                    warm = isinstance(early, Left) or (isinstance(early, Given) and early.replayed)
        return [answers[call.key] for call in calls]

    async def _worth_warming(self, calls: Sequence[Call]) -> bool:
        if not self.caches or len(calls) < 2:
            return False
        size = await anyio.to_thread.run_sync(shared_tokens, calls[0].messages)
        if size < WARM_TOKENS:
            return False
        await self.journal.note("cache", shared_tokens=size, agents=len(calls), ahead=calls[0].key)
        return True
