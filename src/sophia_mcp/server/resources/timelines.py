"""`sophia://timelines`: the recent swarm runs."""

from __future__ import annotations

from sophia_mcp.cost import usd
from sophia_mcp.server.resources import ResourceRecord
from sophia_mcp.server.state import State
from sophia_mcp.swarm.telling import reports

LISTED = 50


async def read(state: State) -> str:
    """One line for each run, the newest first."""
    app, _ = await state.open()
    found = await (await app.swarm()).recent(LISTED)
    lines = [
        f"{reports.uri(each.run_id)} · {each.pattern} · {each.status} · {each.done}/{each.total} steps"
        f" · ${usd.text(each.cost.spent_nano)}"
        for each in found
    ]
    return "\n".join(lines) or "no run yet; run_swarm starts one"


RESOURCE = ResourceRecord(
    "sophia://timelines",
    "Swarm runs",
    "The recent runs of swarms, with state and cost",
    "text/plain",
    read,
)
