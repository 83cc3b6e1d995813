"""`sophia://timelines/{run_id}`: everything a run did, said, cost and decided."""

from __future__ import annotations

from sophia_mcp.ops.clock import system
from sophia_mcp.server import runs
from sophia_mcp.server.resources import ResourceRecord
from sophia_mcp.server.state import State

MAX_TOKENS = 8000


async def read(state: State, run_id: str) -> str:
    """The run as a tree with durations and cost, or its events one by one where it is long."""
    app, _ = await state.open()
    swarm = await app.swarm()
    await swarm.report(run_id)  # one whose process died is written down as interrupted
    return runs.history(run_id, await swarm.timeline(run_id), 0, MAX_TOKENS, now_ns=system())[0]


async def runs_known(state: State) -> list[str]:
    """Ids for completion, the newest first."""
    app, _ = await state.open()
    return [each.run_id for each in await (await app.swarm()).recent(100)]


RESOURCE = ResourceRecord(
    "sophia://timelines/{run_id}",
    "Timeline of a swarm run",
    "Every step, gate and decision of a run with its time and cost",
    "text/plain",
    read,
    offers={"run_id": runs_known},
)
