"""What is said of a tree while another run has the turn of its repository?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pygit2
import pytest
from tests.index.trees import commit_all, make_repository, words

from sophia_mcp.index.build import Index
from sophia_mcp.index.changes import VOUCH_FROM
from sophia_mcp.index.disk.stamp import stamp_of
from sophia_mcp.index.steps import was_read
from sophia_mcp.index.views import View
from sophia_mcp.index.workers.messages import Task
from sophia_mcp.store import leases

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.fresh")]
Tree = Callable[..., Path]
ELSEWHERE = "elsewhere:1:x"


@pytest.fixture
async def beside(index: Index, tree: Tree, tmp_path: Path) -> tuple[View, View]:
    """Two trees of one repository, whose files were all written just now."""
    root = tree({f"m{n}.py": f"def f{n}(): pass\n" for n in range(VOUCH_FROM + 8)})
    repository = make_repository(root)
    commit_all(repository)
    repository.create_branch("feature", repository.head.peel(pygit2.Commit))
    other = tmp_path / "other"
    repository.add_worktree("other", str(other), repository.lookup_reference("refs/heads/feature"))
    await index.update(root)
    await index.update(other)
    return await index.resolve(str(root)), await index.resolve(str(other))


@asynccontextmanager
async def turn_of_another(index: Index, view: View) -> AsyncIterator[None]:
    """A run of another process is at work."""
    assert await leases.take(index.storage.database, f"index:{view.repo_id}", ELSEWHERE, 600)
    yield
    await leases.release(index.storage.database, f"index:{view.repo_id}", ELSEWHERE)


@asynccontextmanager
async def run_over(index: Index, view: View) -> AsyncIterator[None]:
    """A run of this process is at work on a view."""
    begun = anyio.Event()

    async def hold() -> None:
        async with index._steps.queue.free(view):
            begun.set()
            await anyio.sleep_forever()

    async with anyio.create_task_group() as group:
        group.start_soon(hold)
        await begun.wait()
        yield
        group.cancel_scope.cancel()


async def ask(index: Index, view: View) -> View:
    """The view for a question that comes a while after the last look."""
    index.trees.seen(view).checked -= 2
    return await index.reconcile(view)


@pytest.mark.parametrize("where", ["this process", "another process"])
async def test_a_tree_in_which_nothing_changed_is_not_called_behind(
    index: Index, beside: tuple[View, View], where: str
) -> None:
    view, other = beside
    at_work = run_over(index, other) if where == "this process" else turn_of_another(index, view)
    async with at_work:
        for _ in range(3):
            assert (await ask(index, view)).behind == ""
        Path(view.root, "m0.py").write_text("def changed(): pass\n")
        for _ in range(3):
            assert (await ask(index, view)).behind == "another run over this repository is at work"
    assert (await ask(index, view)).behind == ""
    assert await words(index, view, "chang") == {"m0.py"}


async def test_a_file_that_holds_what_it_held_is_told_apart_from_one_that_does_not(
    index: Index, beside: tuple[View, View]
) -> None:
    view, _ = beside
    place = Path(view.root, "m0.py")
    before = place.read_text()
    async with turn_of_another(index, view):
        place.write_text(before)
        assert (await ask(index, view)).behind == ""
        place.write_text(before.replace("f0", "g0"))
        assert (await ask(index, view)).behind != ""


async def test_a_file_that_was_read_since_the_question_began_is_not_waited_for(
    index: Index, beside: tuple[View, View]
) -> None:
    view, _ = beside
    async with turn_of_another(index, view):
        assert (await index.refresh(view, ["m0.py"])).behind == ""
        Path(view.root, "m0.py").write_text("def changed(): pass\n")
        assert (await index.refresh(view, ["m0.py"])).behind != ""


async def test_what_another_process_read_before_the_last_edit_is_not_taken_for_read(
    index: Index, beside: tuple[View, View]
) -> None:
    view, _ = beside
    place = Path(view.root, "m0.py")
    target = index._steps.target(view)
    held = (await index.trees.known(view, target))["m0.py"]
    place.write_text("def first(): pass\n")
    between = stamp_of(str(place))
    place.write_text("def second(): pass\n")
    seen = stamp_of(str(place))
    assert between is not None
    assert seen is not None
    for read, expected in ((between, False), (seen, True)):
        await index._steps.pool.close()
        index._steps.pool._closed = False
        async with index.storage.database.write(index.storage.scope) as tx:
            await tx.run(
                "UPDATE members SET size = :size, mtime_ns = :mtime, ctime_ns = :ctime WHERE view_id = :view"
                " AND placement_id = (SELECT id FROM placements WHERE path = 'm0.py' AND repo_id = :repo)",
                {
                    "size": read.size,
                    "mtime": read.mtime_ns,
                    "ctime": read.ctime_ns,
                    "view": view.id,
                    "repo": view.repo_id,
                },
            )
        assert await was_read(index._steps, view, [Task("m0.py", seen, held.hash)]) is expected


async def test_a_removed_file_is_said_to_be_still_in_the_answer(
    index: Index, beside: tuple[View, View]
) -> None:
    view, other = beside
    async with run_over(index, other):
        Path(view.root, "m0.py").unlink()
        assert (await ask(index, view)).behind != ""


async def test_a_tree_that_another_process_reads_is_said_to_be_read(
    index: Index, beside: tuple[View, View]
) -> None:
    view, _ = beside
    async with index.storage.database.write(index.storage.scope) as tx:
        await tx.run("UPDATE views SET state = 'indexing' WHERE id = :id", {"id": view.id})
    async with turn_of_another(index, view):
        assert (await ask(index, view)).behind == "a run that reads it is at work"


async def test_a_file_that_is_found_changed_while_a_run_is_at_work_is_said_to_be_behind(
    index: Index, beside: tuple[View, View]
) -> None:
    """The question began before the run did, and its hits are compared with their files after."""
    view, _ = beside
    Path(view.root, "m0.py").write_text("def changed(): pass\n")
    async with run_over(index, view):
        renewed = await index.refresh(view, ["m0.py"])
        assert renewed.behind == "another run over this repository is at work"
    assert (await index.refresh(view, ["m0.py"])).behind == ""
    assert await words(index, view, "chang") == {"m0.py"}
