"""From a folder to searchable rows, and after every change again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import anyio
import anyio.lowlevel
import apsw
import pytest
from tests.index.trees import commit_all, contents, make_repository, open_index, shown, skipped, words

from sophia_mcp.embed.workers import encoder_opener, open_encoder
from sophia_mcp.index import distant
from sophia_mcp.index.build import Index, Model
from sophia_mcp.index.disk.stamp import stamp_of
from sophia_mcp.index.run import SMALL, Stopped, quiet
from sophia_mcp.index.turn import Turn
from sophia_mcp.index.views import View
from sophia_mcp.index.workers.messages import Task
from sophia_mcp.store import leases
from sophia_mcp.types import Passage

pytestmark = pytest.mark.anyio
Write = Callable[..., Path]


@pytest.mark.requirement("search.modes")
async def test_a_folder_is_searchable_after_one_update(index: Index, tree: Write) -> None:
    root = tree({"src/shop.py": "def add_item(cart):\n    return cart\n", "README.md": "# Shop\n"})
    report = await index.update(root)
    assert (report.state, report.files_total, report.files_indexed) == ("ready", 2, 2)
    view = await index.resolve(str(root))
    assert await words(index, view, "item") == {"src/shop.py"}
    assert (view.stage, view.detection) == ("done", "walk")


@pytest.mark.requirement("index.incremental")
async def test_an_edited_file_is_found_by_its_new_words_only(index: Index, tree: Write) -> None:
    root = tree({"a.py": "def old_name(): pass\n", "b.py": "x = 1\n"})
    await index.update(root)
    (root / "a.py").write_text("def new_name(): pass\n")
    report = await index.update(root)
    view = await index.resolve(str(root))
    assert report.files_changed == 1
    assert await words(index, view, "new") == {"a.py"}
    assert await words(index, view, "old") == set()


@pytest.mark.requirement("index.rename")
@pytest.mark.requirement("index.incremental")
async def test_a_renamed_file_is_found_at_its_new_path(index: Index, tree: Write) -> None:
    root = tree({"a.py": "def keep(): pass\n", "b.py": "x = 1\n"})
    await index.update(root)
    (root / "a.py").rename(root / "moved.py")
    report = await index.update(root)
    view = await index.resolve(str(root))
    assert report.files_removed == 1
    assert await words(index, view, "keep") == {"moved.py"}


@pytest.mark.requirement("index.rename")
async def test_what_is_renamed_is_found_all_the_while(index: Index, tree: Write) -> None:
    files = {f"old/m{i}.py": f"def other_{i}(): pass\n" for i in range(150)}
    root = tree({**files, "old/z.py": "def keep(): pass\n"})
    await index.update(root)
    view = await index.resolve(str(root))
    (root / "old").rename(root / "new")
    seen: set[str] = set()
    ended = anyio.Event()

    async def update() -> None:
        await index.update(root)
        ended.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(update)
        while not ended.is_set():
            found = await words(index, view, "keep")
            assert found
            seen |= found
    assert await words(index, view, "keep") == {"new/z.py"}
    assert "old/z.py" in seen


@pytest.mark.requirement("index.dirty_overlay", "index.ignore_rules")
async def test_a_repository_shows_tracked_and_untracked_files_but_not_ignored_ones(
    index: Index, tree: Write
) -> None:
    root = tree(
        {"a.py": "a = 1\n", ".gitignore": "*.log\nout/\n", "x.log": "no\n", "out/b.py": "b = 2\n"}
    )
    commit_all(make_repository(root))
    (root / "new.py").write_text("n = 3\n")
    await index.update(root)
    view = await index.resolve(str(root))
    assert set(await shown(index, view)) == {"a.py", ".gitignore", "new.py"}
    assert (view.detection, view.branch) == ("git", "main")
    left = await skipped(index, view)
    assert left["x.log"] == left["out/"] == "ignored by .gitignore"


async def count(index: Index, sql: str) -> int:
    async with index.storage.database.read(index.storage.scope) as tx:
        return int((await tx.rows(sql))[0][0])


@pytest.mark.requirement("index.versions")
async def test_what_an_older_parser_made_is_made_again(index: Index, tree: Write) -> None:
    root = tree({f"m{i}.py": f"def f{i}(): pass\n" for i in range(3)})
    await index.update(root)
    fresh = await contents(index, await index.resolve("app"))
    async with index.storage.database.write(index.storage.scope) as tx:
        await tx.run("UPDATE blobs SET chunker = 'older'")
        await tx.run("UPDATE chunks SET end_line = 99")
    index.trees.forget((await index.resolve("app")).id)
    report = await index.update(root)
    assert report.files_changed == 3
    assert await contents(index, await index.resolve("app")) == fresh
    assert (await index.update(root)).files_changed == 0


@pytest.mark.requirement("index.versions")
async def test_another_model_makes_new_vectors_and_nothing_else(tree: Write, tmp_path: Path) -> None:
    root = tree({f"m{i}.py": f"def f{i}(): pass\n" for i in range(3)} | {"empty.py": ""})
    opener = encoder_opener("hashing")
    async with open_index(tmp_path / "store", Model("first", opener)) as index:
        await index.update(root)
        assert (await index.update(root)).files_changed == 0
        blobs = await count(index, "SELECT MAX(id) FROM blobs")
    async with open_index(tmp_path / "store", Model("second", opener)) as index:
        assert (await index.update(root)).files_changed == 3
        assert await count(index, "SELECT MAX(id) FROM blobs") == blobs
        assert await count(index, "SELECT COUNT(*) FROM vectors WHERE model = 'second'") == 3


@pytest.mark.requirement("index.versions")
async def test_vectors_of_a_hosted_model_come_after_the_words(tree: Write, tmp_path: Path) -> None:
    root = tree({f"m{i}.py": f"def f{i}(): pass\n" for i in range(3)})
    encoder = open_encoder("hashing", {})
    asked: list[int] = []

    async def embed(passages: Sequence[Passage]) -> distant.Made:
        asked.append(len(passages))
        return distant.Made(*encoder.encode(passages))

    async def measure() -> int:
        return len(encoder.encode([Passage((), "word")]).rows[0])

    async with open_index(
        tmp_path / "hosted", Model("model", distant=distant.Model("model", embed, measure))
    ) as index:
        await index.update(root)
        assert sum(asked) == 3
        await index.update(root)
        assert sum(asked) == 3
        hosted = await contents(index, await index.resolve("app"))
    async with open_index(tmp_path / "local", Model("model", encoder_opener("hashing"))) as index:
        await index.update(root)
        assert await contents(index, await index.resolve("app")) == hosted


@pytest.mark.requirement("index.incremental")
async def test_everything_is_read_again_when_asked_for_and_says_the_same(
    index: Index, tree: Write
) -> None:
    root = tree({"a.py": "def f():\n    pass\n", "b.md": "# B\n"})
    await index.update(root)
    fresh = await contents(index, await index.resolve("app"))
    async with index.storage.database.write(index.storage.scope) as tx:
        await tx.run("DELETE FROM symbols")
    assert (await index.update(root, full=True)).files_changed == 2
    view = await index.resolve("app")
    assert await contents(index, view) == fresh
    async with index.storage.database.read(index.storage.scope) as tx:
        assert (await index.storage.text.frequencies(tx, view.repo_id, ["f"])).total == 2


@pytest.mark.requirement("index.dirty_overlay")
async def test_edits_that_are_not_committed_overlay_the_commit(index: Index, tree: Write) -> None:
    root = tree({"a.py": "def committed(): pass\n", "b.py": "x = 1\n"})
    repository = make_repository(root)
    commit_all(repository)
    (root / "a.py").write_text("def uncommitted(): pass\n")
    await index.update(root)
    view = await index.resolve("app")
    assert await words(index, view, "uncommit") == {"a.py"}
    assert view.commit == str(repository.head.target)
    (root / "a.py").write_text("def committed(): pass\n")
    view = await index.reconcile(view, now=True)
    assert await words(index, view, "uncommit") == set()


@pytest.mark.requirement("index.incremental")
async def test_a_tree_is_looked_at_once_a_second_at_most(index: Index, tree: Write) -> None:
    root = tree({"a.py": "def one(): pass\n"})
    await index.update(root)
    view = await index.reconcile(await index.resolve("app"), now=True)
    (root / "a.py").write_text("def two(): pass\n")
    view = await index.reconcile(view)
    assert await words(index, view, "two") == set()
    view = await index.refresh(view, ["a.py", "nowhere.py"])
    assert await words(index, view, "two") == {"a.py"}


@pytest.mark.requirement("index.incremental")
async def test_files_that_were_only_written_again_make_nobody_read_the_map_again(
    index: Index, tree: Write
) -> None:
    root = tree({"a.py": "def one(): pass\n", "b.py": "def two(): pass\n"})
    await index.update(root)
    view = await index.reconcile(await index.resolve("app"), now=True)
    (root / "a.py").write_text("def one(): pass\n")
    same = await index.reconcile(view, now=True)
    assert (same.state, same.generation) == ("ready", view.generation)
    (root / "a.py").write_text("def three(): pass\n")
    assert (await index.reconcile(view, now=True)).generation > view.generation


@pytest.mark.requirement("index.ignore_rules")
async def test_another_choice_of_files_holds_at_once_on_a_tree_that_did_not_change(
    index: Index, tree: Write
) -> None:
    root = tree({"src/a.py": "x = 1\n", "docs/b.md": "# B\n"})
    await index.update(root)
    await index.update(root)
    found = [
        (await index.update(root, include=include, exclude=exclude)).files_indexed
        for include, exclude in ((["src"], None), (None, ["src"]), ([""], None), (None, []))
    ]
    assert found == [1, 0, 1, 2]


async def test_a_language_stands_once_in_a_report(index: Index, tree: Write) -> None:
    report = await index.update(tree({"notes.txt": "one\n", "LICENCE": "two\n", ".flags": "three\n"}))
    assert report.languages == (("text", 3),)


@pytest.mark.requirement("index.git_unreadable")
async def test_a_repository_that_cannot_be_read_is_walked_and_the_report_says_so(
    index: Index, tree: Write
) -> None:
    root = tree({"a.py": "x = 1\n", ".gitignore": "*.log\n", "x.log": "no\n"})
    repository = make_repository(root)
    commit_all(repository)
    (root / ".git" / "index").write_bytes(b"not an index")
    report = await index.update(root)
    view = await index.resolve("app")
    assert (view.detection, report.files_indexed) == ("walk", 2)
    assert any("found by size, time and hash: its index cannot be read" in note for note in report.notes)


@pytest.mark.parametrize("watched", [True, False])
@pytest.mark.requirement("index.incremental")
async def test_many_changes_met_by_a_look_at_the_tree_are_prepared_to_the_end(
    index: Index, tree: Write, watched: bool
) -> None:
    root = tree({"a.py": "def name(): pass\n"})
    await index.update(root)
    for number in range(SMALL + 1):
        (root / f"new{number}.py").write_text(f"def added{number}(): pass\n")
    view = await index.resolve(str(root))
    index.trees.forget(view.id)
    assert (await index.reconcile(view, now=watched)).stage == "done"
    async with index.storage.database.read(index.storage.scope) as tx:
        assert await tx.rows("SELECT COUNT(*), SUM(trigram) FROM placements") == [(SMALL + 2, SMALL + 2)]


@pytest.mark.requirement("search.partial")
async def test_many_changes_are_left_to_a_run_apart_and_said_not_to_be_there_while_it_goes_on(
    index: Index, tree: Write
) -> None:
    root = tree({"a.py": "def name(): pass\n"})
    await index.update(root)
    view = await index.resolve(str(root))
    left: list[View] = []

    async def leave(view: View) -> None:
        left.append(view)

    index.apart = leave
    for number in range(SMALL - 1):
        (root / f"new{number}.py").write_text(f"x = {number}\n")
    (root / "new7.py").write_text("zebra = 1\n")
    index.trees.forget(view.id)
    assert not (await index.reconcile(view)).behind  # so many are read at once
    assert await words(index, view, "zebra") == {"new7.py"}
    for number in range(SMALL + 1):
        (root / f"new{number}.py").write_text(f"y = {number}\n")
    (root / "new7.py").write_text("panda = 1\n")
    index.trees.forget(view.id)
    for _ in range(2):  # who asks within the second is told, too
        assert (await index.reconcile(view)).behind
    assert [one.id for one in left] == [view.id, view.id]

    async def stop(view: View) -> None:
        raise Stopped("the run was cancelled")  # as one that somebody stopped before its turn came

    index.apart = stop
    assert (await index.reconcile(view)).behind == "the run was cancelled"
    assert not await words(index, view, "panda")
    assert not (await index.reconcile(view, now=True)).behind  # a watcher reads it itself
    assert await words(index, view, "panda") == {"new7.py"}


@pytest.mark.requirement("index.incremental")
async def test_a_file_that_was_just_written_and_is_the_same_needs_no_worker(
    index: Index, tree: Write, tmp_path: Path
) -> None:
    root = tree({"a.py": "def name(): pass\n", "b.py": "x = 1\n"})
    await index.update(root)
    view = await index.resolve(str(root))
    async with open_index(tmp_path / "store") as late:
        await late.reconcile(view, now=True)
        assert not late._steps.pool._idle  # where one that was started would wait for more
        (root / "b.py").write_text("y = 2\n")
        await late.reconcile(view, now=True)
        assert late._steps.pool._idle
    assert await words(index, view, "y") == {"b.py"}


@pytest.mark.requirement("index.incremental")
async def test_many_files_that_were_just_written_and_are_the_same_need_no_run(
    index: Index, tree: Write, tmp_path: Path
) -> None:
    root = tree({f"m{n}.py": f"def f{n}(): pass\n" for n in range(SMALL + 8)})
    await index.update(root)
    view = await index.resolve(str(root))
    left: list[View] = []

    async def leave(view: View) -> None:
        left.append(view)

    async with open_index(tmp_path / "store", apart=leave) as late:
        found = await late.reconcile(view)
        assert (found.state, found.behind, found.generation) == ("ready", "", view.generation)
        assert not left
        assert not late._steps.pool._idle


@pytest.mark.requirement("index.incremental")
async def test_who_has_no_worker_lets_the_process_that_follows_the_tree_read_an_edit(
    index: Index, tree: Write, tmp_path: Path
) -> None:
    root = tree({"a.py": "def old_name(): pass\n", "b.py": "x = 1\n"})
    await index.update(root)
    view = await index.resolve(str(root))
    async with open_index(tmp_path / "store") as late:
        await late.reconcile(view)
        (root / "b.py").write_text("y = 2\n")
        await index.refresh(view, ["b.py"], wait=True)
        (root / "a.py").write_text("def new_name(): pass\n")
        late.trees.seen(view).checked -= 2
        looked = late.trees.seen(view).checked
        async with anyio.create_task_group() as group:

            async def ask() -> None:
                assert not (await late.reconcile(view)).behind
                assert await words(late, view, "new") == {"a.py"}

            group.start_soon(ask)
            while late.trees.seen(view).checked == looked:  # until it has seen the edit
                await anyio.lowlevel.checkpoint()
            await index.refresh(view, ["a.py"], wait=True)
        assert not any(worker.used for worker in late._steps.pool._idle)


@pytest.mark.requirement("index.incremental")
async def test_what_another_process_read_while_one_waited_for_its_turn_is_not_read_again(
    index: Index, tree: Write, tmp_path: Path
) -> None:
    root = tree({"a.py": "def old_name(): pass\n", "b.py": "x = 1\n"})
    await index.update(root)
    view = await index.resolve(str(root))
    database, lease = index.storage.database, f"index:{view.repo_id}"
    (root / "a.py").write_text("def new_name(): pass\n")
    async with open_index(tmp_path / "store") as late:
        async with anyio.create_task_group() as group:
            assert await leases.take(database, lease, "another:machine:1", 60)
            group.start_soon(partial(late.reconcile, view, now=True))
            while late.trees.seen(view).age == float("inf"):  # until it has seen the edit, and waits
                await anyio.lowlevel.checkpoint()
            run = index._steps.run(view, index._steps.target(view), Turn(database, lease), quiet, None)
            stamp = stamp_of(str(root / "a.py"))
            assert stamp is not None
            await run.read_again(index.trees.place(view), [Task("a.py", stamp, "")])
            await leases.release(database, lease, "another:machine:1")
        assert not late._steps.pool._idle
    assert await words(index, view, "new") == {"a.py"}


@pytest.mark.requirement("search.partial")
@pytest.mark.parametrize("edited", [SMALL, SMALL + 8])
async def test_a_ready_view_says_that_it_is_read_anew_unless_that_takes_a_blink(
    index: Index, tree: Write, tmp_path: Path, edited: int
) -> None:
    root = tree({f"part{n}.py": f"def part_{n}(): pass\n" for n in range(edited)})
    await index.update(root)
    for n in range(edited):
        (root / f"part{n}.py").write_text(f"def later_{n}(): pass\n")
    states = set()

    def look(done: int, total: int, text: str) -> None:
        # Another SQLite in the same process would end the locks of this one.
        with closing(apsw.Connection(str(tmp_path / "store" / "index.db"))) as store:
            states.update(store.execute("SELECT state FROM views").fetchone())

    report = await index.update(root, progress=look)
    assert report.state == "ready"
    assert ("indexing" in states) == (edited > SMALL)


@pytest.mark.requirement("search.never_silently_stale")
async def test_a_view_counts_as_looked_at_from_when_its_look_began(index: Index, tree: Write) -> None:
    """Not from when its run ended: what came meanwhile would count as seen, and missing."""
    root = tree({"a.py": "def a(): pass\n"})
    under_way: list[int] = []
    await index.update(root, progress=lambda *_: under_way.append(time.time_ns()))
    assert (await index.resolve(str(root))).reconciled_ns < under_way[0]
