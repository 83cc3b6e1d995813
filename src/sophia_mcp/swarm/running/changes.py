"""Who is told when something about a run of this process has changed?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from sophia_mcp.ops.news import News

BACKLOG = 256
"""Changes that a listener may be behind; it misses those beyond."""


@dataclass(eq=False)
class Changes:
    """Those who wait for one run, and those who listen to all."""

    news: News = field(default_factory=News)
    _listeners: set[MemoryObjectSendStream[str]] = field(default_factory=set)

    def tell(self, run_id: str) -> None:
        """Something about a run has changed."""
        self.news.tell(run_id)
        for listener in self._listeners:
            # Full, or just being closed: what is written is the truth.
            with suppress(anyio.WouldBlock, anyio.ClosedResourceError, anyio.BrokenResourceError):
                listener.send_nowait(run_id)

    def next(self, run_id: str) -> anyio.Event:
        """Set at the next change of a run. Take it before looking, and no change is missed."""
        return self.news.next(run_id)

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[MemoryObjectReceiveStream[str]]:
        """A stream of the ids of runs about which something has changed."""
        send, receive = anyio.create_memory_object_stream[str](BACKLOG)
        self._listeners.add(send)
        try:
            async with send, receive:
                yield receive
        finally:
            self._listeners.discard(send)
