"""Which arguments of a call were refused, why, and what should be sent in their place?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mcp.server.mcpserver.tools import Tool
from pydantic import ValidationError

from sophia_mcp.errors import BadArgument

SHOWN = 4
"""So many refused arguments are told of one call; the others are counted."""

_VALUE_CHARS = 60
_WANTED = {
    "missing": "is required",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "list_type": "must be a list",
    "dict_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "extra_forbidden": "is not known",
}


def refusal(tool: Tool, arguments: Mapping[str, Any]) -> BadArgument | None:
    """What is wrong with the arguments of a tool; None where they are as it takes them."""
    try:
        tool.fn_metadata.validate_arguments(dict(arguments))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        return _told(tool, arguments, found)
    return None


def _told(tool: Tool, arguments: Mapping[str, Any], found: Sequence[Any]) -> BadArgument:
    names = list(dict.fromkeys(str(each["loc"][0]) for each in found if each["loc"]))[:SHOWN]
    reasons = {name: [each for each in found if each["loc"][:1] == (name,)] for name in names}
    more = len({each["loc"][:1] for each in found}) - len(names)
    what = "; ".join(
        f"{name} is missing" if name not in arguments else f"{name}={_shown(arguments[name])} is refused"
        for name in names
    )
    properties = tool.parameters.get("properties", {})
    told = [
        said
        for name in names
        for said in (*map(_reason, reasons[name][:2]), _about(name, properties.get(name, {})))
    ]
    why = "; ".join(dict.fromkeys(filter(None, told)))
    wanted = ", ".join(f"{name}={_example(properties.get(name, {}))}" for name in names)
    return BadArgument(
        f"{tool.name}: {what}" + (f"; and {more} more" if more > 0 else ""),
        why=why,
        next=f"send the same call with {wanted}",
    )


def _reason(found: Mapping[str, Any]) -> str:
    """Why one value was refused, with the place of it: ``paths[1] must be text``."""
    name, *rest = found["loc"]
    place = str(name) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)
    said = str(found["msg"]).partition(" after validation")[0]
    kind, should, wanted = said.partition(" should ")
    plain = f"must {wanted}" if should and " " not in kind else f"({said})"
    return f"{place} {_WANTED.get(found['type'], plain)}"


def _about(name: str, schema: Mapping[str, Any]) -> str:
    """What the tool says of a parameter, or empty."""
    said = str(schema.get("description", ""))
    return f"{name}: {said}" if said else ""


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return "…"
    return text if len(text) <= _VALUE_CHARS else text[: _VALUE_CHARS - 1] + "…"


def _example(schema: Mapping[str, Any]) -> str:
    """A value of the form that is wanted: the default, the first that is allowed, or a placeholder."""
    forms = [schema, *schema.get("anyOf", ())]
    if schema.get("default") is not None:
        return _shown(schema["default"])
    for form in forms:
        if form.get("enum"):
            return _shown(form["enum"][0])
    kind = next((form["type"] for form in forms if form.get("type") not in (None, "null")), "string")
    return {
        "integer": "1",
        "number": '"0.50"',
        "boolean": "true",
        "array": '["…"]',
        "object": "{…}",
    }.get(kind, '"…"')
