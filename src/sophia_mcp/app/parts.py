"""What are the parts of one process, and when does each open?

Every part is a field that is called to get it: it opens on first use, once, however many ask at the
same time. The file of the same room (`stores`, `code`, `models`, `money`, `memory`, `swarms`) says
how it is made from the parts below it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio

if TYPE_CHECKING:
    from sophia_mcp.app.opening import Models
    from sophia_mcp.cost.money import Money
    from sophia_mcp.embed.providers import Embedder
    from sophia_mcp.index.build import Index
    from sophia_mcp.memory.memory import Memory
    from sophia_mcp.ops.background import Background
    from sophia_mcp.search.answer import Engine
    from sophia_mcp.sections import Settings
    from sophia_mcp.store.database import Database
    from sophia_mcp.store.jobs import Jobs
    from sophia_mcp.swarm.swarm import Swarm

T = TypeVar("T")


class Once(Generic[T]):
    """A part that opens on first use, once, however many ask at the same time."""

    def __init__(self, open: Callable[[], Awaitable[T]]) -> None:
        self._open, self._lock = open, anyio.Lock()
        self._value: T | None = None
        self._waiting: list[Callable[[T], None]] = []

    async def __call__(self) -> T:
        if self._value is not None:
            return self._value  # even a free lock is another turn of the event loop
        async with self._lock:
            if self._value is None:
                self._value = await self._open()
                for hear in self._waiting:
                    hear(self._value)
            return self._value

    def when_open(self, hear: Callable[[T], None]) -> None:
        """Hand the part to ``hear`` once it opens. To be called before that."""
        self._waiting.append(hear)

    @property
    def opened(self) -> T | None:
        return self._value


@dataclass(frozen=True)
class Parts:
    """The parts. ``tasks`` is where work goes that outlives the request that began it; what is pushed
    on ``stack`` closes when the process ends, in reverse."""

    settings: Settings
    tasks: Background
    stack: AsyncExitStack
    database: Once[Database]
    truth: Once[Database]
    jobs: Once[Jobs]
    embedder: Once[Embedder]
    index: Once[Index]
    engine: Once[Engine]
    money: Once[Money]
    models: Once[Models]
    memory: Once[Memory]
    swarm: Once[Swarm]
