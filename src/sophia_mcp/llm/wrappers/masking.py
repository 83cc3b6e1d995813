"""Does a question carry a secret? It leaves without it.

What searches show is masked already; this is the last door, for whatever came another way (a diff, a
task, a memory). It stands before every provider, also where the assistant or its client answers.
"""

from __future__ import annotations

from dataclasses import replace

import anyio.to_thread

from sophia_mcp.llm.providers import LLM, Hear
from sophia_mcp.llm.wrappers.context import Tell
from sophia_mcp.security.secrets import mask
from sophia_mcp.security.text import counted
from sophia_mcp.types import Ask, Message, Reply


class Masked:
    """Sends every message without secrets, and tells how many were taken out."""

    def __init__(self, inner: LLM, tell: Tell = lambda labels, text: None) -> None:
        self._inner, self._tell = inner, tell
        self._turn = anyio.Lock()

    @property
    def name(self) -> str:
        return self._inner.name

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        """The inner answer to the masked question."""
        async with self._turn:  # steps wait at the desk in the order in which they were asked
            ask, count = await masked(ask)
        if count:
            were = "was" if count == 1 else "were"
            self._tell(
                ask.labels, f"{counted(count, 'secret')} {were} masked before the question was sent"
            )
        return await self._inner.ask(ask, hear)


async def masked(ask: Ask) -> tuple[Ask, int]:
    """The question without secrets, and how many there were."""
    messages, count = await anyio.to_thread.run_sync(_masked, ask.messages)
    return (replace(ask, messages=messages) if count else ask), count


def _masked(messages: tuple[Message, ...]) -> tuple[tuple[Message, ...], int]:
    found = [mask(message.text) for message in messages]
    clean = zip(messages, found, strict=True)
    return (
        tuple(replace(message, text=each.text) if each.count else message for message, each in clean),
        sum(each.count for each in found),
    )
