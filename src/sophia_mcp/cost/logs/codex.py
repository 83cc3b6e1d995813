"""What did Codex CLI spend? Rollouts under ``~/.codex/sessions``, one JSON object a line.

Newer versions write one ``token_usage_record`` for each response, with its id. Older ones only tell
running totals (``token_count``), sometimes twice, and a forked session repeats its parent's: a total
counts once for the session that all forks come from. Cached input stands inside the input, reasoning
inside the output.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sophia_mcp.cost.logs import Call, Client, Log, Machine, under
from sophia_mcp.cost.logs._json import count, folder, get, lines, merged, moment, text
from sophia_mcp.llm.counting.usage import normalise
from sophia_mcp.types import Processing, Usage

_COUNTS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens")
_WORDS = (
    b"token_usage_record",
    b"token_count",
    b"session_meta",
    b"turn_context",
    b"thread_settings_applied",
)
_TIERS: dict[str, Processing] = {
    "fast": "fast",
    "priority": "priority",
    "flex": "flex",
    "batch": "batch",
}


def _files(machine: Machine) -> Iterator[Path]:
    home = machine.named("CODEX_HOME", ".codex")
    return under((home / "sessions", home / "archived_sessions"), "**/*.jsonl")


@dataclass
class _Session:
    """What the lines read so far say about those to come."""

    id: str
    provider: str = "openai"
    project: str = ""
    agent: str = ""
    model: str = ""
    tier: Processing = "standard"
    totals: tuple[int, ...] = (0, 0, 0, 0)
    records: list[Call] = field(default_factory=list)
    counts: list[Call] = field(default_factory=list)
    root: str = ""

    def note(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Take in a line that is no usage itself."""
        if kind == "session_meta":
            own = text(payload, "id") or self.id
            self.root = text(payload, "forked_from_id") or (self.root if self.root != own else "") or own
            if not self.project:
                self.id = own
                self.provider = text(payload, "model_provider") or "openai"
                self.project = folder(text(payload, "cwd"))
                apart = get(payload, "source", "subagent") or payload.get("thread_source") == "subagent"
                self.agent = "subagent" if apart else ""
        elif kind == "turn_context":
            self.model = text(payload, "model") or self.model
            self.project = self.project or folder(text(payload, "cwd"))
        elif kind == "thread_settings_applied":
            tier = text(payload, "thread_settings", "service_tier")
            self.tier = _TIERS.get(tier, "standard")
            self.model = text(payload, "thread_settings", "model") or self.model

    def call(self, id_: str, at_ns: int, usage: Usage, tier: str = "") -> Call:
        processing = _TIERS.get(tier, self.tier)
        provider = self.provider if self.provider != "openai-codex" else "openai"
        return Call(
            id_, at_ns, provider, self.model, usage, self.id, self.project, self.agent, processing
        )


def _read(path: Path) -> Log:
    session, skipped = _Session(path.stem), 0
    for line in lines(path, *_WORDS):
        if line is None:
            skipped += 1
            continue
        payload = line.get("payload")
        payload = payload if isinstance(payload, Mapping) else line
        kind = text(line, "type")
        kind = text(payload, "type") if kind == "event_msg" else kind
        if kind in ("token_usage_record", "token_count"):
            at_ns = moment(line.get("timestamp"))
            understood = at_ns is not None and (
                _record(session, payload, at_ns)
                if kind == "token_usage_record"
                else _total(session, payload, at_ns)
            )
            skipped += not understood
        else:
            session.note(kind, payload)
    return Log(merged(session.records or session.counts), skipped)


def _record(session: _Session, payload: Mapping[str, Any], at_ns: int) -> bool:
    usage = _usage(get(payload, "usage"))
    id_ = text(payload, "response_id")
    if usage is not None and id_:
        tier = text(payload, "service_tier")
        session.records.append(session.call(id_, at_ns, usage, tier))
    return usage is not None and bool(id_)


def _total(session: _Session, payload: Mapping[str, Any], at_ns: int) -> bool:
    """One running total. Whether the line was understood: one that adds nothing was."""
    info = payload.get("info")
    if not isinstance(info, Mapping):
        return info is None
    total, last = get(info, "total_token_usage"), get(info, "last_token_usage")
    now = tuple(count(total, name) for name in _COUNTS) if isinstance(total, Mapping) else ()
    if now and now == session.totals:
        return True
    if not isinstance(last, Mapping) and now:
        grown = tuple(max(0, new - old) for new, old in zip(now, session.totals, strict=True))
        last = dict(zip(_COUNTS, grown if min(grown) >= 0 else now, strict=True))
    usage = _usage(last)
    if usage is None:
        return not now
    session.totals = now or session.totals
    key = "/".join(str(each) for each in now) if now else str(at_ns)
    session.counts.append(session.call(f"{session.root or session.id}:{key}", at_ns, usage))
    return True


def _usage(report: Any) -> Usage | None:
    if not isinstance(report, Mapping):
        return None
    total = count(report, "input_tokens") + count(report, "output_tokens")
    return normalise({**report, "total_tokens": total}, "openai")


CLIENT = Client("Codex CLI", _files, _read)
