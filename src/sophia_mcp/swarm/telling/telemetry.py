"""How does a run look to OpenTelemetry? Spans made from its events after the fact.

Only the API is used: whoever wants spans configures an SDK and hands in its tracer. The attribute
names follow the conventions for generative AI, which are still in development; all of them stand
here and nowhere else, so that a change of the conventions is a change of this file.

An agent runs in this process, so its span is internal; the question that it put to a model is a client
span below it, and tokens stand there alone, where they are summed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

from sophia_mcp.types import TimelineEvent

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
WORKFLOW = "gen_ai.workflow.name"
CONVERSATION = "gen_ai.conversation.id"
AGENT = "gen_ai.agent.name"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
FINISH = "gen_ai.response.finish_reasons"
INPUT = "gen_ai.usage.input_tokens"
OUTPUT = "gen_ai.usage.output_tokens"
CACHED = "gen_ai.usage.cache_read.input_tokens"
ERROR = "error.type"
INVOKE_WORKFLOW, INVOKE_AGENT, CHAT = "invoke_workflow", "invoke_agent", "chat"

_ENDED = ("step.done", "step.failed", "step.skipped")
_FACTS = {
    "requested": REQUEST_MODEL,
    "model": RESPONSE_MODEL,
    "input_tokens": INPUT,
    "output_tokens": OUTPUT,
    "cached_tokens": CACHED,
}


def export(events: Sequence[TimelineEvent], tracer: Tracer) -> int:
    """Make one span of a run, one below it for every step that has ended, and one below that where a
    model answered it, at the times when it happened; how many were made. What else happened becomes
    events of the run's span."""
    if not events:
        return 0
    first, last = events[0], events[-1]
    name = str(first.facts.get("pattern", ""))
    shared = {PROVIDER: str(first.facts.get("provider", "")), CONVERSATION: first.run_id}
    root = tracer.start_span(
        f"{INVOKE_WORKFLOW} {name}".strip(),
        kind=SpanKind.INTERNAL,
        start_time=first.at_ns,
        attributes={OPERATION: INVOKE_WORKFLOW, WORKFLOW: name, **shared},
    )
    context = set_span_in_context(root)
    begun: dict[str, TimelineEvent] = {}
    made = 1
    for event in events[1:]:
        if event.kind in ("step.started", "step.waiting"):
            begun[event.step] = event
        elif event.kind in _ENDED and event.step in begun:
            made += _step(tracer, context, shared, begun.pop(event.step), event)
        else:
            root.add_event(event.kind, _plain(event), timestamp=event.at_ns)
    if last.kind in ("run.failed", "run.over_budget"):
        root.set_status(Status(StatusCode.ERROR, str(last.facts.get("reason", ""))))
        root.set_attribute(ERROR, last.kind)
    root.end(last.at_ns)
    return made


def _step(
    tracer: Tracer,
    context: Context,
    shared: Mapping[str, str],
    start: TimelineEvent,
    end: TimelineEvent,
) -> int:
    """The span of a step, and one below it where a model answered; how many were made."""
    role = str(start.facts.get("role") or end.step)
    who = {**shared, AGENT: role, "sophia.step": end.step}
    span = tracer.start_span(
        f"{INVOKE_AGENT} {role}",
        context=context,
        kind=SpanKind.INTERNAL,
        start_time=start.at_ns,
        attributes={OPERATION: INVOKE_AGENT, **who},
    )
    called = _was_called(start, end)
    if called:
        tracer.start_span(
            f"{CHAT} {end.facts.get('requested', '')}".strip(),
            context=set_span_in_context(span),
            kind=SpanKind.CLIENT,
            start_time=start.at_ns,
            attributes={OPERATION: CHAT, **who, **_answered(end)},
        ).end(end.at_ns)
    _close(span, end)
    return 1 + called


def _was_called(start: TimelineEvent, end: TimelineEvent) -> bool:
    """Whether a model was asked and answered: not the assistant, and not an answer that was kept."""
    return start.kind == "step.started" and "model" in end.facts and not end.facts.get("cached")


def _answered(event: TimelineEvent) -> dict[str, Any]:
    """What is known of a model's answer."""
    known = {name: event.facts[fact] for fact, name in _FACTS.items() if fact in event.facts}
    if "finish" in event.facts:
        known[FINISH] = (str(event.facts["finish"]),)
    return known


def _close(span: Span, event: TimelineEvent) -> None:
    if event.kind != "step.done":
        span.set_status(Status(StatusCode.ERROR, str(event.facts.get("reason", ""))))
        span.set_attribute(ERROR, event.kind)
    span.end(event.at_ns)


def _plain(event: TimelineEvent) -> Mapping[str, str | int | float | bool]:
    facts = {
        name: value if isinstance(value, str | int | float | bool) else str(value)
        for name, value in event.facts.items()
    }
    return {**facts, "sophia.step": event.step}
