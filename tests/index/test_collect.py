"""What nobody shows goes away, and what went is gone from every table."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import anyio
import numpy as np
import pytest
from tests.index.trees import commit_all, contents, count, make_repository, open_index, words

from sophia_mcp.embed.workers import encoder_opener
from sophia_mcp.errors import DiskFull, NotFound
from sophia_mcp.index import collect as collecting
from sophia_mcp.index import turn as turns
from sophia_mcp.index.build import Index, Model
from sophia_mcp.index.collect import Collector, Room, collect, forget_repo, shrink
from sophia_mcp.index.run import Storage
from sophia_mcp.index.views import repositories
from sophia_mcp.store import upkeep
from sophia_mcp.store.database import Transaction
from sophia_mcp.store.engines.sqlite import SqliteDatabase
from sophia_mcp.store.vectors import INDEXES, ROWS_PER_PLACEMENT
from sophia_mcp.types import LOCAL, Scope

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("index.collect")]
Write = Callable[..., Path]


@pytest.mark.requirement("index.collect")
async def test_replaced_files_are_kept_for_a_while_and_then_collected(index: Index, tree: Write) -> None:
    root = tree({f"m{i}.py": f"def old{i}_thing(): pass\n" for i in range(20)})
    await index.update(root)
    for i in range(20):
        (root / f"m{i}.py").write_text(f"def new{i}_thing(): pass\n")
    await index.update(root)
    view = await index.resolve("app")
    assert await count(index, "placements") == 40
    before = await contents(index, view)
    assert (await collect(index.storage, view.repo_id)).placements == 0
    gone = await collect(index.storage, view.repo_id, everything=True)
    assert (gone.placements, gone.blobs) == (20, 20)
    assert await contents(index, view) == before
    assert await count(index, "blobs") == await count(index, "placements") == 20
    assert (
        await words(index, view, "new3") == set()
    )  # a whole identifier is marked, its parts are not "new3"
    async with index.storage.database.read(index.storage.scope) as tx:
        assert (await index.storage.text.frequencies(tx, view.repo_id, ["old", "new"])).documents == {
            "new": 20
        }
        assert await index.storage.trigrams.candidates(tx, view.repo_id, [["old3_"]]) == []


@pytest.mark.requirement("store.vectors_contract")
@pytest.mark.parametrize("name", INDEXES.names())
async def test_an_open_index_of_vectors_follows_what_is_edited_collected_and_forgotten(
    name: str, tree: Write, tmp_path: Path
) -> None:
    encoder = encoder_opener("hashing", {})
    async with open_index(tmp_path / "store", Model("hashing-64", encoder=encoder)) as index:
        root = tree({f"m{i}.py": f"def old{i}_thing(): pass\n" for i in range(6)})
        await index.update(root)
        view = await index.resolve("app")
        vectors = INDEXES.load(name)(tmp_path)

        async def held() -> set[int]:
            async with index.storage.database.read(LOCAL) as tx:
                near = await vectors.search(tx, view.repo_id, "hashing-64", np.ones(64, "f4"), 99, None)
            return {id_ // ROWS_PER_PLACEMENT for id_ in near.ids.tolist()}

        async def stored() -> set[int]:
            async with index.storage.database.read(LOCAL) as tx:
                return {id_ for (id_,) in await tx.rows("SELECT placement_id FROM vectors")}

        assert len(await held()) == 6
        (root / "m3.py").write_text("def new_thing(): pass\n")
        await index.update(root)
        assert await held() == await stored()
        assert len(await stored()) == 7
        await collect(index.storage, view.repo_id, everything=True)
        assert await held() == await stored()
        assert len(await stored()) == 6
        await index.update(root, full=True)
        assert await held() == await stored()
        assert len(await stored()) == 6
        await forget_repo(index.storage, view.repo_id)
        assert await held() == set()
        await vectors.close()


@pytest.mark.requirement("index.collect")
async def test_many_dead_placements_go_by_themselves(
    index: Index, tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "DEAD_KEPT", 3)
    root = tree({f"m{i}.py": f"x = {i}\n" for i in range(10)})
    await index.update(root)
    for i in range(10):
        (root / f"m{i}.py").write_text(f"y = {i}\n")
    await index.update(root)
    assert await count(index, "placements") == 10


@pytest.mark.requirement("index.collect")
async def test_the_view_of_a_removed_worktree_goes_but_that_of_a_missing_drive_stays(
    index: Index, tree: Write, tmp_path: Path
) -> None:
    root = tree({"a.py": "x = 1\n"})
    repository = make_repository(root)
    commit_all(repository)
    repository.add_worktree("side", str(tmp_path / "side"))
    await index.update(root)
    await index.update(tmp_path / "side")
    alone = tree({"b.py": "y = 2\n"}, "drive")
    await index.update(alone)
    shutil.rmtree(tmp_path / "side")
    shutil.rmtree(alone)
    for view in await repositories(index.storage.database):
        await collect(index.storage, view.repo_id)
    assert [view.name for view in await repositories(index.storage.database)] == ["app", "drive"]


@pytest.mark.requirement("index.collect")
async def test_a_folder_that_is_gone_fails_and_loses_nothing(index: Index, tree: Write) -> None:
    root = tree({"a.py": "x = 1\n"})
    await index.update(root)
    view = await index.resolve("app")
    root.rename(root.with_name("away"))
    failed = await index.reconcile(view, now=True)
    assert (failed.state, "gone" in failed.reason) == ("failed", True)
    assert await count(index, "members") == 1
    root.with_name("away").rename(root)
    assert (await index.reconcile(view, now=True)).state == "ready"


@pytest.mark.requirement("index.collect")
async def test_a_full_store_forgets_the_view_that_was_used_longest_ago(
    index: Index, tree: Write
) -> None:
    for name in ("one", "two", "three"):
        await index.update(tree({"a.py": f"def {name}(): pass\n" * 50}, name))
    async with index.storage.database.write(index.storage.scope) as tx:
        await tx.run("UPDATE views SET used_ns = 5 WHERE name = 'two'")
    keep = await index.resolve("one")
    sizes = [1_001]

    async def size() -> int:
        return sizes[0]

    async def reclaim() -> int:
        sizes[0] -= 1
        return 1

    assert await shrink(index.storage, Room(1_001, size, reclaim, settle), keep.id) == []
    assert (
        await shrink(index.storage, Room(1_000, size, reclaim, settle), keep.id) == []
    )  # collecting was enough
    assert await shrink(index.storage, Room(998, size, reclaim, settle), keep.id) == ["two"]
    assert await shrink(index.storage, Room(1, size, reclaim, settle), keep.id) == ["three"]
    assert [view.name for view in await repositories(index.storage.database)] == ["one"]


async def settle() -> None:
    """A store whose size is a number has no log."""


async def nothing() -> int:
    return 0


def real_room(database: SqliteDatabase, limit: int) -> Room:
    return Room(
        limit,
        partial(upkeep.size, database),
        partial(upkeep.reclaim, database),
        partial(database.checkpoint, truncate=True),
    )


@pytest.mark.requirement("index.collect")
async def test_a_real_store_over_its_limit_becomes_smaller(tree: Write, tmp_path: Path) -> None:
    async with open_index(tmp_path / "store") as index:
        database = index.storage.database
        assert isinstance(database, SqliteDatabase)
        for name in ("one", "two"):
            await index.update(
                tree({f"{i}.py": f"def {name}{i}(): pass\n" * 200 for i in range(60)}, name)
            )
        full = await upkeep.size(database)
        index.room = real_room(database, full // 2)
        await index.update(tree({"a.py": "x = 1\n"}, "three"))
        assert await upkeep.size(database) < full
        assert "three" in [view.name for view in await repositories(database)]


@pytest.mark.requirement("index.collect")
async def test_what_is_forgotten_gives_its_space_back(tree: Write, tmp_path: Path) -> None:
    async with open_index(tmp_path / "store") as index:
        database = index.storage.database
        assert isinstance(database, SqliteDatabase)
        index.room = real_room(database, 1 << 40)
        for name in ("small", "large"):
            await index.update(
                tree({f"{i}.py": f"def {name}{i}(): pass\n" * 200 for i in range(60)}, name)
            )
        full = await upkeep.size(database)
        await index.forget(await index.resolve("large"))
        assert await upkeep.size(database) < full * 0.7
        assert (await index.report(await index.resolve("small"))).files_indexed == 60


class Crowded:
    """A disk with room for so many writes, and after its log was settled for so many more."""

    def __init__(self, index: Index, writes: int, settled: int = 0) -> None:
        self._write = index.storage.database.write
        self._left, self._settled = writes, settled

    async def settle(self) -> None:
        self._left = self._settled

    def write(self, scope: Scope) -> AbstractAsyncContextManager[Transaction]:
        self._left -= 1
        if self._left < 0:
            raise DiskFull("could not write index.db")
        return self._write(scope)


@pytest.mark.requirement("index.collect")
@pytest.mark.parametrize("writes", range(5))
async def test_what_could_not_be_forgotten_for_want_of_space_can_be_forgotten_again(
    index: Index, tree: Write, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    await index.update(tree({f"{i}.py": f"x{i} = {i}\n" for i in range(250)}, "large"))
    view = await index.resolve("large")
    with monkeypatch.context() as patched, pytest.raises(DiskFull):
        patched.setattr(index.storage.database, "write", Crowded(index, writes).write)
        await forget_repo(index.storage, view.repo_id)
    [left] = await repositories(index.storage.database)
    assert (left.name, left.state) == ("large", "failed" if writes else "ready")
    await forget_repo(index.storage, left.repo_id)
    for table in ("views", "repos", "blobs", "chunks", "members"):
        assert await count(index, table) == 0


@pytest.mark.requirement("index.collect")
async def test_a_repository_is_forgotten_where_the_disk_has_room_for_one_step_at_a_time(
    index: Index, tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    await index.update(tree({f"{i}.py": f"x{i} = {i}\n" for i in range(250)}, "large"))
    view = await index.resolve("large")
    disk = Crowded(index, 0, 1)
    monkeypatch.setattr(index.storage.database, "write", disk.write)
    await forget_repo(index.storage, view.repo_id, Room(1 << 40, nothing, nothing, disk.settle))
    assert await count(index, "blobs") == await count(index, "views") == 0


@pytest.mark.requirement("index.collect")
async def test_a_repository_that_is_gone_from_disk_goes_where_there_is_room_for_one_step_at_a_time(
    index: Index, tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    await index.update(tree({"a.py": "x = 1\n"}, "here"))
    here = await index.resolve("here")
    await index.update(tree({"a.py": "y = 1\n"}, "old"))
    shutil.rmtree((await index.resolve("old")).root)
    async with index.storage.database.write(index.storage.scope) as tx:
        await tx.run("UPDATE views SET used_ns = 5")
    disk = Crowded(index, 0, 1)
    monkeypatch.setattr(index.storage.database, "write", disk.write)
    room = Room(1 << 40, nothing, nothing, disk.settle)
    await Collector(index.storage).after_run(here, room)
    assert [view.name for view in await repositories(index.storage.database)] == ["here"]


@pytest.mark.requirement("index.collect")
async def test_what_another_process_reads_of_a_repository_while_it_is_forgotten_goes_with_it(
    index: Index, tree: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await index.update(tree({f"{i}.py": f"x{i} = {i}\n" for i in range(3)}, "large"))
    view = await index.resolve("large")
    remove = collecting._remove_some

    async def beside(storage: Storage, blobs: Sequence[int]) -> int:
        removed = await remove(storage, blobs)
        await index.update(Path(view.root))
        return removed

    monkeypatch.setattr(collecting, "_remove_some", beside)
    await forget_repo(index.storage, view.repo_id)
    for table in ("views", "repos", "members", "placements", "sqlite_schema WHERE name LIKE 'text_1%'"):
        assert await count(index, table) == 0


@pytest.mark.requirement("index.collect")
async def test_a_run_whose_repository_was_forgotten_while_its_process_was_stopped_writes_nothing_more(
    index: Index, tree: Write
) -> None:
    root = tree({f"{i}.py": f"def f{i}(): pass\n" for i in range(300)}, "large")
    begun, gone = anyio.Event(), anyio.Event()

    async def run() -> None:
        with pytest.raises(NotFound, match="no longer indexed"):
            await index.update(root, progress=lambda done, total, text: begun.set())
        gone.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await begun.wait()
        # As another process does once the lease of the one that was stopped has run out.
        await forget_repo(index.storage, (await index.resolve("large")).repo_id)
        assert not gone.is_set()
    for table in ("views", "repos", "members", "placements", "skips"):
        assert await count(index, table) == 0
    assert (
        await count(index, "sqlite_schema WHERE name LIKE 'text_1%' OR name LIKE 'trigram_segments_1%'")
        == 0
    )


@pytest.mark.requirement("index.collect")
async def test_no_other_process_gets_its_turn_while_a_large_repository_is_forgotten(
    index: Index, tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    await index.update(tree({"a.py": "x = 1\n"}, "large"))
    view = await index.resolve("large")
    lease, remove = f"index:{view.repo_id}", collecting._remove_some
    monkeypatch.setattr(turns, "RENEW_S", 0.01)

    async def until() -> int:
        async with index.storage.database.read(LOCAL) as tx:
            [(expires,)] = await tx.rows(
                "SELECT expires_ns FROM leases WHERE name = :name", {"name": lease}
            )
        return int(expires)

    async def slow(storage: Storage, blobs: Sequence[int]) -> int:
        before = await until()
        with anyio.fail_after(20):
            while await until() <= before:
                await anyio.sleep(0.01)
        return await remove(storage, blobs)

    monkeypatch.setattr(collecting, "_remove_some", slow)
    await index.forget(view)
    assert not await repositories(index.storage.database)


async def test_what_small_edits_replace_goes_while_a_tree_is_watched(
    index: Index, tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "DEAD_KEPT", 5)
    monkeypatch.setattr(collecting, "COLLECT_AFTER", 10)
    root = tree({f"m{i}.py": f"x = {i}\n" for i in range(10)})
    await index.update(root)
    view = await index.resolve("app")
    for number in range(40):
        (root / "m1.py").write_text(f"y = {number:03} + {'1' * number}\n")
        if number % 2:
            await index.refresh(view, ["m1.py"], wait=True)
        else:
            await index.reconcile(view, now=True)
        assert await count(index, "placements") <= 10 + 5 + 10
    assert await count(index, "members") == 10


async def test_a_repository_that_is_gone_from_disk_goes_when_nobody_used_it_for_a_week(
    index: Index, tree: Write
) -> None:
    for name in ("old", "fresh", "here"):
        await index.update(tree({"a.py": f"def {name}(): pass\n"}, name))
    for name in ("old", "fresh"):
        shutil.rmtree((await index.resolve(name)).root)
    async with index.storage.database.write(index.storage.scope) as tx:
        await tx.run("UPDATE views SET used_ns = 5 WHERE name IN ('old', 'here')")
    await index.update(tree({"a.py": "x = 1\n"}, "another"))
    names = [view.name for view in await repositories(index.storage.database)]
    assert names == ["another", "fresh", "here"]
    assert await count(index, "placements") == await count(index, "blobs") == 3


async def test_full_text_is_in_one_piece_after_a_collection_and_holds_nothing_of_what_was_collected(
    index: Index, tree: Write
) -> None:
    root = tree({f"m{i}.py": f"def old{i}_thing(): pass\n" for i in range(20)})

    async def segments() -> int:
        return await count(index, "(SELECT DISTINCT segid FROM text_1_idx)")

    for start in (0, 10):
        for i in range(start, start + 10):
            (root / f"m{i}.py").write_text(f"def new{i}_thing(): pass\n")
        await index.update(root)
    view = await index.resolve("app")
    assert await segments() > 1
    await collect(index.storage, view.repo_id, everything=True)
    assert await segments() == 1
    assert await count(index, "(SELECT 1 WHERE (SELECT MAX(id) FROM text_1_data) >= 1 << 53)") == 0


async def test_what_the_limit_of_the_store_cost_is_said(index: Index, tree: Write) -> None:
    for name in ("one", "two"):
        await index.update(tree({"a.py": f"def {name}(): pass\n"}, name))

    async def size() -> int:
        return 80 << 20

    async def reclaim() -> int:
        return 0

    index.room = Room(50 << 20, size, reclaim, settle)
    said = (await index.update(tree({"a.py": "x = 1\n"}, "three"))).notes
    assert "index.store_limit_mb (50)" in said[0]
    assert "one, two" in said[0]
    assert "holds 80 MB" in said[1]
