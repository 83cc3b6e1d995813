"""Slightly wrong calls are served, and the agent is told what was ignored."""

from __future__ import annotations

from typing import Any

import pytest

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


def test_links_to_another_projects_site_leave_validation_errors() -> None:
    noisy = "limit\n  too large\n    For further information visit https://errors.pydantic.dev/2/v/x"
    result = annotate({"content": [block(noisy)], "isError": True}, [])
    assert isinstance(result, dict)
    assert result["content"] == [block("limit\n  too large")]


def test_anything_but_a_tool_result_passes_unchanged() -> None:
    assert annotate({"resultType": "task", "taskId": "x"}, ["note"]) == {
        "resultType": "task",
        "taskId": "x",
    }
    assert annotate(None, ["note"]) is None
