"""How does an SQLite connection come to life, and what may go wrong on the way?

aiosqlite brings the thread and the futures; a small facade gives it apsw, which carries its own,
current SQLite. Nothing in this project opens a store file through the interpreter's sqlite3.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal, cast

import aiosqlite
import anyio
import anyio.to_thread
import apsw
import apsw.sqlite_extra

from sophia_mcp.errors import OldSQLite

Durability = Literal["derived", "truth"]
Bindings = Mapping[str, Any] | Sequence[Any]

OLDEST_SQLITE = (3, 51, 3)
"""Older ones can lose committed pages when several processes share a write-ahead log
(https://sqlite.org/wal.html, "the WAL-reset bug")."""

PATIENCE_S = 60.0
"""How long a connection waits for a lock before it gives up."""

_CHECKSUM_VFS = "cksmvfs"
CHECKSUM_BYTES = 8
"""Reserved at the end of each page of a ``truth`` file."""
_PLAIN_VFS = apsw.vfs_names()[0]  # taken before the checksum VFS makes itself the default


@dataclass(frozen=True, slots=True)
class Opening:
    """How one connection is opened. ``vfs`` names a registered SQLite VFS; empty: the usual one
    for the durability (checksummed pages for ``truth``)."""

    path: Path
    durability: Durability
    writable: bool
    vfs: str = ""
    extension: str = ""
    patience_s: float = PATIENCE_S


def require_sqlite(version: str | None = None) -> None:
    """Raises OldSQLite unless the SQLite linked at run time is new enough."""
    version = version or apsw.sqlite_lib_version()
    if tuple(int(part) for part in version.split(".")) < OLDEST_SQLITE:
        floor = ".".join(map(str, OLDEST_SQLITE))
        raise OldSQLite(
            f"SQLite {version} is too old",
            why=f"before {floor} it can lose committed pages when several processes write",
            next="install apsw 3.54.1 or newer from its wheel",
        )


async def connect(opening: Opening) -> aiosqlite.Connection:
    """Open one connection on a thread of its own. Raises OldSQLite and apsw errors."""
    require_sqlite()
    connection = aiosqlite.Connection(cast(Any, lambda: _Connection(opening)), 64)
    # An unclosed connection must not keep the process alive when the editor closes our stdin.
    connection._thread.daemon = True
    try:
        return await connection
    except BaseException:
        # aiosqlite told its thread to end, but does not wait until it has.
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(connection._thread.join)
        raise


async def run_all(
    connection: aiosqlite.Connection,
    statements: Sequence[tuple[str, Mapping[str, Any] | Iterable[Bindings]]],
    *,
    commit: bool,
) -> list[int]:
    """Run statements one after the other, each once for named parameters and for each of several others,
    and commit them where asked, in one call of the connection's thread, for which aiosqlite has no
    method: a call for each takes longer than the statements. Returns how many rows each changed."""

    def run() -> list[int]:
        own = connection._conn
        changed = [
            (
                own.execute(sql, parameters)
                if isinstance(parameters, dict)
                else own.executemany(sql, parameters)
            ).rowcount
            for sql, parameters in statements
        ]
        if commit:
            own.commit()
        return changed

    return cast("list[int]", await connection._execute(run))  # type: ignore[no-untyped-call]


def roll_back_soon(connection: aiosqlite.Connection) -> asyncio.Future[None]:
    """End a transaction before whatever is asked of the connection next, and wait for nothing."""
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    connection._tx.put_nowait((ended, connection._conn.rollback))
    return ended


class _Rows:
    """What a statement left behind. Every statement is run to its end at once: a cursor dropped
    half-way would skip the rest of a multi-statement string and hold a snapshot open."""

    def __init__(self, rows: list[tuple[Any, ...]], changed: int) -> None:
        self._rows, self.rowcount = rows, changed

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows

    def close(self) -> None:
        """Nothing is open."""


class _Connection:
    """The part of the DB-API that aiosqlite calls, over one apsw connection."""

    def __init__(self, opening: Opening) -> None:
        self._stopped = False
        self._patience_s = opening.patience_s
        self._waiting_since = 0.0
        truth = opening.durability == "truth"
        if truth and _CHECKSUM_VFS not in apsw.vfs_names():
            _load(apsw.Connection(":memory:"), apsw.sqlite_extra.path("cksumvfs"))
        vfs = opening.vfs or (_CHECKSUM_VFS if truth else _PLAIN_VFS)
        if opening.writable and not opening.vfs:
            # What it holds is its owner's, wherever the data folder is; its log gets the same mode.
            os.close(os.open(opening.path, os.O_CREAT, 0o600))
        self.apsw = apsw.Connection(str(opening.path), vfs=vfs)
        try:
            self._prepare(opening)
        except BaseException:
            self.apsw.close()
            raise

    def _prepare(self, opening: Opening) -> None:
        truth = opening.durability == "truth"
        self.apsw.set_busy_handler(self._wait)
        self.apsw.set_progress_handler(lambda: self._stopped, 20_000)
        if opening.extension:
            _load(self.apsw, opening.extension)
        if opening.writable:
            if self.execute("SELECT count(*) FROM sqlite_schema").fetchall() == [(0,)]:
                if truth:
                    self.apsw.reserve_bytes("main", CHECKSUM_BYTES)
                self.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._log_ahead()
            self.execute(f"PRAGMA synchronous = {'FULL' if truth else 'NORMAL'}")
            self.execute(f"PRAGMA wal_autocheckpoint = {1000 if truth else 4000}")
            self.execute("PRAGMA journal_size_limit = 67108864")
        else:
            self.execute("PRAGMA query_only = 1")
        # Memory-mapped pages and several writing processes do not go together.
        self.execute("PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY")
        # What readers miss here, the system's own cache of the file has.
        self.execute(f"PRAGMA cache_size = {-16384 if opening.writable else -6144}")

    def _log_ahead(self) -> None:
        """Keep a write-ahead log. Where another process has a new file's lock for the same change, SQLite refuses
        at once instead of waiting: the other one may wait for us."""
        for attempt in count():
            try:
                self.execute("PRAGMA journal_mode = WAL")
                return
            except apsw.BusyError:
                if not self._wait(attempt):
                    raise

    def _wait(self, attempt: int) -> bool:
        """Wait for a lock: short, jittered naps are fairer between processes than SQLite's own
        growing ones."""
        now = time.monotonic()
        if attempt == 0:
            self._waiting_since = now
        if self._stopped or now - self._waiting_since > self._patience_s:
            return False
        time.sleep(random.uniform(0.0005, min(0.002 * (attempt + 1), 0.01)))  # noqa: S311 - a nap
        return True

    def execute(self, sql: str, parameters: Bindings = ()) -> _Rows:
        if self._stopped:
            raise apsw.InterruptError("interrupted")
        before = self.apsw.total_changes()
        rows = self.apsw.execute(sql, parameters).fetchall()
        return _Rows(rows, self.apsw.total_changes() - before)

    def executemany(self, sql: str, parameters: Iterable[Bindings]) -> _Rows:
        if self._stopped:
            raise apsw.InterruptError("interrupted")
        before = self.apsw.total_changes()
        rows = self.apsw.executemany(sql, parameters).fetchall()
        return _Rows(rows, self.apsw.total_changes() - before)

    def commit(self) -> None:
        if self.apsw.in_transaction:
            self.apsw.execute("COMMIT")

    def rollback(self) -> None:
        """Also ends an interruption: from here on statements run again."""
        self._stopped = False
        if self.apsw.in_transaction:
            self.apsw.execute("ROLLBACK")

    def interrupt(self) -> None:
        """Stop the running statement, and the next one if none has started yet. Any thread."""
        self._stopped = True
        self.apsw.interrupt()

    def backup(self, target: _Connection, **_: Any) -> None:
        """Copy everything in one step: a stepped copy starts over at every foreign write."""
        with target.apsw.backup("main", self.apsw, "main") as copy:
            while not copy.done:
                copy.step(-1)

    def close(self) -> None:
        self.apsw.close()


def _load(connection: apsw.Connection, path: str) -> None:
    connection.enable_load_extension(True)
    connection.load_extension(path)
    connection.enable_load_extension(False)
