"""A piece of work that fails in the background is logged, and nothing else ends with it."""

from __future__ import annotations

import logging

import anyio
import pytest

from sophia_mcp.errors import Bug, StoreBusy
from sophia_mcp.ops.background import Background

pytestmark = pytest.mark.anyio


async def fail(error: BaseException) -> None:
    raise error


async def logged(error: BaseException, caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    """The line about a task that ended so, beside another that goes on to its end."""
    went_on = anyio.Event()

    async def other() -> None:
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        went_on.set()

    async with anyio.create_task_group() as group:
        background = Background(group)
        background.start("the other", other)
        background.start("the watch", fail, error)
    assert went_on.is_set()
    [line] = caplog.records
    assert line.getMessage().startswith("the watch has ended: ")
    return line


async def test_an_error_a_person_can_mend_is_told_in_its_own_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    busy = StoreBusy("the store is locked", why="another process writes", next="try again")
    for error in (busy, ExceptionGroup("several", [busy])):
        caplog.clear()
        line = await logged(error, caplog)
        assert (line.levelno, line.exc_info) == (logging.WARNING, None)
        assert str(busy) in line.getMessage()


async def test_a_bug_is_logged_with_its_traceback_and_the_id_others_were_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    known = Bug()
    busy = StoreBusy("the store is locked")
    for error, words in (
        (ZeroDivisionError("x"), "Internal error"),
        (ExceptionGroup("several", [busy, ZeroDivisionError("x")]), "Internal error"),
        (known, known.id),
    ):
        caplog.clear()
        line = await logged(error, caplog)
        assert (line.levelno, bool(line.exc_info)) == (logging.ERROR, True)
        assert words in line.getMessage()


async def test_a_cancelled_group_ends_its_tasks_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    begun, ended = anyio.Event(), anyio.Event()

    async def wait() -> None:
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    async with anyio.create_task_group() as group:
        Background(group).start("the watch", wait)
        await begun.wait()
        group.cancel_scope.cancel()
    assert ended.is_set()
    assert not caplog.records
