"""Which runs does a cancellation stop, and what is left of a run that was cut off?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pygit2
import pytest
from tests.index.trees import commit_all, make_repository, open_index

from sophia_mcp.errors import BadArgument
from sophia_mcp.index.build import Index
from sophia_mcp.index.run import KIND, Stopped
from sophia_mcp.store import leases
from sophia_mcp.types import LOCAL

pytestmark = pytest.mark.anyio
Tree = Callable[..., Path]
FILES = 300


@pytest.fixture
def repository(tree: Tree) -> Path:
    """A repository with a branch whose files differ from those on disk."""
    root = tree({f"pkg/m{i}.py": f"def f{i}():\n    return {i}\n" * 12 for i in range(FILES)})
    repository = make_repository(root)
    commit_all(repository)
    repository.create_branch("feature", repository.head.peel(pygit2.Commit))
    tree({f"pkg/m{i}.py": f"def g{i}():\n    return {i}\n" * 12 for i in range(FILES)})
    commit_all(repository)
    return root


class Runs:
    """Runs over a folder: how each ended, and when it first told how far it was."""

    def __init__(self, index: Index, root: Path) -> None:
        self.index, self.root = index, root
        self.ended: dict[str, str] = {}
        self.begun = {"": anyio.Event(), "feature": anyio.Event()}

    async def run(self, ref: str = "") -> None:
        try:
            report = await self.index.update(
                self.root, ref=ref, progress=lambda done, total, text: self.begun[ref].set()
            )
            self.ended[ref] = report.state
        except Stopped:
            self.ended[ref] = "stopped"

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """The run of the folder is under way at the beginning of the block, and over at its end."""
        async with anyio.create_task_group() as group:
            group.start_soon(self.run)
            await self.begun[""].wait()
            yield

    async def queued(self, jobs: int) -> None:
        """Wait until so many runs are known to every process."""
        assert self.index.jobs is not None
        while len([job for job in await self.index.jobs.latest(LOCAL) if job.state == "running"]) < jobs:
            await anyio.lowlevel.checkpoint()


@pytest.mark.requirement("index.cancel")
async def test_a_run_that_ends_leaves_another_of_the_same_view_stoppable(
    index: Index, tree: Tree
) -> None:
    await index.update(tree({"a.py": "def a(): pass\n"}))
    view, steps = await index.resolve("app"), index._steps
    with steps.stoppable(view):
        with steps.stoppable(view):
            assert await index.cancel(view)
        with pytest.raises(Stopped):
            await steps._go_on(view, "job")(0, 0, "")
        assert await index.cancel(view)
    assert not await index.cancel(view)


@pytest.mark.requirement("index.cancel")
async def test_cancelling_one_ref_leaves_the_run_of_the_folder_alone(
    index: Index, repository: Path
) -> None:
    await index.update(repository, ref="feature")
    runs = Runs(index, repository)
    async with runs.at_work():
        assert not await index.cancel(await index.resolve("app@feature"))
    assert runs.ended == {"": "ready"}


@pytest.mark.requirement("index.cancel")
async def test_of_two_runs_over_one_folder_the_named_one_stops(index: Index, repository: Path) -> None:
    runs = Runs(index, repository)
    async with anyio.create_task_group() as group:
        group.start_soon(runs.run, "feature")
        await runs.begun["feature"].wait()
        group.start_soon(runs.run)
        await runs.queued(2)
        assert await index.cancel(await index.resolve("app@feature"))
    assert runs.ended == {"feature": "stopped", "": "ready"}


@pytest.mark.requirement("index.cancel")
async def test_only_the_folder_itself_can_be_named_too(index: Index, repository: Path) -> None:
    await index.update(repository)
    runs = Runs(index, repository)
    async with anyio.create_task_group() as group:
        group.start_soon(runs.run, "feature")
        await runs.begun["feature"].wait()
        assert not await index.cancel(await index.resolve("app"), only=True)
    assert runs.ended == {"feature": "ready"}


@pytest.mark.requirement("index.cancel")
async def test_cancelling_a_folder_stops_the_runs_of_all_its_refs(
    index: Index, repository: Path
) -> None:
    await index.update(repository)
    runs = Runs(index, repository)
    async with anyio.create_task_group() as group:
        group.start_soon(runs.run, "feature")
        await runs.begun["feature"].wait()
        assert await index.cancel(await index.resolve("app"))
    assert runs.ended == {"feature": "stopped"}


@pytest.mark.requirement("index.cancel")
async def test_cancelling_one_worktree_leaves_the_run_of_another_alone(
    index: Index, tree: Tree, repository: Path, tmp_path: Path
) -> None:
    opened = pygit2.Repository(str(repository))
    opened.add_worktree("other", str(tmp_path / "other"), opened.lookup_reference("refs/heads/feature"))
    await index.update(tmp_path / "other")
    runs = Runs(index, repository)
    async with runs.at_work():
        assert not await index.cancel(await index.resolve(str(tmp_path / "other")))
    assert runs.ended == {"": "ready"}


@pytest.mark.requirement("index.cancel")
async def test_a_run_that_waits_for_its_turn_stops_at_once(
    index: Index, repository: Path, tmp_path: Path
) -> None:
    """Whichever process has the turn, and whichever asks."""
    await index.update(repository)
    database = index.storage.database
    view = await index.resolve("app")
    assert await leases.take(database, f"index:{view.repo_id}", "somebody else", 600)
    async with open_index(tmp_path / "store") as other:
        for asked in (index, other):
            runs = Runs(index, repository)
            with anyio.fail_after(20):
                async with runs.at_work():
                    assert await asked.cancel(view)
            assert runs.ended == {"": "stopped"}


@pytest.mark.requirement("index.cancel")
async def test_an_error_that_a_waiting_run_meets_is_raised_as_it_is(
    index: Index, repository: Path
) -> None:
    await index.update(repository)
    view = await index.resolve("app")
    assert await leases.take(index.storage.database, f"index:{view.repo_id}", "somebody else", 600)
    index.jobs = None
    waits = anyio.Event()

    async def run() -> None:
        with pytest.raises(BadArgument, match=r"index\.db is closed"):
            await index.update(repository, progress=lambda *_: waits.set())

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await waits.wait()
            await index.storage.database.close()


@pytest.mark.requirement("index.cancel", "index.collect")
async def test_forgetting_one_ref_waits_for_the_run_of_the_folder(
    index: Index, repository: Path
) -> None:
    await index.update(repository, ref="feature")
    runs = Runs(index, repository)
    async with runs.at_work():
        await index.forget(await index.resolve("app@feature"))
        indexed = await index.resolve("app")
        assert (indexed.state, indexed.stage) == ("ready", "done")
    assert runs.ended == {"": "ready"}
    with pytest.raises(Exception, match="not indexed"):
        await index.resolve("app@feature")


@pytest.mark.requirement("index.resume")
async def test_a_run_is_resumed_in_its_own_job_even_when_no_new_one_can_be_written(
    index: Index, repository: Path
) -> None:
    """Were the old job closed before a new one is begun, a kill between both would leave nothing to
    resume; here the new one cannot be written at all."""
    jobs = index.jobs
    assert jobs is not None
    await index.update(repository)
    request = {"root": str(repository), "ref": "", "full": False, "trusted": True}
    lost = await jobs.start(LOCAL, KIND, request)
    async with jobs.db.write(LOCAL) as tx:
        await tx.run("UPDATE jobs SET believed_ns = 0, worker = 'dead' WHERE id = :id", {"id": lost})
        await tx.run("CREATE TRIGGER full BEFORE INSERT ON jobs BEGIN SELECT RAISE(ABORT, 'full'); END")
    [report] = await index.resume()
    assert report.state == "ready"
    assert (await jobs.get(LOCAL, lost)).state == "done"


async def cut_off(index: Index, roots: tuple[Path, Path], then: str) -> str:
    """The second job of two runs that were cut off; ``then`` is set on it as soon as the first is done."""
    jobs = index.jobs
    assert jobs is not None
    for root in roots:
        await index.update(root)
    _, second = [
        await jobs.start(LOCAL, KIND, {"root": str(root), "ref": "", "full": True, "trusted": True})
        for root in roots
    ]
    async with jobs.db.write(LOCAL) as tx:
        await tx.run("UPDATE jobs SET believed_ns = 0 WHERE state = 'running'")
        await tx.run(
            "CREATE TRIGGER over AFTER UPDATE ON jobs WHEN new.state = 'done' BEGIN"
            f" UPDATE jobs SET {then} WHERE id = '{second}'; END"
        )
    return second


@pytest.mark.requirement("index.resume")
async def test_a_job_that_was_taken_over_meanwhile_is_left_to_who_has_it(
    index: Index, tree: Tree, repository: Path
) -> None:
    assert index.jobs is not None
    second = tree({"a.py": "def one():\n    return 1\n"}, "second")
    lost = await cut_off(index, (repository, second), "worker = 'another'")
    assert [report.repo for report in await index.resume()] == ["app"]
    assert (await index.jobs.get(LOCAL, lost)).worker == "another"
    assert (await index.jobs.get(LOCAL, lost)).state == "running"
    assert (await index.report(await index.resolve("second"))).state == "ready"


@pytest.mark.requirement("index.resume", "index.cancel")
async def test_a_job_that_was_cancelled_while_others_were_resumed_is_over(
    index: Index, tree: Tree, repository: Path
) -> None:
    assert index.jobs is not None
    second = tree({"a.py": "def one():\n    return 1\n"}, "second")
    lost = await cut_off(index, (repository, second), "cancel = 1")
    assert [report.repo for report in await index.resume()] == ["app"]
    assert (await index.jobs.get(LOCAL, lost)).state == "cancelled"


@pytest.mark.requirement("index.cancel")
async def test_a_whole_index_that_was_only_read_again_stays_whole_when_that_is_cancelled(
    index: Index, tree: Tree, repository: Path
) -> None:
    before = await index.update(repository)
    view = await index.resolve("app")
    states: list[str] = []

    async def read_again() -> None:
        with pytest.raises(Stopped):
            await index.update(repository, full=True, progress=lambda *_: begun.set())

    begun = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(read_again)
        await begun.wait()
        states.append((await index.report(view)).state)
        assert await index.cancel(view)
    left = await index.report(view)
    assert (states, left.state, left.reason) == (["indexing"], "ready", "")
    assert (left.files_indexed, left.chunks) == (before.files_indexed, before.chunks)
    tree({"pkg/late.py": "def late():\n    return 1\n"})
    followed = await index.report(await index.reconcile(view))
    assert (followed.state, followed.files_indexed) == ("ready", before.files_indexed + 1)


@pytest.mark.requirement("index.cancel")
async def test_an_index_that_was_not_whole_is_not_called_so_when_a_rebuild_is_cancelled(
    index: Index, repository: Path
) -> None:
    for full in (False, True):
        begun = anyio.Event()

        async def run(full: bool = full, begun: anyio.Event = begun) -> None:
            with pytest.raises(Stopped):
                await index.update(repository, full=full, progress=lambda done, *_: done and begun.set())

        async with anyio.create_task_group() as group:
            group.start_soon(run)
            await begun.wait()
            assert await index.cancel(await index.resolve("app"))
        assert (await index.report(await index.resolve("app"))).state == "failed"
