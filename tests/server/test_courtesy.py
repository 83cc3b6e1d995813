"""Slightly wrong calls are served, and the agent is told what was ignored."""

from __future__ import annotations

from typing import Any

import pytest
from tests.server.conftest import Place, text_of

from sophia_mcp.server.courtesy import MAX_CHARS, annotate, ignored, mend

SCHEMA = {
    "properties": {
        "query": {"type": "string"},
        "paths": {"type": "array"},
        "limit": {"type": "integer"},
    },
    "required": ["query"],
}


def block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


@pytest.mark.requirement("server.lenient_lists")
def test_nulls_fall_away_and_lone_strings_become_lists() -> None:
    assert mend({"query": "x", "paths": "src", "limit": None}, SCHEMA) == {
        "query": "x",
        "paths": ["src"],
    }


def test_an_empty_text_is_not_given_where_there_is_no_default() -> None:
    schema = {
        "properties": {
            "query": {"type": "string"},
            "repo": {"type": "string"},
            "mode": {"type": "string", "default": "auto"},
            "include": {"type": "array"},
        },
        "required": ["query"],
    }
    arguments = {"query": "", "repo": "", "mode": "", "include": ""}
    assert mend(arguments, schema) == {"query": "", "mode": "", "include": [""]}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("search_code", {"query": "charge_card", "repo": "", "cursor": ""}, "shop/pay.py"),
        ("index_repo", {"path": "", "action": "status"}, "project: ready"),
        ("remember", {"text": "cards are charged once", "repo": "", "forget": ""}, "added"),
        ("recall", {"query": "", "repo": ""}, "nothing is remembered here yet"),
        (
            "run_swarm",
            {"repo": "", "paths": "shop", "action": "estimate", "provider": "host"},
            "estimate",
        ),
        ("get_run", {"run_id": "", "cursor": ""}, "no run yet"),
        ("cost_report", {"until": ""}, "days are UTC"),
    ],
)
async def test_an_empty_name_means_the_project_at_hand(
    place: Place, tool: str, arguments: dict[str, Any], said: str
) -> None:
    async with place.connect("auto") as client:
        assert not (await client.call_tool("index_repo", {})).is_error
        result = await client.call_tool(tool, arguments)
    assert not result.is_error, text_of(result)
    assert said in text_of(result)


def test_a_required_null_and_an_unknown_argument_stay_for_the_check_that_names_them() -> None:
    arguments = {"query": None, "other": None}
    assert mend(arguments, SCHEMA) == arguments


@pytest.mark.parametrize("text", ['["a", "b"]', '  ["a"]'])
def test_a_list_written_as_json_stays_for_the_sdk_to_read(text: str) -> None:
    assert mend({"paths": text}, SCHEMA) == {"paths": text}


@pytest.mark.parametrize("text", ["[a-z]*.py", "[", "[" * 100_000])
def test_a_glob_that_begins_like_json_is_one_path(text: str) -> None:
    assert mend({"paths": text}, SCHEMA) == {"paths": [text]}


@pytest.mark.requirement("server.unknown_argument")
def test_only_unknown_arguments_are_named() -> None:
    assert ignored({"query": "x", "path": "y"}, SCHEMA) == [
        "argument 'path' is unknown and was ignored; did you mean 'paths'?"
    ]
    assert ignored({"q": "x"}, SCHEMA) == [
        "argument 'q' is unknown and was ignored; did you mean 'query'?"
    ]


@pytest.mark.requirement("server.output_cap")
def test_an_answer_beyond_the_cap_is_cut_and_says_so() -> None:
    result = annotate({"content": [block("x" * (MAX_CHARS + 5)), block("short")]}, [])
    assert isinstance(result, dict)
    long, short = result["content"]
    assert long["text"].startswith("x" * MAX_CHARS + "\n[cut at")
    assert "lower max_tokens" in long["text"]
    assert short == block("short")


def test_notes_reach_text_and_structured_content() -> None:
    result = annotate(
        {"content": [block("a")], "structuredContent": {"notes": ["old"], "n": 1}}, ["new"]
    )
    assert result == {
        "content": [block("a"), block("Note: new")],
        "structuredContent": {"notes": ["old", "new"], "n": 1},
    }


WRONG: list[tuple[str, dict[str, Any], list[str]]] = [
    ("search_code", {"query": ""}, ['query=""', "query must have at least 1 character"]),
    ("cost_report", {"group_by": list("abcd")}, ["group_by must have at most 3 items"]),
    ("search_code", {}, ["query is missing", "query is required", 'with query="…"']),
    (
        "search_code",
        {"query": 5, "limit": "many"},
        ["query=5", "query must be text", 'limit="many"', "limit must be a whole number"],
    ),
    ("run_swarm", {"tier": "huge"}, ['tier="huge"', "must be 'fast', 'standard' or 'deep'"]),
    (
        "run_swarm",
        {"debate_rounds": 7},
        ["debate_rounds=7", "less than or equal to 2", "debate_rounds=0"],
    ),
    ("run_swarm", {"paths": ["a", 1]}, ['paths=["a", 1]', "paths[1] must be text"]),
    ("run_swarm", {"results": 3}, ["results=3", "must be a JSON object"]),
    ("get_run", {"max_tokens": 1}, ["max_tokens=1", "greater than or equal to 200", "max_tokens=2500"]),
    ("cost_report", {"filters": "[1]"}, ['filters="[1]"', "must be a JSON object"]),
    ("index_repo", {"path": {"a": 1}}, ['path={"a": 1}', "path must be text"]),
    ("search_code", {"query": "x", "kinds": ["struct"]}, ["kinds[0] must be", "class includes struct"]),
    ("recall", {"limit": "x" * 500}, ["limit=", "must be a whole number"]),
    ("remember", {"anchors": 3}, ["anchors=3", "must be a list"]),
]


@pytest.mark.anyio
@pytest.mark.requirement("server.refused_argument")
async def test_a_refused_argument_is_named_with_its_value_the_reason_and_the_next_call(
    place: Place, era: str
) -> None:
    async with place.connect(era) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == {
            name for name, _, _ in WRONG
        }
        for name, arguments, said in WRONG:
            result = await client.call_tool(name, arguments)
            text = text_of(result)
            assert result.is_error, (name, text)
            assert all(each in text for each in said), text
            assert text.startswith(f"{name}: ")
            assert " · why: " in text
            assert " · next: " in text
            assert len(text) < 600
            for foreign in ("pydantic", "Arguments", "[type=", " should ", "validation"):
                assert foreign not in text


def test_anything_but_a_tool_result_passes_unchanged() -> None:
    assert annotate({"resultType": "task", "taskId": "x"}, ["note"]) == {
        "resultType": "task",
        "taskId": "x",
    }
    assert annotate(None, ["note"]) is None
