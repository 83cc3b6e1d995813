"""What did Gemini CLI spend? Chats under ``~/.gemini/tmp/PROJECT/chats``, as one JSON document or as
JSON lines in which a message that is written again replaces itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sophia_mcp.cost.logs import Call, Client, Log, Machine, under
from sophia_mcp.cost.logs._json import count, get, lines, merged, moment, text, whole
from sophia_mcp.llm.counting.usage import normalise

_NAMES = {
    "input": "promptTokenCount",
    "output": "candidatesTokenCount",
    "cached": "cachedContentTokenCount",
    "thoughts": "thoughtsTokenCount",
    "tool": "toolUsePromptTokenCount",
    "total": "totalTokenCount",
}


def _files(machine: Machine) -> Iterator[Path]:
    folder = machine.named("GEMINI_CLI_HOME") / ".gemini" / "tmp"
    return under((folder,), "*/chats/*.json", "*/chats/*.jsonl")


def _read(path: Path) -> Log:
    if path.suffix == ".jsonl":
        rows: list[Any] = list(lines(path))
        session = next((text(row, "sessionId") for row in rows if text(row, "sessionId")), path.stem)
        return _log(rows, session)
    file = whole(path)
    messages = get(file, "messages")
    if not isinstance(messages, list):
        return Log(skipped=1)
    return _log(messages, text(file, "sessionId") or path.stem)


def _log(rows: Iterable[Any], session: str) -> Log:
    calls: list[Call] = []
    skipped = 0
    for number, row in enumerate(rows):
        if row is None:
            skipped += 1
        if text(row, "type") != "gemini" or not isinstance(get(row, "tokens"), Mapping):
            continue
        usage = normalise(
            {long: count(row, "tokens", short) for short, long in _NAMES.items()}, "google"
        )
        at_ns, model = moment(row.get("timestamp")), text(row, "model")
        if usage is None:
            continue
        if at_ns is None or not model:
            skipped += 1
            continue
        id_ = f"{session}:{text(row, 'id') or number}"
        calls.append(Call(id_, at_ns, "google", model, usage, session))
    return Log(merged(calls), skipped)


CLIENT = Client("Gemini CLI", _files, _read)
