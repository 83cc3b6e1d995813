"""The facade of memory: what was remembered, and what runs taught. Tools, commands and swarms call it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sophia_mcp.memory import learn, render
from sophia_mcp.memory.advice import Advice
from sophia_mcp.memory.learn import RunRecord
from sophia_mcp.memory.note import ANYONE, Caller, Note, Remembered
from sophia_mcp.memory.notes import Notes, Places
from sophia_mcp.types import Finding, Memo, Tier

__all__ = ["Caller", "Memory", "Note", "Places", "Remembered", "RunRecord"]

STEP_FETCHED = 12
"""Memories looked at for one step of a swarm."""


@dataclass(slots=True)
class Memory(Notes):
    """Notes, and what runs made of them."""

    async def recall_for_step(self, question: str, caller: Caller, max_tokens: int) -> str:
        """What a step of a swarm should know, quoted as data: nothing orphaned, lessons only where they
        are believed and their code is as it was, and few of them. Empty where nothing fits."""
        asked, found = await self.recall(question, caller, limit=STEP_FETCHED)
        lifetimes, lessons = self.shelf.lifetimes, 0
        chosen: list[Memo] = []
        for memo in found.memos:
            worthless = ("orphaned", "drifted") if memo.kind == "lesson" else ("orphaned",)
            outdated = memo.anchors and all(each.verdict in worthless for each in memo.anchors)
            if outdated or not lifetimes.believed(memo):
                continue
            lessons += memo.kind == "lesson"
            if memo.kind != "lesson" or lessons <= lifetimes.lessons:
                chosen.append(memo)
        # Numbers that every run moves would make each question another one, which no cache has answered.
        page = render.page(chosen, lifetimes, max_tokens, self.count_tokens, numbers=False)
        return page.text if page.shown and asked.spaces else ""

    async def record_run(self, run: RunRecord, caller: Caller = ANYONE) -> None:
        """Keep how a run went, and the lessons it suggests."""
        await learn.record(self.shelf, run, await self._repo(caller))

    async def judge(
        self,
        run: str,
        findings: Sequence[Finding],
        verdicts: Mapping[str, bool],
        caller: Caller = ANYONE,
        *,
        by: str = "person",
    ) -> list[Memo]:
        """A person (or, with ``by``, an assistant) accepts or rejects findings of a run, named as `learn.meant`
        reads it. All are looked up before one is judged. Returns what is remembered of each."""
        named = [(learn.meant(findings, place), accepted) for place, accepted in verdicts.items()]
        home = await self._repo(caller)
        return [
            await learn.feedback(self.shelf, run, finding, home, accepted=accepted, by=by)
            for finding, accepted in named
        ]

    async def advise(
        self, pattern: str, *, task_kind: str = "", tier: Tier = "standard", model: str = ""
    ) -> Advice:
        """What past runs say about a run to come."""
        return await learn.compare(self.shelf, pattern, task_kind=task_kind, tier=tier, model=model)

    async def similar_runs(self, task: str, caller: Caller = ANYONE, *, limit: int = 5) -> list[Memo]:
        """Summaries of past runs on tasks like this; their ``source`` is ``run:ID``."""
        _, found = await self.recall(task, caller, tiers=("episodic",), limit=4 * limit)
        return [memo for memo in found.memos if memo.source.startswith("run:")][:limit]
