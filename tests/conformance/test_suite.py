"""The official conformance suite against the real server with the suite's fixtures."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.conformance.node import CONFORMANCE, run_node
from tests.e2e.processes import serving

pytestmark = [pytest.mark.xdist_group("conformance"), pytest.mark.timeout(420)]

_LINE = re.compile(
    r"^(?P<mark>\S) (?P<name>[a-z0-9-]+): (?P<passed>\d+) passed, (?P<failed>\d+) failed", re.M
)
_TOTAL = re.compile(r"^Total: (\d+) passed, (\d+) failed$", re.M)
_UNSCORED = re.compile(r"scenario\(s\) run, (\d+) failing")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the fixture server listens. It has answered: the suite passes some checks of a dead one."""
    home = tmp_path_factory.mktemp("home")
    command = [sys.executable, "-m", "tests.conformance.server", "127.0.0.1:0"]
    with serving(command, SOPHIA_HOME=str(home), SOPHIA_CONFIG=str(home / "none.toml")) as served:
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}
        answer = httpx2.post(served.url, json=ping, headers=headers, timeout=60)
        assert answer.status_code < 500, answer.text
        yield served.url


def _run(url: str, revision: str, folder: Path) -> str:
    status, told, errors = run_node(
        CONFORMANCE,
        *("server", "--url", url, "--requirements", revision, "-o", str(folder / "results")),
        timeout=400,
        folder=folder,
    )
    failed = [found.group(0) for found in _LINE.finditer(told) if found["failed"] != "0"]
    assert (status, failed) == (0, []), f"{told[-4000:]}\n{errors[-2000:]}"
    assert [found["name"] for found in _LINE.finditer(told) if found["mark"] != "✓"] == []
    assert _UNSCORED.findall(told) == ["0"]
    return told


@pytest.mark.requirement("server.conformance_2025")
def test_every_check_of_the_handshake_revision_passes(url: str, tmp_path: Path) -> None:
    assert _TOTAL.findall(_run(url, "2025-11-25", tmp_path)) == [("84", "0")]


@pytest.mark.requirement("server.conformance_2026", "server.tasks")
def test_every_check_of_the_stateless_revision_passes_and_those_of_tasks(
    url: str, tmp_path: Path
) -> None:
    told = _run(url, "2026-07-28", tmp_path)
    assert _TOTAL.findall(told) == [("196", "0")]
    tasks = {
        found["name"]: int(found["passed"])
        for found in _LINE.finditer(told)
        if found["name"].startswith("tasks-")
    }
    # The suite has no check for status notifications yet.
    assert [name for name, passed in tasks.items() if not passed] == ["tasks-status-notifications"]
    assert len(tasks) == 10
