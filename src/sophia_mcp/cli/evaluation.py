"""How are patterns compared on tasks with known defects? Each trial is a real run on a fresh tree."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sophia_mcp.app import App
    from sophia_mcp.swarm.comparison.corpus import Case
    from sophia_mcp.swarm.comparison.evaluate import Comparison, Trial
    from sophia_mcp.swarm.swarm import Swarm
    from sophia_mcp.types import Order, Tier

WAIT_S = 900.0


async def compared(
    app: App,
    patterns: Sequence[str],
    folder: Path | None,
    provider: str,
    tier: Tier,
    max_cost_nano: int | None,
) -> list[Comparison]:
    """Every pattern against the control, on the tasks of a folder (None: the shipped ones). The limit
    is shared out among the runs, of which memory learns nothing: their trees are gone with them. Raises
    what starting a run raises."""
    from sophia_mcp.swarm.comparison.corpus import SHIPPED, cases
    from sophia_mcp.swarm.comparison.evaluate import CONTROL, compare, evaluate
    from sophia_mcp.swarm.swarm import Swarm
    from sophia_mcp.types import Order

    tasks = cases(folder or SHIPPED)
    usual = await app.swarm()
    swarm = Swarm(replace(usual.means, ended=None), usual.tasks)
    chosen = await _answering(app, patterns, provider, max_cost_nano)
    share = None if max_cost_nano is None else max_cost_nano // ((len(patterns) + 1) * len(tasks))

    async def run(arm: str, case: Case, tree: Path) -> Trial:
        order = Order(
            case.task,
            arm,
            paths=tuple(case.files),
            max_cost_nano=share,
            provider=chosen,
            tier=tier,
        )
        return await _trial(app, swarm, order, tree)

    scores = await evaluate(patterns, tasks, run)
    real = chosen != "scripted"
    wanted = [name for name in dict.fromkeys(patterns) if name != CONTROL]
    return [compare(name, scores[name], scores[CONTROL], real=real) for name in wanted]


async def _answering(app: App, patterns: Sequence[str], provider: str, max_cost_nano: int | None) -> str:
    """Who answers every trial. What would fail in each of them is refused before the first."""
    from sophia_mcp.app.swarms import library
    from sophia_mcp.errors import BadArgument
    from sophia_mcp.swarm.asking.agent import PATIENT
    from sophia_mcp.types import Order

    for name in patterns:
        library(app, Order("")).load(name)
    chosen = (await app.models()).choose(provider)
    if chosen.name in PATIENT:
        raise BadArgument(
            f"the provider {chosen.name} cannot answer a comparison",
            why=f"nobody is there to do its steps ({chosen.why})",
            next="set up portkey or openai; --provider scripted proves only that comparing works",
        )
    if not chosen.free and max_cost_nano is None:
        raise BadArgument(
            "--max-cost is missing",
            why=f"the provider {chosen.name} costs money",
            next="say how many dollars the whole comparison may cost, for example --max-cost 5",
        )
    return chosen.name


async def _trial(app: App, swarm: Swarm, order: Order, tree: Path) -> Trial:
    """One run on a tree of its own, whose index goes with it."""
    from sophia_mcp.swarm.comparison.evaluate import Trial

    indexed = await app.start_index(str(tree), trusted=True)
    await indexed.wait(WAIT_S)
    began = time.monotonic()
    try:
        run_id = await swarm.start(await app.placed(order, tree, trusted=True))
        report = await swarm.report(run_id, wait_s=WAIT_S)
        if report.status not in ("done", "failed", "over_budget"):
            await swarm.cancel(run_id)
    finally:
        index = await app.index()
        await index.forget(await app.existing(str(tree), tree))
    priced = report.cost.basis != "unpriced"
    return Trial(
        report.outcome,
        report.cost.spent_nano if priced else None,
        time.monotonic() - began,
        report.reason or f"it ended {report.status}",
    )
