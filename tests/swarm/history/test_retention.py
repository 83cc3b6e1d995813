"""Runs are kept for a while and then go with everything that belongs to them, but never while they live."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.swarm.runs import FINDING, ScriptedModels, open_swarm, order, replies

from sophia_mcp.errors import NotFound
from sophia_mcp.swarm.history import retention
from sophia_mcp.swarm.swarm import Swarm
from sophia_mcp.types import LOCAL

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("swarm.retention")]

DAY = 86_400_000_000_000
TABLES = {"runs": "id", "run_steps": "run_id", "run_events": "run_id", "jobs": "id"}
SCRIPT = replies({"json": {"summary": "It divides.", "findings": [FINDING]}})


class Calendar:
    """A clock that a test turns on by days."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000_000_000

    def __call__(self) -> int:
        self.now += 1
        return self.now

    def pass_days(self, days: float) -> None:
        self.now += int(days * DAY)


async def left(swarm: Swarm, run_id: str) -> set[str]:
    """The tables that still know of a run."""
    async with swarm.means.book.db.read(LOCAL) as tx:
        return {
            table
            for table, column in TABLES.items()
            if await tx.rows(
                f"SELECT 1 FROM {table} WHERE workspace = :workspace AND {column} = :run LIMIT 1",
                {"run": run_id},
            )
        }


async def ended(swarm: Swarm, task: str) -> str:
    run_id = await swarm.start(order(task=task))
    assert (await swarm.report(run_id, wait_s=20)).status == "done"
    return run_id


async def test_a_run_goes_with_its_steps_events_and_job_when_its_time_is_over(tmp_path: Path) -> None:
    clock = Calendar()
    async with open_swarm(tmp_path, ScriptedModels(SCRIPT), clock=clock) as swarm:
        old = [await ended(swarm, f"old {number}") for number in range(retention.AT_ONCE + 2)]
        await swarm.means.book.jobs.start(LOCAL, "other", {})
        clock.pass_days(60)
        young = await ended(swarm, "young")
        clock.pass_days(29)
        assert await retention.sweep(swarm.means.book, 90) == 0
        assert await left(swarm, old[0]) == set(TABLES)
        clock.pass_days(2)
        assert await retention.sweep(swarm.means.book, 90) == len(old)
        for run_id in old:
            assert await left(swarm, run_id) == set()
            with pytest.raises(NotFound, match="kept_days"):
                await swarm.report(run_id)
        assert (await swarm.report(young)).status == "done"
        assert await left(swarm, young) == set(TABLES)
        kinds = [job.kind for job in await swarm.means.book.jobs.latest(LOCAL)]
        assert sorted(kinds) == ["other", "swarm"]


async def test_a_run_that_waits_stays_however_old_it_is_and_goes_on(tmp_path: Path) -> None:
    clock = Calendar()
    async with open_swarm(tmp_path, clock=clock) as swarm:
        run_id = await swarm.start(order(provider="host"))
        assert (await swarm.report(run_id, wait_s=20)).status == "needs_steps"
    async with open_swarm(tmp_path, clock=clock) as swarm:
        clock.pass_days(1000)
        assert await retention.sweep(swarm.means.book, 1) == 0
        await swarm.answer(run_id, {"answer": {"summary": "By hand.", "findings": []}})
        assert (await swarm.report(run_id, wait_s=20)).status == "done"
        assert await retention.sweep(swarm.means.book, 1) == 0
        clock.pass_days(2)
        assert await retention.sweep(swarm.means.book, 1) == 1


@pytest.mark.parametrize(("believed", "swept"), [(True, 0), (False, 1)])
async def test_a_run_at_work_stays_and_one_whose_process_died_long_ago_goes(
    tmp_path: Path, believed: bool, swept: int
) -> None:
    clock = Calendar()
    async with open_swarm(tmp_path, ScriptedModels(SCRIPT), clock=clock) as swarm:
        book = swarm.means.book
        run_id, _ = await book.enter(order(), "scripted", free=True)
        clock.pass_days(100)
        if believed:
            assert await book.jobs.renew(LOCAL, run_id)
        assert await retention.sweep(book, 90) == swept
        assert await left(swarm, run_id) == (set(TABLES) - {"run_steps"} if believed else set())
