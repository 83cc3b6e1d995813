"""What does a tool's schema cost an agent's context, and how is it kept lean?

Inputs lose generated titles, null alternatives and empty defaults; outputs keep only their top-level
keys and types. Validation on this side keeps the full model: leaner text, the same checks.
"""

from __future__ import annotations

from typing import Any

from mcp.server.mcpserver.tools import Tool


def slim(tool: Tool) -> Tool:
    """The same tool with lean published schemas."""
    tool.parameters = lean_input(tool.parameters)
    if tool.fn_metadata.output_schema is not None:
        tool.fn_metadata.output_schema = lean_output(tool.fn_metadata.output_schema)
    return tool


def lean_input(schema: dict[str, Any]) -> dict[str, Any]:
    """An input schema without titles, without `| null`, without null and empty defaults."""
    without: dict[str, Any] = _untitled(schema)
    for name, value in without.get("properties", {}).items():
        without["properties"][name] = _optional(value)
    return without


def lean_output(schema: dict[str, Any]) -> dict[str, Any]:
    """An output schema of top-level keys and types. A key that may be null is published untyped,
    because clients validate what they receive."""
    properties = {
        name: ({"type": value["type"]} if isinstance(value.get("type"), str) else {})
        for name, value in schema.get("properties", {}).items()
    }
    return {"type": "object", "properties": properties, "required": schema.get("required", [])}


def _untitled(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_untitled(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    lean: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "title" and isinstance(value, str):
            continue
        if key in ("properties", "$defs"):  # below here "title" may be the name of a property
            lean[key] = {name: _untitled(each) for name, each in value.items()}
        else:
            lean[key] = _untitled(value)
    return lean


def _optional(schema: dict[str, Any]) -> dict[str, Any]:
    choices = schema.get("anyOf")
    if choices is not None:
        rest = [each for each in choices if each != {"type": "null"}]
        if len(rest) == 1:
            schema = {**{key: value for key, value in schema.items() if key != "anyOf"}, **rest[0]}
    if "default" in schema and schema["default"] in (None, [], ""):
        schema = {key: value for key, value in schema.items() if key != "default"}
    return schema
