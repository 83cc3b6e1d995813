"""How does a person read what a run did: as a tree, as it happens, as JSON, as spans elsewhere?"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from sophia_mcp.cli import output

if TYPE_CHECKING:
    from sophia_mcp.app import App

POLL_S = 0.5
_LIVE = ("running", "needs_steps")


async def show(app: App, run_id: str, *, follow: bool, as_json: bool) -> None:
    """Print a run's events: the tree, or one line or object for each while it is followed."""
    import time

    import anyio

    from sophia_mcp.swarm.timeline import as_json as jsonl
    from sophia_mcp.swarm.timeline import tree

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
    """Send a run as spans over OTLP to where the environment says; how many. Raises MissingExtra."""
    from sophia_mcp.errors import MissingExtra
    from sophia_mcp.swarm.telemetry import export

    events = await (await app.swarm()).timeline(run_id)
    try:
        provider = _exporting()
    except ImportError as error:
        raise MissingExtra(
            "spans need the OpenTelemetry SDK",
            why=str(error),
            next="pip install 'sophia-mcp[otel]'",
        ) from error
    try:
        return export(events, provider.get_tracer("sophia_mcp"))
    finally:
        provider.shutdown()


def _exporting() -> Any:
    """A tracer provider that sends over HTTP. Raises ImportError where the extra is missing."""
    sdk = importlib.import_module("opentelemetry.sdk.trace")
    batches = importlib.import_module("opentelemetry.sdk.trace.export")
    otlp = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    provider = sdk.TracerProvider()
    provider.add_span_processor(batches.BatchSpanProcessor(otlp.OTLPSpanExporter()))
    return provider
