"""Whose is a run that this process does not work on, and may it be taken over?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sophia_mcp.swarm.agent import PATIENT
from sophia_mcp.swarm.book import Run, is_dead, restatus, standing
from sophia_mcp.swarm.journal import Line, event, tail
from sophia_mcp.swarm.means import Means
from sophia_mcp.types import RunStatus

DIED = "its process died; action='resume' goes on with it, and what has finished is not paid again"


async def claim(means: Means, run_id: str) -> bool:
    """Make a run this process's own, unless somebody works on it. Raises NotFound."""
    _, worker, _ = await means.book.glance(run_id)
    dead = worker if worker and is_dead(worker) else ""
    return await means.book.jobs.claim(means.scope, run_id, dead=dead)


async def reopen(means: Means, run: Run) -> None:
    """Write down that a run that was claimed goes on."""
    now = means.book.clock()
    await means.pen.write(
        restatus(run.id, means.worker, now, "running"),
        event(run.id, means.worker, "run.resumed", "", {"was": run.status}, now),
    )


async def close(
    means: Means, run: Run, status: Literal["cancelled", "interrupted"], reason: str
) -> None:
    """Write down that a run that was claimed has ended, with what it had come to."""
    now = means.book.clock()
    await means.pen.write(
        standing(
            run.id,
            means.worker,
            now,
            status,
            reason,
            outcome=run.outcome,
            gates=run.gates,
            notes=run.notes,
        ),
        event(run.id, means.worker, f"run.{status}", "", {"reason": reason}, now),
    )
    await means.book.jobs.stopped(means.scope, run.id, state=status)


async def status(means: Means, run: Run, written: Sequence[Line]) -> RunStatus:
    """How a run stands that is under way, but not here. One whose process died is interrupted, and one
    that waited for the assistant still does."""
    _, worker, _ = await means.book.glance(run.id)
    if worker and not is_dead(worker):
        return run.status
    if run.provider in PATIENT and tail(written, "waiting"):
        return "needs_steps"
    if not await claim(means, run.id):
        return run.status
    await close(means, run, "interrupted", DIED)
    return "interrupted"


def uncertain(written: Sequence[Line]) -> tuple[str, ...]:
    """What is to be said of questions that were in flight when a process died."""
    keys = [line.key for line in tail(written, "started") if not line.key.startswith("@")]
    if not keys:
        return ()
    return (f"in flight when the process died, so their cost is uncertain: {', '.join(keys)}",)
