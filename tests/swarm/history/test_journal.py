"""What a step was asked and came to is written once, replayed when the question is the same, and only by its owner."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import anyio
import anyio.lowlevel
import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.swarm.runs import FILE, FINDING, ScriptedModels, Tree, open_swarm, order, replies

from sophia_mcp.errors import BadArgument, StoreBusy
from sophia_mcp.store import jobs
from sophia_mcp.store.database import Statement, Transaction
from sophia_mcp.store.engines.sqlite import SqliteDatabase, open_database
from sophia_mcp.store.jobs import Jobs
from sophia_mcp.swarm import schema
from sophia_mcp.swarm.history.book import Book
from sophia_mcp.swarm.history.journal import Journal, Lost, Pen, digest
from sophia_mcp.types import LOCAL, Order, Packet, Scope

pytestmark = pytest.mark.anyio


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    opened = await open_database(tmp_path / "state.db", durability="truth")
    await opened.migrate(jobs.MIGRATIONS, schema.MIGRATIONS)
    yield opened
    await opened.close()


async def begun(db: SqliteDatabase, worker: str = "me") -> tuple[Book, Journal]:
    book = Book(db, Jobs(db, worker), LOCAL)
    run_id, _ = await book.enter(Order("task"), "scripted", free=True)
    return book, Journal(run_id, worker, db, LOCAL, Pen(db, LOCAL))


@pytest.mark.requirement("swarm.journal")
async def test_a_finished_step_is_known_to_whoever_reads_the_journal_later(db: SqliteDatabase) -> None:
    _, journal = await begun(db)
    await journal.start("a", "q1", role="reader")
    await journal.done("a", "q1", {"value": 1})
    again = Journal(journal.run_id, "me", db, LOCAL, Pen(db, LOCAL))
    await again.load()
    known = again.finished("a", "q1")
    assert known is not None
    assert known.output == {"value": 1}
    assert again.finished("a", "q2") is None
    assert again.finished("b", "q1") is None


@pytest.mark.requirement("swarm.journal")
async def test_a_step_that_was_only_begun_or_failed_is_not_finished(db: SqliteDatabase) -> None:
    _, journal = await begun(db)
    await journal.start("begun", "q")
    await journal.start("failed", "q")
    await journal.fail("failed", "q", "the provider is down")
    assert journal.finished("begun", "q") is None
    assert journal.finished("failed", "q") is None
    await journal.start("begun", "q")
    assert journal.lines["begun"].attempts == 2


@pytest.mark.requirement("swarm.journal")
async def test_a_run_that_was_taken_over_is_not_written_by_its_former_owner(db: SqliteDatabase) -> None:
    _, journal = await begun(db)
    await journal.start("a", "q")
    assert await Jobs(db, "other").claim(LOCAL, journal.run_id, dead="me")
    with pytest.raises(Lost):
        await journal.done("a", "q", "late")
    with pytest.raises(Lost):
        await journal.start("b", "q")
    fresh = Journal(journal.run_id, "other", db, LOCAL, Pen(db, LOCAL))
    await fresh.load()
    assert fresh.lines["a"].state == "started"


async def test_what_waits_is_written_with_all_that_is_needed_to_answer_it(db: SqliteDatabase) -> None:
    _, journal = await begun(db)
    packet = Packet("a", "reader", "Read this.", {"type": "object"})
    await journal.wait(packet, "q")
    await journal.load()
    assert journal.lines["a"].packet == packet


async def test_events_are_numbered_without_gaps_whoever_writes_them(db: SqliteDatabase) -> None:
    book, journal = await begun(db)
    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(journal.note, "decision", f"s{number}")
    numbers = [event.number for event in await book.told(journal.run_id)]
    assert numbers == list(range(1, 22))
    assert [event.number for event in await book.told(journal.run_id, 18)] == [19, 20, 21]


class Counting:
    """A store that counts what is written to it."""

    def __init__(self, db: SqliteDatabase) -> None:
        self.db, self.commits = db, 0

    def write(self, scope: Scope) -> AbstractAsyncContextManager[Transaction]:
        self.commits += 1
        return self.db.write(scope)


async def test_writes_that_come_together_share_a_commit(db: SqliteDatabase) -> None:
    _, journal = await begun(db)
    counting = Counting(db)
    journal.pen = Pen(counting, LOCAL)  # type: ignore[arg-type]
    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(journal.start, f"s{number}", "q")
    assert len(journal.lines) == 8
    assert counting.commits <= 2


async def test_an_answer_is_committed_with_the_question_that_follows_from_it(db: SqliteDatabase) -> None:
    book, journal = await begun(db)
    await journal.start("a", "q")
    counting = Counting(db)
    journal.pen = Pen(counting, LOCAL)  # type: ignore[arg-type]
    async with anyio.create_task_group() as group:
        group.start_soon(journal.done, "a", "q", "came")
        await anyio.lowlevel.checkpoint()
        await journal.start("b", "q")
        assert counting.commits == 1
        assert [event.kind for event in await book.told(journal.run_id)][-2:] == [
            "step.done",
            "step.started",
        ]


async def test_a_write_that_fails_is_told_to_everyone_in_its_batch(db: SqliteDatabase) -> None:
    class Refusing:
        def write(self, scope: object) -> object:
            raise StoreBusy("the store stayed locked", next="try again")

    pen = Pen(Refusing(), LOCAL)  # type: ignore[arg-type]
    refused: list[str] = []

    async def write() -> None:
        try:
            await pen.write(("SELECT 1", {}))
        except StoreBusy as error:
            refused.append(error.what)

    async with anyio.create_task_group() as group:
        group.start_soon(write)
        group.start_soon(write)
    assert len(refused) == 2


@pytest.mark.requirement("swarm.journal")
async def test_a_statement_that_cannot_be_written_fails_its_own_run_alone(db: SqliteDatabase) -> None:
    book, journal = await begun(db)
    said: dict[str, str] = {}

    async def write(name: str, *statements: Statement) -> None:
        try:
            changed = await journal.pen.write(*statements)
            said[name] = f"changed {changed}"
        except (BadArgument, apsw.SQLError) as error:
            said[name] = type(error).__name__

    def told(kind: str) -> Statement:
        return journal.told(kind, {})

    async with anyio.create_task_group() as group:
        group.start_soon(write, "first", told("decision"))
        group.start_soon(write, "text", told("decision"), told("half a \ud800 pair"))
        group.start_soon(write, "good", told("decision"), told("decision"))
        group.start_soon(write, "syntax", ("UPDATE nothing SET at = :workspace", {}))
        group.start_soon(write, "last", told("decision"))
    good = {"first": "changed [1]", "good": "changed [1, 1]", "last": "changed [1]"}
    assert said == good | {"text": "BadArgument", "syntax": "SQLError"}
    assert len(await book.told(journal.run_id)) == 1 + 4


@pytest.mark.requirement("swarm.journal")
async def test_a_step_whose_question_changed_is_asked_again_and_the_others_are_not(
    tmp_path: Path,
) -> None:
    panel = order(pattern="panel")
    script = replies(
        {"step": "review.*", "json": {"findings": [FINDING]}},
        {"step": "verify", "fail": "refused", "times": 1},
        {"step": "verify", "json": {"verdicts": [{"id": "F1", "holds": True, "reason": "yes"}]}},
        {"step": "judge", "fail": "refused", "times": 1},
    )
    models = ScriptedModels(script)
    async with open_swarm(tmp_path, models, tree=Tree({"calc.py": FILE})) as swarm:
        run_id = await swarm.start(panel)
        assert (await swarm.report(run_id, wait_s=20)).status == "done"
        changed = tmp_path / "patterns" / "panel.toml"
        changed.write_text(changed.read_text().replace("You are the third.", "You are the third one."))
        async with swarm.means.book.db.write(LOCAL) as tx:
            await tx.run("UPDATE runs SET status = 'failed' WHERE workspace = :workspace")
        first = len(models.asked)
        await swarm.resume(run_id)
        await swarm.report(run_id, wait_s=20)
        again = models.steps()[first:]
        replayed = [
            event.step for event in await swarm.timeline(run_id) if event.kind == "step.replayed"
        ]
    assert "review.three" in again
    assert "review.one" not in again
    assert replayed[:2] == ["review.one", "review.two"]


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none(), max_size=6))
def test_equal_questions_have_one_digest_in_whatever_order_they_are_written(
    value: dict[str, object],
) -> None:
    turned = dict(reversed(list(value.items())))
    assert digest("x", value) == digest("x", turned)
    assert digest("x", value) != digest("y", value)
