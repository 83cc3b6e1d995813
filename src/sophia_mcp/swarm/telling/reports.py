"""How is a run told, in words and as facts? Pure: a report in, the same at every door."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sophia_mcp.cost import usd
from sophia_mcp.types import Finding, LeftOut, RunReport, Source


def uri(run_id: str) -> str:
    """Where a run's timeline is."""
    return f"sophia://timelines/{run_id}"


def facts(report: RunReport) -> dict[str, Any]:
    """A run as one JSON object; money is exact decimal text. A run without an id was never begun."""
    cost = report.cost
    return {
        "run_id": report.run_id or None,
        "pattern": report.pattern,
        "status": report.status,
        "reason": report.reason,
        "progress": {"done": report.done, "total": report.total},
        "steps": [asdict(step) for step in report.steps],
        "outcome": asdict(report.outcome) if report.outcome is not None else None,
        "left_out": [asdict(each) for each in report.left_out],
        "gates": [asdict(gate) for gate in report.gates],
        "cost": {
            "usd": usd.text(cost.spent_nano),
            "reserved_usd": usd.text(cost.reserved_nano),
            "input_tokens": cost.input_tokens,
            "output_tokens": cost.output_tokens,
            "cached_tokens": cost.cached_tokens,
            "basis": cost.basis,
        },
        "timeline": uri(report.run_id) if report.run_id else None,
        "notes": list(report.notes),
    }


def own_limit(report: RunReport) -> bool:
    """Whether it is the run's own limit that it met, and not a budget of somebody's."""
    return report.status == "over_budget" and f"run {report.run_id} budget" in report.reason


def row(report: RunReport) -> dict[str, Any]:
    """A run in a list of runs."""
    return {
        "run_id": report.run_id,
        "pattern": report.pattern,
        "status": report.status,
        "progress": {"done": report.done, "total": report.total},
        "usd": usd.text(report.cost.spent_nano),
    }


def head(report: RunReport) -> str:
    """One line: id, pattern, state, how far, what it cost."""
    cost = report.cost
    held = f", ${usd.text(cost.reserved_nano)} reserved" if cost.reserved_nano else ""
    return (
        f"{report.run_id or 'no run'} · {report.pattern} · {report.status} · {report.done}/{report.total} steps"
        f" · ${usd.text(cost.spent_nano)} ({cost.basis}){held}"
    )


def words(report: RunReport, first: int = 1) -> str:
    """A run with its gates, what it came to, the steps that wait, and the notes. Findings are numbered
    from ``first`` on: by these numbers they are accepted and rejected."""
    lines = [head(report)]
    lines += [f"reason: {report.reason}"] if report.reason else []
    lines += _left_out(report.left_out)
    lines += [
        f"gate {gate.name}: {'passed' if gate.passed else 'failed'}"
        + (f" · {gate.detail}" if gate.detail else "")
        for gate in report.gates
    ]
    outcome = report.outcome
    if outcome is not None:
        lines += ["", outcome.summary] if outcome.summary else []
        lines += [finding(each, number) for number, each in enumerate(outcome.findings, first)]
        lines += [source(each) for each in outcome.sources]
        lines += ["", outcome.patch] if outcome.patch else []
    for step in report.steps:
        lines += ["", f"--- step {step.key} ({step.role})", step.prompt]
        if step.schema is not None:
            lines.append(f"answer with JSON of this schema: {json.dumps(step.schema)}")
    return "\n".join([*lines, *(f"note: {note}" for note in report.notes)])


def _left_out(questions: Sequence[LeftOut]) -> list[str]:
    """One line for all that were left out for the same reason."""
    keys: dict[tuple[str, str], list[str]] = {}
    for each in questions:
        keys.setdefault((each.state, each.reason), []).append(each.key)
    return [f"{state}: {', '.join(names)} · {reason}" for (state, reason), names in keys.items()]


def finding(found: Finding, number: int) -> str:
    """One finding with its number and its quote."""
    quote = "\n".join(f"    {line}" for line in found.quote.split("\n"))
    advice = f"\n  suggestion: {found.suggestion}" if found.suggestion else ""
    return f"\n{number}. [{found.severity}] {found.path}:{found.line} {found.claim}\n{quote}{advice}"


def source(cited: Source) -> str:
    """One source with the words cited."""
    return f"\n[{cited.ref}] {cited.title} {cited.url}\n    {cited.quote}"
