"""`sophia://repos`: what is indexed."""

from __future__ import annotations

from sophia_mcp.security.text import json_of
from sophia_mcp.server.resources import ResourceRecord
from sophia_mcp.server.state import State


async def read(state: State) -> str:
    """Every repository a tool may read, with its state."""
    app, project = await state.open()
    reports = await app.reports(project)
    return json_of([report.facts() for report in reports])


RESOURCE = ResourceRecord(
    "sophia://repos",
    "Indexed repositories",
    "Every indexed repository with its state, commit and counts",
    "application/json",
    read,
)
