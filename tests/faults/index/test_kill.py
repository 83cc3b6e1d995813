"""An indexer that is killed loses nothing it committed, damages nothing, and goes on when run again."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import anyio
import apsw
import psutil
import pytest
from tests.e2e.processes import running
from tests.index.trees import contents, open_index, words

from sophia_mcp.index import views
from sophia_mcp.index.build import KIND, Index
from sophia_mcp.types import LOCAL

pytestmark = pytest.mark.anyio
FILES = 300


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "app"
    for i in range(FILES):
        place = root / f"pkg{i % 7}" / f"m{i}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("\n".join(f"def f{i}_{j}():\n    return {j}\n" for j in range(25)))
    for folder, _, names in os.walk(root):
        for name in names:
            os.utime(os.path.join(folder, name), (1_600_000_000, 1_600_000_000))
    return root


indexer = partial(running, "tests.faults.index.indexer")
"""A process that indexes into a store the folder it is given."""


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[Index]:
    async with open_index(tmp_path / "store") as opened:
        yield opened


def whole(path: Path) -> str:
    """What SQLite finds when it looks at every page, words included."""
    connection = apsw.Connection(str(path))
    try:
        [(found,)] = connection.execute("PRAGMA integrity_check(1)").fetchall()
        return str(found)
    finally:
        connection.close()


async def committed(index: Index) -> int:
    async with index.storage.database.read(LOCAL) as tx:
        return int((await tx.rows("SELECT COUNT(*) FROM members"))[0][0])


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.requirement("index.resume")
@pytest.mark.requirement("index.kill")
async def test_after_every_kill_the_store_is_whole_and_the_run_goes_on(
    index: Index, root: Path, tmp_path: Path, seed: int, long: bool
) -> None:
    rng = random.Random(seed)
    kills = stopped_early = 0
    edits = 0
    wanted = 100 if long else 4
    while kills < wanted:
        before = await committed(index)
        with indexer(tmp_path / "store", root) as child:
            assert child.stdout is not None
            # A whole run says four lines before its end, and one of few files says fewer.
            lines = rng.randrange(1, 5)
            for line in child.stdout:
                lines -= 1
                if lines <= 0 or line == "end\n":
                    stopped_early += line != "end\n"
                    break
            workers = psutil.Process(child.pid).children() if child.poll() is None else []
            child.send_signal(signal.SIGKILL)
            child.wait()
        kills += 1
        after = await committed(index)
        assert after >= before, "committed files were lost"
        assert whole(tmp_path / "store" / "index.db") == "ok"
        _, alive = psutil.wait_procs(workers, timeout=10)
        assert not alive, "a worker outlived its parent"
        if after == FILES and kills < wanted:
            edits += 1
            for number in rng.sample(range(FILES), 120):
                (root / f"pkg{number % 7}" / f"m{number}.py").write_text(
                    f"def edited_{edits}_{number}(): pass\n"
                )
    started = time.monotonic()
    report = await index.update(root)
    assert (report.state, report.files_indexed) == ("ready", FILES)
    assert time.monotonic() - started < 60
    async with open_index(tmp_path / "fresh") as fresh:
        await fresh.update(root)
        assert await contents(index, await index.resolve("app")) == await contents(
            fresh, await fresh.resolve("app")
        )
        one = next(iter(root.rglob("m3.py"))).read_text().split("(")[0].removeprefix("def ")
        assert await words(index, await index.resolve("app"), "=" + one) == await words(
            fresh, await fresh.resolve("app"), "=" + one
        )
    assert stopped_early


@pytest.mark.requirement("index.resume")
async def test_what_was_committed_before_a_kill_is_not_read_again(
    index: Index, root: Path, tmp_path: Path
) -> None:
    with indexer(tmp_path / "store", root) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line[0].isdigit() and int(line.split()[0]) >= 40:
                break
        child.send_signal(signal.SIGKILL)
        child.wait()
    kept = await committed(index)
    assert kept >= 40
    report = await index.update(root)
    assert report.files_changed == FILES - kept


@pytest.mark.requirement("index.resume")
async def test_a_run_that_was_cut_off_is_not_said_to_go_on(
    index: Index, root: Path, tmp_path: Path
) -> None:
    with indexer(tmp_path / "store", root) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "begin\n"
        child.stdout.readline()
        view = await index.resolve("app")
        child.send_signal(signal.SIGSTOP)  # or it might come to its end meanwhile
        at_work = await index.report(view)
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert index.jobs is not None
    async with index.jobs.db.write(LOCAL) as tx:  # which in these tests names no process
        await tx.run("UPDATE jobs SET believed_ns = 0")
    left = await index.report(view)
    assert (at_work.state, at_work.reason) == ("indexing", "")
    assert (left.state, left.reason) == ("indexing", views.CUT_OFF)
    whole = await index.update(root)
    assert (whole.state, whole.reason) == ("ready", "")


@pytest.mark.requirement("store.many_processes")
async def test_two_processes_index_one_folder_without_an_error(
    root: Path, index: Index, tmp_path: Path
) -> None:
    with indexer(tmp_path / "store", root) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "begin\n"
        report = await index.update(root)
        rest = await anyio.to_thread.run_sync(child.stdout.read)
    assert rest.endswith("end\n")
    assert (report.state, report.files_indexed) == ("ready", FILES)


@pytest.mark.requirement("index.resume")
async def test_a_job_that_was_cut_off_is_resumed_by_itself(
    root: Path, index: Index, tmp_path: Path
) -> None:
    with indexer(tmp_path / "store", root) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert index.jobs is not None
    async with index.jobs.db.write(LOCAL) as tx:
        await tx.run("UPDATE jobs SET believed_ns = 0")
    [report] = await index.resume()
    assert (report.state, report.files_indexed) == ("ready", FILES)
    assert {job.state for job in await index.jobs.latest(LOCAL)} == {"done"}


@pytest.mark.requirement("index.resume")
async def test_a_repository_that_was_forgotten_is_not_resumed(
    root: Path, index: Index, tmp_path: Path
) -> None:
    assert index.jobs is not None
    request = {"root": str(root), "ref": "", "full": False, "trusted": True}
    await index.jobs.start(LOCAL, KIND, request)
    async with index.jobs.db.write(LOCAL) as tx:
        await tx.run("UPDATE jobs SET believed_ns = 0")
    assert await index.resume() == []
    [job] = await index.jobs.latest(LOCAL)
    assert "continued" not in job.result
    assert not await views.repositories(index.storage.database)


@pytest.mark.requirement("index.resume", "index.cancel")
async def test_a_run_that_was_asked_to_stop_and_then_killed_is_not_resumed(
    root: Path, index: Index
) -> None:
    assert index.jobs is not None
    await index.update(root)
    request = {"root": str(root), "ref": "", "full": False, "trusted": True}
    job = await index.jobs.start(LOCAL, KIND, request)
    assert await index.jobs.cancel(LOCAL, job)
    async with index.jobs.db.write(LOCAL) as tx:
        await tx.run("UPDATE jobs SET believed_ns = 0")
    assert await index.resume() == []
    assert (await index.jobs.get(LOCAL, job)).state == "cancelled"


@pytest.mark.requirement("index.cancel")
async def test_a_cancelled_run_stops_and_keeps_what_it_had(root: Path, index: Index) -> None:
    from sophia_mcp.index.run import Stopped

    begun = anyio.Event()
    outcome: list[str] = []

    async def run() -> None:
        try:
            await index.update(root, progress=lambda done, total, path: begun.set())
        except Stopped:
            outcome.append("stopped")

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await begun.wait()
        assert await index.cancel(await index.resolve("app"))
    assert outcome == ["stopped"]
    report = await index.update(root)
    assert (report.state, report.files_indexed) == ("ready", FILES)
