"""`sophia://memory`: where something is remembered, and how much."""

from __future__ import annotations

from sophia_mcp.server import memory
from sophia_mcp.server.resources import ResourceRecord
from sophia_mcp.server.state import State


async def read(state: State) -> str:
    """The scopes with memories, and how many of each kind."""
    return await memory.overview(state)


RESOURCE = ResourceRecord(
    "sophia://memory",
    "Memory",
    "The scopes something is remembered in, with counts",
    "application/json",
    read,
)
