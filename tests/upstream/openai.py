"""The shape of OpenAI's chat completions, as of its reference."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.upstream.bill import TARIFFS, Spent
from tests.upstream.call import Call, Part, Refused, Said

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_FINISH = {"stop": "stop", "length": "length", "filter": "content_filter"}


def parse(body: Mapping[str, Any], model: str = "", stream: bool = False) -> Call:
    """A request body. Raises Refused as the vendor does."""
    model = str(body.get("model", ""))
    if not body.get("messages"):
        raise Refused(400, "Missing required parameter: 'messages'.")
    tariff = TARIFFS.get(model)
    if tariff is None:
        raise Refused(404, f"The model `{model}` does not exist or you do not have access to it.")
    if tariff.reasons and "max_tokens" in body:
        raise Refused(
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
        )
    if tariff.reasons and body.get("temperature", 1) != 1:
        raise Refused(
            400, "Unsupported value: 'temperature' does not support this value with this model."
        )
    schema, tool = _schema(body)
    return Call(
        "openai",
        model,
        tuple(_parts(body["messages"])),
        int(body.get("max_completion_tokens") or body.get("max_tokens") or 16_384),
        bool(body.get("stream")),
        bool((body.get("stream_options") or {}).get("include_usage")),
        schema,
        tool,
    )


def _parts(messages: list[dict[str, Any]]) -> list[Part]:
    parts = []
    for message in messages:
        if message.get("role") not in ("system", "developer", "user", "assistant", "tool"):
            raise Refused(400, f"Invalid value: '{message.get('role')}'.")
        content = message.get("content") or ""
        if not isinstance(content, str):
            content = "\n".join(piece.get("text", "") for piece in content)
        parts.append(Part(message["role"], content))
    return parts


def _schema(body: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str]:
    if tools := body.get("tools"):
        choice = body.get("tool_choice")
        name = choice["function"]["name"] if isinstance(choice, dict) else tools[0]["function"]["name"]
        for tool in tools:
            if tool["function"]["name"] == name:
                _check_name(name)
                return tool["function"].get("parameters", {"type": "object"}), name
        raise Refused(400, f"Tool choice '{name}' not found in 'tools' parameter.")
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        given = wanted["json_schema"]
        _check_name(str(given.get("name", "")))
        if given.get("strict"):
            _check_strict(given["schema"], "()")
        return given["schema"], ""
    if wanted.get("type") == "json_object":
        return {"type": "object"}, ""
    return None, ""


def _check_name(name: str) -> None:
    if not _NAME.match(name):
        raise Refused(400, f"Invalid name '{name}': expected a string that matches ^[a-zA-Z0-9_-]+$.")


def _check_strict(schema: Any, where: str) -> None:
    """Strict mode wants every object closed and every property required."""
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object":
        named = set(schema.get("properties", {}))
        if schema.get("additionalProperties") is not False:
            raise Refused(
                400, f"Invalid schema: In context={where}, 'additionalProperties' must be false."
            )
        if missing := named - set(schema.get("required", ())):
            raise Refused(
                400, f"Invalid schema: In context={where}, 'required' misses {sorted(missing)}."
            )
    for key in ("properties", "$defs", "definitions"):
        for name, part in schema.get(key, {}).items():
            _check_strict(part, f"{where}.{name}")
    for key in ("items", "anyOf"):
        parts = schema.get(key, [])
        for part in parts if isinstance(parts, list) else [parts]:
            _check_strict(part, f"{where}.{key}")


def usage(spent: Spent) -> dict[str, Any]:
    return {
        "prompt_tokens": spent.input,
        "completion_tokens": spent.output,
        "total_tokens": spent.input + spent.output,
        "prompt_tokens_details": {"cached_tokens": spent.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": spent.reasoning, "audio_tokens": 0},
    }


def wrong_usage(spent: Spent, kind: str) -> Any:
    right = usage(spent)
    wrong: dict[str, Any] = {
        "zero": {**right, "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        "negative": {**right, "completion_tokens": -5},
        "text": {**right, "prompt_tokens": "many"},
        "null": None,
        "total": {**right, "total_tokens": 7},
    }
    return wrong[kind]


def answer(call: Call, said: Said, used: Any) -> dict[str, Any]:
    """A whole answer; ``used`` is its usage, or an ellipsis to leave it out."""
    message: dict[str, Any] = {"role": "assistant", "content": said.text, "refusal": None}
    finish = _FINISH[said.finish]
    if call.tool:
        function = {"name": call.tool, "arguments": said.text}
        message |= {
            "content": None,
            "tool_calls": [{"id": f"call_{said.id}", "type": "function", "function": function}],
        }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return {
        "id": f"chatcmpl-{said.id}",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": call.model,
        "choices": [choice],
    } | ({} if used is ... else {"usage": used})


def events(call: Call, said: Said, used: Any) -> list[tuple[str, Any]]:
    """The events of a stream, each a name (always empty here) and its value."""
    whole = {
        "id": f"chatcmpl-{said.id}",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": call.model,
    } | ({"usage": None} if call.include_usage and used is not ... else {})
    pieces = [said.text[at : at + 24] for at in range(0, len(said.text), 24)]
    if len(pieces) > 400:
        pieces = [said.text[at : at + 65_536] for at in range(0, len(said.text), 65_536)]

    def chunk(delta: dict[str, Any], finish: str | None = None) -> tuple[str, Any]:
        return "", {**whole, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    if call.tool:
        head = {
            "index": 0,
            "id": f"call_{said.id}",
            "type": "function",
            "function": {"name": call.tool, "arguments": ""},
        }
        made = [chunk({"role": "assistant", "content": None, "tool_calls": [head]})]
        made += [
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}) for piece in pieces
        ]
        made.append(chunk({}, _FINISH[said.finish] if said.finish != "stop" else "tool_calls"))
    else:
        made = [chunk({"role": "assistant", "content": ""})]
        made += [chunk({"content": piece}) for piece in pieces]
        made.append(chunk({}, _FINISH[said.finish]))
    if call.include_usage and used is not ...:
        made.append(("", {**whole, "choices": [], "usage": used}))
    return made


END = "[DONE]"


def error(status: int, message: str) -> dict[str, Any]:
    kind = {401: "authentication_error", 429: "rate_limit_exceeded"}.get(status, "invalid_request_error")
    return {
        "error": {
            "message": message,
            "type": kind if status < 500 else "server_error",
            "param": None,
            "code": kind,
        }
    }
