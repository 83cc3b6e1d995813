"""The official Inspector as a client: over stdio and HTTP, in both eras, from servers.json."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.node import INSPECTOR, run_node
from tests.e2e.processes import ROOT, TOOLS, environment, serving
from tests.trees import write_tree

pytestmark = [pytest.mark.xdist_group("conformance"), pytest.mark.timeout(300)]

CLI = INSPECTOR / "clients" / "launcher" / "build" / "index.js"
ERAS = ("legacy", "modern", "auto")
FILES = {
    "shop/basket.py": "def add_to_basket(basket, item):\n    basket.append(item)\n    return len(basket)\n",
    "README.md": "# Shop\n\nA basket for things.\n",
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("shop"), FILES)


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> dict[str, str]:
    home = tmp_path_factory.mktemp("home")
    return {
        "SOPHIA_HOME": str(home / "data"),
        "SOPHIA_CONFIG": str(home / "none.toml"),
        "SOPHIA_ROOT": str(repository),
        "SOPHIA_EMBED__PROVIDER": "hashing",
    }


@pytest.fixture(scope="module")
def http(variables: dict[str, str]) -> Iterator[str]:
    with serving(["sophia", "serve", "--http", "127.0.0.1:0"], **variables) as served:
        yield served.url


def _entry(tmp_path: Path, entry: dict[str, Any]) -> Path:
    path = tmp_path / "servers.json"
    path.write_text(json.dumps({"mcpServers": {"sophia": entry}}), encoding="utf-8")
    return path


def _inspect(config: Path, server: str, *arguments: str) -> Any:
    status, told, errors = run_node(
        CLI,
        *("--cli", "--config", str(config), "--server", server, *arguments, "--format", "json"),
        timeout=120,
        folder=ROOT,
    )
    assert status == 0, told + errors
    answer = json.loads(told)
    return answer.get("result", answer)


def _list_and_call(config: Path, server: str) -> None:
    listed = _inspect(config, server, "--method", "tools/list")
    assert [tool["name"] for tool in listed["tools"]] == TOOLS
    arguments = (
        "--tool-name",
        "search_code",
        "--tool-arg",
        "query=add_to_basket",
        "--tool-arg",
        "limit=3",
    )
    answer = json.dumps(_inspect(config, server, "--method", "tools/call", *arguments))
    assert "shop/basket.py:1-3" in answer


@pytest.mark.requirement("server.inspector", "server.both_eras")
@pytest.mark.parametrize("era", ERAS)
def test_inspector_lists_and_calls_over_stdio(
    era: str, tmp_path: Path, variables: dict[str, str]
) -> None:
    entry = {
        "type": "stdio",
        "command": "sophia-mcp",
        "args": [],
        "env": environment(**variables),
        "protocolEra": era,
    }
    _list_and_call(_entry(tmp_path, entry), "sophia")


@pytest.mark.requirement("server.inspector", "server.both_eras")
@pytest.mark.parametrize("era", ERAS)
def test_inspector_lists_and_calls_over_http(era: str, tmp_path: Path, http: str) -> None:
    entry = {"type": "streamable-http", "url": http, "protocolEra": era}
    _list_and_call(_entry(tmp_path, entry), "sophia")


@pytest.mark.requirement("server.servers_json")
def test_the_stdio_entry_of_servers_json_starts(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    listed = _inspect(ROOT / "servers.json", "sophia", "--method", "tools/list")
    assert [tool["name"] for tool in listed["tools"]] == TOOLS


@pytest.mark.requirement("server.servers_json")
def test_the_http_entry_of_servers_json_reaches_the_server_its_page_tells_to_start(
    variables: dict[str, str],
) -> None:
    entry = json.loads((ROOT / "servers.json").read_text(encoding="utf-8"))["mcpServers"]["sophia-http"]
    address = entry["url"].removeprefix("http://").removesuffix("/mcp")
    shown = subprocess.run(
        ["sophia", "serve", "--help"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert f"--http {address}" in shown.stdout
    with serving(["sophia", "serve", "--http", address], **variables) as served:
        assert served.url == entry["url"]
        listed = _inspect(ROOT / "servers.json", "sophia-http", "--method", "tools/list")
    assert [tool["name"] for tool in listed["tools"]] == TOOLS
