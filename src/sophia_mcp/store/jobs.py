"""What long work was started, how far is it, and should it stop?

A job's row is written before its work begins, so nothing that was asked for is forgotten. The
row says who works on it and until when that is believed; a job whose worker died is resumable.
Who runs the task is not decided here.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from sophia_mcp.errors import NotFound
from sophia_mcp.ops.clock import Clock, system
from sophia_mcp.ops.workers import is_dead
from sophia_mcp.store.database import Database, Row, Transaction
from sophia_mcp.store.migrations import Migrations, Step
from sophia_mcp.types import Scope

State = Literal["running", "done", "failed", "cancelled", "interrupted"]

BELIEVED_S = 30.0
"""A running job whose worker was silent for longer is resumable by another."""

_BELIEVED_NS = int(BELIEVED_S * 1e9)

KEPT = 1000
"""Jobs of one kind that came to their end, remembered per workspace. One that was interrupted may go on."""

MIGRATIONS = Migrations(
    "jobs",
    (
        Step(
            1,
            """
            CREATE TABLE jobs (
              id TEXT PRIMARY KEY,
              workspace TEXT NOT NULL,
              kind TEXT NOT NULL,
              request TEXT NOT NULL,         -- JSON: what is needed to do it again
              state TEXT NOT NULL,           -- running | done | failed | cancelled | interrupted
              worker TEXT NOT NULL,
              believed_ns INTEGER NOT NULL,  -- a running job is lost after this
              cancel INTEGER NOT NULL,       -- 1: asked to stop
              done REAL NOT NULL,
              total REAL NOT NULL,           -- 0: not known
              message TEXT NOT NULL,
              result TEXT NOT NULL,          -- JSON, or the error's text
              created_ns INTEGER NOT NULL,
              updated_ns INTEGER NOT NULL
            ) WITHOUT ROWID;
            CREATE INDEX jobs_by_state ON jobs (workspace, state, created_ns);
            CREATE TABLE job_events (        -- versions that share this file may write to it
              job_id TEXT NOT NULL REFERENCES jobs (id),
              number INTEGER NOT NULL,
              at_ns INTEGER NOT NULL,
              done REAL NOT NULL,
              total REAL NOT NULL,
              message TEXT NOT NULL,
              PRIMARY KEY (job_id, number)
            ) WITHOUT ROWID
            """,
            oldest_reader=1,
            oldest_writer=1,
        ),
    ),
)

_COLUMNS = (
    "id, kind, request, state, worker, believed_ns, cancel, done, total, message, result, created_ns,"
    " updated_ns"
)


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of long work. ``result`` is None until it is done; ``message`` is the latest
    progress, or why it failed. Its worker is believed to be at it until ``believed_ns``."""

    id: str
    kind: str
    request: Mapping[str, Any]
    state: State
    worker: str
    believed_ns: int
    cancel: bool
    done: float
    total: float
    message: str
    result: Any
    created_ns: int
    updated_ns: int


@dataclass(frozen=True, slots=True)
class Jobs:
    """The jobs of one database. ``worker`` names this process and is unique to it."""

    db: Database
    worker: str
    clock: Clock = system
    kept: int = KEPT

    async def start(self, scope: Scope, kind: str, request: Mapping[str, Any]) -> str:
        """Write the row of a new job, running under this worker; returns its id."""
        async with self.db.write(scope) as tx:
            return await self.enlist(tx, kind, request)

    async def enlist(self, tx: Transaction, kind: str, request: Mapping[str, Any]) -> str:
        """`start`, inside a transaction that writes other rows of the same work."""
        job = f"{kind}-{secrets.token_hex(6)}"
        now = self.clock()
        await tx.run(
            "INSERT INTO jobs (id, workspace, kind, request, state, worker, believed_ns, cancel, done,"
            " total, message, result, created_ns, updated_ns) VALUES (:id, :workspace, :kind, :request,"
            " 'running', :worker, :believed, 0, 0, 0, '', '', :now, :now)",
            {
                "id": job,
                "kind": kind,
                "request": json.dumps(dict(request)),
                "worker": self.worker,
                "believed": now + _BELIEVED_NS,
                "now": now,
            },
        )
        return job

    async def claim(self, scope: Scope, job: str, *, dead: str = "", ended: bool = False) -> bool:
        """Take over a job that nobody works on: it was interrupted, its worker was silent for too
        long, or is ``dead``, as the caller knows of that worker; with ``ended`` also one that has come
        to its end. False: someone works on it, or it has ended. Raises NotFound."""
        now = self.clock()
        async with self.db.write(scope) as tx:
            changed = await tx.run(
                "UPDATE jobs SET state = 'running', worker = :worker, believed_ns = :believed, cancel = 0,"
                " updated_ns = :now WHERE id = :id AND workspace = :workspace"
                " AND (state = 'interrupted' OR (:ended = 1 AND state <> 'running')"
                " OR (state = 'running' AND (believed_ns <= :now OR worker = :dead)))",
                {
                    "id": job,
                    "ended": int(ended),
                    "worker": self.worker,
                    "believed": now + _BELIEVED_NS,
                    "now": now,
                    "dead": dead,
                },
            )
        if not changed:
            await self.get(scope, job)
        return changed == 1

    async def renew(self, scope: Scope, job: str) -> bool:
        """Prolong the belief in this worker. False: stop, because someone asked for it or because the
        job is no longer this worker's."""
        now = self.clock()
        async with self.db.write(scope) as tx:
            found = await tx.rows(
                "UPDATE jobs SET believed_ns = :believed WHERE id = :id AND workspace = :workspace"
                " AND state = 'running' AND worker = :worker RETURNING cancel",
                {"id": job, "believed": now + _BELIEVED_NS, "worker": self.worker},
            )
        return bool(found) and not found[0][0]

    def is_at_work(self, job: Job) -> bool:
        """Whether somebody works on a job: its process is not known to be dead, nor silent for too long."""
        return job.state == "running" and job.believed_ns > self.clock() and not is_dead(job.worker)

    async def progress(self, scope: Scope, job: str, done: float, total: float, message: str) -> bool:
        """Record progress and prolong the belief in this worker. False: stop, because someone
        asked for it or because the job is no longer this worker's."""
        now = self.clock()
        async with self.db.write(scope) as tx:
            found = await tx.rows(
                "UPDATE jobs SET done = :done, total = :total, message = :message, updated_ns = :now,"
                " believed_ns = :believed WHERE id = :id AND workspace = :workspace AND state = 'running'"
                " AND worker = :worker RETURNING cancel",
                {
                    "id": job,
                    "done": done,
                    "total": total,
                    "message": message,
                    "now": now,
                    "believed": now + _BELIEVED_NS,
                    "worker": self.worker,
                },
            )
        return bool(found) and not found[0][0]

    async def finish(self, scope: Scope, job: str, result: Any) -> None:
        """The job is done, with this JSON-able result."""
        await self._end(scope, job, "done", json.dumps(result))

    async def fail(self, scope: Scope, job: str, reason: str) -> None:
        """The job failed for this reason."""
        await self._end(scope, job, "failed", json.dumps(reason))

    async def stopped(
        self, scope: Scope, job: str, *, state: Literal["cancelled", "interrupted"] = "cancelled"
    ) -> None:
        """The job has stopped before its end, because it was cancelled or its process left."""
        await self._end(scope, job, state, "")

    async def cancel(self, scope: Scope, job: str) -> bool:
        """Ask a running job to stop. False: it was not running. Raises NotFound."""
        async with self.db.write(scope) as tx:
            changed = await tx.run(
                "UPDATE jobs SET cancel = 1 WHERE id = :id AND workspace = :workspace AND state = 'running'",
                {"id": job},
            )
        if not changed:
            await self.get(scope, job)
        return changed == 1

    async def get(self, scope: Scope, job: str) -> Job:
        """One job. Raises NotFound."""
        async with self.db.read(scope) as tx:
            found = await tx.rows(
                f"SELECT {_COLUMNS} FROM jobs WHERE id = :id AND workspace = :workspace",  # noqa: S608
                {"id": job},
            )
        if not found:
            raise NotFound(
                f"no job {job!r}", why="unknown, or older than those kept", next="list the jobs"
            )
        return _job(found[0])

    async def latest(
        self,
        scope: Scope,
        limit: int = 50,
        *,
        kind: str = "",
        asks: Mapping[str, str] = MappingProxyType({}),
    ) -> list[Job]:
        """The newest jobs first: those of one kind, where it is told, whose request says all that ``asks`` says."""
        async with self.db.read(scope) as tx:
            found = await tx.rows(
                f"SELECT {_COLUMNS} FROM jobs WHERE workspace = :workspace AND :kind IN ('', kind)"  # noqa: S608
                " AND NOT EXISTS (SELECT 1 FROM json_each(:asks) w"
                " WHERE json_extract(request, '$.' || w.key) IS NOT w.value)"
                " ORDER BY created_ns DESC, id LIMIT :limit",
                {"limit": limit, "kind": kind, "asks": json.dumps(dict(asks))},
            )
        return [_job(row) for row in found]

    async def resumable(self, scope: Scope, kind: str, *, silent: bool = True) -> list[Job]:
        """Running jobs of one kind whose worker is dead, or with ``silent`` was so for too long, each now
        taken over by this worker."""
        now = self.clock()
        async with self.db.read(scope) as tx:
            running = await tx.rows(
                "SELECT id, worker, believed_ns FROM jobs"
                " WHERE workspace = :workspace AND kind = :kind AND state = 'running'",
                {"kind": kind},
            )
        lost = {id_: worker for id_, worker, _ in running if is_dead(worker)}
        lost |= {id_: "" for id_, _, until in running if silent and until <= now}
        if not lost:  # as nearly always: who only asks writes nothing
            return []
        taken: list[Row] = []
        async with self.db.write(scope) as tx:
            for id_, dead in lost.items():
                taken += await tx.rows(
                    "UPDATE jobs SET worker = :worker, believed_ns = :believed, updated_ns = :now"  # noqa: S608
                    " WHERE id = :id AND workspace = :workspace AND state = 'running'"
                    f" AND (worker = :dead OR (:dead = '' AND believed_ns <= :now)) RETURNING {_COLUMNS}",
                    {
                        "worker": self.worker,
                        "believed": now + _BELIEVED_NS,
                        "now": now,
                        "id": id_,
                        "dead": dead,
                    },
                )
        return sorted((_job(row) for row in taken), key=lambda job: job.created_ns)

    async def _end(self, scope: Scope, job: str, state: State, result: str) -> None:
        async with self.db.write(scope) as tx:
            await tx.run(
                "UPDATE jobs SET state = :state, result = :result, updated_ns = :now"
                " WHERE id = :id AND workspace = :workspace AND state = 'running' AND worker = :worker",
                {
                    "id": job,
                    "state": state,
                    "result": result,
                    "now": self.clock(),
                    "worker": self.worker,
                },
            )
            await tx.run(
                "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs"
                " WHERE workspace = :workspace AND state NOT IN ('running', 'interrupted')"
                " AND kind = (SELECT kind FROM jobs WHERE id = :id AND workspace = :workspace)"
                " ORDER BY created_ns DESC LIMIT -1 OFFSET :kept)",
                {"kept": self.kept, "id": job},
            )


async def forget(tx: Transaction, job: str) -> None:
    """Delete a job, inside a transaction that deletes other rows of the same work."""
    await tx.run("DELETE FROM jobs WHERE id = :id AND workspace = :workspace", {"id": job})


def _job(row: Row) -> Job:
    (
        id_,
        kind,
        request,
        state,
        worker,
        believed,
        cancel,
        done,
        total,
        message,
        result,
        created,
        updated,
    ) = row
    return Job(
        id=id_,
        kind=kind,
        request=json.loads(request),
        state=state,
        worker=worker,
        believed_ns=believed,
        cancel=bool(cancel),
        done=done,
        total=total,
        message=message,
        result=json.loads(result) if result else None,
        created_ns=created,
        updated_ns=updated,
    )
