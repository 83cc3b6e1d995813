"""`sophia://repos/{repo}/coverage`: what the index holds and what it leaves out, file by file."""

from __future__ import annotations

from sophia_mcp.security.text import json_of
from sophia_mcp.server.resources import ResourceRecord
from sophia_mcp.server.state import State


async def read(state: State, repo: str) -> str:
    """The report of the repository and every skipped file with its reason."""
    app, project = await state.open()
    report, skipped = await app.coverage(repo, project)
    files = [{"path": path, "reason": reason} for path, reason in skipped]
    return json_of({**report.facts(), "skipped_files": files})


RESOURCE = ResourceRecord(
    "sophia://repos/{repo}/coverage",
    "Coverage of a repository",
    "Counts, and every skipped file with its reason",
    "application/json",
    read,
    offers={"repo": State.names},
)
