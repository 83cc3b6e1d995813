"""Whose is a run that this process does not work on, and may it be taken over?"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from typing import Literal

from sophia_mcp.cost import usd
from sophia_mcp.ops.workers import is_dead
from sophia_mcp.swarm.asking.agent import PATIENT
from sophia_mcp.swarm.history.book import ENDED, Run, reordered, restatus, standing
from sophia_mcp.swarm.history.journal import Line, event, tail
from sophia_mcp.swarm.running.means import Means

_RESUMED = "it can be resumed, and what has finished is not paid again"
DIED = f"its process died; {_RESUMED}"
UNWRITTEN = f"its end could not be written down when it came; {_RESUMED}"


async def claim(
    means: Means, run_id: str, unwritten: Container[str] = (), *, ended: bool = False
) -> Run | None:
    """Make a run that is not done this process's own, as it stands now. None: somebody works on it, or
    has come to its end meanwhile. With ``ended`` also one that failed, was cancelled, or went over its
    budget. ``unwritten`` are runs that ended in this process without a word of it. Raises NotFound."""
    jobs, scope = means.book.jobs, means.scope
    worker = await means.book.keeper(run_id)
    dead = worker if _gone(means, run_id, worker, unwritten) else ""
    if not await jobs.claim(scope, run_id, dead=dead, ended=ended):
        return None
    run = await means.book.find(run_id)
    if run.status == "done":  # between its last word and the end of its job, its process died
        await jobs.finish(scope, run_id, {"status": "done"})
        return None
    if run.status in ENDED and not ended:
        await jobs.stopped(scope, run_id)
        return None
    return run


async def reopen(means: Means, run: Run, limit: int | None = None) -> None:
    """Write down that a run that was claimed goes on, and its new limit where it has one."""
    now = means.book.clock()
    facts: dict[str, str] = {"was": run.status}
    if limit is not None:
        facts["max_cost_usd"] = usd.text(limit)
        run = replace(run, order=replace(run.order, max_cost_nano=limit))
    await means.pen.write(
        restatus(run.id, means.worker, now, "running"),
        *([reordered(run, means.worker)] if limit is not None else []),
        event(run.id, means.worker, "run.resumed", "", facts, now),
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


async def settled(
    means: Means, run: Run, written: Sequence[Line], unwritten: Container[str] = ()
) -> Run:
    """A run that is under way, but not here, as it stands now. One whose process died is interrupted,
    and one that waited for the assistant still does."""
    worker = await means.book.keeper(run.id)
    if worker and not _gone(means, run.id, worker, unwritten):
        return run
    if run.provider in PATIENT and tail(written, "waiting"):
        return replace(run, status="needs_steps")
    claimed = await claim(means, run.id, unwritten)
    if claimed is not None and claimed.status in ("running", "needs_steps"):
        await close(means, claimed, "interrupted", UNWRITTEN if run.id in unwritten else DIED)
    elif claimed is not None:
        await means.book.jobs.stopped(means.scope, run.id, state="interrupted")
    return await means.book.find(run.id)


def _gone(means: Means, run_id: str, worker: str, unwritten: Container[str]) -> bool:
    """Whether that worker surely does not work on the run any more."""
    return is_dead(worker) or (worker == means.worker and run_id in unwritten)


def uncertain(written: Sequence[Line]) -> tuple[str, ...]:
    """What is to be said of questions that were in flight when a process died."""
    keys = [line.key for line in tail(written, "started") if not line.key.startswith("@")]
    if not keys:
        return ()
    return (f"in flight when the process died, so their cost is uncertain: {', '.join(keys)}",)
