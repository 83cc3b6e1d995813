"""Makes planned runs with everything the product puts around a model, in a process of its own.

``python -m tests.faults.spending.spender runs SEED COUNT PART PARTS WIDTH`` asks; it writes a line when
it is ready, one for each run that begins, and one at its end. ``… audit`` settles what the dead left
behind and prints every entry of the ledger as JSON. ``… limits JSON`` sets stored budgets.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio
from tests.faults.spending.plan import SCHEMA, Run, Step, draw, warm

from sophia_mcp.app import App, open_app
from sophia_mcp.cost.ledger.entry import Limit
from sophia_mcp.errors import ProviderError, SophiaError
from sophia_mcp.llm.providers import LLM, Hear
from sophia_mcp.settings import load
from sophia_mcp.types import Ask, Labels, Message


def say(**facts: Any) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


async def patiently(llm: LLM, question: Ask, hear: Hear | None) -> None:
    """Ask, and where the breaker says that the provider is left alone for now, wait until it is not."""
    for _ in range(3):
        try:
            await llm.ask(question, hear)
            return
        except ProviderError as error:
            if error.status or error.charged or not error.retry_after_s:
                raise
            await anyio.sleep(error.retry_after_s)
    await llm.ask(question, hear)


async def ask(llm: LLM, run: Run, step: Step) -> str:
    """One question; returns how it ended, in a word."""
    labels = Labels(run=run.id, step=step.id, repo=run.repo, pattern="spending")
    question = Ask(
        (Message("user", step.text),),
        run.model,
        step.max_tokens,
        SCHEMA if step.schema else None,
        deadline_s=step.deadline_s,
        labels=labels,
    )
    heard: list[str] = []
    with anyio.move_on_after(step.leave_after_s or None) as left:
        try:
            await patiently(llm, question, heard.append if step.stream else None)
        except ProviderError as error:
            return f"provider {error.status or error.what.partition(' ')[2] or error.what}"
        except SophiaError as error:
            return error.code
    return "left" if left.cancelled_caught else "answered"


async def perform(app: App, run: Run, limiter: anyio.CapacityLimiter, ends: dict[str, int]) -> None:
    async with limiter:
        models = await app.models()
        if "warm" not in run.id:
            say(run=run.id)
        llm = models.open(run.provider, run_id=run.id, max_cost_nano=run.limit_nano)

        async def one(step: Step) -> None:
            end = await ask(llm, run, step)
            ends[end] = ends.get(end, 0) + 1

        for turn in run.rounds:
            async with anyio.create_task_group() as group:
                for step in turn:
                    group.start_soon(one, step)


async def runs(app: App, seed: int, mark: str, count: int, part: int, parts: int, width: int) -> None:
    limiter, ends = anyio.CapacityLimiter(width), dict[str, int]()
    for run in warm(f"{mark}{part}"):
        await perform(app, run, limiter, {})
    async with anyio.create_task_group() as group:
        for number, run in enumerate(draw(seed, count, mark)):
            if number % parts == part:
                group.start_soon(perform, app, run, limiter, ends)
    say(ends=ends)


async def audit(app: App) -> None:
    ledger = (await app.money()).ledger
    swept = await ledger.sweep()
    async for entry in ledger.entries():
        say(
            step=entry.labels.step,
            run=entry.labels.run,
            repo=entry.labels.repo,
            outcome=entry.outcome,
            basis=entry.basis,
            nano=entry.measures.nano,
            uncertain=entry.measures.uncertain_nano,
            reserved=entry.reserved_nano,
            corrects=entry.corrects,
            error=entry.error,
        )
    async with ledger.db.read(ledger.scope) as tx:
        held = await tx.rows("SELECT COUNT(*) FROM cost_attempts WHERE workspace = :workspace")
    say(swept=swept, held=held[0][0])


async def main(arguments: list[str]) -> None:
    """What the command line says."""
    verb, *rest = arguments
    async with open_app(load(Path.cwd())) as app:
        if verb == "runs":
            seed, mark, *numbers = rest
            await runs(app, int(seed), mark, *map(int, numbers))
        elif verb == "limits":
            for given in json.loads(rest[0]):
                await (await app.money()).set_limit(Limit(**given))
        else:
            await audit(app)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1:])
