"""Steps wait at the desk until somebody answers."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from tests.llm.asking import ask

from sophia_mcp.errors import NotFound, ProviderError
from sophia_mcp.llm.desk import Answered, Desk, packet_of
from sophia_mcp.types import Ask, Labels, Message

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("llm.desk")]


def step(key: str, run: str = "run-1") -> Ask:
    return ask(labels=Labels(run=run, step=key, agent="reviewer"))


async def posted(desk: Desk, tasks: Any, *asks: Ask) -> list[Answered | Exception]:
    done: list[Answered | Exception] = []

    async def post(asked: Ask) -> None:
        try:
            done.append(await desk.post(packet_of(asked), asked))
        except ProviderError as error:
            done.append(error)

    for asked in asks:
        tasks.start_soon(post, asked)
    await anyio.wait_all_tasks_blocked()
    return done


async def test_all_waiting_steps_of_a_run_are_seen_at_once_in_order() -> None:
    desk = Desk()
    async with anyio.create_task_group() as tasks:
        done = await posted(desk, tasks, step("a"), step("b"), step("c", "run-2"))
        assert [packet.key for packet in desk.pending("run-1")] == ["a", "b"]
        assert [packet.key for packet in desk.pending("run-2")] == ["c"]
        assert desk.pending("run-1")[0].role == "reviewer"
        assert desk.pending("run-1")[0].prompt == "Be brief.\n\nWhat is a lock?"
        desk.answer("run-1", "b", {"n": 1})
        desk.answer("run-1", "a", "text", model="theirs", finish="length")
        desk.answer("run-2", "c", "c")
    assert done == [Answered('{"n": 1}'), Answered("text", "theirs", "length"), Answered("c")]
    assert desk.pending("run-1") == ()


async def test_an_answer_to_a_step_that_does_not_wait_names_those_that_do() -> None:
    desk = Desk()
    with pytest.raises(NotFound, match="no step of that run"):
        desk.answer("run-1", "a", "text")
    async with anyio.create_task_group() as tasks:
        await posted(desk, tasks, step("a"))
        with pytest.raises(NotFound, match="waiting: a"):
            desk.answer("run-1", "b", "text")
        desk.answer("run-1", "a", "once")
        with pytest.raises(NotFound):
            desk.answer("run-1", "a", "twice")


async def test_a_declined_step_fails_with_the_reason() -> None:
    desk = Desk()
    async with anyio.create_task_group() as tasks:
        done = await posted(desk, tasks, step("a"))
        desk.refuse("run-1", "a", ProviderError("the person declined"))
    [error] = done
    assert isinstance(error, ProviderError)


async def test_two_steps_of_the_same_key_get_names_of_their_own() -> None:
    desk = Desk()
    async with anyio.create_task_group() as tasks:
        done = await posted(desk, tasks, step("a"), step("a"), step("a"))
        assert [packet.key for packet in desk.pending("run-1")] == ["a", "a~2", "a~3"]
        for packet in desk.pending("run-1"):
            desk.answer("run-1", packet.key, packet.key)
    assert [each.text for each in done if isinstance(each, Answered)] == ["a", "a~2", "a~3"]


async def test_no_change_is_missed_between_looking_and_waiting() -> None:
    desk = Desk()
    seen: list[tuple[str, ...]] = []

    async def watch() -> None:
        while True:
            changed = desk.changed("run-1")
            now = tuple(packet.key for packet in desk.pending("run-1"))
            if [now] != seen[-1:]:
                seen.append(now)
            await changed.wait()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        await anyio.wait_all_tasks_blocked()
        for key in ("a", "b"):
            await posted(desk, tasks, step(key))
            desk.answer("run-1", key, key)
            await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert seen == [(), ("a",), (), ("b",), ()]


async def test_a_cancelled_step_leaves_the_desk() -> None:
    desk = Desk()
    async with anyio.create_task_group() as tasks:
        await posted(desk, tasks, step("a"))
        tasks.cancel_scope.cancel()
    assert desk.pending("run-1") == ()


def test_an_earlier_answer_is_marked_in_the_prompt() -> None:
    asked = ask(
        messages=(Message("user", "do"), Message("assistant", "done badly"), Message("user", "again"))
    )
    assert packet_of(asked).prompt == "do\n\nYour earlier answer:\ndone badly\n\nagain"
