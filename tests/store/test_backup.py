"""A backup is whole, checked, and comes back."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest
from tests.store.conftest import Hand

from sophia_mcp.errors import NotFound, StoreDamaged
from sophia_mcp.store import backup
from sophia_mcp.store.engines.sqlite import SqliteDatabase, open_database
from sophia_mcp.store.jobs import Jobs
from sophia_mcp.types import LOCAL

pytestmark = pytest.mark.anyio


async def count(db: SqliteDatabase) -> int:
    async with db.read(LOCAL) as tx:
        return int((await tx.rows("SELECT count(*) FROM jobs"))[0][0])


@pytest.mark.requirement("store.backup")
async def test_a_backup_brings_back_what_was_there(
    store: SqliteDatabase, tmp_path: Path, hand: Hand
) -> None:
    jobs = Jobs(store, "w")
    for _ in range(3):
        await jobs.start(LOCAL, "index", {})
    made = await backup.create(store.path, tmp_path / "backups", clock=hand)
    assert made.created_ns == hand.now_ns
    await jobs.start(LOCAL, "index", {})
    assert await count(store) == 4
    assert await backup.restore(made.path, store.path) is None
    assert await count(store) == 3
    await jobs.start(LOCAL, "index", {})
    assert await count(store) == 4


async def test_backups_are_listed_newest_first_without_leavings(
    store: SqliteDatabase, tmp_path: Path, hand: Hand
) -> None:
    folder = tmp_path / "backups"
    made = []
    for _ in range(3):
        hand.forward(0.5)
        made.append(await backup.create(store.path, folder, clock=hand))
    assert backup.listed(folder) == made[::-1]
    assert sorted(path.name for path in folder.iterdir()) == [each.path.name for each in made]
    assert backup.listed(tmp_path / "nowhere") == []


async def test_what_only_looks_like_a_backup_does_not_hide_the_others(
    store: SqliteDatabase, tmp_path: Path
) -> None:
    made = await backup.create(store.path, tmp_path)
    (tmp_path / "state-20269999T999999.000000000.backup.db").touch()
    (tmp_path / "state-20260101T000000.000000000.backup.db").symlink_to(tmp_path / "nowhere")
    assert backup.listed(tmp_path) == [made]


async def test_a_backup_taken_while_others_write_is_whole(store: SqliteDatabase, tmp_path: Path) -> None:
    done = anyio.Event()

    async def keep_writing() -> None:
        jobs = Jobs(store, "w")
        while not done.is_set():
            async with store.write(LOCAL) as tx:
                for half in ("one", "other"):
                    await jobs.enlist(tx, "index", {"half": half, "pad": "x" * 2000})

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keep_writing)
        made = [await backup.create(store.path, tmp_path / "b") for _ in range(5)]
        done.set()
    for each in made:
        await backup.verify(each.path)
        copy = await open_database(each.path, durability="truth")
        async with copy.read(LOCAL) as tx:
            assert await tx.rows("SELECT count(*) % 2 FROM jobs") == [(0,)]
        await copy.close()


async def test_checking_a_file_that_a_program_has_open_takes_nothing_from_it(
    store: SqliteDatabase, tmp_path: Path
) -> None:
    jobs = Jobs(store, "w")
    await jobs.start(LOCAL, "index", {})
    await backup.verify(store.path)
    await backup.restore(store.path, tmp_path / "other.db")
    await jobs.start(LOCAL, "index", {})
    other = await open_database(store.path, durability="truth")
    assert await count(other) == 2
    await other.close()


@pytest.mark.requirement("store.backup")
@pytest.mark.parametrize("harm", ["bit", "shorter", "empty", "garbage"])
async def test_a_damaged_backup_is_refused_before_anything_is_touched(
    store: SqliteDatabase, tmp_path: Path, harm: str
) -> None:
    jobs = Jobs(store, "w")
    for _ in range(50):
        await jobs.start(LOCAL, "index", {"pad": os.urandom(500).hex()})
    made = await backup.create(store.path, tmp_path / "b")
    raw = bytearray(made.path.read_bytes())
    if harm == "bit":
        raw[len(raw) * 2 // 3] ^= 1
    elif harm == "shorter":
        raw = raw[: len(raw) // 2]
    elif harm == "empty":
        raw = bytearray()
    else:
        raw = bytearray(os.urandom(len(raw)))
    made.path.write_bytes(raw)
    await jobs.start(LOCAL, "index", {})
    with pytest.raises(StoreDamaged):
        await backup.restore(made.path, store.path)
    assert await count(store) == 51


async def test_a_damaged_store_is_set_aside_and_replaced(tmp_path: Path, store: SqliteDatabase) -> None:
    await Jobs(store, "w").start(LOCAL, "index", {})
    made = await backup.create(store.path, tmp_path / "b")
    lost = tmp_path / "lost" / "state.db"
    lost.parent.mkdir()
    lost.write_bytes(b"ruined" * 1000)
    aside = await backup.restore(made.path, lost)
    assert aside is not None
    assert aside.read_bytes().startswith(b"ruined")
    db = await open_database(lost, durability="truth")
    assert await count(db) == 1
    await db.close()


async def test_a_store_that_is_damaged_in_one_page_is_set_aside_too(
    tmp_path: Path, store: SqliteDatabase
) -> None:
    made = await backup.create(store.path, tmp_path / "b")
    for _ in range(50):
        await Jobs(store, "w").start(LOCAL, "index", {"pad": os.urandom(500).hex()})
    await store.close()
    raw = bytearray(store.path.read_bytes())
    raw[-2000] ^= 1
    store.path.write_bytes(raw)
    aside = await backup.restore(made.path, store.path)
    assert aside is not None
    assert aside.read_bytes() == raw
    db = await open_database(store.path, durability="truth")
    assert await count(db) == 0
    await db.close()


async def test_a_backup_is_restored_where_nothing_was(tmp_path: Path, store: SqliteDatabase) -> None:
    made = await backup.create(store.path, tmp_path / "b")
    await backup.restore(made.path, tmp_path / "new" / "state.db")
    db = await open_database(tmp_path / "new" / "state.db", durability="truth")
    assert await count(db) == 0
    await db.close()


async def test_what_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await backup.create(tmp_path / "none.db", tmp_path / "b")
    with pytest.raises(NotFound):
        await backup.verify(tmp_path / "none.backup.db")
    with pytest.raises(NotFound):
        await backup.restore(tmp_path / "none.backup.db", tmp_path / "state.db")
    assert not (tmp_path / "state.db").exists()
