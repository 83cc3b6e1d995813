"""How is a store copied while others write, and brought back?

A backup is one database file, copied in a single step (a stepped copy starts over at every
foreign write) and checked before it gets its name. Bringing one back replaces the contents of the
live file in one transaction, so programs that have it open go on; only a damaged file is set aside.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import aiosqlite
import anyio

from sophia_mcp.errors import NotFound, StoreDamaged
from sophia_mcp.ops.clock import Clock, system
from sophia_mcp.store.driver import CHECKSUM_BYTES, Opening, connect
from sophia_mcp.store.failures import damaged, translated

_ENDING = ".backup.db"
_NAME = re.compile(r"-\d{8}T\d{6}\.\d{9}\.backup\.db$")
_HEADER = 100
_RESERVED_AT = 20  # https://sqlite.org/fileformat.html, "the database header"


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup: where it is, when it was made, how many bytes it has."""

    path: Path
    created_ns: int
    size: int


async def create(source: Path, folder: Path, *, clock: Clock = system) -> Backup:
    """Copy the ``truth`` database at ``source`` into ``folder`` and check the copy.

    Raises NotFound, DiskFull, StoreBusy, StoreDamaged (the source or the copy is damaged).
    """
    _header(source)
    with translated(source, "truth"):
        _prepare(folder)
    now = clock()
    stamp = datetime.fromtimestamp(now / 1e9, UTC).strftime("%Y%m%dT%H%M%S")
    final = folder / f"{source.stem}-{stamp}.{now % 1_000_000_000:09d}{_ENDING}"
    part = final.with_suffix(".part")
    try:
        await _copy(source, part)
        await verify(part)
        os.replace(part, final)
    finally:
        _remove(part)
    return _describe(final)


def listed(folder: Path) -> list[Backup]:
    """All backups of a folder, newest first. What others put there under other names is left out."""
    found = []
    for path in folder.glob(f"*{_ENDING}"):
        if _NAME.search(path.name):
            with suppress(ValueError, OSError):  # its name says no date, or it is gone since
                found.append(_describe(path))
    return sorted(found, key=lambda made: made.created_ns, reverse=True)


async def verify(path: Path) -> None:
    """Check every page of a backup against its checksum and its place in the tree.

    Raises NotFound, StoreDamaged.
    """
    with _leaving_nothing(path):
        await _require_sound(path)


async def _require_sound(path: Path) -> None:
    header = _header(path)
    # Opened as a store, an empty or shortened file would pass as a young one.
    if len(header) < _HEADER:
        raise damaged(path, "truth", "the file is shorter than its header")
    if header[_RESERVED_AT] != CHECKSUM_BYTES:
        raise damaged(path, "truth", "its pages carry no checksums")
    with translated(path, "truth"):
        connection = await connect(Opening(path, "truth", writable=False))
        try:
            found = [row[0] for row in await connection.execute_fetchall("PRAGMA quick_check")]
        finally:
            await _close(connection)
    if found != ["ok"]:
        raise damaged(path, "truth", "; ".join(map(str, found[:3])))


async def restore(backup: Path, target: Path, *, clock: Clock = system) -> Path | None:
    """Bring ``backup`` back as ``target``; returns where a damaged target was set aside, or None.

    The backup is checked first, and nothing is touched when it is damaged. Raises NotFound,
    StoreDamaged, StoreBusy, DiskFull.
    """
    await verify(backup)
    with translated(target, "truth"):
        _prepare(target.parent)
    aside: Path | None = None
    try:
        await _require_sound(target)  # a copy would write over what is left of it
    except NotFound:
        pass
    except StoreDamaged:
        aside = target.with_name(f"{target.name}.damaged-{clock()}")
        for part, place in zip((target, *_logs(target)), (aside, *_logs(aside)), strict=True):
            if part.exists():
                os.replace(part, place)
    with _leaving_nothing(backup):
        await _copy(backup, target)
    return aside


async def _copy(source: Path, target: Path) -> None:
    opening = Opening(source, "truth", writable=False)
    with translated(source, "truth"):
        reading = await connect(opening)
    try:
        with translated(target, "truth"):
            writing = await connect(replace(opening, path=target, writable=True))
        try:
            with translated(target, "truth"), anyio.CancelScope(shield=True):
                await reading.backup(writing)
        finally:
            await _close(writing)
    finally:
        await _close(reading)


async def _close(connection: aiosqlite.Connection) -> None:
    with anyio.CancelScope(shield=True):
        await connection.close()


def _header(path: Path) -> bytes:
    """The first bytes of a database file. Raises NotFound, DiskFull."""
    with translated(path, "truth"):
        try:
            with path.open("rb") as file:
                return file.read(_HEADER)
        except FileNotFoundError as error:
            raise NotFound(f"there is no {path.name}", why=f"{path} does not exist") from error


def _prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def _describe(path: Path) -> Backup:
    stamp, _, fraction = path.name.removesuffix(_ENDING).rpartition("-")[2].partition(".")
    made = datetime.strptime(stamp, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return Backup(path, int(made.timestamp()) * 1_000_000_000 + int(fraction or 0), path.stat().st_size)


def _remove(path: Path) -> None:
    for part in (path, *_logs(path)):
        part.unlink(missing_ok=True)


@contextmanager
def _leaving_nothing(path: Path) -> Iterator[None]:
    """Remove the empty log that opening a file leaves beside it. One that was there holds what a program that has the
    file open wrote."""
    opened = any(map(os.path.exists, _logs(path)))
    try:
        yield
    finally:
        if not opened:
            for log in _logs(path):
                log.unlink(missing_ok=True)


def _logs(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm")]
