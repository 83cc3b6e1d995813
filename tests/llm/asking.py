"""Questions and stand-ins for the tests of what stands around a provider."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

import anyio

from sophia_mcp.llm.providers import Hear
from sophia_mcp.types import Ask, Labels, Message, Reply, Usage


def ask(text: str = "What is a lock?", **changed: Any) -> Ask:
    given: dict[str, Any] = {
        "messages": (Message("system", "Be brief."), Message("user", text)),
        "model": "stand-in",
        "max_tokens": 100,
        "labels": Labels(run="run-1", step="step-1"),
    }
    return Ask(**(given | changed))


@dataclass
class Steps:
    """An LLM that does one given thing for each question: a text, a reply, an error, or a function."""

    things: Iterable[Any]
    name: str = "steps"
    asked: list[Ask] = field(default_factory=list)
    cancelled: int = 0

    def __post_init__(self) -> None:
        self._next = iter(self.things)

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        self.asked.append(ask)
        thing = next(self._next)
        if isinstance(thing, Exception):
            raise thing
        if callable(thing):
            thing = await thing(ask)
        if isinstance(thing, Reply):
            return thing
        if hear is not None:
            hear(thing)
        return Reply(thing, ask.model, self.name, usage=Usage(10, 5))


async def forever(_: Ask) -> str:
    await anyio.sleep_forever()
    raise AssertionError


async def leave(call: Callable[[Ask], Coroutine[Any, Any, object]]) -> None:
    """Ask, and cancel the question once it waits for its answer."""
    async with anyio.create_task_group() as group:
        group.start_soon(call, ask())
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()


@dataclass
class Time:
    """Seconds that pass only when somebody waits."""

    now: float = 1000.0
    waited: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    async def pause(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += seconds
