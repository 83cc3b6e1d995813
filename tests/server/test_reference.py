"""The list of tools: a snapshot, lean enough, and with the parameters of the contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sophia_mcp.llm.counting import tokens
from sophia_mcp.server.reference import published

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("server.tools_schema")]

SNAPSHOT = Path(__file__).resolve().parent.parent / "snapshots" / "tools_list.json"
MAX_TOKENS = 3000
PUBLISHED = ("name", "description", "inputSchema", "outputSchema", "annotations", "_meta")
ANNOTATIONS = {"readOnlyHint", "idempotentHint", "destructiveHint", "openWorldHint"}


async def _tools() -> dict[str, dict[str, Any]]:
    return {tool["name"]: tool for tool in await published()}


@pytest.mark.requirement("server.both_eras")
async def test_both_eras_list_the_same_tools_and_they_are_those_of_the_snapshot(
    pytestconfig: pytest.Config,
) -> None:
    tools = await published("auto")
    assert tools == await published("legacy")
    if pytestconfig.getoption("--snapshot-update"):
        SNAPSHOT.write_text(json.dumps(tools, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    kept = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert tools == kept, "run pytest --snapshot-update if this change is meant"


async def test_the_whole_list_costs_an_agent_at_most_three_thousand_tokens() -> None:
    tools = await published()
    assert {key for tool in tools for key in tool} <= set(PUBLISHED)
    whole = json.dumps({"tools": tools}, separators=(",", ":"), ensure_ascii=False)
    count = tokens.count(whole)
    assert count <= MAX_TOKENS, f"{count} tokens"


@pytest.mark.requirement("server.parameters")
async def test_every_tool_sets_every_annotation() -> None:
    tools = await _tools()
    assert {name: set(tool["annotations"]) for name, tool in tools.items()} == dict.fromkeys(
        tools, ANNOTATIONS
    )
    assert tools["search_code"]["annotations"]["readOnlyHint"]
    assert not tools["index_repo"]["annotations"]["readOnlyHint"]
    assert tools["index_repo"]["annotations"]["idempotentHint"]
    assert not tools["index_repo"]["annotations"]["destructiveHint"]
    reaching = [name for name, tool in tools.items() if tool["annotations"]["openWorldHint"]]
    assert reaching == ["run_swarm"]  # models are asked


async def test_the_tool_to_reach_for_first_is_listed_first_and_always_loaded() -> None:
    first = (await published())[0]
    assert first["name"] == "search_code"
    assert first["_meta"]["anthropic/alwaysLoad"] is True
    assert "outputSchema" not in first


@pytest.mark.requirement("server.parameters")
async def test_search_code_has_the_parameters_defaults_and_bounds_of_the_contract() -> None:
    schema = (await _tools())["search_code"]["inputSchema"]
    properties = schema["properties"]
    defaults = {
        "mode": "auto",
        "scope": "all",
        "limit": 8,
        "max_tokens": 2500,
        "detail": "auto",
        "format": "text",
    }
    no_default = {"query", "repo", "paths", "languages", "kinds", "cursor"}
    modes = "auto text symbol regex references callers similar outline"
    choices = {
        "mode": modes.split(),
        "scope": "all changed code tests docs connectors".split(),
        "detail": "auto locations signatures snippets full".split(),
        "format": ["text", "json"],
    }
    assert schema["required"] == ["query"]
    assert set(properties) == no_default | set(defaults)
    assert {name: each["default"] for name, each in properties.items() if "default" in each} == defaults
    assert {name: properties[name]["enum"] for name in choices} == choices
    assert properties["kinds"]["items"]["enum"] == "function class method doc config".split()
    assert (properties["query"]["minLength"], properties["query"]["maxLength"]) == (1, 2000)
    assert (properties["limit"]["minimum"], properties["limit"]["maximum"]) == (1, 50)
    bounds = (properties["max_tokens"]["minimum"], properties["max_tokens"]["maximum"])
    assert bounds == (200, 20_000)


@pytest.mark.requirement("server.parameters")
async def test_index_repo_has_the_parameters_defaults_bounds_and_fields_of_the_contract() -> None:
    tool = (await _tools())["index_repo"]
    properties = tool["inputSchema"]["properties"]
    assert "required" not in tool["inputSchema"]
    assert set(properties) == {"path", "action", "wait_s", "include", "exclude", "watch"}
    assert properties["action"]["enum"] == "update status rebuild cancel forget".split()
    assert {name: each["default"] for name, each in properties.items() if "default" in each} == {
        "action": "update",
        "wait_s": 40,
        "watch": False,
    }
    assert (properties["wait_s"]["minimum"], properties["wait_s"]["maximum"]) == (0, 50)
    assert set(tool["outputSchema"]["properties"]) == {
        *("repo", "root", "state", "reason", "commit", "branch", "files_total", "files_indexed"),
        *("files_changed", "files_removed", "skipped", "chunks", "symbols", "languages"),
        *("seconds", "repos", "next", "notes"),
    }
