"""`sophia://repos/{repo}/map`: the ranked map of a repository."""

from __future__ import annotations

from sophia_mcp.server.resources import ResourceRecord
from sophia_mcp.server.state import State

MAX_TOKENS = 4000


async def read(state: State, repo: str) -> str:
    """The definitions most used, under their files."""
    app, project = await state.open()
    return await app.outline(repo, project, MAX_TOKENS)


RESOURCE = ResourceRecord(
    "sophia://repos/{repo}/map",
    "Map of a repository",
    "Its files and most used definitions, ranked",
    "text/plain",
    read,
    offers={"repo": State.names},
)
