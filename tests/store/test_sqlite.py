"""How SQLite is driven: locks, cancellation, damage, and the version that is linked."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import apsw
import pytest

from sophia_mcp.errors import BadSetting, DiskFull, OldSQLite, StoreBusy, StoreDamaged
from sophia_mcp.store.driver import Durability, Opening, connect, require_sqlite
from sophia_mcp.store.engines.sqlite import SqliteDatabase, open_database, refuse_network
from sophia_mcp.store.failures import damage_mark, translated
from sophia_mcp.store.migrations import Migrations, Step
from sophia_mcp.types import LOCAL

pytestmark = pytest.mark.anyio

TABLES = Migrations("t", (Step(1, "CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)", 1, 1),))
ENDLESS = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    db = await open_database(tmp_path / "index.db", durability="derived")
    await db.migrate(TABLES)
    yield db
    await db.close()


@pytest.mark.requirement("store.sqlite_floor")
def test_the_linked_sqlite_is_new_enough() -> None:
    require_sqlite()
    require_sqlite(apsw.sqlite_lib_version())


@pytest.mark.requirement("store.sqlite_floor")
@pytest.mark.parametrize("version", ["3.40.1", "3.51.2", "3.7.0", "2.99.99"])
def test_an_sqlite_with_the_wal_reset_bug_is_refused(version: str) -> None:
    with pytest.raises(OldSQLite, match="too old"):
        require_sqlite(version)


@pytest.mark.parametrize("version", ["3.51.3", "3.52.0", "3.100.0", "4.0.0"])
def test_a_mended_sqlite_is_accepted(version: str) -> None:
    require_sqlite(version)


@pytest.mark.requirement("store.power_cut")
async def test_durability_decides_how_commits_reach_the_disk(tmp_path: Path) -> None:
    for name, durability, synchronous, reserved in (("i", "derived", 1, 0), ("s", "truth", 2, 8)):
        db = await open_database(tmp_path / name, durability=durability)  # type: ignore[arg-type]
        await db.migrate(TABLES)
        async with db.write(LOCAL) as tx:
            assert await tx.rows("PRAGMA synchronous") == [(synchronous,)]
            assert await tx.rows("PRAGMA journal_mode") == [("wal",)]
            assert await tx.rows("PRAGMA mmap_size") == [(0,)]
            assert await tx.rows("PRAGMA journal_size_limit") == [(64 << 20,)]
        await db.close()
        assert (tmp_path / name).read_bytes()[20] == reserved


@pytest.mark.requirement("store.read_interrupted")
async def test_a_cancelled_read_is_interrupted_and_its_connection_stays_usable(
    db: SqliteDatabase,
) -> None:
    started = time.monotonic()
    for _ in range(6):
        with pytest.raises(TimeoutError):
            with anyio.fail_after(0.05):
                async with db.read(LOCAL) as tx:
                    await tx.rows(ENDLESS)
    assert time.monotonic() - started < 30
    async with db.read(LOCAL) as tx:
        assert await tx.rows("SELECT 1") == [(1,)]


@pytest.mark.requirement("store.read_interrupted")
async def test_a_statement_alone_holds_no_snapshot_and_can_be_cancelled(db: SqliteDatabase) -> None:
    async with db.read(LOCAL) as tx:
        assert await tx.rows("SELECT count(*) FROM t", alone=True) == [(0,)]
        async with db.write(LOCAL) as other:
            await other.run("INSERT INTO t (a) VALUES (1)")
        assert await tx.rows("SELECT count(*) FROM t", alone=True) == [(1,)]
    with pytest.raises(TimeoutError):
        with anyio.fail_after(0.05):
            async with db.read(LOCAL) as tx:
                await tx.rows(ENDLESS, alone=True)
    async with db.read(LOCAL) as tx:
        assert await tx.rows("SELECT count(*) FROM t") == [(1,)]


async def test_a_read_sees_what_was_written_since_the_read_before_it(db: SqliteDatabase) -> None:
    for written in range(30):
        async with db.read(LOCAL) as tx:
            assert await tx.rows("SELECT count(*) FROM t") == [(written,)]
        async with db.write(LOCAL) as tx:
            await tx.run("INSERT INTO t (b) VALUES (NULL)")


async def test_reads_cancelled_while_another_one_ends_leave_every_connection_usable(
    db: SqliteDatabase,
) -> None:
    for _ in range(30):
        async with db.read(LOCAL) as tx:
            await tx.rows("SELECT count(*) FROM t")
        with anyio.CancelScope() as scope:
            scope.cancel()
            async with db.read(LOCAL) as tx:
                await tx.rows("SELECT count(*) FROM t")
        assert scope.cancelled_caught
    async with db.read(LOCAL) as tx:
        assert await tx.rows("SELECT count(*) FROM t") == [(0,)]


@pytest.mark.requirement("store.write_shielded")
async def test_a_write_that_has_begun_is_finished_although_its_caller_is_cancelled(
    db: SqliteDatabase,
) -> None:
    with anyio.CancelScope() as scope:
        async with db.write(LOCAL) as tx:
            await tx.run("INSERT INTO t (a) VALUES (1)")
            scope.cancel()
            await tx.run("INSERT INTO t (a) VALUES (2)")
    async with db.read(LOCAL) as tx:
        assert await tx.rows("SELECT count(*) FROM t") == [(2,)]


@pytest.mark.requirement("store.write_shielded")
async def test_a_write_cancelled_before_it_began_leaves_the_database_free(db: SqliteDatabase) -> None:
    async def wait_in_line() -> None:
        async with db.write(LOCAL) as tx:
            await tx.run("INSERT INTO t (a) VALUES (99)")

    async with anyio.create_task_group() as tasks, db.write(LOCAL) as tx:
        await tx.run("INSERT INTO t (a) VALUES (1)")
        tasks.start_soon(wait_in_line)
        await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    async with db.write(LOCAL) as tx:
        assert await tx.rows("SELECT a FROM t") == [(1,)]


async def test_another_process_holding_the_lock_is_waited_for_and_then_named(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    db = await open_database(path, durability="derived", patience_s=0.3)
    await db.migrate(TABLES)
    other = await open_database(path, durability="derived")
    async with other.write(LOCAL) as holding:
        await holding.run("DELETE FROM t")
        with pytest.raises(StoreBusy, match=r"index\.db stayed locked"):
            async with db.write(LOCAL) as tx:
                await tx.run("INSERT INTO t (a) VALUES (1)")
        async with db.read(LOCAL) as tx:
            assert await tx.rows("SELECT count(*) FROM t") == [(0,)]
    async with db.write(LOCAL) as tx:
        await tx.run("INSERT INTO t (a) VALUES (1)")
    await db.close()
    await other.close()


@pytest.mark.parametrize("durability", ["derived", "truth"])
async def test_a_new_store_that_another_process_is_making_is_waited_for(
    tmp_path: Path, durability: Durability
) -> None:
    """As when two assistants start at once on a new machine: the other one is about to change to a log."""
    path = tmp_path / "index.db"
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE t (a); BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match=r"index\.db stayed locked"):
        await open_database(path, durability=durability, patience_s=0.2)
    ending = threading.Timer(0.3, other.execute, ["COMMIT"])
    ending.start()
    db = await open_database(path, durability=durability)
    ending.join()
    async with db.read(LOCAL) as tx:
        assert await tx.rows("PRAGMA journal_mode") == [("wal",)]
    await db.close()
    other.close()


async def test_waiting_for_a_lock_can_be_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    db = await open_database(path, durability="derived")
    await db.migrate(TABLES)
    other = await open_database(path, durability="derived")
    async with other.write(LOCAL) as holding:
        await holding.run("DELETE FROM t")
        with pytest.raises(TimeoutError):
            with anyio.fail_after(0.1):
                async with db.write(LOCAL) as tx:
                    await tx.run("INSERT INTO t (a) VALUES (2)")
    async with db.write(LOCAL) as tx:
        await tx.run("INSERT INTO t (a) VALUES (1)")
    await db.close()
    await other.close()


async def test_every_statement_of_a_string_runs(db: SqliteDatabase) -> None:
    async with db.write(LOCAL) as tx:
        await tx.run(
            "INSERT INTO t (a) VALUES (1); INSERT INTO t (a) VALUES (2); SELECT 1; DELETE FROM t WHERE a = 1"
        )
        assert await tx.rows("SELECT a FROM t") == [(2,)]


@pytest.mark.requirement("store.damage_detected")
async def test_a_damaged_derived_file_is_set_aside_for_an_empty_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "index.db"
    path.write_bytes(b"this is no database" * 500)
    db = await open_database(path, durability="derived")
    await db.migrate(TABLES)
    async with db.read(LOCAL) as tx:
        assert await tx.rows("SELECT count(*) FROM t") == [(0,)]
    await db.close()
    assert (tmp_path / "index.db.aside").read_bytes().startswith(b"this is no database")
    assert "run `sophia index` again for every other folder" in caplog.text


async def harmed(path: Path, first_page: int = 20) -> None:
    """A derived store whose pages from ``first_page`` cannot be read."""
    db = await open_database(path, durability="derived")
    await db.migrate(TABLES)
    async with db.write(LOCAL) as tx:
        await tx.many("INSERT INTO t (b) VALUES (?)", [(os.urandom(3000),) for _ in range(200)])
    await db.close()
    raw = bytearray(path.read_bytes())
    for page in range(first_page, len(raw) // 4096):
        raw[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(raw)


async def total(db: SqliteDatabase) -> int | None:
    async with db.read(LOCAL) as tx:
        return (await tx.rows("SELECT sum(length(b)) FROM t"))[0][0]  # type: ignore[no-any-return]


@pytest.mark.requirement("store.damage_detected")
async def test_damage_met_while_reading_has_the_derived_file_replaced_in_the_running_process(
    tmp_path: Path,
) -> None:
    path = tmp_path / "index.db"
    await harmed(path)
    db = await open_database(path, durability="derived")
    await db.migrate(TABLES)
    with pytest.raises(StoreDamaged, match="ask again"):
        await total(db)
    assert await total(db) is None
    async with db.write(LOCAL) as tx:
        await tx.run("INSERT INTO t (b) VALUES (x'00')")
    assert await total(db) == 1
    await db.close()
    assert not damage_mark(path).exists()
    assert (tmp_path / "index.db.aside").exists()


async def test_damage_met_while_migrating_has_the_derived_file_replaced_at_once(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    await harmed(path, first_page=2)
    db = await open_database(path, durability="derived")
    await db.migrate(TABLES)
    assert await total(db) is None
    await db.close()


async def test_processes_that_share_a_derived_file_follow_when_one_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    await harmed(path)
    first = await open_database(path, durability="derived")
    second = await open_database(path, durability="derived")
    for db in (first, second):
        await db.migrate(TABLES)
    with pytest.raises(StoreDamaged):
        await total(first)
    async with first.write(LOCAL) as tx:
        await tx.run("INSERT INTO t (b) VALUES (x'0000')")
    assert await total(second) == 2
    async with second.write(LOCAL) as tx:
        await tx.run("INSERT INTO t (b) VALUES (x'00')")
    assert await total(first) == 3
    await first.close()
    await second.close()


async def test_a_derived_file_removed_by_hand_begins_anew(tmp_path: Path, db: SqliteDatabase) -> None:
    async with db.write(LOCAL) as tx:
        await tx.run("INSERT INTO t (b) VALUES (x'00')")
    for part in tmp_path.glob("index.db*"):
        part.unlink()
    assert await total(db) is None
    async with db.write(LOCAL) as tx:
        await tx.run("INSERT INTO t (b) VALUES (x'0000')")
    assert await total(db) == 2


async def test_a_damaged_truth_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"this is no database" * 500)
    with pytest.raises(StoreDamaged, match="put a copy of it back"):
        await open_database(path, durability="truth")
    assert path.read_bytes() == b"this is no database" * 500


@pytest.mark.requirement("store.damage_detected")
async def test_one_flipped_bit_in_the_truth_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    db = await open_database(path, durability="truth")
    await db.migrate(TABLES)
    async with db.write(LOCAL) as tx:
        await tx.many("INSERT INTO t (b) VALUES (?)", [(os.urandom(3000),) for _ in range(20)])
    await db.close()
    raw = bytearray(path.read_bytes())
    raw[len(raw) - 2000] ^= 4
    path.write_bytes(raw)
    db = await open_database(path, durability="truth")
    with pytest.raises(StoreDamaged, match="put a copy of it back"):
        async with db.read(LOCAL) as tx:
            await tx.rows("SELECT sum(length(b)) FROM t")
    await db.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DiskFull, match="permissions"):
        await open_database(tmp_path / "deeper" / "index.db", durability="derived")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
@pytest.mark.parametrize("durability", ["derived", "truth"])
async def test_only_its_owner_may_read_a_store(tmp_path: Path, durability: Durability) -> None:
    tmp_path.chmod(0o755)
    db = await open_database(tmp_path / "store.db", durability=durability)
    await db.migrate(TABLES)
    modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
    await db.close()
    assert modes == dict.fromkeys(("store.db", "store.db-wal", "store.db-shm"), 0o600)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a file system without a free block")
def test_a_full_disk_is_called_so_whatever_sqlite_calls_it() -> None:
    with (
        pytest.raises(DiskFull, match="no space left"),
        translated(Path("/proc/index.db"), "derived"),
    ):
        raise apsw.IOError("disk I/O error")


def test_who_has_a_full_disk_is_told_what_may_be_deleted(tmp_path: Path) -> None:
    (tmp_path / "index.db").write_bytes(bytes(3 << 20))
    with pytest.raises(DiskFull) as full, translated(tmp_path / "index.db", "derived"):
        raise apsw.FullError("database or disk is full")
    assert "deleting index.db while no server runs frees 3 MB" in full.value.next
    with pytest.raises(DiskFull) as truth, translated(tmp_path / "state.db", "truth"):
        raise apsw.FullError("database or disk is full")
    assert "deleting" not in truth.value.next
    (tmp_path / "index.db").write_bytes(b"little")
    with pytest.raises(DiskFull) as little, translated(tmp_path / "index.db", "derived"):
        raise apsw.FullError("database or disk is full")
    assert "deleting" not in little.value.next


async def test_who_removed_the_folder_of_a_store_in_use_is_told_to_start_again(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    db = await open_database(tmp_path / "data" / "index.db", durability="derived")
    shutil.rmtree(tmp_path / "data")
    with pytest.raises(DiskFull) as gone:
        async with db.read(LOCAL) as tx:
            await tx.rows("SELECT 1")
    await db.close()
    assert gone.value.what == "index.db is not there any more"
    assert "start this server or command again: a new one is made" in gone.value.next


async def test_nothing_is_written_to_a_truth_that_was_removed(tmp_path: Path) -> None:
    """What a process writes to a file that has no name any more ends with the process."""
    db = await open_database(tmp_path / "state.db", durability="truth")
    await db.migrate(TABLES)
    (tmp_path / "state.db").rename(tmp_path / "state.moved")
    with pytest.raises(DiskFull, match=r"state\.db is not there any more"):
        async with db.write(LOCAL) as tx:
            await tx.run("INSERT INTO t (b) VALUES (x'00')")
    with pytest.raises(DiskFull, match="put it back if it was moved"):
        await total(db)
    (tmp_path / "state.moved").rename(tmp_path / "state.db")
    async with db.write(LOCAL) as tx:
        await tx.run("INSERT INTO t (b) VALUES (x'0000')")
    assert await total(db) == 2
    await db.close()


async def test_a_path_that_is_a_folder_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "index.db").mkdir()
    with pytest.raises(DiskFull, match=r"index\.db is not a file.*move it away"):
        await open_database(tmp_path / "index.db", durability="derived")


async def test_a_file_that_could_never_be_made_is_not_said_to_be_removed(tmp_path: Path) -> None:
    (tmp_path / "index.db").symlink_to(tmp_path / "nowhere" / "index.db")
    with pytest.raises(DiskFull) as refused:
        await open_database(tmp_path / "index.db", durability="derived")
    assert refused.value.what == "could not make index.db"
    assert "No such file" in refused.value.why


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EDQUOT, "no space left"),
        (errno.EMFILE, "too many files are open"),
        (errno.EACCES, "could not make index.db"),
    ],
)
def test_what_the_system_says_of_a_file_that_is_not_there_is_told(
    tmp_path: Path, number: int, said: str
) -> None:
    with pytest.raises(DiskFull) as refused, translated(tmp_path / "index.db", "derived"):
        raise OSError(number, os.strerror(number))
    assert said in str(refused.value)
    assert os.strerror(number) in str(refused.value)
    assert "in use" not in str(refused.value)


MOUNTS = "/dev/sda1 / ext4 rw 0 0\nserver:/home /home/person nfs4 rw 0 0\ntmpfs /home/person/fast tmpfs rw 0 0\n"


@pytest.mark.parametrize(
    ("place", "refused"),
    [
        ("/home/person/data/index.db", True),
        ("/home/person/fast/index.db", False),
        ("/home/personal/index.db", False),
        ("/var/index.db", False),
    ],
)
def test_a_network_file_system_is_refused(place: str, refused: bool) -> None:
    if refused:
        with pytest.raises(BadSetting, match="network"):
            refuse_network(Path(place), MOUNTS)
    else:
        refuse_network(Path(place), MOUNTS)


async def test_the_log_is_moved_into_the_file_on_request(db: SqliteDatabase) -> None:
    async with db.write(LOCAL) as tx:
        await tx.many("INSERT INTO t (b) VALUES (?)", [(b"x" * 3000,) for _ in range(50)])
    before = db.path.stat().st_size
    await db.checkpoint()
    assert db.path.stat().st_size > before + 100_000


def test_an_unclosed_database_does_not_keep_the_process_alive(tmp_path: Path) -> None:
    script = (
        "import anyio, pathlib, sys\n"
        "from sophia_mcp.store.engines.sqlite import open_database\n"
        "anyio.run(lambda: open_database(pathlib.Path(sys.argv[1]), durability='truth'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "state.db")], timeout=60, capture_output=True
    )
    assert done.returncode == 0


async def test_connections_load_no_extension_unless_told(tmp_path: Path) -> None:
    connection = await connect(Opening(tmp_path / "x.db", "derived", writable=True))
    with pytest.raises(apsw.Error):
        await connection.execute("SELECT load_extension('anything')")
    await connection.close()
