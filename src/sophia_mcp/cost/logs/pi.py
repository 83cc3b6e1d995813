"""What did the pi coding agent spend? Sessions under ``~/.pi/agent/sessions``, one JSON object a line.

Input leaves the cache out, reasoning stands inside the output, and the cost is pi's reckoning. A
forked session repeats its parent's lines, ids included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from sophia_mcp.cost.logs import Call, Client, Log, Machine, under
from sophia_mcp.cost.logs._json import count, folder, get, lines, merged, moment, text
from sophia_mcp.llm.counting.usage import nano
from sophia_mcp.types import Usage


def _files(machine: Machine) -> Iterator[Path]:
    home = machine.named("PI_CODING_AGENT_DIR", ".pi", "agent")
    return under((home / "sessions",), "**/*.jsonl")


def _read(path: Path) -> Log:
    calls: list[Call] = []
    skipped, session, project = 0, path.stem, ""
    for line in lines(path):
        if line is None:
            skipped += 1
            continue
        if line.get("type") == "session":
            session, project = text(line, "id") or session, folder(text(line, "cwd"))
        report = get(line, "message", "usage")
        if text(line, "message", "role") != "assistant" or not isinstance(report, Mapping):
            continue
        read, write = count(report, "cacheRead"), count(report, "cacheWrite")
        usage = Usage(
            input_tokens=count(report, "input") + read + write,
            output_tokens=count(report, "output"),
            cached_tokens=read,
            cache_write_tokens=write,
            reasoning_tokens=count(report, "reasoning"),
        )
        model = text(line, "message", "model")
        at_ns = moment(line.get("timestamp")) or moment(get(line, "message", "timestamp"))
        if usage.input_tokens + usage.output_tokens == 0:
            continue
        if at_ns is None or not model:
            skipped += 1
            continue
        id_ = text(line, "message", "responseId") or f"{text(line, 'id')}:{at_ns // 1_000_000}"
        claimed = nano(get(report, "cost", "total")) or None
        provider = text(line, "message", "provider") or "pi"
        calls.append(Call(id_, at_ns, provider, model, usage, session, project, claimed_nano=claimed))
    return Log(merged(calls), skipped)


CLIENT = Client("pi", _files, _read)
