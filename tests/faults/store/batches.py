"""What an indexing run writes, in numbered batches, and whether a store holds only whole ones."""

from __future__ import annotations

import numpy as np

from sophia_mcp.store.engines.sqlite import SqliteDatabase
from sophia_mcp.store.migrations import Migrations, Step
from sophia_mcp.store.text import Fts5Text, TextRow
from sophia_mcp.store.trigrams import SegmentedTrigrams, grams
from sophia_mcp.store.upkeep import problems
from sophia_mcp.types import LOCAL

PER_BATCH = 8

TABLES = Migrations(
    "batches",
    (
        Step(
            1,
            "CREATE TABLE files (id INTEGER PRIMARY KEY, batch INTEGER NOT NULL, body TEXT NOT NULL);"
            "CREATE INDEX files_by_batch ON files (batch, id);"
            "CREATE TABLE vectors (id INTEGER PRIMARY KEY, rows BLOB NOT NULL)",
            1,
            1,
        ),
    ),
)


async def write(db: SqliteDatabase, batch: int) -> None:
    """One transaction: rows, words, trigrams and vectors of ``PER_BATCH`` files."""
    ids = range(batch * PER_BATCH, (batch + 1) * PER_BATCH)
    draw = np.random.default_rng(batch)
    async with db.write(LOCAL) as tx:
        await tx.many(
            "INSERT INTO files (id, batch, body) VALUES (?, ?, ?)",
            [(id_, batch, f"hello body {id_} " * 60) for id_ in ids],
        )
        await Fts5Text().add(
            tx, 1, [TextRow(id_, ("", "", "", "", "", f"hello w{id_} " * 20)) for id_ in ids]
        )
        await SegmentedTrigrams().add(tx, 1, [(id_, grams(f"hello world {id_}" * 5)) for id_ in ids])
        await tx.many(
            "INSERT INTO vectors (id, rows) VALUES (?, ?)", [(id_, draw.bytes(1500)) for id_ in ids]
        )


async def state(db: SqliteDatabase) -> tuple[list[int], list[str]]:
    """The batches a store holds, and everything about it that is wrong."""
    wrong = await problems(db)
    async with db.read(LOCAL) as tx:
        files = dict(await tx.rows("SELECT batch, count(*) FROM files GROUP BY batch"))
        ids = {id_ for (id_,) in await tx.rows("SELECT id FROM files")}
        words = {id_ for id_, _ in await Fts5Text().search(tx, 1, ["hello"], 1 << 20)}
        trigrams = set(await SegmentedTrigrams().candidates(tx, 1, [["hello"]]) or [])
        vectors = {id_ for (id_,) in await tx.rows("SELECT id FROM vectors")}
    wrong += [f"batch {batch} has {count} files" for batch, count in files.items() if count != PER_BATCH]
    for name, found in (("words", words), ("trigrams", trigrams), ("vectors", vectors)):
        if found != ids:
            wrong.append(f"{name} of {len(found ^ ids)} files differ")
    return sorted(files), wrong
