"""What a start costs: the program as it is installed imports nothing of the engine before it lists tools, and a search
no parser."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.e2e.processes import environment
from tests.e2e.wire import INITIALIZE
from tests.fresh import imported

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
    *("genai_prices", "portkey_ai", "openai", "jsonschema", "sophia_mcp.memory.memory"),
}
PARSER = {
    *(
        "sophia_mcp.index.parsing.parse",
        "sophia_mcp.index.parsing.edges",
        "sophia_mcp.index.parsing.stated",
    ),
    *("sophia_mcp.index.workers.prepare", "tree_sitter_language_pack"),
}
_IMPORTED = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", re.M)


def test_nothing_heavy_is_imported_before_the_tools_are_listed(tmp_path: Path) -> None:
    requests = (
        {"id": 1, "method": "initialize", "params": INITIALIZE},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/list", "params": {}},
    )
    with subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "sophia_mcp.server.entry"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment(),
    ) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        assert started.stderr is not None
        with ThreadPoolExecutor(1) as thread:
            reported = thread.submit(started.stderr.read)
            for request in requests:
                started.stdin.write(json.dumps({"jsonrpc": "2.0", **request}) + "\n")
            started.stdin.flush()
            # The input stays open until both answers are there: its end ends the server.
            answered = [json.loads(started.stdout.readline())["id"] for _ in range(2)]
            started.stdin.close()
            told = reported.result(100)
    assert answered == [1, 2]
    loaded = set(_IMPORTED.findall(told))
    assert "sophia_mcp.server.build" in loaded
    assert loaded & HEAVY == set()


def test_a_search_of_what_is_indexed_imports_no_parser_and_no_models_of_the_protocol() -> None:
    loaded = imported("import sophia_mcp.cli.main, sophia_mcp.app, sophia_mcp.search.answer")
    assert "sophia_mcp.index.run" in loaded
    assert loaded & {*PARSER, "pydantic"} == set()
