"""A schema is told in words, kept strict where it can be, and what does not satisfy it is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.llm.asking import ask

from sophia_mcp.llm.form import faults, instructed, read, smallest, strict

pytestmark = pytest.mark.requirement("llm.schema")

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "why": {"type": "string", "minLength": 2}},
    "required": ["n"],
    "additionalProperties": False,
}


def test_the_schema_in_words_is_the_last_message() -> None:
    asked = instructed(ask(schema=SCHEMA))
    assert json.dumps(SCHEMA, separators=(",", ":")) in asked.messages[-1].text
    assert asked.messages[:-1] == ask().messages


@pytest.mark.parametrize(
    "schema",
    [
        SCHEMA,
        {"type": "object", "properties": {"a": {"enum": ["x", "y"]}}, "required": ["a"]},
        {"type": "object", "properties": {"a": {"const": 3}}, "required": ["a"]},
        {
            "type": "object",
            "properties": {"a": {"type": "array", "minItems": 2, "items": {"type": "string", "minLength": 3}}},
            "required": ["a"],
        },
        {"type": "object", "properties": {"a": {"type": "integer", "minimum": 4}}, "required": ["a"]},
        {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]},
        {"type": "object", "properties": {"a": {"anyOf": [{"type": "boolean"}]}}, "required": ["a"]},
    ],
)  # fmt: skip
def test_the_smallest_value_satisfies_its_schema(schema: dict[str, Any]) -> None:
    assert faults(smallest(schema), schema) == ()
    assert read(json.dumps(smallest(schema)), schema)[1] == ()


def test_only_closed_schemas_are_sent_as_strict() -> None:
    closed = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert strict(closed)
    assert not strict(SCHEMA), "why is not required"
    assert not strict({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]})
    assert not strict({**closed, "properties": {"a": {"type": "array", "items": SCHEMA}}})
