"""What a start costs: nothing of the engine is imported before the first call."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.e2e.processes import ROOT, environment

pytestmark = [pytest.mark.requirement("server.light_start"), pytest.mark.timeout(120)]

# The SDK's own web server imports watchfiles where it is installed.
HEAVY = (
    *("numpy", "apsw", "aiosqlite", "tree_sitter", "tree_sitter_language_pack", "pygit2", "re2"),
    *(
        "tiktoken",
        "sqlite_vec",
        "pydantic_settings",
        "structlog",
        "stamina",
        "rich.console",
    ),
    *("snowballstemmer", "zstandard", "charset_normalizer", "tomlkit", "pathspec", "platformdirs"),
)

_LISTS_TOOLS = """
import sys
from sophia_mcp.server import entry
import anyio
sys.modules.setdefault("rich.console", None)
from sophia_mcp.server.build import build_server

async def main():
    server = build_server(entry._opener(None), environment=lambda name: None)
    listed = await server.list_tools()
    assert len(listed) == 2
    print(*sorted(name for name, module in sys.modules.items() if module is not None), sep="\\n")

anyio.run(main)
"""


def test_nothing_heavy_is_imported_before_the_first_call() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _LISTS_TOOLS],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    imported = set(ended.stdout.split())
    assert "sophia_mcp.server.tools.search_code" in imported
    assert sorted(imported.intersection(HEAVY)) == []
