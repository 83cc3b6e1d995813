"""What does the model say? Text of a drawn length, or the smallest value that satisfies a schema."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

_WORDS = (
    "the lock is taken twice when a reader waits so the writer never gets its turn and the queue grows "
    "check the boundary of each page before it is copied because an empty page has no last line "
).split()


def words(dice: random.Random, most: int) -> str:
    """Some sentences, up to ``most`` words."""
    return " ".join(dice.choice(_WORDS) for _ in range(dice.randint(1, max(most, 1))))


def satisfying(schema: Mapping[str, Any], dice: random.Random) -> Any:
    """A value that satisfies a JSON schema of the kinds used for structured answers."""
    return _value(schema, schema, dice)


def _value(schema: Mapping[str, Any], root: Mapping[str, Any], dice: random.Random) -> Any:
    if "$ref" in schema:
        target: Any = root
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            target = target[part]
        return _value(target, root, dice)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return dice.choice(list(schema["enum"]))
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return _value(dice.choice(list(schema[key])), root, dice)
    if "allOf" in schema:
        return _value(schema["allOf"][0], root, dice)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = kind[0]
    return _plain(kind, schema, root, dice)


def _plain(kind: str, schema: Mapping[str, Any], root: Mapping[str, Any], dice: random.Random) -> Any:
    if kind == "object":
        return {
            name: _value(part, root, dice)
            for name, part in schema.get("properties", {}).items()
            if name in schema.get("required", ()) or dice.random() < 0.8
        }
    if kind == "array":
        least = schema.get("minItems", 0)
        count = dice.randint(least, max(least, min(schema.get("maxItems", 2), 2)))
        return [_value(schema.get("items", {}), root, dice) for _ in range(count)]
    if kind in ("integer", "number"):
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        return dice.randint(int(low), int(schema.get("maximum", int(low) + 20)))
    if kind == "boolean":
        return dice.random() < 0.5
    if kind == "null":
        return None
    text = words(dice, 6)
    return (text + "." * schema.get("minLength", 0))[: schema.get("maxLength", 400)]


def breaking(schema: Mapping[str, Any]) -> str:
    """JSON that does not satisfy the schema: a required property is missing and another has a wrong type."""
    names = list(schema.get("properties", {}))
    return json.dumps({name: {"not": "asked"} for name in names[:1]} or ["not", "an", "object"])
