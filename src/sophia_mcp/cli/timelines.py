"""How does a person read what a run did: as a tree, as it happens, as JSON, as spans elsewhere?"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from sophia_mcp.cli import output

if TYPE_CHECKING:
    from sophia_mcp.app import App

POLL_S = 0.5
_LIVE = ("running", "needs_steps")


async def show(app: App, run_id: str, *, follow: bool, as_json: bool) -> None:
    """Print a run's events: the tree, or one line or object for each while it is followed."""
    import time

    import anyio

    from sophia_mcp.swarm.telling.timeline import as_json as jsonl
    from sophia_mcp.swarm.telling.timeline import tree

    swarm = await app.swarm()
    await swarm.report(run_id)  # one whose process died is written down as interrupted
    if not follow:
        events = await swarm.timeline(run_id)
        output.show(jsonl(events) if as_json else tree(events, now_ns=time.time_ns()))
        return
    last = 0
    while True:
        live = (await swarm.report(run_id)).status in _LIVE
        for event in await swarm.timeline(run_id, last):
            last = event.number
            facts = ", ".join(f"{name} {value}" for name, value in event.facts.items())
            output.show(
                jsonl([event]) if as_json else f"{event.kind:16s} {event.step:24s} {facts}"[:200]
            )
        sys.stdout.flush()  # a pipe would hold lines back until it is full
        if not live:
            return
        await anyio.sleep(POLL_S)


async def send(app: App, run_id: str) -> int:
    """Send a run as spans over OTLP to where the environment says; how many. Raises MissingExtra, and
    ProviderError when the collector does not take them."""
    import anyio.to_thread

    from sophia_mcp.errors import MissingExtra, ProviderError
    from sophia_mcp.swarm.telling.telemetry import export

    swarm = await app.swarm()
    await swarm.report(run_id)
    events = await swarm.timeline(run_id)
    try:
        sdk = importlib.import_module("opentelemetry.sdk.trace")
        exports = importlib.import_module("opentelemetry.sdk.trace.export")
        memory = importlib.import_module("opentelemetry.sdk.trace.export.in_memory_span_exporter")
        otlp = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ImportError as error:
        raise MissingExtra(
            "spans need the OpenTelemetry SDK",
            why=str(error),
            next="pip install 'sophia-mcp[otel]'",
        ) from error
    kept, provider, collector = (
        memory.InMemorySpanExporter(),
        sdk.TracerProvider(),
        otlp.OTLPSpanExporter(),
    )
    provider.add_span_processor(exports.SimpleSpanProcessor(kept))
    made = export(events, provider.get_tracer("sophia_mcp"))
    taken = await anyio.to_thread.run_sync(collector.export, kept.get_finished_spans())
    collector.shutdown()
    if taken is not exports.SpanExportResult.SUCCESS:
        raise ProviderError(
            "the collector did not take the spans",
            why="nobody answered at OTEL_EXPORTER_OTLP_ENDPOINT, or it refused them",
            next="set OTEL_EXPORTER_OTLP_ENDPOINT to where a collector listens for OTLP over HTTP",
        )
    return made
