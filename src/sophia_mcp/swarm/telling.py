"""How is a run told in words? Pure: a report in, text out, the same at every door."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sophia_mcp.cost import usd
from sophia_mcp.types import Finding, Outcome, Packet, RunReport, Source


def head(report: RunReport) -> str:
    """One line: id, pattern, state, how far, what it cost."""
    cost = report.cost
    held = f", ${usd.text(cost.reserved_nano)} reserved" if cost.reserved_nano else ""
    return (
        f"{report.run_id} · {report.pattern} · {report.status} · {report.done}/{report.total} steps"
        f" · ${usd.text(cost.spent_nano)} ({cost.basis}){held}"
    )


def words(
    report: RunReport, outcome: Outcome | None, steps: Sequence[Packet], notes: Sequence[str]
) -> str:
    """A run with its gates, the part of its outcome that is shown, the steps that are handed out, and
    the notes."""
    lines = [head(report)]
    lines += [f"reason: {report.reason}"] if report.reason else []
    lines += [
        f"gate {gate.name}: {'passed' if gate.passed else 'failed'}"
        + (f" · {gate.detail}" if gate.detail else "")
        for gate in report.gates
    ]
    if outcome is not None:
        lines += ["", outcome.summary] if outcome.summary else []
        lines += [finding(each) for each in outcome.findings]
        lines += [source(each) for each in outcome.sources]
        lines += ["", outcome.patch] if outcome.patch else []
    for step in steps:
        lines += ["", f"--- step {step.key} ({step.role})", step.prompt]
        if step.schema is not None:
            lines.append(f"answer with JSON of this schema: {json.dumps(step.schema)}")
    return "\n".join([*lines, *(f"note: {note}" for note in notes)])


def finding(found: Finding) -> str:
    """One finding with its quote."""
    quote = "\n".join(f"    {line}" for line in found.quote.split("\n"))
    advice = f"\n  suggestion: {found.suggestion}" if found.suggestion else ""
    return f"\n[{found.severity}] {found.path}:{found.line} {found.claim}\n{quote}{advice}"


def source(cited: Source) -> str:
    """One source with the words cited."""
    return f"\n[{cited.ref}] {cited.title} {cited.url}\n    {cited.quote}"
