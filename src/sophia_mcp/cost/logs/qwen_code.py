"""What did Qwen Code spend? Chats under ``~/.qwen/projects/PROJECT/chats``, one JSON object a line,
with usage as Gemini reports it. Lines have no id of the call: their own, or their place, stands in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from sophia_mcp.cost.logs import Call, Client, Log, Machine, under
from sophia_mcp.cost.logs._json import folder, lines, merged, moment, text
from sophia_mcp.llm.counting.usage import normalise


def _files(machine: Machine) -> Iterator[Path]:
    return under((machine.home / ".qwen" / "projects",), "*/chats/*.jsonl")


def _read(path: Path) -> Log:
    calls: list[Call] = []
    skipped = 0
    for number, line in enumerate(lines(path, b'"usageMetadata"')):
        if line is None:
            skipped += 1
            continue
        report, at_ns = line.get("usageMetadata"), moment(line.get("timestamp"))
        if line.get("type") != "assistant" or not isinstance(report, Mapping):
            continue
        usage, model = normalise(report, "google"), text(line, "model")
        if usage is None:
            continue
        if at_ns is None or not model:
            skipped += 1
            continue
        session = text(line, "sessionId") or path.stem
        project = folder(text(line, "cwd")) or path.parent.parent.name
        id_ = f"{session}:{text(line, 'uuid') or number}"
        calls.append(Call(id_, at_ns, "qwen-code", model, usage, session, project))
    return Log(merged(calls), skipped)


CLIENT = Client("Qwen Code", _files, _read)
