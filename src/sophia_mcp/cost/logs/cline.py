"""What did Cline spend? One folder for each task in the editor's storage, with ``ui_messages.json``.

Each request stands in it once, with its counts and the cost Cline reckoned. Whether its input holds
the cache depends on the version and is not said: where both readings are possible, the counts are an
estimate and Cline's cost is taken. Roo Code and Kilo Code keep theirs the same way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from sophia_mcp.cost.logs import Call, Client, Log, Machine, under
from sophia_mcp.cost.logs._json import count, get, merged, moment, parsed, text, whole
from sophia_mcp.llm.counting.usage import nano
from sophia_mcp.types import Usage

_EDITORS = (
    "Code",
    "Code - Insiders",
    "Cursor",
    "Windsurf",
    "VSCodium",
    "Positron",
    "Trae",
    "Antigravity",
    "Kiro",
)
_MODEL = re.compile(r"<model>\s*([^<\s]{1,120})\s*</model>")


def files(*extensions: str, homes: tuple[str, ...] = ()) -> Callable[[Machine], Iterator[Path]]:
    """The tasks of an extension in every editor that can run it, and in folders of its own."""

    def found(machine: Machine) -> Iterator[Path]:
        storages = [
            base / editor / "User" / "globalStorage" / extension
            for base in machine.config
            for editor in _EDITORS
            for extension in extensions
        ]
        servers = [
            machine.home / name / "data" / "User" / "globalStorage" / extension
            for name in (".vscode-server", ".cursor-server", ".windsurf-server")
            for extension in extensions
        ]
        own = [machine.home / home for home in homes]
        return under([*storages, *servers, *own], "tasks/*/ui_messages.json")

    return found


def read(path: Path, client: str) -> Log:
    """The requests of one task."""
    messages = whole(path)
    if not isinstance(messages, list):
        return Log(skipped=1)
    task, history = path.parent.name, _models(path.parent)
    calls: list[Call] = []
    skipped = 0
    for message in messages:
        if text(message, "say") != "api_req_started":
            continue
        request, at_ns = parsed(text(message, "text") or "null"), moment(get(message, "ts"))
        usage = _usage(request)
        if usage is None:
            continue
        if at_ns is None:
            skipped += 1
            continue
        model, provider = _model(message, history, at_ns)
        claimed = nano(get(request, "cost")) or None
        id_ = f"{task}:{at_ns // 1_000_000}"
        calls.append(Call(id_, at_ns, provider or client, model, usage, task, claimed_nano=claimed))
    return Log(merged(calls), skipped)


def _usage(request: Any) -> Usage | None:
    given, made = count(request, "tokensIn"), count(request, "tokensOut")
    read, write = count(request, "cacheReads"), count(request, "cacheWrites")
    if not any((given, made, read, write)):
        return None
    apart = given < read + write
    return Usage(
        input_tokens=given + read + write if apart else given,
        output_tokens=made,
        cached_tokens=read,
        cache_write_tokens=write,
        estimated=not apart and read + write > 0,
    )


def _models(task: Path) -> tuple[tuple[int, str, str], ...]:
    """When which model of which provider was chosen in a task; Roo writes only the last one."""
    chosen = get(whole(task / "task_metadata.json"), "model_usage")
    found = [
        (moment(each.get("ts")) or 0, text(each, "model_id"), text(each, "model_provider_id"))
        for each in (chosen if isinstance(chosen, list) else [])
        if isinstance(each, Mapping) and text(each, "model_id")
    ]
    if not found:
        try:
            spoken = (task / "api_conversation_history.json").read_text("utf-8", "replace")
        except OSError:
            return ()
        named = _MODEL.findall(spoken)
        found = [(0, named[-1], "")] if named else []
    return tuple(sorted(found))


def _model(message: Any, history: tuple[tuple[int, str, str], ...], at_ns: int) -> tuple[str, str]:
    own = text(message, "modelInfo", "modelId")
    if own:
        return own, text(message, "modelInfo", "providerId")
    before = [each for each in history if each[0] <= at_ns] or list(history[:1])
    return before[-1][1:] if before else ("unknown", "")


CLIENT = Client(
    "Cline",
    files("saoudrizwan.claude-dev", homes=(".cline/data",)),
    partial(read, client="cline"),
)
