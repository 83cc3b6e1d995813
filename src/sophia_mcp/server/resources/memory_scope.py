"""`sophia://memory/{scope}`: the memories of one scope by their first lines."""

from __future__ import annotations

from sophia_mcp.server import memory
from sophia_mcp.server.resources import ResourceRecord
from sophia_mcp.server.state import State


async def read(state: State, scope: str) -> str:
    """The newest memories, pinned ones first."""
    return await memory.listed(state, scope)


RESOURCE = ResourceRecord(
    "sophia://memory/{scope}",
    "Memories of a scope",
    "repo (this project), workspace, user or global: what is remembered, by first lines",
    "application/json",
    read,
    offers={"scope": memory.scopes},
)
