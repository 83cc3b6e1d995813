"""The shape of Anthropic's messages, as of its reference."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from tests.upstream.bill import TARIFFS, Spent
from tests.upstream.call import Call, Part, Refused, Said

_FINISH = {"stop": "end_turn", "length": "max_tokens", "filter": "refusal"}
_KINDS = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    413: "request_too_large", 429: "rate_limit_error", 529: "overloaded_error",
}  # fmt: skip


def parse(body: Mapping[str, Any], model: str = "", stream: bool = False) -> Call:
    """A request body. Raises Refused as the vendor does."""
    model = str(body.get("model", ""))
    if model not in TARIFFS:
        raise Refused(404, f"model: {model}")
    if not isinstance(body.get("max_tokens"), int):
        raise Refused(400, "max_tokens: Field required")
    messages = body.get("messages") or []
    if not messages or messages[0].get("role") != "user":
        raise Refused(400, "messages: first message must use the user role")
    parts = list(_blocks("system", body.get("system") or []))
    for message in messages:
        if message["role"] not in ("user", "assistant"):
            raise Refused(400, "messages: role must be user or assistant")
        parts += _blocks(message["role"], message["content"])
    if sum(1 for part in parts if part.keep) > 4:
        raise Refused(400, "A maximum of 4 blocks with cache_control may be provided.")
    schema, tool = _tool(body)
    return Call(
        "anthropic",
        model,
        tuple(parts),
        body["max_tokens"],
        bool(body.get("stream")),
        True,
        schema,
        tool,
    )


def _blocks(role: str, content: Any) -> list[Part]:
    if isinstance(content, str):
        return [Part(role, content)]
    parts = []
    for block in content:
        control = block.get("cache_control") or {}
        keep: Literal["", "5m", "1h"] = ""
        if control.get("type") == "ephemeral":
            keep = "1h" if control.get("ttl") == "1h" else "5m"
        if block.get("type", "text") == "text" and not block.get("text"):
            raise Refused(400, "messages: text content blocks must be non-empty")
        parts.append(Part(role, block.get("text", ""), keep))
    return parts


def _tool(body: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str]:
    choice = body.get("tool_choice") or {}
    tools = body.get("tools") or []
    if choice.get("type") not in ("tool", "any") or not tools:
        return None, ""
    name = choice.get("name", tools[0]["name"])
    for tool in tools:
        if tool["name"] == name:
            return tool["input_schema"], name
    raise Refused(400, f"tool_choice: tool '{name}' not found")


def usage(spent: Spent) -> dict[str, Any]:
    written = spent.write + spent.write_1h
    return {
        "input_tokens": spent.input - spent.cached - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": spent.cached,
        "cache_creation": {
            "ephemeral_5m_input_tokens": spent.write,
            "ephemeral_1h_input_tokens": spent.write_1h,
        },
        "output_tokens": spent.output,
        "service_tier": "standard",
    }


def wrong_usage(spent: Spent, kind: str) -> Any:
    right = usage(spent)
    wrong: dict[str, Any] = {
        "zero": {"input_tokens": 0, "output_tokens": 0},
        "negative": {**right, "output_tokens": -5},
        "text": {**right, "input_tokens": "many"},
        "null": None,
        "total": {"input_tokens": 0, "output_tokens": 0},
    }
    return wrong[kind]


def _content(call: Call, said: Said) -> dict[str, Any]:
    if not call.tool:
        return {"type": "text", "text": said.text}
    return {"type": "tool_use", "id": f"toolu_{said.id}", "name": call.tool, "input": _input(said.text)}


def _input(text: str) -> Any:
    """The vendor parses the arguments itself; text that does not parse arrives as far as it did."""

    try:
        return json.loads(text)
    except ValueError:
        return {"unreadable": text[:200]}


def _finish(call: Call, said: Said) -> str:
    return "tool_use" if call.tool and said.finish == "stop" else _FINISH[said.finish]


def answer(call: Call, said: Said, used: Any) -> dict[str, Any]:
    """A whole answer; ``used`` is its usage, or an ellipsis to leave it out."""
    return {
        "id": f"msg_{said.id}",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": [_content(call, said)],
        "stop_reason": _finish(call, said),
        "stop_sequence": None,
    } | ({} if used is ... else {"usage": used})


def events(call: Call, said: Said, used: Any) -> list[tuple[str, Any]]:
    """The events of a stream: usage of the input comes first, of the output last and cumulative."""
    first = {**used, "output_tokens": 1} if isinstance(used, dict) else used
    message: dict[str, Any] = {
        "id": f"msg_{said.id}",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    } | ({} if used is ... else {"usage": first})
    size = 24 if len(said.text) < 10_000 else 65_536
    pieces = [said.text[at : at + size] for at in range(0, len(said.text), size)]
    empty: dict[str, Any] = {"input": {}} if call.tool else {"text": ""}
    block = {**_content(call, said), **empty}
    made: list[tuple[str, Any]] = [
        ("message_start", {"type": "message_start", "message": message}),
        ("content_block_start", {"type": "content_block_start", "index": 0, "content_block": block}),
        ("ping", {"type": "ping"}),
    ]
    for piece in pieces:
        delta = (
            {"type": "input_json_delta", "partial_json": piece}
            if call.tool
            else {"type": "text_delta", "text": piece}
        )
        made.append(("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}))
    made.append(("content_block_stop", {"type": "content_block_stop", "index": 0}))
    closing = {"stop_reason": _finish(call, said), "stop_sequence": None}
    last = {"type": "message_delta", "delta": closing} | ({} if used is ... else {"usage": used})
    made.append(("message_delta", last))
    made.append(("message_stop", {"type": "message_stop"}))
    return made


END = ""


def error(status: int, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": _KINDS.get(status, "api_error"), "message": message}}
