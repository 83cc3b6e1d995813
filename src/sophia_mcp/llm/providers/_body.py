"""How is read what an endpoint sends, however much it sends?

A body is counted as it is read, after decompression, and given up beyond `MAX_BODY`: an endpoint that
does not stop must not fill the memory of the process.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from sophia_mcp.llm.providers._chat import Failure

MAX_BODY = 32 << 20
"""Bytes of one answer; those of the longest one with its reasoning are a few million."""

MAX_REFUSAL = 64 << 10
"""Bytes of a refusal that are read; a sentence of it is quoted."""

_BREAK = re.compile(rb"\r\n|\n|\r")


async def whole(pieces: AsyncIterator[bytes], failure: Failure) -> str:
    """All of an answer. Raises ProviderError where it is too long."""
    return b"".join([piece async for piece in _counted(pieces, failure)]).decode("utf-8", "replace")


async def beginning(pieces: AsyncIterator[bytes]) -> str:
    """As much of a refusal as is worth reading."""
    read = bytearray()
    async for piece in pieces:
        read += piece
        if len(read) >= MAX_REFUSAL:
            break
    return read[:MAX_REFUSAL].decode("utf-8", "replace")


async def lines(pieces: AsyncIterator[bytes], failure: Failure) -> AsyncIterator[str]:
    """The lines of an answer as they arrive. Raises ProviderError where it is too long."""
    begun = bytearray()
    async for piece in _counted(pieces, failure):
        first, *others = _BREAK.split(piece)
        begun += first
        for other in others:
            yield begun.decode("utf-8", "replace")
            begun = bytearray(other)
    if begun:
        yield begun.decode("utf-8", "replace")


async def _counted(pieces: AsyncIterator[bytes], failure: Failure) -> AsyncIterator[bytes]:
    size = 0
    async for piece in pieces:
        size += len(piece)
        if size > MAX_BODY:
            raise failure.broken(f"it sent more than {MAX_BODY >> 20} MiB and did not stop")
        yield piece
