"""How does a test server speak HTTP/1.1 and break it on purpose? One connection per task, over h11."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import h11

MOST_BYTES = 64 << 20


@dataclass
class Exchange:
    """One request, and the ways to answer it. Header names are lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    _protocol: h11.Connection
    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    cut_off: bool = field(default=False)

    async def send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """A whole answer."""
        await self.begin(status, {**headers, "content-length": str(len(body))})
        await self.write(body)
        await self.end()

    async def send_json(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        await self.send(status, body, {"content-type": "application/json", **(headers or {})})

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """The head of an answer; without a content length the body is chunked."""
        await self._put(h11.Response(status_code=status, headers=list(headers.items())))

    async def write(self, piece: bytes) -> None:
        await self._put(h11.Data(data=piece))

    async def end(self) -> None:
        await self._put(h11.EndOfMessage())

    def cut(self) -> None:
        """Drop the connection where it stands."""
        self.cut_off = True
        self._writer.transport.abort()

    async def wait_until_left(self, released: asyncio.Event, seconds: float) -> None:
        """Return when the caller hangs up, the test releases everyone, or the time is over."""
        waits = [asyncio.ensure_future(self._reader.read(1)), asyncio.ensure_future(released.wait())]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()

    async def _put(self, event: h11.Event) -> None:
        raw = self._protocol.send(event)
        if raw:
            self._writer.write(raw)
            await self._writer.drain()


Answer = Callable[[Exchange], Awaitable[None]]


async def serve_connection(
    answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Read requests one after the other and answer each, until the caller leaves."""
    protocol = h11.Connection(h11.SERVER)
    try:
        while (exchange := await _read(protocol, reader, writer)) is not None:
            await answer(exchange)
            if exchange.cut_off or protocol.our_state is not h11.DONE:
                break
            if protocol.their_state is not h11.DONE:
                break
            protocol.start_next_cycle()
    except (ConnectionError, h11.ProtocolError):
        pass  # the caller left, or we were told to break the rules
    finally:
        writer.close()


async def _read(
    protocol: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Exchange | None:
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = protocol.next_event()
        if event is h11.NEED_DATA:
            protocol.receive_data(await reader.read(1 << 16))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > MOST_BYTES:
                return None
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            target = urlsplit(head.target.decode("ascii"))
            return Exchange(
                head.method.decode("ascii"),
                unquote(target.path),
                dict(parse_qsl(target.query)),
                {name.decode(): value.decode("latin-1") for name, value in head.headers},
                bytes(body),
                protocol,
                reader,
                writer,
            )
        else:
            return None
