"""Runs a swarm in a process of its own that kills itself: orderer.py FOLDER WHERE N.

WHERE is a place in the life of a step: before or after a commit of the journal, or before or after an
answer of the model. It dies when it passes that place for the N-th time. Every answer a model gave is
a line of the bill. Prints the run's id, then how often each place was passed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from tests.swarm.runs import FINDING, LIE, ScriptedModels, open_swarm, order, replies

from sophia_mcp.llm.providers import LLM, Hear
from sophia_mcp.store.database import Database, Statement
from sophia_mcp.swarm.history.journal import Pen
from sophia_mcp.types import Ask, Order, Reply, Scope

SCRIPT = replies(
    {"step": "review.*", "json": {"findings": [FINDING, LIE]}},
    {"step": "verify", "json": {"verdicts": [{"id": "F1", "holds": True, "reason": "yes"}]}},
    {"step": "judge", "json": {"summary": "One fault.", "keep": [{"id": "F1", "same_as": []}]}},
)


def ordered() -> Order:
    return order(pattern="panel", max_cost_nano=1_000_000_000)


class Fate:
    """Counts the places that are passed, and ends the process at one of them."""

    def __init__(self, where: str, number: int) -> None:
        self.where, self.number, self.passed = where, number, Counter[str]()

    def passes(self, where: str) -> None:
        self.passed[where] += 1
        if where == self.where and self.passed[where] == self.number:
            os.kill(os.getpid(), signal.SIGKILL)


class MortalPen(Pen):
    """A pen whose process may die before or after a commit."""

    def __init__(self, db: Database, scope: Scope, fate: Fate) -> None:
        super().__init__(db, scope)
        self.fate = fate

    async def write(self, *statements: Statement, pressing: bool = True) -> list[int]:
        self.fate.passes("before_commit")
        changed = await super().write(*statements, pressing=pressing)
        self.fate.passes("after_commit")
        return changed


class Billed:
    """A model that writes a bill; its process may die before the answer or after it."""

    def __init__(self, inner: LLM, bill: Path, fate: Fate) -> None:
        self._inner, self._bill, self._fate = inner, bill, fate

    @property
    def name(self) -> str:
        return self._inner.name

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        self._fate.passes("before_answer")
        reply = await self._inner.ask(ask, hear)
        with self._bill.open("a") as file:
            file.write(json.dumps(ask.labels.step) + "\n")
        self._fate.passes("after_answer")
        return reply


class BilledModels(ScriptedModels):
    """Scripted models that cost money."""

    def __init__(self, bill: Path, fate: Fate) -> None:
        super().__init__(SCRIPT, cheap=False)
        self.bill, self.fate = bill, fate

    def open(self, name: str, **given: Any) -> LLM:
        opened = super().open(name, **given)
        return Billed(opened, self.bill, self.fate)


async def main(folder: Path, where: str, number: int) -> None:
    fate = Fate(where, number)
    models = BilledModels(folder / "bill", fate)
    async with open_swarm(folder, models, pen=partial(MortalPen, fate=fate)) as swarm:
        run_id = await swarm.start(ordered())
        print(run_id, flush=True)
        await swarm.report(run_id, wait_s=60)
        print(json.dumps(fate.passed), flush=True)


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
