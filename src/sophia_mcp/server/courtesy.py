"""How is a slightly wrong call still served, and what is the agent told about it?

Agents send null or "" for "not given", one string for a list, misspelt or extra arguments. All of it is
served; what was ignored is named, with the nearest known name. What cannot be served is refused with
the argument's name, why, and the call to make. Answers beyond the cap are cut.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from mcp.server import MCPServer, ServerRequestContext
from mcp.server.context import CallNext, HandlerResult

from sophia_mcp.server import sdk
from sophia_mcp.server.arguments import refusal
from sophia_mcp.server.errors import describe

MAX_CHARS = 200_000
"""Far above what `max_tokens` allows: the last guard against an answer that ignores its budget."""


class Courtesy:
    """Middleware around `tools/call`."""

    def __init__(self, server: MCPServer[Any]) -> None:
        self._server = server

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Mend the arguments, run the call, say what was ignored."""
        params = ctx.params
        if ctx.method != "tools/call" or not isinstance(params, Mapping):
            return await call_next(ctx)
        name, arguments = params.get("name"), params.get("arguments")
        tool = sdk.tool(self._server, name)
        notes: list[str] = []
        if tool is None:
            notes.append(_nearest_tool(str(name), sdk.tool_names(self._server)))
        elif isinstance(arguments, Mapping):
            mended = mend(arguments, tool.parameters)
            ctx = replace(ctx, params={**params, "arguments": mended})
            notes.extend(ignored(arguments, tool.parameters))
        result = await call_next(ctx)
        if tool is not None and isinstance(result, dict) and result.get("isError"):
            given = (ctx.params or {}).get("arguments")
            refused = refusal(tool, given if isinstance(given, Mapping) else {})
            if refused is not None:
                result = {**result, "content": [{"type": "text", "text": describe(refused)}]}
        return annotate(result, notes)


def mend(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments without nulls and empty texts that mean "not given", and with lone strings put into
    lists. An empty text says that of what has no default; another argument's check refuses it."""
    properties, required = schema.get("properties", {}), schema.get("required", ())
    mended: dict[str, Any] = {}
    for name, value in arguments.items():
        wanted = properties.get(name, {})
        empty = value == "" and wanted.get("type") == "string" and "default" not in wanted
        if name in properties and name not in required and (value is None or empty):
            continue
        is_list = wanted.get("type") == "array"
        mended[name] = (
            [value] if is_list and isinstance(value, str) and not _is_json_list(value) else value
        )
    return mended


def ignored(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """One sentence for each argument the tool does not know."""
    known = list(schema.get("properties", {}))
    return [
        f"argument {name!r} is unknown and was ignored; "
        + (f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}")
        for name in arguments
        if name not in known
        for near in [
            [each for each in known if each.startswith(name)] or get_close_matches(name, known, 1, 0.5)
        ]
    ]


def annotate(result: HandlerResult, notes: list[str]) -> HandlerResult:
    """The result with notes in every channel a client may show, without noise, within the cap."""
    if not isinstance(result, dict) or not isinstance(result.get("content"), list):
        return result
    content = [_trimmed(block) for block in result["content"]]
    structured = result.get("structuredContent")
    if notes:
        content.append({"type": "text", "text": "Note: " + "; ".join(notes)})
        if isinstance(structured, dict) and isinstance(structured.get("notes"), list):
            structured = {**structured, "notes": [*structured["notes"], *notes]}
    changed = (
        {"content": content}
        if structured is None
        else {"content": content, "structuredContent": structured}
    )
    return {**result, **changed}


def _trimmed(block: dict[str, Any]) -> dict[str, Any]:
    text = block.get("text")
    if block.get("type") != "text" or not isinstance(text, str):
        return block
    if len(text) > MAX_CHARS:
        text = (
            f"{text[:MAX_CHARS]}\n[cut at {MAX_CHARS} of {len(text)} characters: "
            "lower max_tokens or limit, or narrow the query]"
        )
    return {**block, "text": text}


def _is_json_list(text: str) -> bool:
    if not text.lstrip().startswith("["):
        return False
    try:
        return isinstance(json.loads(text), list)
    except (ValueError, RecursionError):
        return False


def _nearest_tool(name: str, names: list[str]) -> str:
    near = get_close_matches(name, names, 1, 0.5)
    return f"did you mean {near[0]!r}?" if near else f"tools: {', '.join(names)}"
