"""Which runs were ordered, how does each stand, and does anybody still work on it?

The row of a run and the row of its job are written together, before anything is asked; the same
order sent again soon after is the same run, whichever process it reaches.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from sophia_mcp.errors import NotFound
from sophia_mcp.ops.clock import Clock, system
from sophia_mcp.store.database import Database, Row, Statement
from sophia_mcp.store.jobs import Jobs
from sophia_mcp.swarm.history.journal import digest, event
from sophia_mcp.types import (
    Finding,
    GateResult,
    Order,
    Outcome,
    RunStatus,
    Scope,
    Source,
    TimelineEvent,
)

KIND = "swarm"
SAME_ORDER_S = 60
"""The same arguments within this time are the same run."""

ENDED: frozenset[RunStatus] = frozenset(("done", "failed", "cancelled", "over_budget"))


@dataclass(frozen=True, slots=True)
class Run:
    """One run as it is written. ``provider`` is the one chosen for it; ``free``: it costs no money."""

    id: str
    order: Order
    provider: str
    free: bool
    status: RunStatus
    reason: str
    outcome: Outcome | None
    gates: tuple[GateResult, ...]
    notes: tuple[str, ...]
    total: int
    created_ns: int
    updated_ns: int


@dataclass(frozen=True, slots=True)
class Book:
    """The runs of one workspace."""

    db: Database
    jobs: Jobs
    scope: Scope
    clock: Clock = system

    async def enter(self, order: Order, provider: str, *, free: bool, why: str = "") -> tuple[str, bool]:
        """Write down a new run, or find the one that the same order made in the last minute and that
        neither failed nor was cancelled. Returns its id and whether it is new."""
        now = self.clock()
        asked = asdict(order)
        name = digest(asked | {"paths": sorted(order.paths)})
        async with self.db.write(self.scope) as tx:
            found = await tx.rows(
                "SELECT id FROM runs WHERE workspace = :workspace AND digest = :digest"
                " AND created_ns > :since AND status NOT IN ('failed', 'cancelled') ORDER BY created_ns DESC LIMIT 1",
                {"digest": name, "since": now - SAME_ORDER_S * 1_000_000_000},
            )
            if found:
                return str(found[0][0]), False
            run_id = await self.jobs.enlist(tx, KIND, asked)
            await tx.run(
                "INSERT INTO runs (id, workspace, digest, request, provider, free, status, reason, outcome,"
                " gates, notes, total, created_ns, updated_ns) VALUES (:id, :workspace, :digest,"
                " :request, :provider, :free, 'running', '', '', '[]', '[]', 0, :now, :now)",
                {
                    "id": run_id,
                    "digest": name,
                    "request": json.dumps(asked, ensure_ascii=False),
                    "provider": provider,
                    "free": int(free),
                    "now": now,
                },
            )
            facts = {
                "pattern": order.pattern,
                "provider": provider,
                "why": why,
                "tier": order.tier,
                "free": free,
            }
            await tx.run(*event(run_id, "", "run.started", "", facts, now))
        return run_id, True

    async def find(self, run_id: str) -> Run:
        """One run. Raises NotFound."""
        found = await self._runs("AND id = :id", {"id": run_id})
        if not found:
            raise NotFound(
                f"no run {run_id!r}",
                why="none of that id was started on this machine, or it is older than swarm.kept_days",
                next="call get_run() for the recent ones",
            )
        return found[0]

    async def recent(self, limit: int) -> list[Run]:
        """The newest runs first."""
        return await self._runs("ORDER BY created_ns DESC, id LIMIT :limit", {"limit": limit})

    async def _runs(self, where: str, parameters: Mapping[str, Any]) -> list[Run]:
        async with self.db.read(self.scope) as tx:
            found = await tx.rows(
                "SELECT id, request, provider, free, status, reason, outcome, gates, notes, total,"  # noqa: S608
                f" created_ns, updated_ns FROM runs WHERE workspace = :workspace {where}",
                parameters,
            )
        return [_run(row) for row in found]

    async def told(self, run_id: str, after: int = 0) -> list[TimelineEvent]:
        """What happened in a run, numbered above ``after``, in order."""
        async with self.db.read(self.scope) as tx:
            found = await tx.rows(
                "SELECT number, at_ns, kind, step, facts FROM run_events WHERE workspace = :workspace"
                " AND run_id = :run AND number > :after ORDER BY number",
                {"run": run_id, "after": after},
            )
        return [
            TimelineEvent(run_id, number, at, kind, step, json.loads(facts))
            for number, at, kind, step, facts in found
        ]

    async def answered(self, run_id: str, answers: Mapping[str, Any]) -> None:
        """Keep the answers to steps that wait, so that they outlive every process."""
        now = self.clock()
        async with self.db.write(self.scope) as tx:
            for key, value in answers.items():
                await tx.run(
                    "UPDATE run_steps SET state = 'answered', output = :output, ended_ns = :now"
                    " WHERE workspace = :workspace AND run_id = :run AND key = :key AND state = 'waiting'",
                    {
                        "run": run_id,
                        "key": key,
                        "output": json.dumps(value, ensure_ascii=False),
                        "now": now,
                    },
                )
                await tx.run(*event(run_id, "", "step.answered", key, {}, now))
            await tx.run(
                "UPDATE runs SET status = 'running', updated_ns = :now WHERE workspace = :workspace"
                " AND id = :run AND status = 'needs_steps'",
                {"run": run_id, "now": now},
            )

    async def keeper(self, run_id: str) -> str:
        """The worker that is believed to work on a run, or empty."""
        async with self.db.read(self.scope) as tx:
            found = await tx.rows(
                "SELECT worker FROM jobs WHERE workspace = :workspace AND id = :run"
                " AND state = 'running' AND believed_ns > :now",
                {"run": run_id, "now": self.clock()},
            )
        return str(found[0][0]) if found else ""

    async def glance(self, run_id: str) -> tuple[bool, str, tuple[str, ...]]:
        """What others want of a run: whether it shall stop, which worker has it (empty: none), and the
        keys of steps that were answered elsewhere."""
        async with self.db.read(self.scope) as tx:
            job = await tx.rows(
                "SELECT cancel, worker, state FROM jobs WHERE workspace = :workspace AND id = :run",
                {"run": run_id},
            )
            keys = await tx.rows(
                "SELECT key FROM run_steps WHERE workspace = :workspace AND run_id = :run"
                " AND state = 'answered'",
                {"run": run_id},
            )
        if not job:
            return True, "", ()
        cancel, worker, state = job[0]
        return bool(cancel), str(worker) if state == "running" else "", tuple(key for (key,) in keys)


def standing(
    run_id: str,
    worker: str,
    now: int,
    status: RunStatus,
    reason: str = "",
    *,
    outcome: Outcome | None = None,
    gates: Sequence[GateResult] = (),
    notes: Sequence[str] = (),
) -> Statement:
    """The statement that writes how a run stands."""
    return _held(
        run_id,
        worker,
        status=status,
        reason=reason,
        outcome=json.dumps(asdict(outcome), ensure_ascii=False) if outcome else "",
        gates=json.dumps([asdict(gate) for gate in gates], ensure_ascii=False),
        notes=json.dumps(list(notes), ensure_ascii=False),
        updated_ns=now,
    )


def restatus(run_id: str, worker: str, now: int, status: RunStatus) -> Statement:
    """The statement that changes only whether a run waits or goes on."""
    return _held(run_id, worker, status=status, updated_ns=now)


def reordered(run: Run, worker: str) -> Statement:
    """The statement that writes the order of a run anew: one with a limit is counted as one that costs
    money."""
    free = run.free and run.order.max_cost_nano is None
    request = json.dumps(asdict(run.order), ensure_ascii=False)
    return _held(run.id, worker, request=request, free=int(free))


def planned(run_id: str, worker: str, total: int) -> Statement:
    """The statement that writes how many steps a run will have at most."""
    return _held(run_id, worker, total=total)


def _held(run_id: str, worker: str, **values: Any) -> Statement:
    """The statement that writes these columns of a run, effective only while ``worker`` has it."""
    columns = ", ".join(f"{name} = :{name}" for name in values)
    return (
        f"UPDATE runs SET {columns} WHERE workspace = :workspace AND id = :run AND EXISTS"  # noqa: S608
        " (SELECT 1 FROM jobs WHERE id = :run AND worker = :worker AND state = 'running')",
        {"run": run_id, "worker": worker, **values},
    )


def _run(row: Row) -> Run:
    (id_, request, provider, free, status, reason, outcome, gates, notes, total, created, updated) = row
    order = Order(**json.loads(request))
    return Run(
        id=id_,
        order=replace(order, paths=tuple(order.paths)),
        provider=provider,
        free=bool(free),
        status=cast("RunStatus", status),
        reason=reason,
        outcome=_outcome(json.loads(outcome)) if outcome else None,
        gates=tuple(GateResult(**gate) for gate in json.loads(gates)),
        notes=tuple(json.loads(notes)),
        total=total,
        created_ns=created,
        updated_ns=updated,
    )


def _outcome(value: Mapping[str, Any]) -> Outcome:
    return Outcome(
        summary=value["summary"],
        findings=tuple(Finding(**each) for each in value["findings"]),
        sources=tuple(Source(**each) for each in value["sources"]),
        patch=value["patch"],
    )
