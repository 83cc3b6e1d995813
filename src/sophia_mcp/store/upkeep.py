"""How big is a store file, is it sound, and how does it give back space?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sophia_mcp.errors import StoreDamaged
from sophia_mcp.store.engines.sqlite import SqliteDatabase
from sophia_mcp.types import Scope

_SCOPE = Scope("store")
_PAGES_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes on disk of one database: all of it with its log, the pages inside that are free, and
    the rest by table (indexes and the inner tables of an index count for their table)."""

    total: int
    free: int
    tables: dict[str, int]


async def size(db: SqliteDatabase) -> int:
    """Bytes on disk, with the write-ahead log. Cheap."""
    return sum(_bytes(db.path.with_name(db.path.name + suffix)) for suffix in ("", "-wal", "-shm"))


async def sizes(db: SqliteDatabase) -> Sizes:
    """Where the bytes are. Reads every page: for a report, not for a loop."""
    async with db.read(_SCOPE) as tx:
        [(page,)] = await tx.rows("PRAGMA page_size")
        [(free,)] = await tx.rows("PRAGMA freelist_count")
        found = await tx.rows(
            "SELECT coalesce(s.tbl_name, d.name), sum(d.pgsize) FROM dbstat d"
            " LEFT JOIN sqlite_schema s ON s.name = d.name WHERE d.aggregate = 1 GROUP BY 1"
        )
    return Sizes(await size(db), free * page, {str(name): int(total) for name, total in found})


async def reclaim(db: SqliteDatabase) -> int:
    """Give free pages back to the disk, a few at a time so that others can write in between;
    returns the bytes the file shrank by."""
    before = await size(db)
    while True:
        async with db.read(_SCOPE) as tx:
            [(free,)] = await tx.rows("PRAGMA freelist_count")
        if free:
            async with db.writer() as connection:
                await connection.execute(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")
            async with db.read(_SCOPE) as tx:
                [(left,)] = await tx.rows("PRAGMA freelist_count")
        if not free or left >= free:
            await db.checkpoint(truncate=True)
            return before - await size(db)


async def problems(db: SqliteDatabase) -> list[str]:
    """What is wrong with the file: its pages, and its text indexes against their own checks. Empty
    when it is sound."""
    found: list[str] = []
    try:
        async with db.read(_SCOPE) as tx:
            found += [str(row[0]) for row in await tx.rows("PRAGMA quick_check") if row[0] != "ok"]
            indexes = await tx.rows(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%USING fts5(%'"
            )
    except StoreDamaged as error:
        return [*found, error.why]
    for (name,) in indexes:
        try:
            async with db.write(_SCOPE) as tx:
                await tx.run(f"INSERT INTO {name} ({name}, rank) VALUES ('integrity-check', 0)")  # noqa: S608
        except StoreDamaged as error:
            found.append(f"{name}: {error.why}")
    return found


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
