"""`sophia debug timeline`: a run as a tree, as it happens, as JSON lines, and as spans at a collector."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.cli.inside import run
from tests.cli.outside import run as run_process
from tests.cli.runs import ALONE, SLOW, SOLO_REPLY, machine, running, started
from tests.server.swarms import written

pytestmark = [pytest.mark.requirement("cli.timeline"), pytest.mark.timeout(240)]


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, ExportTraceServiceRequest]]]]:
    """Somebody who takes spans over HTTP, and keeps them with the path they came to."""
    taken: list[tuple[str, ExportTraceServiceRequest]] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            taken.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quietly."""

    with HTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", taken
        server.shutdown()
        thread.join()


def reviewed(project: Path) -> str:
    """The id of a review that has ended."""
    order = ("swarm", "run", "code_review", "--provider", "scripted", "--diff", "HEAD")
    return str(machine(*order, cwd=project, code=1)["run_id"])


@pytest.mark.requirement("swarm.timeline")
def test_a_tree_tells_steps_decisions_tokens_and_times(project: Path) -> None:
    run_id = reviewed(project)
    done = run("debug", "timeline", run_id, cwd=project)
    assert done.returncode == 0, done.stderr
    head, *rest = done.stdout.splitlines()
    assert head.startswith(f"{run_id} · code_review · scripted · done · ")
    text = "\n".join(rest)
    for said in ("✓ review.correctness", "✓ review.contracts", "✓ verify", "✓ judge", "tokens", "gate"):
        assert said in text
    assert rest[-1].startswith(("└", " ")), "a tree ends with its last branch"


def test_json_has_one_numbered_object_for_each_event(project: Path) -> None:
    run_id = reviewed(project)
    done = run("debug", "timeline", run_id, "--json", cwd=project)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["number"] for event in events] == list(range(1, len(events) + 1))
    assert {event["run_id"] for event in events} == {run_id}
    assert (events[0]["kind"], events[-1]["kind"]) == ("run.started", "run.done")
    assert set(events[0]) == {"run_id", "number", "at", "kind", "step", "facts"}
    followed = run("debug", "timeline", run_id, "--follow", "--json", cwd=project)
    assert followed.stdout == done.stdout, "what has ended is followed to its end at once"


def test_a_run_of_another_process_is_followed_as_it_happens_and_to_its_end(project: Path) -> None:
    written(project.parent, SLOW)
    with started(*ALONE, cwd=project) as (_, _, run_id):
        follow = ("debug", "timeline", run_id, "--follow")
        with running(*follow, cwd=project, heard="stdout") as (following, lines):
            lines.wait_for(r"^step\.started\s+answer")
            assert following.poll() is None, "it goes on while the run does"
            assert run("swarm", "cancel", run_id, cwd=project).returncode == 0
            lines.wait_for(r"^run\.cancelled")
            assert following.wait(20) == 0


def test_a_run_whose_process_was_killed_is_interrupted_in_its_timeline(project: Path) -> None:
    written(project.parent, SLOW)
    with started(*ALONE, cwd=project) as (process, _, run_id):
        process.kill()
        process.wait()
    done = run("debug", "timeline", run_id, cwd=project)
    assert f"{run_id} · solo · scripted · interrupted · " in done.stdout
    followed = run("debug", "timeline", run_id, "--follow", cwd=project)
    assert followed.returncode == 0
    assert followed.stdout.splitlines()[-1].startswith("run.interrupted")


@pytest.mark.requirement("swarm.telemetry")
def test_spans_reach_a_collector_with_the_names_of_the_conventions(
    project: Path, collector: tuple[str, list[tuple[str, ExportTraceServiceRequest]]]
) -> None:
    address, taken = collector
    run_id = reviewed(project)
    done = run_process(
        "debug", "timeline", run_id, "--otel", cwd=project, OTEL_EXPORTER_OTLP_ENDPOINT=address
    )
    assert done.returncode == 0, done.stderr
    ((path, request),) = taken
    assert path == "/v1/traces"
    spans = [
        span for each in request.resource_spans for scope in each.scope_spans for span in scope.spans
    ]
    assert done.stderr.strip() == f"{len(spans)} spans sent"
    (root,) = [span for span in spans if not span.parent_span_id]
    assert root.name == "invoke_workflow code_review"
    agents = {span.span_id: span.name for span in spans if span.parent_span_id == root.span_id}
    assert {"invoke_agent correctness", "invoke_agent judge"} <= set(agents.values())
    asked = [span for span in spans if span.parent_span_id in agents]
    assert len(asked) == 6, "four reviewers, a verifier, a judge"
    assert len(spans) == 1 + len(agents) + len(asked)
    assert all(span.name.startswith("chat ") for span in asked)
    values = {each.key: each.value.string_value for each in root.attributes}
    assert values["gen_ai.conversation.id"] == run_id
    assert all(root.start_time_unix_nano <= span.start_time_unix_nano for span in spans)


def test_spans_that_nobody_takes_are_not_called_sent(project: Path) -> None:
    written(project.parent, SOLO_REPLY)
    run_id = machine(*ALONE, "--fail-on", "never", cwd=project)["run_id"]
    done = run_process(
        *("debug", "timeline", run_id, "--otel"),
        cwd=project,
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
        OTEL_EXPORTER_OTLP_TIMEOUT="1",
    )
    assert done.returncode == 1
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in done.stderr
    assert "spans sent" not in done.stderr


def test_without_the_extra_the_person_is_told_what_to_install(project: Path) -> None:
    run_id = machine(*ALONE, "--fail-on", "never", cwd=project)["run_id"]
    hidden = (
        "import sys; sys.modules['opentelemetry.sdk.trace'] = None;"
        f"from sophia_mcp.cli.main import main; main(['debug', 'timeline', {run_id!r}, '--otel'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", hidden],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 1
    assert "sophia-mcp[otel]" in done.stderr


def test_an_unknown_run_exits_three(project: Path) -> None:
    for more in ((), ("--follow",), ("--json",), ("--otel",)):
        done = run("debug", "timeline", "swarm-nowhere", *more, cwd=project)
        assert done.returncode == 3
        assert "no run 'swarm-nowhere'" in done.stderr
        assert done.stdout == ""
