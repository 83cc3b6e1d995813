"""Which form shall an answer have, and has it that form? Pure.

Providers send a schema the way their endpoint honours it (forced tool call, response format, or words
in the prompt); whatever comes back is read and checked here, because a gateway may drop what an
endpoint does not know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from sophia_mcp.types import Ask, Message

_FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n?```", re.DOTALL)
_MOST_FAULTS = 8


def instructed(ask: Ask) -> Ask:
    """The same question with its schema in words, for a model that takes no schema."""
    if ask.schema is None:
        return ask
    schema = json.dumps(ask.schema, ensure_ascii=False, separators=(",", ":"))
    words = (
        "Answer with one JSON object and nothing else: no prose, no code fence. "
        f"It must satisfy this JSON Schema:\n{schema}"
    )
    return replace(ask, messages=(*ask.messages, Message("user", words)))


def read(text: str, schema: Mapping[str, Any]) -> tuple[Any, tuple[str, ...]]:
    """The JSON in an answer, and what is wrong with it (empty: nothing)."""
    for candidate in _candidates(text):
        try:
            value = json.loads(candidate)
            if r"\ud" in candidate.lower():
                value = json.loads(whole(json.dumps(value, ensure_ascii=False)))
        except (ValueError, RecursionError):
            continue
        return value, faults(value, schema)
    return None, ("it is not JSON",) if text.strip() else ("it is empty",)


def faults(value: Any, schema: Mapping[str, Any]) -> tuple[str, ...]:
    """What keeps a value from satisfying a schema, each with its place."""
    found = sorted(
        Draft202012Validator(schema).iter_errors(value), key=lambda error: list(map(str, error.path))
    )
    return tuple(
        f"at {error.json_path}: {error.message[:200]}"  # a message repeats the value, which may be long
        for error in found[:_MOST_FAULTS]
    )


def broken(schema: Mapping[str, Any]) -> str:
    """What is wrong with a schema itself, with its place (empty: nothing)."""
    return _broken(json.dumps(schema, default=str))


@lru_cache(maxsize=256)  # asked at every start of a run, and some ten milliseconds each
def _broken(schema: str) -> str:
    try:
        Draft202012Validator.check_schema(json.loads(schema))
    except SchemaError as error:
        return f"at {error.json_path}: {error.message[:200]}"
    return ""


def smallest(schema: Mapping[str, Any]) -> Any:
    """A small value that satisfies a schema of the kinds patterns use; no ``$ref``, no ``pattern``."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return smallest(schema[choice][0])
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        known = schema.get("properties", {})
        return {name: smallest(known.get(name, {})) for name in schema.get("required", ())}
    if kind == "array":
        return [smallest(schema.get("items", {}))] * int(schema.get("minItems", 0))
    if kind == "string":
        return "-" * int(schema.get("minLength", 0))
    if kind in ("integer", "number"):
        return max(schema.get("minimum", 0), min(0, schema.get("maximum", 0)))
    return False if kind == "boolean" else None


def strict(schema: Mapping[str, Any]) -> bool:
    """Whether a schema is of the kind that endpoints can enforce while decoding: every object closed,
    every property required."""
    if schema.get("type") == "object":
        known = schema.get("properties", {})
        closed = schema.get("additionalProperties") is False
        if not closed or set(schema.get("required", ())) != set(known):
            return False
        return all(strict(each) for each in known.values())
    nested = [schema[key] for key in ("items",) if isinstance(schema.get(key), Mapping)]
    return all(strict(each) for each in (*nested, *schema.get("anyOf", ())))


def whole(text: str) -> str:
    """The text with what stands for half a character replaced: models write it, and no store takes it."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _candidates(text: str) -> list[str]:
    """Where the JSON of an answer may be: all of it, a fenced block, from the first brace to the last."""
    first, last = text.find("{"), text.rfind("}")
    braces = [text[first : last + 1]] if 0 <= first < last else []
    return [text.strip(), *_FENCED.findall(text)[:3], *braces]
