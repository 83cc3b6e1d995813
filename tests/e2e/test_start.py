"""What a start costs: the program as it is installed imports nothing of the engine before it lists tools."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.processes import environment
from tests.e2e.wire import INITIALIZE

pytestmark = [
    pytest.mark.requirement("server.light_start"),
    pytest.mark.xdist_group("e2e"),
    pytest.mark.timeout(120),
]

# Settings are read at the start, because they decide which tools are published. The SDK's own web
# server imports watchfiles where it is installed.
HEAVY = {
    *("numpy", "apsw", "aiosqlite", "sqlite_vec", "tree_sitter", "tree_sitter_language_pack"),
    *("pygit2", "re2", "tiktoken", "snowballstemmer", "zstandard", "charset_normalizer"),
    *("rich.segment", "structlog", "stamina", "tomlkit", "pathspec", "sophia_mcp.app"),
}
_IMPORTED = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", re.M)


def test_nothing_heavy_is_imported_before_the_tools_are_listed(tmp_path: Path) -> None:
    requests = (
        {"id": 1, "method": "initialize", "params": INITIALIZE},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/list", "params": {}},
    )
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "sophia_mcp.server.entry"],
        input="".join(json.dumps({"jsonrpc": "2.0", **request}) + "\n" for request in requests),
        capture_output=True,
        text=True,
        timeout=100,
        cwd=tmp_path,
        env=environment(),
        check=True,
    )
    assert [json.loads(line)["id"] for line in ended.stdout.splitlines()] == [1, 2]
    imported = set(_IMPORTED.findall(ended.stderr))
    assert "sophia_mcp.server.build" in imported
    assert imported & HEAVY == set()
