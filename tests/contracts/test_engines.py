"""Every store engine keeps the promises of ``sophia_mcp.store.database``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

from sophia_mcp.errors import BadArgument, StoreTooNew
from sophia_mcp.store.database import Database
from sophia_mcp.store.engines import ENGINES
from sophia_mcp.store.migrations import Migrations, Step
from sophia_mcp.types import LOCAL, Scope

pytestmark = pytest.mark.anyio

OTHERS = Scope("others")
NOTES = Migrations(
    "notes",
    (
        Step(
            1,
            "CREATE TABLE notes (workspace TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,"
            " PRIMARY KEY (workspace, name))",
            oldest_reader=1,
            oldest_writer=1,
        ),
        Step(2, "CREATE TABLE tags (name TEXT PRIMARY KEY)", oldest_reader=1, oldest_writer=1),
    ),
)
INSERT = "INSERT INTO notes (workspace, name, body) VALUES (:workspace, :name, :body)"


@pytest.fixture(params=["derived", "truth"])
def durability(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=ENGINES.names())
async def db(request: pytest.FixtureRequest, durability: str, tmp_path: Path) -> AsyncIterator[Database]:
    db = await ENGINES.load(request.param).open(tmp_path / "store.db", durability=cast(Any, durability))
    await db.migrate(NOTES)
    yield db
    await db.close()


async def put(db: Database, name: str, body: str = "", scope: Scope = LOCAL) -> None:
    async with db.write(scope) as tx:
        assert await tx.run(INSERT, {"name": name, "body": body}) == 1


async def names(db: Database, scope: Scope = LOCAL) -> list[str]:
    async with db.read(scope) as tx:
        found = await tx.rows("SELECT name FROM notes WHERE workspace = :workspace ORDER BY name")
    return [name for (name,) in found]


async def test_what_was_written_is_read_back(db: Database) -> None:
    await put(db, "größe", "数据 \N{GRINNING FACE}")
    async with db.read(LOCAL) as tx:
        assert await tx.rows("SELECT name, body FROM notes") == [("größe", "数据 \N{GRINNING FACE}")]


@pytest.mark.requirement("store.engine_contract")
async def test_several_statements_run_in_order_and_say_what_each_changed(db: Database) -> None:
    first = {"name": "a", "body": ""}
    rename = "UPDATE notes SET name = :new WHERE workspace = :workspace AND name = :old"
    async with db.write(LOCAL) as tx:
        changed = await tx.several(
            [
                (INSERT, first),
                (rename, {"old": "a", "new": "b"}),
                (rename, {"old": "a", "new": "c"}),
                (INSERT, first),
            ]
        )
        assert await tx.several([]) == []
    assert changed == [1, 1, 0, 1]
    assert await names(db) == ["a", "b"]


@pytest.mark.requirement("store.engine_contract")
async def test_one_of_several_statements_may_be_run_for_many_rows(db: Database) -> None:
    insert = "INSERT INTO notes (workspace, name, body) VALUES (?, ?, ?)"
    rename = "UPDATE notes SET name = :new WHERE workspace = :workspace AND name = :old"
    rows = [("local", "a", "nul\0here"), ("local", "b", "")]
    async with db.write(LOCAL) as tx:
        changed = await tx.several([(insert, rows), (rename, {"old": "b", "new": "c"}), (insert, [])])
    assert changed == [2, 1, 0]
    assert await names(db) == ["a", "c"]
    async with db.read(LOCAL) as tx:
        assert await tx.rows("SELECT body FROM notes WHERE name = 'a'") == [("nul\ufffdhere",)]
    with pytest.raises(Exception, match="UNIQUE"):
        async with db.write(LOCAL) as tx:
            await tx.several([(rename, {"old": "c", "new": "d"}), (insert, rows)])
    assert await names(db) == ["a", "c"]


@pytest.mark.requirement("store.engine_contract")
async def test_the_last_statements_of_a_write_are_committed_with_it_or_not_at_all(db: Database) -> None:
    async with db.write(LOCAL) as tx:
        await tx.run(INSERT, {"name": "a", "body": ""})
        await tx.several([(INSERT, {"name": "b", "body": ""})], last=True)
        assert await names(db) == ["a", "b"]
    with pytest.raises(Exception, match="UNIQUE"):
        async with db.write(LOCAL) as tx:
            await tx.run(INSERT, {"name": "c", "body": ""})
            await tx.several([(INSERT, {"name": name, "body": ""}) for name in ("d", "d")], last=True)
    assert await names(db) == ["a", "b"]
    await put(db, "e")


@pytest.mark.requirement("store.engine_contract")
async def test_a_failed_write_leaves_nothing(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with db.write(LOCAL) as tx:
            await tx.run(INSERT, {"name": "half", "body": ""})
            raise ZeroDivisionError
    assert await names(db) == []
    await put(db, "next")


@pytest.mark.requirement("store.scope")
async def test_a_transaction_without_a_scope_is_an_error(db: Database) -> None:
    for missing in (None, Scope(""), "local"):
        with pytest.raises(BadArgument, match="scope"):
            async with db.read(cast(Any, missing)):
                pass
        with pytest.raises(BadArgument, match="scope"):
            async with db.write(cast(Any, missing)):
                pass


@pytest.mark.requirement("store.scope")
async def test_the_workspace_is_bound_and_cannot_be_overridden(db: Database) -> None:
    await put(db, "mine")
    await put(db, "theirs", scope=OTHERS)
    assert await names(db) == ["mine"]
    assert await names(db, OTHERS) == ["theirs"]
    async with db.write(LOCAL) as tx:
        await tx.run(INSERT, {"name": "forged", "body": "", "workspace": "others"})
    assert await names(db, OTHERS) == ["theirs"]


async def test_many_binds_names_and_positions(db: Database) -> None:
    async with db.write(LOCAL) as tx:
        await tx.many(INSERT, ({"name": f"n{i}", "body": ""} for i in range(500)))
        await tx.many("INSERT INTO tags (name) VALUES (?)", [(f"t{i}",) for i in range(5)])
    assert len(await names(db)) == 500
    async with db.read(LOCAL) as tx:
        assert await tx.rows("SELECT count(*) FROM tags") == [(5,)]


async def test_returning_gives_rows_and_run_counts_changes(db: Database) -> None:
    await put(db, "a")
    await put(db, "b")
    async with db.write(LOCAL) as tx:
        assert await tx.rows("UPDATE notes SET body = 'x' WHERE name = 'a' RETURNING name") == [("a",)]
        assert await tx.run("UPDATE notes SET body = 'y'") == 2
        assert await tx.run("DELETE FROM notes WHERE name = 'none'") == 0


@pytest.mark.requirement("store.engine_contract")
async def test_a_reader_sees_one_snapshot_while_others_write(db: Database) -> None:
    await put(db, "a")
    async with db.read(LOCAL) as tx:
        before = await tx.rows("SELECT count(*) FROM notes")
        await put(db, "b")
        assert await tx.rows("SELECT count(*) FROM notes") == before
    assert await names(db) == ["a", "b"]


async def test_a_read_transaction_cannot_write(db: Database) -> None:
    with pytest.raises(Exception, match="readonly"):
        async with db.read(LOCAL) as tx:
            await tx.run(INSERT, {"name": "no", "body": ""})
    assert await names(db) == []


@pytest.mark.requirement("store.engine_contract")
async def test_writers_wait_for_each_other(db: Database) -> None:
    async def count_up() -> None:
        async with db.write(LOCAL) as tx:
            [(body,)] = await tx.rows("SELECT body FROM notes WHERE name = 'count'")
            await anyio.lowlevel.checkpoint()
            await tx.run("UPDATE notes SET body = :body", {"body": str(int(body) + 1)})

    await put(db, "count", "0")
    async with anyio.create_task_group() as tasks:
        for _ in range(25):
            tasks.start_soon(count_up)
    async with db.read(LOCAL) as tx:
        assert await tx.rows("SELECT body FROM notes") == [("25",)]


async def test_more_readers_than_connections_all_get_their_turn(db: Database) -> None:
    await put(db, "a")
    seen: list[list[str]] = []

    async def look() -> None:
        seen.append(await names(db))

    async with anyio.create_task_group() as tasks:
        for _ in range(40):
            tasks.start_soon(look)
    assert seen == [["a"]] * 40


async def test_a_nul_in_a_text_becomes_a_replacement_character(db: Database) -> None:
    await put(db, "nul", "a\0b")
    async with db.read(LOCAL) as tx:
        assert await tx.rows("SELECT body, length(body) FROM notes") == [("a\ufffdb", 3)]


async def test_text_that_is_not_unicode_is_refused_with_a_clear_error(db: Database) -> None:
    with pytest.raises(BadArgument, match="Unicode"):
        await put(db, "bad\udcff")


async def test_injection_through_a_value_stays_a_value(db: Database) -> None:
    evil = "'); DROP TABLE notes; --"
    await put(db, evil)
    assert await names(db) == [evil]


@pytest.mark.requirement("store.migrations")
async def test_migrating_again_changes_nothing(db: Database) -> None:
    await put(db, "kept")
    await db.migrate(NOTES)
    assert await names(db) == ["kept"]


@pytest.mark.requirement("store.version_skew")
async def test_a_newer_file_is_read_written_or_refused_as_its_steps_say(db: Database) -> None:
    def newer(reader: int, writer: int) -> Migrations:
        step = Step(len(NOTES.steps) + 1, "SELECT 1", oldest_reader=reader, oldest_writer=writer)
        return Migrations("notes", (*NOTES.steps, step))

    await db.migrate(newer(1, 1))
    await db.migrate(NOTES)
    await put(db, "both versions write")

    await db.migrate(
        Migrations(
            "other", (Step(1, "SELECT 1", 1, 1), Step(2, "SELECT 1", oldest_reader=1, oldest_writer=2))
        )
    )
    await db.migrate(Migrations("other", (Step(1, "SELECT 1", 1, 1),)))
    assert await names(db) == ["both versions write"]
    with pytest.raises(StoreTooNew, match="newer"):
        await put(db, "refused")


@pytest.mark.requirement("store.version_skew")
async def test_a_file_whose_newest_step_forbids_reading_is_refused(db: Database) -> None:
    await db.migrate(
        Migrations(
            "other", (Step(1, "SELECT 1", 1, 1), Step(2, "SELECT 1", oldest_reader=2, oldest_writer=2))
        )
    )
    with pytest.raises(StoreTooNew, match="newer"):
        await db.migrate(Migrations("other", (Step(1, "SELECT 1", 1, 1),)))


@pytest.mark.requirement("store.migrations")
async def test_a_step_that_fails_leaves_the_steps_before_it(db: Database) -> None:
    broken = Migrations(
        "broken",
        (
            Step(1, "CREATE TABLE one (a INTEGER)", 1, 1),
            Step(2, "CREATE TABLE two (a INTEGER); INSERT INTO nowhere VALUES (1)", 1, 1),
        ),
    )
    with pytest.raises(Exception, match="nowhere"):
        await db.migrate(broken)
    mended = Migrations("broken", (broken.steps[0], Step(2, "CREATE TABLE two (a INTEGER)", 1, 1)))
    await db.migrate(mended)
    async with db.read(LOCAL) as tx:
        assert await tx.rows("SELECT count(*) FROM one") == [(0,)]
        assert await tx.rows("SELECT count(*) FROM two") == [(0,)]


async def test_closing_twice_does_no_harm_and_a_closed_database_says_so(db: Database) -> None:
    await db.close()
    await db.close()
    with pytest.raises(BadArgument, match="closed"):
        async with db.read(LOCAL):
            pass
    with pytest.raises(BadArgument, match="closed"):
        async with db.write(LOCAL):
            pass
