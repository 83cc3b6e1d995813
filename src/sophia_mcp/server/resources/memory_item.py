"""`sophia://memory/item/{id}`: one memory, whole."""

from __future__ import annotations

from sophia_mcp.server import memory
from sophia_mcp.server.resources import ResourceRecord
from sophia_mcp.server.state import State


async def read(state: State, id: str) -> str:
    """Its text, who said it, and whether its code is still the same."""
    return await memory.item(state, id)


RESOURCE = ResourceRecord(
    "sophia://memory/item/{id}",
    "One memory",
    "A memory with its source, standing and the verdicts of its anchors",
    "application/json",
    read,
    offers={"id": memory.ids},
)
