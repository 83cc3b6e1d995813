"""What is asked of a model beyond this machine, how often, and what is left where that is cut off?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import numpy as np
import pytest
from tests.index.trees import open_index

from sophia_mcp.errors import ProviderError
from sophia_mcp.index import distant, steps, turn
from sophia_mcp.index.build import Index, Model
from sophia_mcp.index.run import KIND, Stopped
from sophia_mcp.index.views import CANCELLED
from sophia_mcp.types import LOCAL, Passage

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("embed.away")]
Tree = Callable[..., Path]
FILES = {f"m{i}.py": f"def f{i}():\n    return {i}\n" for i in range(5)}


class Service:
    """A model that is slow, and ``away`` until it is not."""

    def __init__(self) -> None:
        self.away = False
        self.refuses = ""
        self.asked: list[Passage] = []
        self.answers: Callable[[], Awaitable[None]] = anyio.lowlevel.checkpoint

    async def embed(self, passages: Sequence[Passage]) -> distant.Made:
        self.asked += passages
        await anyio.sleep(0.05)
        await self.answers()
        scales = np.full(len(passages), 0 if self.refuses else 1, np.float32)
        return distant.Made(np.ones((len(passages), 8), np.int8), scales, self.refuses)

    async def measure(self) -> int:
        if self.away:
            raise ProviderError("the model is away", next="ask later")
        return 8

    def never_answers(self) -> anyio.Event:
        """From now on. Set when it is asked."""
        asked = anyio.Event()

        async def never() -> None:
            asked.set()
            await anyio.sleep_forever()

        self.answers = never
        return asked

    @asynccontextmanager
    async def index(self, home: Path) -> AsyncIterator[Index]:
        """An index whose vectors this makes."""
        model = Model("far", distant=distant.Model("far", self.embed, self.measure))
        async with open_index(home, model) as index:
            yield index


async def test_two_that_make_up_at_once_send_a_text_once(tmp_path: Path, tree: Tree) -> None:
    service = Service()
    async with service.index(tmp_path / "home") as index:
        service.away = True
        await index.update(tree(FILES))
        service.away = False
        view = await index.resolve("app")
        whole: list[bool] = []

        async def make_up() -> None:
            whole.append(await index.distant.make_up(view))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(make_up)
            tasks.start_soon(make_up)
    assert len(service.asked) == len(FILES)
    assert whole == [True, True]


@pytest.mark.requirement("index.resume")
async def test_lease_and_job_are_kept_while_one_call_is_waited_for(
    tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "RENEW_S", 0.01)
    monkeypatch.setattr(steps, "TELL_S", 0.01)
    service = Service()
    async with service.index(tmp_path / "home") as index:
        assert index.jobs is not None

        async def until() -> tuple[int, int]:
            """When the lease and the job are nobody's any more."""
            assert index.jobs is not None
            async with index.storage.database.read(LOCAL) as tx:
                [(lease,)] = await tx.rows("SELECT expires_ns FROM leases WHERE name = 'vectors:1'")
            [job] = await index.jobs.latest(LOCAL)
            return lease, job.believed_ns

        async def both_grow() -> None:
            before = await until()
            with anyio.fail_after(20):
                while not all(now > then for now, then in zip(await until(), before, strict=True)):
                    await anyio.sleep(0.01)

        service.answers = both_grow
        report = await index.update(tree(FILES))
    assert not any(note.startswith("meaning") for note in report.notes)


@pytest.mark.requirement("index.cancel")
async def test_a_run_stops_at_once_though_the_model_does_not_answer(tmp_path: Path, tree: Tree) -> None:
    service = Service()
    asked = service.never_answers()
    async with service.index(tmp_path / "home") as index, anyio.create_task_group() as tasks:

        async def run() -> None:
            with pytest.raises(Stopped):
                await index.update(tree(FILES))

        tasks.start_soon(run)
        with anyio.fail_after(20):
            await asked.wait()
            assert await index.cancel(await index.resolve("app"))
            while index.jobs is not None and (await index.jobs.latest(LOCAL))[0].state == "running":
                await anyio.sleep(0.05)
            view, sent = await index.resolve("app"), len(service.asked)
            assert await index.distant.make_up(view), "nor does who follows the tree ask again"
            assert len(service.asked) == sent
            assert any("was cancelled" in note for note in (await index.report(view)).notes)
            service.answers = anyio.lowlevel.checkpoint
            await index.update(Path(view.root))
            assert len(service.asked) == sent + len(FILES)


@pytest.mark.requirement("index.cancel")
async def test_who_follows_a_tree_pays_for_nothing_after_a_run_was_cancelled(
    tmp_path: Path, tree: Tree
) -> None:
    service = Service()
    asked = service.never_answers()
    root = tree(FILES)
    async with (
        service.index(tmp_path / "home") as index,
        anyio.create_task_group() as tasks,
    ):

        async def run() -> None:
            with pytest.raises(Stopped):
                await index.update(root)

        tasks.start_soon(run)
        with anyio.fail_after(20):
            await asked.wait()
            view = await index.resolve("app")
            sent = len(service.asked)
            tasks.start_soon(index.distant.make_up, view)  # waits until nobody else asks
            await anyio.wait_all_tasks_blocked()
            assert await index.cancel(view)
    async with service.index(tmp_path / "home") as later:
        assert await later.distant.make_up(view)
        assert len(service.asked) == sent
        assert any("was cancelled" in note for note in (await later.report(view)).notes)
        service.answers = anyio.lowlevel.checkpoint
        await later.update(root)
        assert len(service.asked) == sent + len(FILES)


@pytest.mark.requirement("index.cancel")
async def test_no_vectors_are_made_of_a_view_whose_words_were_cancelled(
    tmp_path: Path, tree: Tree
) -> None:
    service = Service()
    service.away = True
    async with service.index(tmp_path / "home") as index:
        await index.update(tree(FILES))
        service.away = False
        view = await index.resolve("app")
        async with index.storage.database.write(LOCAL) as tx:
            await tx.run("UPDATE views SET state = 'failed', reason = :why", {"why": CANCELLED})
        assert await index.distant.make_up(view)
        assert service.asked == []


async def test_why_a_text_was_refused_is_told_of_its_own_repository(tmp_path: Path, tree: Tree) -> None:
    service = Service()
    async with service.index(tmp_path / "home") as index:
        for name in ("first", "second"):
            service.refuses = f"as {name} wants it"
            await index.update(tree(FILES, name))
        for name in ("first", "second"):
            notes = (await index.report(await index.resolve(name))).notes
            [note] = [note for note in notes if note.startswith("meaning leaves")]
            assert f"as {name} wants it" in note


@pytest.mark.requirement("index.resume")
async def test_a_run_that_waits_for_its_vectors_holds_up_no_other_that_was_cut_off(
    tmp_path: Path, tree: Tree
) -> None:
    service = Service()
    async with service.index(tmp_path / "home") as index:
        jobs = index.jobs
        assert jobs is not None
        roots = [tree(FILES, "first"), tree(FILES, "second")]
        service.away = True
        for root in roots:
            await index.update(root)
        service.away = False
        ended = anyio.Event()
        service.answers = ended.wait
        cut_off = [
            await jobs.start(LOCAL, KIND, {"root": str(root), "ref": "", "full": True, "trusted": False})
            for root in roots
        ]
        async with jobs.db.write(LOCAL) as tx:
            await tx.run("UPDATE jobs SET believed_ns = 0 WHERE state = 'running'")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(index.resume)
            with anyio.fail_after(20):
                for job in cut_off:
                    while (await jobs.get(LOCAL, job)).message != distant.STAGE:
                        await anyio.sleep(0.02)
            ended.set()
        assert [(await jobs.get(LOCAL, job)).state for job in cut_off] == ["done", "done"]


async def test_a_lease_that_was_lost_to_another_process_does_not_fail_a_run(
    tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "RENEW_S", 0.0)
    monkeypatch.setattr(distant, "BATCH_CHUNKS", 1)
    service = Service()
    async with service.index(tmp_path / "home") as index:
        database = index.storage.database

        async def lose() -> None:
            async with database.write(LOCAL) as tx:
                assert await tx.run("UPDATE leases SET owner = 'another' WHERE name = 'vectors:1'") == 1

        service.answers = lose
        report = await index.update(tree(FILES))
        assert not await index.distant.make_up(await index.resolve("app"))
    assert report.state == "ready"
    assert any("meaning covers 0 of 5 files" in note for note in report.notes)
    assert len(service.asked) == 1, "the lease is looked at before every request"
