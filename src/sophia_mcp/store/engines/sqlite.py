"""How do transactions run on one SQLite file that many tasks and processes share?

One writing connection behind a lock, a few reading ones, each on its own thread. A transaction
begins with its first statement, in the same call of that thread. Writes begin immediate, so they wait
for other processes before they hold anything; once that statement has run they are shielded from
cancellation. A cancelled read is interrupted.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiosqlite
import anyio
import apsw

from sophia_mcp.errors import BadArgument, BadSetting, SophiaError, StoreDamaged, StoreTooNew
from sophia_mcp.store.database import Parameters, Repeated, Row, Statement
from sophia_mcp.store.driver import PATIENCE_S, Durability, Opening, connect, roll_back_soon, run_all
from sophia_mcp.store.failures import (
    MADE_ANEW,
    aside,
    damage_mark,
    is_damage,
    mark_damaged,
    removed,
    translated,
)
from sophia_mcp.store.migrations import RECORDS, Migrations, Standing, standing
from sophia_mcp.store.tables import exists
from sophia_mcp.types import Scope

_log = logging.getLogger("sophia_mcp.store")
READERS = 4
"""Reading connections of one database in one process; more questions wait their turn."""

IDLE_S = 2.0
"""The write-ahead log is moved into the file when nothing was written for so long."""

_NETWORK = frozenset("nfs nfs4 cifs smb3 smbfs ncpfs afs ceph glusterfs fuse.sshfs fuse.rclone".split())
_STORE = Scope("store")


class SqliteTransaction:
    """A transaction in progress. See ``sophia_mcp.store.database.Transaction``. ``begin`` is what its
    first statement begins it with; from the end of that one on ``shield`` holds cancellation off."""

    def __init__(
        self,
        connection: aiosqlite.Connection,
        scope: Scope,
        opening: Opening,
        begin: str,
        shield: anyio.CancelScope | None = None,
    ) -> None:
        self.scope, self.begun, self.committed = scope, False, False
        self._connection, self._translated = connection, translated(opening.path, opening.durability)
        self._begin, self._shield = begin, shield
        self._workspace = {"workspace": scope.workspace}

    async def rows(
        self, sql: str, parameters: Parameters | None = None, *, alone: bool = False
    ) -> list[Row]:
        with self._translated:
            first = sql if alone else self._first(sql)
            rows = await self._connection.execute_fetchall(first, self._bound(parameters))
        self._hold()
        return rows  # type: ignore[return-value]

    async def run(self, sql: str, parameters: Parameters | None = None) -> int:
        with self._translated:
            done = await self._connection.execute(self._first(sql), self._bound(parameters))
        self._hold()
        return done.rowcount

    async def several(
        self, statements: Sequence[Statement | Repeated], *, last: bool = False
    ) -> list[int]:
        bound = [(sql, self._bound_all(parameters)) for sql, parameters in statements]
        if not self.begun:
            bound.insert(0, (self._first(""), {}))
        with self._translated:
            changed = await run_all(self._connection, bound, commit=last)
        self._hold()
        self.committed = last
        return changed[len(bound) - len(statements) :]

    async def many(self, sql: str, parameters: Iterable[Parameters | Sequence[Any]]) -> None:
        with self._translated:
            if not self.begun:
                await self._connection.execute(self._first(""))
            await self._connection.executemany(sql, map(self._bound_each, parameters))
        self._hold()

    def _first(self, sql: str) -> str:
        if self.begun:
            return sql
        self.begun = True
        return f"{self._begin}; {sql}"

    def _bound(self, parameters: Parameters | None) -> dict[str, Any]:
        return {**{name: _text(value) for name, value in (parameters or {}).items()}, **self._workspace}

    def _bound_all(self, parameters: Parameters | Sequence[Sequence[Any]]) -> Any:
        return (
            self._bound(parameters)
            if isinstance(parameters, Mapping)
            else map(self._bound_each, parameters)
        )

    def _bound_each(self, parameters: Parameters | Sequence[Any]) -> Any:
        if type(parameters) is not tuple:
            return (
                self._bound(parameters)
                if isinstance(parameters, Mapping)
                else tuple(map(_text, parameters))
            )
        for value in parameters:
            if type(value) is str and "\0" in value:
                return tuple(map(_text, parameters))
        return parameters

    def _hold(self) -> None:
        """Hold cancellation off from here on, where this transaction writes."""
        if self._shield is not None:
            self._shield.shield = True


def _text(value: Any) -> Any:
    """NUL has no place in the text of a portable store."""
    return value.replace("\0", "\ufffd") if type(value) is str and "\0" in value else value


class SqliteDatabase:
    """One store file. See ``sophia_mcp.store.database.Database``."""

    def __init__(self, opening: Opening, writer: aiosqlite.Connection) -> None:
        self.path, self.durability = opening.path, opening.durability
        self._opening = opening
        self._writer = writer
        self._write_turn = anyio.Lock()
        # A read waits for its connection's thread; another turn of the event loop before it gains nobody anything.
        self._read_turn = anyio.Semaphore(READERS, fast_acquire=True)
        self._readers: list[tuple[aiosqlite.Connection, asyncio.Future[None] | None]] = []
        self._closed = False
        self._identity, self._mark = _identity(opening.path), damage_mark(opening.path)
        self._epoch = 0  # counts how often a damaged file was replaced under us
        self._packages: dict[str, Migrations] = {}
        self._too_new: StoreTooNew | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._checkpointing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def read(self, scope: Scope) -> AsyncIterator[SqliteTransaction]:
        _require(scope)
        if not self._write_turn.locked():
            await self._require_file()
        async with self._read_turn:
            epoch = self._epoch
            with translated(self.path, self.durability):
                connection = await self._reader()
            tx = SqliteTransaction(connection, scope, self._opening, "BEGIN")
            try:
                yield tx
            except BaseException:
                await connection.interrupt()
                await self._give_back(connection, epoch, interrupted=True)
                raise
            await self._give_back(connection, epoch, begun=tx.begun)

    @asynccontextmanager
    async def write(self, scope: Scope) -> AsyncIterator[SqliteTransaction]:
        _require(scope)
        if self._too_new is not None:
            raise self._too_new
        await self._require_file()
        async with self._write_turn:
            writer = self._open_writer()
            try:
                with anyio.CancelScope() as shield:
                    tx = SqliteTransaction(writer, scope, self._opening, "BEGIN IMMEDIATE", shield)
                    yield tx
                    if not tx.committed:
                        with translated(self.path, self.durability):
                            await writer.commit()
                self._checkpoint_when_idle()
            except BaseException:
                # Also ends a wait for the lock that nobody waits for any more.
                await writer.interrupt()
                with anyio.CancelScope(shield=True):
                    await writer.rollback()
                raise

    async def migrate(self, *migrations: Migrations) -> None:
        """See the contract. Raises StoreTooNew when newer steps forbid even reading; when they
        forbid writing alone, writes raise it from now on."""
        for package in migrations:
            self._packages[package.package] = package
            try:
                await self._migrate(package)
            except StoreDamaged:
                if self.durability == "truth":
                    raise
                await self._require_file()

    async def checkpoint(self, *, truncate: bool = False) -> None:
        """Move the write-ahead log into the file, as far as readers allow; with ``truncate`` wait for
        them and give the log's own bytes back too."""
        async with self.writer() as writer:
            await writer.execute(f"PRAGMA wal_checkpoint({'TRUNCATE' if truncate else 'PASSIVE'})")

    def _checkpoint_when_idle(self) -> None:
        # A database has no task group of its own to sleep in; aiosqlite is bound to asyncio anyway.
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(IDLE_S, self._start_checkpoint)

    def _start_checkpoint(self) -> None:
        async def checkpoint() -> None:
            # Whoever uses the store next meets the same error and is told.
            with suppress(SophiaError):
                await self.checkpoint()

        if not self._closed:
            self._checkpointing = asyncio.get_running_loop().create_task(checkpoint())

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[aiosqlite.Connection]:
        """The writing connection outside any transaction, for work that SQLite refuses inside
        one (backup, vacuum). Errors come translated."""
        async with self._write_turn:
            with translated(self.path, self.durability), anyio.CancelScope(shield=True):
                yield self._open_writer()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        with anyio.CancelScope(shield=True):
            async with self._write_turn:
                for connection in (*self._idle(), self._writer):
                    # A disk that is full cannot take the log's pages; whoever opens the store next does that.
                    with suppress(apsw.FullError, apsw.IOError):
                        await connection.close()

    def _open_writer(self) -> aiosqlite.Connection:
        if self._closed:
            raise BadArgument(f"{self.path.name} is closed", next="open the database again")
        return self._writer

    def _idle(self) -> list[aiosqlite.Connection]:
        """The reading connections that nobody uses; they are not kept any more."""
        idle = [connection for connection, _ in self._readers]
        self._readers.clear()
        return idle

    async def _reader(self) -> aiosqlite.Connection:
        self._open_writer()
        while self._readers:
            connection, ended = self._readers[-1]
            if ended is not None and not ended.done():
                await asyncio.wait([ended])  # which a caller who is cancelled leaves as it is
                continue
            self._readers.pop()
            if ended is None or ended.exception() is None:
                return connection
            await connection.close()
        self._open_writer()
        return await connect(replace(self._opening, writable=False))

    async def _give_back(
        self,
        connection: aiosqlite.Connection,
        epoch: int,
        *,
        begun: bool = False,
        interrupted: bool = False,
    ) -> None:
        """Keep a connection for the next read. Nobody waits for the end of a transaction that only read but
        whoever takes the connection next; that of an interrupted one takes the interruption back."""
        if interrupted:
            with anyio.CancelScope(shield=True):
                try:
                    await connection.rollback()
                except apsw.Error:
                    await connection.close()
                    return
        ended = roll_back_soon(connection) if begun else None
        if self._closed or epoch != self._epoch:
            with anyio.CancelScope(shield=True):
                await connection.close()
        else:
            self._readers.append((connection, ended))

    async def _require_file(self) -> None:
        """Go on with an empty file where a ``derived`` one was found damaged, here or by another
        process, or was removed by hand. Raises DiskFull where that would lose something: what is written to a
        removed file ends with this process."""

        def sound() -> bool:
            same = self._identity == _identity(self.path)
            return same and (self.durability == "truth" or not os.access(self._mark, os.F_OK))

        if self._closed or sound():
            return
        if self.durability == "truth" or not self.path.parent.is_dir():
            raise removed(self.path)
        with anyio.CancelScope(shield=True):
            async with self._write_turn:
                if sound() or self._closed:
                    return
                for connection in (*self._idle(), self._writer):
                    # A disk that is full cannot take the log's pages; whoever opens the store next does that.
                    with suppress(apsw.FullError, apsw.IOError):
                        await connection.close()
                self._writer = await _open_derived(self._opening)
                self._identity = _identity(self.path)
                self._epoch += 1
            for package in self._packages.values():
                await self._migrate(package)

    async def _migrate(self, package: Migrations) -> None:
        async with self.read(_STORE) as tx:
            state = await _standing(tx, package)
        if state.refuses_reading:
            raise _too_new(self.path, package, "reads")
        if state.refuses_writing:
            self._too_new = _too_new(self.path, package, "writes")
            return
        for step in package.steps[state.newest :]:
            async with self.write(_STORE) as tx:
                await tx.run(RECORDS)
                if (await _standing(tx, package)).newest >= step.number:
                    continue  # another process was faster
                await tx.run(step.sql)
                await tx.run(
                    "INSERT INTO migrations (package, number, oldest_reader, oldest_writer)"
                    " VALUES (:package, :number, :reader, :writer)",
                    {
                        "package": package.package,
                        "number": step.number,
                        "reader": step.oldest_reader,
                        "writer": step.oldest_writer,
                    },
                )


def _require(scope: Scope) -> None:
    if not isinstance(scope, Scope) or not scope.workspace:
        raise BadArgument(
            "a transaction needs a scope", why="every row belongs to a workspace", next="pass a Scope"
        )


def _too_new(path: Path, package: Migrations, verb: str) -> StoreTooNew:
    return StoreTooNew(
        f"{path.name} was written by a newer sophia",
        why=f"its {package.package} tables changed in a way this version no longer {verb}",
        next="upgrade this sophia, or set SOPHIA_HOME to another data folder",
    )


async def _standing(tx: SqliteTransaction, package: Migrations) -> Standing:
    if not await exists(tx, "migrations"):
        return standing(package, [])
    return standing(
        package,
        await tx.rows(
            "SELECT number, oldest_reader, oldest_writer FROM migrations WHERE package = :package",
            {"package": package.package},
        ),
    )


def refuse_network(path: Path, mounts: str | None = None) -> None:
    """Raises BadSetting when ``path`` lies on a network file system, as far as the platform tells:
    processes on it cannot share a write-ahead log. ``mounts`` is the text of /proc/mounts."""
    if mounts is None:
        try:
            mounts = Path("/proc/self/mounts").read_text(errors="replace")
        except OSError:
            return
    place = os.path.realpath(path)
    best, kind = "", ""
    for line in mounts.splitlines():
        _, point, filesystem, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        inside = point == "/" or place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, filesystem
    if kind in _NETWORK:
        raise BadSetting(
            f"the data folder {path.parent} is on a network file system ({kind})",
            why="processes there cannot share a write-ahead log safely",
            next="set SOPHIA_HOME to a folder on a local disk",
        )


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file this name stands for."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _set_aside(path: Path) -> None:
    """Move a file marked as damaged out of the way, with its log. The one who removes the mark
    moves it. What was set aside before is replaced: the sources are the truth."""
    mark = damage_mark(path)
    if not mark.exists():
        return  # a disk that is read-only refuses to remove even what is not there
    try:
        mark.unlink()
    except FileNotFoundError:
        return
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(path.with_name(f"{aside(path).name}{suffix}"))
    _log.warning("%s was damaged and is set aside: %s", path, MADE_ANEW)


async def _open_derived(opening: Opening) -> aiosqlite.Connection:
    """The writing connection of a file that may be replaced when it is damaged."""
    with translated(opening.path, "derived"):
        _set_aside(opening.path)
        try:
            return await connect(opening)
        except apsw.Error as error:
            if not is_damage(error):
                raise
            mark_damaged(opening.path)
            _set_aside(opening.path)
            return await connect(opening)


async def open_database(
    path: Path, *, durability: Durability, vfs: str = "", patience_s: float = PATIENCE_S
) -> SqliteDatabase:
    """Open or create the database file at ``path``.

    ``derived`` can be rebuilt from sources: synchronous NORMAL, and a damaged file is set aside
    for an empty one. ``truth`` cannot: synchronous FULL, checksummed pages, and a damaged file is
    refused. ``vfs`` is the name of a registered SQLite VFS to go through (fault tests use it).

    Raises OldSQLite, StoreDamaged, StoreTooNew, StoreBusy, DiskFull, BadSetting.
    """
    refuse_network(path)
    opening = Opening(path, durability, writable=True, vfs=vfs, patience_s=patience_s)
    with translated(path, durability):
        path.parent.mkdir(parents=True, exist_ok=True)
        if durability == "derived":
            writer = await _open_derived(opening)
        else:
            writer = await connect(opening)
    return SqliteDatabase(opening, writer)


@dataclass(frozen=True, slots=True)
class Sqlite:
    """The engine of one machine."""

    async def open(self, path: Path, *, durability: Durability) -> SqliteDatabase:
        return await open_database(path, durability=durability)


ENGINE = Sqlite()
