"""What a run did can be read as a tree, as JSON, and as spans."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    get_current_span,
)
from tests.swarm.runs import FINDING, ScriptedModels, open_swarm, order, replies

from sophia_mcp.swarm.telling import telemetry
from sophia_mcp.swarm.telling.timeline import as_json, tree
from sophia_mcp.types import TimelineEvent

SECOND = 1_000_000_000
BEGUN = 1_800_000_000 * SECOND


def event(number: int, at_s: float, kind: str, step: str = "", **facts: Any) -> TimelineEvent:
    return TimelineEvent("swarm-1", number, BEGUN + int(at_s * SECOND), kind, step, facts)


EVENTS = (
    event(1, 0, "run.started", pattern="panel", provider="portkey"),
    event(2, 0.1, "step.started", "review.one", role="one"),
    event(3, 0.1, "step.started", "review.two", role="two"),
    event(
        4,
        1.6,
        "step.done",
        "review.one",
        model="m-1",
        requested="@corp/m",
        input_tokens=900,
        output_tokens=40,
        cached_tokens=800,
        nano=12_300_000,
        finish="stop",
    ),
    event(5, 1.7, "step.skipped", "review.two", reason="the budget does not allow it"),
    event(6, 1.7, "budget", "review.two", reason="the budget does not allow it"),
    event(7, 1.8, "gate", "review", name="quotes", passed=True, detail="1 of 1"),
    event(8, 2, "step.uncertain", "verify"),
    event(9, 2, "step.replayed", "review.one"),
    event(10, 2.5, "cost", nano=12_300_000),
    event(11, 2.5, "run.failed", reason="no quorum"),
)


@pytest.mark.requirement("swarm.timeline")
def test_the_tree_shows_how_long_steps_took_what_they_cost_and_what_was_decided() -> None:
    assert (
        tree(EVENTS)
        == """\
swarm-1 · panel · portkey · failed · 2.5s · $0.0123 · began 2027-01-15 08:00:00 UTC
├ cost +2.5s nano 12300000
├ run.failed +2.5s reason no quorum
├ ✓ review.one +0.1s 1.5s $0.0123 900→40 tokens, 800 cached m-1
│   answered before; not asked again
├ – review.two +0.1s 1.6s
│   the budget does not allow it
│   budget: reason the budget does not allow it
├ · review
│   gate: name quotes, passed yes, detail 1 of 1
└ · verify +2.0s 0.5s
    was in flight when its process died: its cost is uncertain"""
    )


@pytest.mark.requirement("swarm.timeline")
def test_a_run_that_is_under_way_is_drawn_up_to_now() -> None:
    drawn = tree(EVENTS[:3], now_ns=BEGUN + 90 * SECOND)
    assert "running · 90.0s" in drawn
    assert "└ · review.two +0.1s 89.9s" in drawn
    assert tree(()) == "nothing has happened yet"


@pytest.mark.requirement("swarm.timeline")
def test_events_become_one_json_object_a_line() -> None:
    lines = [json.loads(line) for line in as_json(EVENTS).splitlines()]
    assert [line["number"] for line in lines] == list(range(1, 12))
    assert lines[3]["facts"]["nano"] == 12_300_000
    assert lines[0]["at"] == "2027-01-15T08:00:00.000+00:00"


@pytest.mark.parametrize(
    ("nano", "text"),
    [(0, "$0.00"), (1, "$0.000000001"), (12_000_000_000, "$12.00"), (1_234_567_891, "$1.234567891")],
)
def test_money_is_exact_text(nano: int, text: str) -> None:
    spent = event(3, 1, "cost", nano=nano, basis="computed")
    head, *_, step = tree((EVENTS[0], event(2, 0, "step.done", "a", nano=nano), spent)).splitlines()
    assert f" · {text} · " in head
    assert step.endswith(f" {text}")


@pytest.mark.anyio
@pytest.mark.requirement("swarm.timeline")
async def test_a_real_run_says_what_was_said_and_decided(tmp_path: Path) -> None:
    models = ScriptedModels(replies({"json": {"summary": "It divides.", "findings": [FINDING]}}))
    async with open_swarm(tmp_path, models) as swarm:
        run_id = await swarm.start(order())
        await swarm.report(run_id, wait_s=20)
        events = await swarm.timeline(run_id)
    kinds = [one.kind for one in events]
    assert kinds[0] == "run.started"
    assert kinds[-1] == "run.done"
    said = next(one for one in events if one.kind == "step.done" and one.step == "answer")
    assert "It divides." in said.facts["said"]
    assert "gate" in kinds
    assert numbers_of(events) == list(range(1, len(events) + 1))


def numbers_of(events: tuple[TimelineEvent, ...]) -> list[int]:
    return [one.number for one in events]


@dataclass
class Seen(NonRecordingSpan):
    """A span that keeps what it was told."""

    name: str
    start: int
    attributes: dict[str, Any]
    parent: Any
    kind: SpanKind = SpanKind.INTERNAL
    events: list[str] = field(default_factory=list)
    ended: int = 0
    status: StatusCode = StatusCode.UNSET

    def __post_init__(self) -> None:
        super().__init__(SpanContext(1, id(self) & (1 << 63) - 1 or 1, False, TraceFlags(1)))

    def set_attribute(self, key: str, value: Any) -> None:
        self.attributes[key] = value

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        self.events.append(name)

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.status = status.status_code if isinstance(status, Status) else status

    def end(self, end_time: int | None = None) -> None:
        self.ended = end_time or 0


class Recorder(Tracer):
    """A tracer that keeps its spans."""

    def __init__(self) -> None:
        self.spans: list[Seen] = []

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: Any = None,
        attributes: Mapping[str, Any] | None = None,
        links: Any = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> Seen:
        parent = get_current_span(context) if context is not None else None
        span = Seen(name, start_time or 0, dict(attributes or {}), parent, kind)
        self.spans.append(span)
        return span

    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError


@pytest.mark.requirement("swarm.telemetry")
def test_spans_carry_the_conventions_names_and_the_times_when_it_happened() -> None:
    recorder = Recorder()
    assert telemetry.export(EVENTS, recorder) == 4
    root, first, chat, second = recorder.spans
    assert (root.name, root.start, root.ended) == (
        "invoke_workflow panel",
        BEGUN,
        BEGUN + int(2.5 * SECOND),
    )
    assert root.status is StatusCode.ERROR
    assert root.attributes["error.type"] == "run.failed"
    assert (first.name, first.kind, first.parent) == ("invoke_agent one", SpanKind.INTERNAL, root)
    assert first.attributes == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "portkey",
        "gen_ai.agent.name": "one",
        "gen_ai.conversation.id": "swarm-1",
        "sophia.step": "review.one",
    }
    assert (chat.name, chat.kind, chat.parent) == ("chat @corp/m", SpanKind.CLIENT, first)
    assert chat.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "portkey",
        "gen_ai.agent.name": "one",
        "gen_ai.conversation.id": "swarm-1",
        "gen_ai.request.model": "@corp/m",
        "gen_ai.response.model": "m-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 900,
        "gen_ai.usage.output_tokens": 40,
        "gen_ai.usage.cache_read.input_tokens": 800,
        "sophia.step": "review.one",
    }
    assert (chat.start, chat.ended) == (first.start, first.ended)
    assert first.ended - first.start == int(1.5 * SECOND)
    assert second.status is StatusCode.ERROR
    assert "gate" in root.events
    assert telemetry.export((), recorder) == 0


@pytest.mark.requirement("swarm.telemetry")
@pytest.mark.parametrize(
    ("began", "facts"),
    [("step.waiting", {"model": "host"}), ("step.started", {"model": "m-1", "cached": True})],
)
def test_a_step_that_no_model_was_asked_for_has_no_span_of_a_call(
    began: str, facts: dict[str, Any]
) -> None:
    recorder = Recorder()
    told = (EVENTS[0], event(2, 1, began, "read", role="one"), event(3, 2, "step.done", "read", **facts))
    assert telemetry.export(told, recorder) == 2
    assert [span.name for span in recorder.spans] == ["invoke_workflow panel", "invoke_agent one"]


@pytest.mark.requirement("swarm.telemetry")
def test_the_names_of_the_conventions_are_pinned() -> None:
    assert {
        name: value
        for name, value in vars(telemetry).items()
        if name.isupper() and isinstance(value, str)
    } == {
        "OPERATION": "gen_ai.operation.name",
        "PROVIDER": "gen_ai.provider.name",
        "WORKFLOW": "gen_ai.workflow.name",
        "CONVERSATION": "gen_ai.conversation.id",
        "AGENT": "gen_ai.agent.name",
        "REQUEST_MODEL": "gen_ai.request.model",
        "RESPONSE_MODEL": "gen_ai.response.model",
        "FINISH": "gen_ai.response.finish_reasons",
        "INPUT": "gen_ai.usage.input_tokens",
        "OUTPUT": "gen_ai.usage.output_tokens",
        "CACHED": "gen_ai.usage.cache_read.input_tokens",
        "ERROR": "error.type",
        "INVOKE_WORKFLOW": "invoke_workflow",
        "INVOKE_AGENT": "invoke_agent",
        "CHAT": "chat",
    }
