"""What a person set decides what the program publishes and where it logs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from tests.server.conftest import Place, text_of

from sophia_mcp.server.entry import _opener

pytestmark = pytest.mark.anyio


def started(place: Place, **variables: str) -> StdioServerParameters:
    """The installed program over the place."""
    program = Path(sys.executable).with_name("sophia-mcp")
    variables = {"SOPHIA_HOME": str(place.home), "SOPHIA_EMBED__PROVIDER": "hashing", **variables}
    return StdioServerParameters(
        command=str(program), args=["--root", str(place.project)], env={**os.environ, **variables}
    )


@pytest.mark.requirement("server.read_only")
async def test_a_read_only_setting_hides_every_tool_that_writes(place: Place) -> None:
    async with Client(started(place, SOPHIA_SERVER__READ_ONLY="true")) as client:
        tools = (await client.list_tools()).tools
        refused = await client.call_tool("index_repo", {})
    assert [tool.name for tool in tools] == [
        "search_code",
        "cost_report",
        "get_run",
        "recall",
    ]
    assert refused.is_error


@pytest.mark.requirement("server.project_root")
async def test_the_project_root_of_the_configuration_counts(place: Place, alone: Path) -> None:
    (alone / "config.toml").write_text(f"root = {json.dumps(str(place.project))}\n")
    server = started(place).model_copy(update={"args": [], "cwd": str(alone)})
    async with Client(server) as client:
        result = await client.call_tool("search_code", {"query": "charge_card"})
    assert not result.is_error, text_of(result)
    assert "shop/pay.py" in text_of(result)


async def test_a_wrong_setting_is_told_by_the_call_and_not_by_a_dead_server(place: Place) -> None:
    async with Client(started(place, SOPHIA_SERVER__READ_ONLY="maybe")) as client:
        result = await client.call_tool("search_code", {"query": "Cart"})
    assert result.is_error
    assert "setting server.read_only is wrong" in text_of(result)
    assert "SOPHIA_SERVER__READ_ONLY" in text_of(result)


async def test_diagnostics_go_to_the_file_that_was_set(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import logging

    file = tmp_path / "logs" / "sophia.log"
    monkeypatch.setenv("SOPHIA_LOG__FILE", str(file))
    monkeypatch.setenv("SOPHIA_HOME", str(place.home))
    ours = logging.getLogger("sophia_mcp")
    before = (list(ours.handlers), ours.level, ours.propagate)
    try:
        async with _opener(place.project)(place.project):
            logging.getLogger("sophia_mcp.server").error("a line to find")
    finally:
        for handler in set(ours.handlers) - set(before[0]):
            ours.removeHandler(handler)
            handler.close()
        ours.handlers[:], ours.propagate = before[0], before[2]
        ours.setLevel(before[1])
    assert "a line to find" in file.read_text()
