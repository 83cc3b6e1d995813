"""The real server with the suite's fixtures mounted on it, over HTTP: ``server.py HOST:PORT``."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from mcp.server import MCPServer
from tests.conformance.fixtures import content, questions, tasks

from sophia_mcp.app import App, open_app
from sophia_mcp.server.build import build_server
from sophia_mcp.server.http import serve_http
from sophia_mcp.settings import load


@asynccontextmanager
async def _opened(project: Path | None) -> AsyncIterator[App]:
    async with open_app(load(project, embed={"provider": "hashing"})) as app:
        yield app


def fixture_server() -> MCPServer[Any]:
    """Everything the product serves, and everything the suite asks for beside it."""
    server = build_server(_opened)
    for part in (content, questions, tasks):
        part.mount(server)
    return server


if __name__ == "__main__":
    anyio.run(serve_http, fixture_server(), sys.argv[1])
