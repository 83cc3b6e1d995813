"""A store knows its size, gives back space, and says what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sophia_mcp.store import upkeep
from sophia_mcp.store.engines.sqlite import SqliteDatabase, open_database
from sophia_mcp.store.text import Fts5Text, TextRow
from sophia_mcp.types import LOCAL

pytestmark = pytest.mark.anyio


async def fill(db: SqliteDatabase) -> None:
    rows = [TextRow(i, ("", "", "", "", "", f"word{i} " * 40)) for i in range(2000)]
    async with db.write(LOCAL) as tx:
        await Fts5Text().add(tx, 1, rows)
        await tx.run("CREATE TABLE pad (b BLOB); CREATE INDEX pad_index ON pad (b)")
        await tx.many("INSERT INTO pad (b) VALUES (?)", [(bytes(2000),) for _ in range(500)])
    await db.checkpoint()


async def test_sizes_name_where_the_bytes_are(tmp_path: Path) -> None:
    db = await open_database(tmp_path / "index.db", durability="derived")
    await fill(db)
    found = await upkeep.sizes(db)
    assert found.total >= sum(found.tables.values())
    assert found.tables["pad"] > 1_000_000
    assert found.tables["text_1_data"] > 100_000
    await db.close()


async def test_space_of_deleted_rows_goes_back_to_the_disk(tmp_path: Path) -> None:
    db = await open_database(tmp_path / "index.db", durability="derived")
    await fill(db)
    before = db.path.stat().st_size
    async with db.write(LOCAL) as tx:
        await tx.run("DELETE FROM pad")
        await Fts5Text().remove(tx, 1, None)
    assert (await upkeep.sizes(db)).free > 1_000_000
    await upkeep.reclaim(db)
    await db.checkpoint()
    assert db.path.stat().st_size < before / 5
    assert await upkeep.problems(db) == []
    await db.close()


async def test_a_sound_store_has_no_problems_and_answers(tmp_path: Path) -> None:
    db = await open_database(tmp_path / "index.db", durability="derived")
    await fill(db)
    assert await upkeep.problems(db) == []
    async with db.read(LOCAL) as tx:
        assert [id_ for id_, _ in await Fts5Text().search(tx, 1, ["word77"], 5)] == [77]
    await db.close()


async def test_a_text_index_that_lost_rows_behind_its_back_is_named(tmp_path: Path) -> None:
    db = await open_database(tmp_path / "index.db", durability="derived")
    await fill(db)
    async with db.write(LOCAL) as tx:
        await tx.run("DELETE FROM text_1_data WHERE id > 1000")
    found = await upkeep.problems(db)
    assert found
    assert "text_1" in found[0]
    await db.close()
