"""What tests of swarm doors share: a repository with a real change, and somebody who does the steps."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pygit2
from mcp.types import CallToolResult, CreateMessageRequestParams, CreateMessageResult, TextContent
from tests.index.trees import commit_all, make_repository
from tests.server.conftest import Place, text_of

BEFORE = (
    '"""Prices."""\n\n\ndef total(prices):\n    """The sum of all prices."""\n    return sum(prices)\n'
)
QUOTE = "    return sum(prices[1:])"
AFTER = BEFORE.replace("    return sum(prices)", QUOTE)
FINDING = {
    "severity": "high",
    "path": "shop/price.py",
    "line": 6,
    "quote": QUOTE,
    "claim": "the first price is left out",
    "suggestion": "sum(prices)",
}
LIE = FINDING | {"quote": "    return eval(prices)", "claim": "prices are evaluated"}
SOLO = {"summary": "One fault.", "findings": [FINDING], "edits": []}

ANSWER_KEYS = [
    "run_id",
    "pattern",
    "status",
    "reason",
    "progress",
    "steps",
    "outcome",
    "left_out",
    "gates",
    "cost",
    "timeline",
    "next",
    "notes",
]


def changed_shop(root: Path) -> Path:
    """A git repository in which one line was changed for the worse and not committed."""
    repository = make_repository(root)
    (root / "shop").mkdir()
    (root / "shop" / "price.py").write_text(BEFORE)
    commit_all(pygit2.Repository(str(root)))
    (root / "shop" / "price.py").write_text(AFTER)
    repository.free()
    return root


def place_of(folder: Path, *replies: Mapping[str, Any]) -> Place:
    """The changed shop with a store, and a script for the provider scripted."""
    root = changed_shop(folder / "project")
    written(folder, *replies)
    return Place(root, folder / "store", {"llm": {"script": str(folder / "script.json")}})


def written(folder: Path, *replies: Mapping[str, Any]) -> Path:
    """A script on disk."""
    file = folder / "script.json"
    file.write_text(json.dumps({"reply": [dict(each) for each in replies]}))
    return file


REVIEW = (
    {"step": "review.correctness", "json": {"findings": [FINDING, LIE]}},
    {"step": "review.*", "json": {"findings": []}},
    {"step": "verify", "json": {"verdicts": [{"id": "F1", "holds": True, "reason": "read"}]}},
    {"step": "judge", "json": {"summary": "One fault.", "keep": [{"id": "F1", "same_as": []}]}},
)
"""A code review by script, with one true finding and one that quotes what nobody wrote."""


def step_answer(key: str) -> dict[str, Any]:
    """What a conscientious assistant answers to a step of a review."""
    for entry in REVIEW:
        if re.fullmatch(str(entry["step"]).replace(".", r"\.").replace("*", ".*"), key):
            return dict(entry["json"])  # type: ignore[call-overload]
    return dict(SOLO)


def facts_of(result: CallToolResult) -> dict[str, Any]:
    """The structured answer of a call that did not fail."""
    assert not result.is_error, text_of(result)
    assert result.structured_content is not None
    return result.structured_content


async def call(client: Any, tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured answer of one call."""
    return facts_of(await client.call_tool(tool, arguments))


async def refused(client: Any, tool: str, **arguments: Any) -> str:
    """The words of a call that must fail."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error, text_of(result)
    text = text_of(result)
    assert "next:" in text, text
    return text


async def by_hand(client: Any, told: dict[str, Any]) -> dict[str, Any]:
    """Do every step that waits, as the assistant, until none does."""
    for _ in range(8):
        if told["status"] != "needs_steps":
            return told
        results = {step["key"]: step_answer(step["key"]) for step in told["steps"]}
        told = await call(client, "run_swarm", action="answer", run_id=told["run_id"], results=results)
    raise AssertionError("a review has more rounds than three")


class ClientModel:
    """The model of a client: answers by the key its prompt is about, and keeps what it was asked."""

    def __init__(self, answer: Callable[[str], str] | None = None) -> None:
        self.asked: list[CreateMessageRequestParams] = []
        self._answer = answer or by_schema

    async def __call__(self, context: Any, params: CreateMessageRequestParams) -> CreateMessageResult:
        self.asked.append(params)
        prompt = "\n".join(m.content.text for m in params.messages if isinstance(m.content, TextContent))
        return CreateMessageResult(
            role="assistant",
            content=TextContent(type="text", text=self._answer(prompt)),
            model="the-clients-own",
            stop_reason="endTurn",
        )


def by_schema(prompt: str) -> str:
    """The answer that the schema in the prompt asks for."""
    if '"verdicts"' in prompt:
        return json.dumps(step_answer("verify"))
    if '"keep"' in prompt:
        return json.dumps(step_answer("judge"))
    if '"edits"' in prompt:
        return json.dumps(SOLO)
    return json.dumps(step_answer("review.correctness"))
