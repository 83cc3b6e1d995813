"""A process that is killed at any step loses no finished step, pays none twice, and says what is uncertain."""

from __future__ import annotations

import json
import os
import platform
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import anyio
import pytest
from tests.e2e.processes import program, running
from tests.faults.swarm.orderer import BilledModels, Fate, ordered
from tests.swarm.runs import open_swarm

from sophia_mcp.store.jobs import BELIEVED_S
from sophia_mcp.types import LOCAL, RunReport, TimelineEvent

pytestmark = pytest.mark.anyio
PLACES = ("before_commit", "after_commit", "before_answer", "after_answer")
STEPS = {"review.one", "review.two", "review.three", "verify", "judge"}


def run(folder: Path, where: str, number: int) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    with running("tests.faults.swarm.orderer", folder, where, number) as child:
        said, _ = child.communicate(timeout=60)
        return subprocess.CompletedProcess(child.args, child.returncode, said)


def billed(folder: Path) -> Counter[str]:
    bill = folder / "bill"
    return (
        Counter(json.loads(line) for line in bill.read_text().splitlines())
        if bill.exists()
        else Counter()
    )


async def gone_on(
    folder: Path, run_id: str
) -> tuple[RunReport, RunReport, tuple[TimelineEvent, ...], list[str]]:
    """What a later process finds, what it makes of it, all that happened, and what it asked."""
    models = BilledModels(folder / "bill", Fate("", 0))
    async with open_swarm(folder, models) as swarm:
        found = await swarm.report(run_id)
        await swarm.resume(run_id)
        ended = await swarm.report(run_id, wait_s=30)
        return found, ended, await swarm.timeline(run_id), models.steps()


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.requirement("swarm.kill")
async def test_after_a_kill_at_any_step_nothing_finished_is_asked_again(
    tmp_path: Path, seed: int, long: bool
) -> None:
    whole = run(tmp_path / "whole", "", 0)
    assert whole.returncode == 0
    passed: dict[str, int] = json.loads(whole.stdout.splitlines()[1])
    places = [(place, number) for place in PLACES for number in range(1, passed[place] + 1)]
    chosen = places if long else random.Random(seed).sample(places, 6)
    for place, number in chosen:
        folder = tmp_path / f"{place}{number}"
        killed = run(folder, place, number)
        if killed.returncode == 0:
            continue  # steps that end together share a commit, so there may be fewer of them
        assert killed.returncode == -signal.SIGKILL
        if not killed.stdout:
            continue  # it died before anyone was told of a run
        run_id = killed.stdout.splitlines()[0]
        before = billed(folder)
        async with open_swarm(folder) as swarm:
            done = {event.step for event in await swarm.timeline(run_id) if event.kind == "step.done"}
        found, ended, events, asked = await gone_on(folder, run_id)
        where = f"killed {place} {number}"
        if found.status == "done":
            continue  # its last word was written before it died
        assert found.status == "interrupted", where
        assert "resume" in found.reason, where
        assert ended.status == "done", where
        assert ended.outcome is not None
        assert [finding.line for finding in ended.outcome.findings] == [2], where
        assert ended.outcome.summary == "One fault.", where
        assert not done & set(asked), f"{where}: paid again: {done & set(asked)}"
        bill = billed(folder)
        assert set(bill) == STEPS, where
        uncertain = {event.step for event in events if event.kind == "step.uncertain"}
        twice = {step for step, times in bill.items() if times > 1}
        assert twice <= uncertain, f"{where}: paid twice without a word: {twice - uncertain}"
        assert twice <= set(before) - done, where
        assert [event.number for event in events] == list(range(1, len(events) + 1)), where


@pytest.mark.requirement("swarm.kill")
async def test_what_was_in_flight_is_said_to_be_uncertain(tmp_path: Path) -> None:
    killed = run(tmp_path / "x", "after_answer", 4)
    run_id = killed.stdout.splitlines()[0]
    async with open_swarm(tmp_path / "x") as swarm:
        report = await swarm.report(run_id)
    assert report.status == "interrupted"
    assert any("in flight" in note and "verify" in note for note in report.notes)
    assert billed(tmp_path / "x")["verify"] == 1


@pytest.mark.requirement("swarm.kill")
async def test_a_run_that_cost_money_waits_for_a_person_to_resume_it(tmp_path: Path) -> None:
    killed = run(tmp_path / "x", "before_answer", 2)
    run_id = killed.stdout.splitlines()[0]
    models = BilledModels(tmp_path / "x" / "bill", Fate("", 0))
    async with open_swarm(tmp_path / "x", models) as swarm:
        assert await swarm.start(ordered()) == run_id
        report = await swarm.report(run_id, wait_s=1)
        assert report.status == "interrupted"
        assert models.asked == []


@pytest.mark.requirement("swarm.kill")
@pytest.mark.requirement("store.many_processes")
async def test_of_two_processes_that_resume_one_run_one_does(tmp_path: Path) -> None:
    killed = run(tmp_path / "x", "after_answer", 1)
    run_id = killed.stdout.splitlines()[0]
    bill = tmp_path / "x" / "bill"
    first, second = BilledModels(bill, Fate("", 0)), BilledModels(bill, Fate("", 0))
    async with open_swarm(tmp_path / "x", first) as one, open_swarm(tmp_path / "x", second) as two:
        async with anyio.create_task_group() as group:
            group.start_soon(one.resume, run_id)
            group.start_soon(two.resume, run_id)
        assert (await one.report(run_id, wait_s=30)).status == "done"
        assert (await two.report(run_id, wait_s=30)).status == "done"
        resumed = [event for event in await one.timeline(run_id) if event.kind == "run.resumed"]
    assert len(resumed) == 1
    assert not (first.asked and second.asked)


@pytest.mark.requirement("swarm.same_order")
async def test_two_processes_that_start_one_order_make_one_run(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    async with open_swarm(folder):
        pass  # the tables stand, so that both meet at the order and not at the first migration
    children = [program("tests.faults.swarm.orderer", folder, "", 0) for _ in range(2)]
    said = [child.communicate(timeout=60)[0].splitlines() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert said[0][0] == said[1][0]
    assert billed(folder) == Counter(dict.fromkeys(STEPS, 1))


@pytest.mark.requirement("swarm.kill")
async def test_a_dead_process_whose_number_another_one_has_is_found_out(tmp_path: Path) -> None:
    killed = run(tmp_path / "x", "after_answer", 1)
    run_id = killed.stdout.splitlines()[0]
    async with open_swarm(tmp_path / "x") as swarm:
        async with swarm.means.book.db.write(LOCAL) as tx:
            given = {"worker": f"{platform.node()}:{os.getppid()}:0123abcd"}
            await tx.run("UPDATE jobs SET worker = :worker WHERE workspace = :workspace", given)
        assert (await swarm.report(run_id)).status == "running"
    later = lambda: time.time_ns() + int(BELIEVED_S * 1e9)  # noqa: E731
    async with open_swarm(tmp_path / "x", clock=later) as swarm:
        assert (await swarm.report(run_id)).status == "interrupted"
