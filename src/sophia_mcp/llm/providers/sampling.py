"""The client's own model answers, through MCP sampling. No key; advances while a call is open.

The server takes waiting steps from the desk and asks the client for each. When no call is open they
wait, and may be done by the assistant itself instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sophia_mcp.llm.desk import Desk, packet_of
from sophia_mcp.llm.form import instructed
from sophia_mcp.llm.providers import Hear, Provider
from sophia_mcp.llm.providers.host import desk_of
from sophia_mcp.types import Ask, Reply


class SamplingLLM:
    """Answers when the client's model does. Sampling has no schema, so the prompt carries it."""

    name = "sampling"

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        """Wait at the desk until the server has asked the client."""
        asked = instructed(ask)
        answered = await self._desk.post(packet_of(asked), asked)
        if hear is not None:
            hear(answered.text)
        return Reply(answered.text, answered.model or self.name, self.name, answered.finish)


def _lack(options: Mapping[str, Any]) -> str:
    return "" if options.get("can_sample", True) else "the client does not offer sampling"


PROVIDER = Provider(
    "the client's own model, through MCP sampling; no key",
    free=True,
    lack=_lack,
    open=lambda options: SamplingLLM(desk_of("sampling", options)),
    patient=True,
)
