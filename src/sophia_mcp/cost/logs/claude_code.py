"""What did Claude Code spend? Transcripts under ``~/.claude/projects``, one JSON object a line.

A response is written once for each of its content blocks, first with a partial count of its output;
the same message also stands in copies of a resumed session. Subagents write files of their own.
A message may hold the work of other models (``iterations``), which are calls of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sophia_mcp.cost.logs import Call, Client, Log, Machine, under
from sophia_mcp.cost.logs._json import folder, get, lines, merged, moment, text
from sophia_mcp.llm.counting.usage import normalise
from sophia_mcp.security.paths import of_home
from sophia_mcp.types import Processing

_TIERS: dict[str, Processing] = {"batch": "batch", "priority": "priority"}
_OTHER_MODELS = ("advisor_message", "fallback_message")


def _files(machine: Machine) -> Iterator[Path]:
    given = (machine.variable("CLAUDE_CONFIG_DIR") or "").split(",")
    own = [of_home(each.strip()) for each in given if each.strip()]
    homes = own or [machine.home / ".claude", machine.home / ".config" / "claude"]
    found = under((home / "projects" for home in homes), "*/**/*.jsonl")
    return (path for path in found if path.name != "journal.jsonl")


def _read(path: Path) -> Log:
    calls: list[Call] = []
    skipped = 0
    for line in lines(path, b'"usage"'):
        if line is None:
            skipped += 1
        elif line.get("type") == "assistant":
            found = list(_calls(line))
            skipped += not found and get(line, "message", "model") != "<synthetic>"
            calls += found
    return Log(merged(calls), skipped)


def _calls(line: Mapping[str, Any]) -> Iterator[Call]:
    report, model = get(line, "message", "usage"), text(line, "message", "model")
    at_ns = moment(line.get("timestamp"))
    if not isinstance(report, Mapping) or not model or model == "<synthetic>" or at_ns is None:
        return
    usage = normalise(report, "anthropic")
    if usage is None:
        return
    id_ = _id(line)
    call = Call(
        id_,
        at_ns,
        _provider(model, text(line, "message", "id")),
        model,
        usage,
        session=text(line, "sessionId"),
        project=folder(text(line, "cwd")),
        agent="subagent" if line.get("isSidechain") is True else "",
        processing=_processing(report),
    )
    yield call
    passes = report.get("iterations")
    for number, each in enumerate(passes if isinstance(passes, list) else []):
        other = text(each, "model")
        used = normalise(each, "anthropic") if text(each, "type") in _OTHER_MODELS and other else None
        if used is not None and other != model:
            yield Call(
                f"{id_}:{number}",
                at_ns,
                _provider(other, ""),
                other,
                used,
                call.session,
                call.project,
                "advisor",
            )


def _id(line: Mapping[str, Any]) -> str:
    """Anthropic's message ids are unique in the world; those of proxies only with the request's."""
    message, request = text(line, "message", "id"), text(line, "requestId")
    if message.startswith("msg_"):
        return message
    if message:
        return f"{message}:{request or text(line, 'sessionId')}"
    return request or text(line, "uuid") or f"{text(line, 'sessionId')}:{line.get('timestamp')}"


def _provider(model: str, message: str) -> str:
    if message.startswith("msg_bdrk_") or "anthropic." in model:
        return "bedrock"
    if message.startswith("msg_vrtx_") or "@" in model:
        return "vertex-ai"
    return "anthropic" if model.startswith("claude") else "claude-code"


def _processing(report: Mapping[str, Any]) -> Processing:
    if report.get("speed") == "fast":
        return "fast"
    return _TIERS.get(text(report, "service_tier"), "standard")


CLIENT = Client("Claude Code", _files, _read)
