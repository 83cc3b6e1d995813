"""What does the server publish, for its own reference pages and snapshots?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp import Client

from sophia_mcp.app import App
from sophia_mcp.errors import NotAllowed
from sophia_mcp.server.build import build_server


@asynccontextmanager
async def _closed(project: Path | None) -> AsyncIterator[App]:
    raise NotAllowed("this server only lists what it has")
    yield  # type: ignore[unreachable]  # makes it a generator


async def published(mode: str = "auto") -> list[dict[str, Any]]:
    """`tools/list` as a client of that era receives it: one plain dict for each tool."""
    async with Client(build_server(_closed), mode=mode) as client:
        listed = await client.list_tools()
    return [
        tool.model_dump(by_alias=True, mode="json", exclude_none=True, exclude_unset=True)
        for tool in listed.tools
    ]
