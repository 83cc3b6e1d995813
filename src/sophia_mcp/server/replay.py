"""What can a handshake client still fetch after its HTTP stream broke?

The newest events of its own session, kept in memory within a bound. Streams are numbered by the
client's request ids, so every session has a store of its own.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import count

from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.types import JSONRPCMessage

MAX_EVENTS = 256
MAX_CHARS = 4_000_000
"""Both per session; the oldest events go first."""


@dataclass(frozen=True, slots=True)
class _Event:
    number: int
    stream: str
    message: JSONRPCMessage | None
    size: int


class Replay(EventStore):
    """The newest events of one session."""

    def __init__(self) -> None:
        self._events: deque[_Event] = deque()
        self._numbers = count(1)
        self._chars = 0

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        """Keep one event of a stream (None: the stream began); returns its id."""
        size = 0 if message is None else len(message.model_dump_json(by_alias=True))
        event = _Event(next(self._numbers), stream_id, message, size)
        self._events.append(event)
        self._chars += size
        while len(self._events) > MAX_EVENTS or (self._chars > MAX_CHARS and len(self._events) > 1):
            self._chars -= self._events.popleft().size
        return str(event.number)

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        """Send what followed that event on its stream; returns the stream, or None where the event
        is not kept any more."""
        known = next((event for event in self._events if str(event.number) == last_event_id), None)
        if known is None:
            return None
        for event in list(self._events):
            if (
                event.number > known.number
                and event.stream == known.stream
                and event.message is not None
            ):
                await send_callback(EventMessage(event.message, str(event.number)))
        return known.stream
