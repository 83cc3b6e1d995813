"""The shape of Gemini's generateContent, as of its reference."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.upstream.anthropic import _input
from tests.upstream.bill import TARIFFS, Spent
from tests.upstream.call import Call, Part, Refused, Said

_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "filter": "SAFETY"}
_STATUS = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE",
}  # fmt: skip


def parse(body: Mapping[str, Any], model: str = "", stream: bool = False) -> Call:
    """A request body; model and streaming stand in the path. Raises Refused as the vendor does."""
    if model not in TARIFFS:
        raise Refused(404, f"models/{model} is not found for API version v1beta")
    parts = []
    for content in _list(body.get("systemInstruction") or body.get("system_instruction")):
        parts += [Part("system", piece.get("text", "")) for piece in content["parts"]]
    for content in body.get("contents") or []:
        if content.get("role", "user") not in ("user", "model", "function"):
            raise Refused(400, "Please use a valid role: user, model.")
        parts += [Part(content.get("role", "user"), piece.get("text", "")) for piece in content["parts"]]
    if not body.get("contents"):
        raise Refused(400, "contents is not specified")
    wanted = body.get("generationConfig") or body.get("generation_config") or {}
    schema = wanted.get("responseSchema") or wanted.get("responseJsonSchema")
    tool = ""
    config = (body.get("toolConfig") or body.get("tool_config") or {}).get("functionCallingConfig") or (
        body.get("tool_config") or {}
    ).get("function_calling_config")
    if config and str(config.get("mode", "")).upper() == "ANY":
        functions = [
            each
            for kit in _list(body.get("tools"))
            for each in kit.get("functionDeclarations") or kit.get("function_declarations") or []
        ]
        allowed = config.get("allowedFunctionNames") or config.get("allowed_function_names")
        function = next(
            (each for each in functions if not allowed or each["name"] in allowed), functions[0]
        )
        schema, tool = (
            function.get("parameters") or function.get("parametersJsonSchema"),
            function["name"],
        )
    limit = int(wanted.get("maxOutputTokens") or wanted.get("max_output_tokens") or 8192)
    return Call("gemini", model, tuple(parts), limit, stream, True, schema and _lower(schema), tool)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _lower(schema: Any) -> Any:
    """Gemini also takes its own upper-case type names."""
    if isinstance(schema, dict):
        return {
            key: value.lower() if key == "type" and isinstance(value, str) else _lower(value)
            for key, value in schema.items()
        }
    return [_lower(each) for each in schema] if isinstance(schema, list) else schema


def usage(spent: Spent) -> dict[str, Any]:
    counts = {
        "promptTokenCount": spent.input,
        "candidatesTokenCount": spent.output - spent.reasoning,
        "totalTokenCount": spent.input + spent.output,
    }
    if spent.cached:
        counts["cachedContentTokenCount"] = spent.cached
    if spent.reasoning:
        counts["thoughtsTokenCount"] = spent.reasoning
    return counts


def wrong_usage(spent: Spent, kind: str) -> Any:
    right = usage(spent)
    wrong: dict[str, Any] = {
        "zero": {"promptTokenCount": 0, "candidatesTokenCount": 0, "totalTokenCount": 0},
        "negative": {**right, "candidatesTokenCount": -5},
        "text": {**right, "promptTokenCount": "many"},
        "null": None,
        "total": {**right, "totalTokenCount": 7},
    }
    return wrong[kind]


def _candidate(call: Call, text: str, finish: str | None) -> dict[str, Any]:
    piece = {"functionCall": {"name": call.tool, "args": _input(text)}} if call.tool else {"text": text}
    return {"content": {"role": "model", "parts": [piece]}, "index": 0} | (
        {"finishReason": finish} if finish else {}
    )


def answer(call: Call, said: Said, used: Any) -> dict[str, Any]:
    """A whole answer; ``used`` is its usage, or an ellipsis to leave it out."""
    return {
        "candidates": [_candidate(call, said.text, _FINISH[said.finish])],
        "modelVersion": call.model,
        "responseId": said.id,
    } | ({} if used is ... else {"usageMetadata": used})


def events(call: Call, said: Said, used: Any) -> list[tuple[str, Any]]:
    """The events of a stream: each carries cumulative usage, and only the last counts."""
    size = max(len(said.text) if call.tool else 24 if len(said.text) < 10_000 else 65_536, 1)
    pieces = [said.text[at : at + size] for at in range(0, len(said.text), size)] or [""]
    made: list[tuple[str, Any]] = []
    for number, piece in enumerate(pieces):
        last = number == len(pieces) - 1
        chunk: dict[str, Any] = {
            "candidates": [_candidate(call, piece, _FINISH[said.finish] if last else None)],
            "modelVersion": call.model,
            "responseId": said.id,
        }
        if used is not ...:
            chunk["usageMetadata"] = used if last else _so_far(used, number)
        made.append(("", chunk))
    return made


def _so_far(used: Any, produced: int) -> Any:
    if not isinstance(used, dict):
        return used
    prompt = used["promptTokenCount"]
    total = prompt + produced if isinstance(prompt, int) else produced
    return {"promptTokenCount": prompt, "candidatesTokenCount": produced, "totalTokenCount": total}


def listed(values: list[Any]) -> list[bytes]:
    """The pieces of a stream that did not ask for ``alt=sse``: one JSON array, an element each."""
    made = [json.dumps(value, indent=2) + "\n" for value in values]
    made[0] = "[" + made[0]
    made[-1] += "]"
    return [made[0].encode(), *(b",\r\n" + piece.encode() for piece in made[1:])]


END = ""


def error(status: int, message: str) -> dict[str, Any]:
    return {"error": {"code": status, "message": message, "status": _STATUS.get(status, "INTERNAL")}}
