"""Long work is remembered, watched, stopped and taken over."""

from __future__ import annotations

import os
import platform
from dataclasses import replace

import pytest
from tests.store.conftest import Hand

from sophia_mcp.errors import NotFound
from sophia_mcp.store import jobs
from sophia_mcp.store.engines.sqlite import SqliteDatabase
from sophia_mcp.store.jobs import Jobs
from sophia_mcp.types import LOCAL, Scope

pytestmark = pytest.mark.anyio


@pytest.fixture
def first(store: SqliteDatabase, hand: Hand) -> Jobs:
    return Jobs(store, "first", clock=hand)


@pytest.fixture
def second(store: SqliteDatabase, hand: Hand) -> Jobs:
    return Jobs(store, "second", clock=hand)


@pytest.mark.requirement("store.jobs")
async def test_a_job_is_remembered_from_its_start_to_its_result(first: Jobs) -> None:
    id_ = await first.start(LOCAL, "index", {"root": "/x"})
    assert (await first.get(LOCAL, id_)).state == "running"
    assert await first.progress(LOCAL, id_, 1, 4, "one of four")
    assert await first.progress(LOCAL, id_, 2, 4, "two of four")
    await first.finish(LOCAL, id_, {"files": 4})
    job = await first.get(LOCAL, id_)
    assert (job.state, job.request, job.result) == ("done", {"root": "/x"}, {"files": 4})
    assert (job.done, job.total, job.message) == (2, 4, "two of four")


@pytest.mark.requirement("store.jobs")
async def test_a_cancelled_job_is_told_at_its_next_step(first: Jobs, second: Jobs) -> None:
    id_ = await first.start(LOCAL, "index", {})
    assert await second.cancel(LOCAL, id_)
    assert (await first.get(LOCAL, id_)).cancel
    assert not await first.progress(LOCAL, id_, 1, 2, "")
    await first.stopped(LOCAL, id_)
    assert (await second.get(LOCAL, id_)).state == "cancelled"
    assert not await second.cancel(LOCAL, id_)


async def test_a_failed_job_says_why(first: Jobs) -> None:
    id_ = await first.start(LOCAL, "index", {})
    await first.fail(LOCAL, id_, "the folder is gone")
    job = await first.get(LOCAL, id_)
    assert (job.state, job.result) == ("failed", "the folder is gone")


@pytest.mark.requirement("store.jobs")
async def test_a_job_whose_worker_is_silent_is_taken_over_once(
    first: Jobs, second: Jobs, hand: Hand
) -> None:
    lost = await first.start(LOCAL, "index", {"root": "/lost"})
    ended = await first.start(LOCAL, "index", {})
    await first.finish(LOCAL, ended, None)
    hand.forward(jobs.BELIEVED_S + 1)
    alive = await first.start(LOCAL, "index", {"root": "/alive"})
    taken = await second.resumable(LOCAL, "index")
    assert [(job.id, job.worker) for job in taken] == [(lost, "second")]
    assert await second.resumable(LOCAL, "index") == []
    assert not await first.progress(LOCAL, lost, 1, 1, "I was only slow")
    await first.finish(LOCAL, lost, "mine")
    assert (await second.get(LOCAL, lost)).state == "running"
    assert (await second.get(LOCAL, alive)).worker == "first"


@pytest.mark.requirement("store.jobs", "index.resume")
async def test_the_job_of_a_process_that_is_gone_is_taken_over_at_once_and_that_of_a_silent_one_only_on_request(
    first: Jobs, second: Jobs, hand: Hand
) -> None:
    gone = replace(first, worker=f"{platform.node()}:{os.getpid()}:before")
    lost = await gone.start(LOCAL, "index", {})
    await gone.start(LOCAL, "swarm", {})
    slow = await first.start(LOCAL, "index", {})
    assert [job.id for job in await second.resumable(LOCAL, "index")] == [lost]
    assert await second.resumable(LOCAL, "index") == []
    hand.forward(jobs.BELIEVED_S + 1)
    assert await second.resumable(LOCAL, "index", silent=False) == []
    assert {job.id for job in await second.resumable(LOCAL, "index")} == {lost, slow}


async def test_progress_keeps_a_slow_job_from_being_taken_over(
    first: Jobs, second: Jobs, hand: Hand
) -> None:
    id_ = await first.start(LOCAL, "index", {})
    for step in range(4):
        hand.forward(jobs.BELIEVED_S * 0.9)
        assert await first.progress(LOCAL, id_, step, 4, "")
    assert await second.resumable(LOCAL, "index") == []


async def test_another_workspace_sees_no_job(first: Jobs) -> None:
    id_ = await first.start(LOCAL, "index", {})
    others = Scope("others")
    with pytest.raises(NotFound):
        await first.get(others, id_)
    with pytest.raises(NotFound):
        await first.cancel(others, id_)
    assert await first.latest(others) == []


async def test_old_finished_jobs_are_forgotten_and_running_ones_kept(
    store: SqliteDatabase, hand: Hand
) -> None:
    first = Jobs(store, "first", clock=hand, kept=3)
    running = await first.start(LOCAL, "index", {})
    for _ in range(6):
        hand.forward(1)
        id_ = await first.start(LOCAL, "index", {})
        await first.progress(LOCAL, id_, 1, 1, "")
        await first.finish(LOCAL, id_, None)
    kept = await first.latest(LOCAL)
    assert len(kept) == 4
    assert running in {job.id for job in kept}


@pytest.mark.requirement("store.jobs")
async def test_what_may_go_on_is_not_forgotten_for_work_of_another_kind(
    store: SqliteDatabase, hand: Hand
) -> None:
    first = Jobs(store, "first", clock=hand, kept=3)
    waiting, failed = [await first.start(LOCAL, "swarm", {}) for _ in range(2)]
    await first.stopped(LOCAL, waiting, state="interrupted")
    await first.fail(LOCAL, failed, "no")
    for kind in ("index", "swarm"):
        for _ in range(3):
            hand.forward(1)
            await first.finish(LOCAL, await first.start(LOCAL, kind, {}), None)
        assert await first.claim(LOCAL, waiting)
        await first.stopped(LOCAL, waiting, state="interrupted")
        assert (failed in {job.id for job in await first.latest(LOCAL)}) == (kind == "index")


@pytest.mark.requirement("store.jobs")
async def test_a_job_is_claimed_only_when_nobody_works_on_it(
    first: Jobs, second: Jobs, hand: Hand
) -> None:
    id_ = await first.start(LOCAL, "swarm", {})
    assert not await second.claim(LOCAL, id_)
    hand.forward(20)
    assert await first.renew(LOCAL, id_)
    hand.forward(20)
    assert not await second.claim(LOCAL, id_), "the belief was renewed"
    hand.forward(11)
    assert await second.claim(LOCAL, id_)
    assert not await first.renew(LOCAL, id_)
    assert await second.cancel(LOCAL, id_)
    assert not await second.renew(LOCAL, id_), "somebody asked for its end"
    assert await first.claim(LOCAL, id_, dead="second"), "a worker known to be dead is not waited for"
    await first.stopped(LOCAL, id_, state="interrupted")
    assert (await first.get(LOCAL, id_)).state == "interrupted"
    assert await second.claim(LOCAL, id_)
    await second.fail(LOCAL, id_, "no")
    assert not await first.claim(LOCAL, id_)
    assert await first.claim(LOCAL, id_, ended=True)
    with pytest.raises(NotFound):
        await first.claim(LOCAL, "swarm-0")


@pytest.mark.requirement("store.jobs")
async def test_a_job_is_worked_on_while_its_process_lives_and_is_not_silent(
    first: Jobs, second: Jobs, hand: Hand
) -> None:
    id_ = await first.start(LOCAL, "index", {})
    assert second.is_at_work(await second.get(LOCAL, id_))
    hand.forward(31)
    assert not second.is_at_work(await second.get(LOCAL, id_))
    await first.renew(LOCAL, id_)
    assert second.is_at_work(await second.get(LOCAL, id_))
    await first.finish(LOCAL, id_, None)
    assert not second.is_at_work(await second.get(LOCAL, id_))
    gone = replace(first, worker=f"{platform.node()}:{os.getpid()}:before")
    assert not second.is_at_work(await second.get(LOCAL, await gone.start(LOCAL, "index", {})))
