"""The calling assistant does the steps itself. Works in every client, with no key.

A question becomes a packet on the desk; the assistant reads it in the answer to its own call, does it
with its own model or a subagent, and sends the result with the next call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sophia_mcp.errors import BadSetting
from sophia_mcp.llm.desk import Desk, packet_of
from sophia_mcp.llm.providers import Hear, Provider
from sophia_mcp.registry import refuse_unknown
from sophia_mcp.types import Ask, Reply


class HostLLM:
    """Answers when the assistant does. Usage is not known to us."""

    name = "host"

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        """Wait at the desk, for as long as it takes."""
        answered = await self._desk.post(packet_of(ask), ask)
        if hear is not None:
            hear(answered.text)
        return Reply(answered.text, answered.model or self.name, self.name, answered.finish)


def desk_of(provider: str, options: Mapping[str, Any]) -> Desk:
    """The desk among the options. Raises BadSetting without one."""
    refuse_unknown(options, ("desk",), f"the LLM provider {provider}")
    desk = options.get("desk")
    if not isinstance(desk, Desk):
        raise BadSetting(
            f"the LLM provider {provider} needs a desk",
            why="its steps are answered from outside",
            next='pass {"desk": Desk()}',
        )
    return desk


PROVIDER = Provider(
    "the calling assistant does the steps itself; no key, every client",
    free=True,
    lack=lambda options: "",
    open=lambda options: HostLLM(desk_of("host", options)),
    patient=True,
)
