"""How is a run told to an agent? The same facts as text and as structured content, within a budget."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel

from sophia_mcp.llm.counting import tokens
from sophia_mcp.security.text import call_of, json_of
from sophia_mcp.swarm.telling import reports
from sophia_mcp.swarm.telling.timeline import tree
from sophia_mcp.types import Finding, Outcome, Packet, RunReport, Source, TimelineEvent

MOST_TOKENS = 8000
"""Steps that wait are handed out until their prompts come to this; the first always is."""

PATCH_LINES = 40
"""Of a patch, unless the whole is asked for."""

ROOM = {"anthropic/maxResultSizeChars": 200_000}
"""A step is handed out whole, with the code it is about: clients that cut answers are asked for room."""

PROGRESS_S = 2.0

_EVENT_CHARS = 400
_TAIL_TOKENS = 40
"""Kept free for the next call."""

_FRAME_TOKENS = 200
"""Kept free for the notes and calls that stand around an outcome."""

_LEAST_TOKENS = 50
"""A summary or a patch gets so many, however little room is left."""

_JUDGING = (
    'which are right? remember(text="{run}#1") accepts finding 1, remember(forget="{run}#2") rejects 2'
)


class RunAnswer(BaseModel):
    """What a client receives about one run, whole; published with top-level keys only."""

    run_id: str | None
    pattern: str | None
    status: str | None
    reason: str | None
    progress: dict[str, int]
    steps: list[dict[str, Any]]
    outcome: dict[str, Any] | None
    left_out: list[dict[str, Any]]
    gates: list[dict[str, Any]]
    cost: dict[str, Any]
    timeline: str | None
    next: str | None
    notes: list[str]


def teller(ctx: Context[Any]) -> Callable[[int, int, str], Awaitable[None]]:
    """Tells the client of a call how far a run is: steps done, steps in all (0: not known), words."""
    shown = -1.0

    async def tell(done: int, total: int, text: str) -> None:
        nonlocal shown
        # The protocol wants every number above the last.
        shown = max(shown + 0.001, float(done))
        await ctx.report_progress(shown, total if total > shown else None, text)

    return tell


def told(
    report: RunReport,
    *,
    max_tokens: int = 2500,
    start: int = 0,
    whole_patch: bool = False,
    lent: bool = False,
    notes: Sequence[str] = (),
) -> CallToolResult:
    """One run for a client: findings and sources from ``start`` on and as many as fit, the steps that
    wait, and the exact next call. ``lent``: the client's own model does the steps while a call is open."""
    steps, held = _handed_out(report.steps)
    said = [*report.notes, *notes]
    if held:
        said.append(f"{held} more steps wait; they come when these are answered")
    if lent and steps:
        said.append('the client\'s model did not answer these; do them yourself with action="answer"')
    if reports.own_limit(report):
        said.append("resuming keeps its limit; max_cost_usd in that call gives it a higher one")
    elif report.status == "over_budget":
        said.append("a budget of this machine refused it; a person raises that: sophia cost budget set")
    outcome, shown = _fitting(
        replace(report, notes=tuple(said)), start, max_tokens - _FRAME_TOKENS, whole_patch=whole_patch
    )
    found = len(report.outcome.findings) if report.outcome is not None else 0
    cited = len(report.outcome.sources) if report.outcome is not None else 0
    more = start + shown if start + shown < found + cited else None
    if more is not None:
        what = " and ".join(word for word, any in (("findings", found), ("sources", cited)) if any)
        said.append(f"{what} {start + 1} to {start + shown} of {found + cited}")
    cut = False
    if outcome is not None and report.outcome is not None:
        if cut := outcome.patch != report.outcome.patch:
            said.append("the patch is cut; the whole is one call away")
        if not start and outcome.summary != report.outcome.summary:
            said.append("the summary is cut; a larger max_tokens shows more")
    part = replace(report, steps=steps, outcome=outcome, notes=tuple(said))
    answer = RunAnswer(**reports.facts(part), next=_next(part, more, cut=cut, lent=lent))
    lines = [reports.words(part, start + 1)]
    lines += [_JUDGING.format(run=report.run_id)] if start < found else []
    lines += [f"timeline: {answer.timeline}", f"next: {answer.next or 'none needed'}"]
    return CallToolResult(
        content=[TextContent(type="text", text="\n".join(lines))],
        structured_content=answer.model_dump(),
    )


def history(
    run_id: str,
    events: Sequence[TimelineEvent],
    after: int,
    max_tokens: int,
    *,
    now_ns: int | None = None,
) -> tuple[str, str | None]:
    """What happened in a run, and the call that goes on: the tree where it fits, else one line for
    each event above ``after``. ``now_ns`` says how long what is under way has taken."""
    if not after:
        whole = tree(events, now_ns=now_ns)
        if tokens.count(whole) <= max_tokens:
            return whole, None
    lines: list[str] = []
    room, last = max_tokens, after
    for event in events:
        facts = json.dumps(dict(event.facts), ensure_ascii=False)
        line = f"{event.number} {event.kind} {event.step} {facts}"
        line = line if len(line) <= _EVENT_CHARS else line[: _EVENT_CHARS - 1] + "…"
        room -= tokens.count(line) + 1
        if lines and room < _TAIL_TOKENS:
            break
        lines.append(line)
        last = event.number
    following = None
    if events and last < events[-1].number:
        following = call_of("get_run", run_id=run_id, view="timeline", cursor=str(last))
    return "\n".join([*lines, f"next: {following or 'none needed'}"]), following


def _handed_out(waiting: Sequence[Packet]) -> tuple[tuple[Packet, ...], int]:
    """The first steps whose prompts fit, and how many are held back."""
    room = MOST_TOKENS
    given: list[Packet] = []
    for step in waiting:
        room -= tokens.count(step.prompt)
        if given and room < 0:
            break
        given.append(step)
    return tuple(given), len(waiting) - len(given)


def _fitting(
    report: RunReport,
    start: int,
    max_tokens: int,
    *,
    whole_patch: bool,
) -> tuple[Outcome | None, int]:
    """The outcome with as many findings, and then sources, as fit, and how many of both that is. Pages
    after the first say no summary again. A patch asked for whole is given whole."""
    outcome = report.outcome
    if outcome is None:
        return None, 0
    bare = replace(report, outcome=None, steps=())
    room = max_tokens - tokens.count(reports.words(bare))
    summary = "" if start else tokens.cut(outcome.summary, max(room // 2, _LEAST_TOKENS))
    room -= tokens.count(summary)
    patch = outcome.patch
    if not whole_patch:
        lines = patch.split("\n")
        patch = "\n".join(lines[:PATCH_LINES]) if len(lines) > PATCH_LINES else patch
        patch = tokens.cut(patch, max(room // 2, _LEAST_TOKENS))
    room -= tokens.count(patch)
    items: tuple[Finding | Source, ...] = (*outcome.findings, *outcome.sources)
    taken: list[Finding | Source] = []
    for number, item in enumerate(items[start:], start + 1):
        text = reports.finding(item, number) if isinstance(item, Finding) else reports.source(item)
        room -= tokens.count(text) + 1
        if taken and room < 0:
            break
        taken.append(item)
    findings = tuple(item for item in taken if isinstance(item, Finding))
    sources = tuple(item for item in taken if isinstance(item, Source))
    kept = replace(outcome, summary=summary, patch=patch, findings=findings, sources=sources)
    return kept, len(taken)


def _next(report: RunReport, more: int | None, *, cut: bool, lent: bool) -> str | None:
    run = report.run_id
    if lent and report.status in ("running", "needs_steps"):
        return call_of("run_swarm", action="resume", run_id=run)
    if report.steps:
        answers = ", ".join(f"{json_of(step.key)}: …" for step in report.steps)
        return f'run_swarm(action="answer", run_id={json_of(run)}, results={{{answers}}})'
    if report.status == "running":
        return call_of("get_run", run_id=run, wait_s=40)
    if report.status in ("interrupted", "failed", "over_budget", "cancelled"):
        return call_of("run_swarm", action="resume", run_id=run)
    if more is not None:
        return call_of("get_run", run_id=run, view="result", cursor=str(more))
    return call_of("get_run", run_id=run, view="result") if cut else None
