"""What happened in a run, for people and for other programs? Pure: events in, text out.

Events are numbered and only ever added. The tree shows steps with how long they took and what they
cost, and below each what was decided about it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sophia_mcp.cost import usd
from sophia_mcp.types import TimelineEvent

_SHOWN = 160
_MARKS = {
    "step.done": "✓",
    "step.replayed": "↻",
    "step.failed": "✗",
    "step.skipped": "–",
    "step.waiting": "…",
    "step.uncertain": "?",
}
_ENDS = ("run.done", "run.failed", "run.cancelled", "run.interrupted", "run.over_budget")


@dataclass
class _Branch:
    """One step as it is drawn."""

    key: str
    role: str = ""
    begun_ns: int = 0
    ended_ns: int = 0
    mark: str = "·"
    facts: dict[str, Any] = field(default_factory=dict)
    below: list[str] = field(default_factory=list)


def tree(events: Sequence[TimelineEvent], *, now_ns: int | None = None) -> str:
    """The run as a tree, in the order in which its steps began. ``now_ns`` ends what is under way."""
    if not events:
        return "nothing has happened yet"
    branches: dict[str, _Branch] = {}
    above: list[str] = []
    for event in events:
        if event.step:
            _grow(branches.setdefault(event.step, _Branch(event.step)), event)
        else:
            above.append(_line(event, events[0].at_ns))
    ended = events[-1].at_ns if events[-1].kind in _ENDS else (now_ns or events[-1].at_ns)
    lines = [_head(events, ended)]
    why = events[0].facts.get("why")
    lines += [f"├ answered by {events[0].facts.get('provider')}: {_cut(str(why))}"] if why else []
    lines += [f"├ {line}" for line in above[1:]]
    for number, branch in enumerate(branches.values(), 1):
        last = number == len(branches)
        lines.append(f"{'└' if last else '├'} {_drawn(branch, events[0].at_ns, ended)}")
        lines += [f"{' ' if last else '│'}   {text}" for text in branch.below]
    return "\n".join(lines)


def as_json(events: Iterable[TimelineEvent]) -> str:
    """One JSON object per line, in order."""
    return "\n".join(
        json.dumps(
            {
                "run_id": event.run_id,
                "number": event.number,
                "at": _clock(event.at_ns, full=True),
                "kind": event.kind,
                "step": event.step,
                "facts": dict(event.facts),
            },
            ensure_ascii=False,
        )
        for event in events
    )


def _grow(branch: _Branch, event: TimelineEvent) -> None:
    facts = event.facts
    if event.kind in ("step.started", "step.waiting"):
        branch.begun_ns = event.at_ns if not branch.begun_ns or branch.ended_ns else branch.begun_ns
        branch.ended_ns = 0
        branch.role = str(facts.get("role", branch.role))
        branch.mark = _MARKS.get(event.kind, "·")
    elif event.kind in ("step.done", "step.failed", "step.skipped"):
        branch.ended_ns = event.at_ns
        branch.begun_ns = branch.begun_ns or event.at_ns
        branch.mark = _MARKS[event.kind]
        branch.facts = dict(facts)
        if "reason" in facts:
            branch.below.append(_cut(str(facts["reason"])))
        branch.below += [_cut(f"note: {note}") for note in facts.get("notes", ())]
    elif event.kind in _MARKS:
        branch.begun_ns = branch.begun_ns or event.at_ns
        if event.kind == "step.replayed":
            branch.ended_ns = branch.ended_ns or event.at_ns
        branch.below.append(_WORDS[event.kind])
    elif event.kind != "step.answered":
        branch.below.append(f"{event.kind}: {_told(facts)}")


_WORDS = {
    "step.replayed": "answered before; not asked again",
    "step.uncertain": "was in flight when its process died: its cost is uncertain",
}


def _drawn(branch: _Branch, origin_ns: int, now_ns: int) -> str:
    facts = branch.facts
    parts = [f"{branch.mark} {branch.key}"]
    if branch.role and branch.role not in branch.key:
        parts.append(f"({branch.role})")
    if branch.begun_ns:
        took = (branch.ended_ns or now_ns) - branch.begun_ns
        parts.append(f"+{_seconds(branch.begun_ns - origin_ns)} {_seconds(took)}")
    if facts.get("nano") is not None:
        parts.append(f"${usd.text(int(facts['nano']))}")
    if facts.get("input_tokens") is not None:
        cached = f", {facts['cached_tokens']} cached" if facts.get("cached_tokens") else ""
        parts.append(f"{facts['input_tokens']}→{facts.get('output_tokens', 0)} tokens{cached}")
    if facts.get("cached"):
        parts.append("from the cache")
    if facts.get("model"):
        parts.append(str(facts["model"]))
    return " ".join(parts)


def _head(events: Sequence[TimelineEvent], ended_ns: int) -> str:
    first, last = events[0], events[-1]
    facts = first.facts
    state = last.kind.removeprefix("run.") if last.kind in (*_ENDS, "run.waiting") else "running"
    cost = next((event for event in reversed(events) if event.kind == "cost"), None)
    spent = (
        f" · ${usd.text(int(cost.facts['nano']))}" if cost is not None and "nano" in cost.facts else ""
    )
    took = _seconds(ended_ns - first.at_ns)
    return (
        f"{first.run_id} · {facts.get('pattern', '')} · {facts.get('provider', '')} · {state} · {took}{spent}"
        f" · began {_clock(first.at_ns)}"
    )


def _line(event: TimelineEvent, origin_ns: int) -> str:
    return f"{event.kind} +{_seconds(event.at_ns - origin_ns)} {_told(event.facts)}".rstrip()


def _told(facts: Mapping[str, Any]) -> str:
    return _cut(", ".join(f"{name} {_value(value)}" for name, value in facts.items()))


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


def _seconds(ns: int) -> str:
    return f"{ns / 1e9:.1f}s" if ns < 100_000_000_000 else f"{ns / 60e9:.1f}min"


def _clock(ns: int, *, full: bool = False) -> str:
    moment = datetime.fromtimestamp(ns / 1e9, UTC)
    return moment.isoformat(timespec="milliseconds") if full else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
