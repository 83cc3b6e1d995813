"""`ui://sophia/cost`: the view of `cost_report` in hosts that show MCP Apps.

One page without any request of its own: the host hands it the tool's answer, and it asks the host to
call the tool again.
"""

from __future__ import annotations

from importlib.resources import files

from mcp.server.apps import APP_MIME_TYPE

from sophia_mcp.server.resources import ResourceRecord
from sophia_mcp.server.state import State


async def read(state: State) -> str:
    """The page. It holds no amount itself, so it reads the same for everybody."""
    return (files("sophia_mcp.server") / "web" / "cost.html").read_text("utf-8")


RESOURCE = ResourceRecord(
    "ui://sophia/cost",
    "Cost",
    "What models cost, by day and by any dimension, with budgets",
    APP_MIME_TYPE,
    read,
)
