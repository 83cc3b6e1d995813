"""What was each step of a run asked, and what did it come to?

A step is written down before it is asked and after it has answered. When a run goes on after its
process died, a step whose question is the same as the one that was answered is not asked again; one
whose question has changed is. Every line is written together with the event that tells of it, and
the writes of all steps that end at the same time share one commit. An answer waits a moment for the
question that follows from it, so that a step costs one commit and not two.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import anyio

from sophia_mcp.errors import OperatorError
from sophia_mcp.ops.clock import Clock, system
from sophia_mcp.store.database import Database, Statement
from sophia_mcp.types import Packet, Scope

GATHER_S = 0.002
"""How long a write that nobody waits for waits itself for one that somebody does. About as long as a
commit takes, as in the group commit of databases (PostgreSQL's ``commit_delay``)."""


class Lost(Exception):
    """This process no longer has the run: another one took it over. Nothing may be written or asked."""


@dataclass(frozen=True, slots=True)
class Line:
    """One step as it stands. ``output`` is what came out, or why nothing did."""

    key: str
    state: str
    digest: str
    packet: Packet | None
    output: Any
    attempts: int
    started_ns: int
    ended_ns: int


def digest(*parts: Any) -> str:
    """One name for equal values, whatever the order of their keys; sixteen bytes as hex."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return asdict(value)
    return list(value) if isinstance(value, (tuple, set, frozenset)) else str(value)


@dataclass(eq=False)
class _Part:
    """What one writer handed in, and what became of it."""

    statements: tuple[Statement, ...]
    changed: list[int] = field(default_factory=list)
    error: Exception | None = None


@dataclass(eq=False)
class _Batch:
    """What goes into one commit. ``pressing`` is set once somebody waits for it."""

    parts: list[_Part] = field(default_factory=list)
    pressing: anyio.Event = field(default_factory=anyio.Event)


class Pen:
    """Writes for many at once: what is handed in while a commit is under way shares the next one."""

    def __init__(self, db: Database, scope: Scope) -> None:
        self._db, self._scope = db, scope
        self._turn = anyio.Lock()
        self._batch = _Batch()

    async def write(self, *statements: Statement, pressing: bool = True) -> list[int]:
        """Commit these together; returns how many rows each changed. What is not ``pressing`` goes with
        the next write that is, if one comes within ``GATHER_S``. A statement that cannot be written is
        its writer's error alone; a store that cannot be written to is everybody's."""
        batch, mine = self._batch, _Part(statements)
        batch.parts.append(mine)
        if pressing:
            batch.pressing.set()
        else:
            with anyio.move_on_after(GATHER_S):
                await batch.pressing.wait()
        async with self._turn:
            if self._batch is batch:
                self._batch = _Batch()
                with anyio.CancelScope(shield=True):
                    await self._commit(batch.parts)
        if mine.error is not None:
            raise mine.error
        return mine.changed

    async def _commit(self, batch: Sequence[_Part]) -> None:
        try:
            async with self._db.write(self._scope) as tx:
                changed = await tx.several([one for part in batch for one in part.statements], last=True)
            for part in batch:
                part.changed, changed = changed[: len(part.statements)], changed[len(part.statements) :]
        except Exception as error:  # noqa: BLE001 - told to those it concerns, in `write`
            if len(batch) == 1 or isinstance(error, OperatorError):
                for part in batch:
                    part.error = error
                return
            for part in batch:
                await self._commit([part])


@dataclass(eq=False)
class Journal:
    """The steps of one run, as the process that works on it sees them. ``worker`` is that process;
    ``tell`` is called after something was written."""

    run_id: str
    worker: str
    db: Database
    scope: Scope
    pen: Pen
    tell: Callable[[str], None] = lambda run_id: None
    clock: Clock = system
    lines: dict[str, Line] = field(default_factory=dict)

    async def load(self) -> None:
        """Read what is written so far."""
        self.lines = {line.key: line for line in await lines(self.db, self.scope, self.run_id)}

    def finished(self, key: str, question: str) -> Line | None:
        """The line of a step that has already answered the same question."""
        line = self.lines.get(key)
        if line is not None and line.digest == question and line.state in ("done", "answered"):
            return line
        return None

    async def start(self, key: str, question: str, **facts: Any) -> None:
        """Write that this step is about to be asked. Raises Lost when the run is not ours any more."""
        await self._put(key, "started", question, "", facts)

    async def wait(self, packet: Packet, question: str) -> None:
        """Write that this step waits for the assistant, with all it needs to do it."""
        await self._put(packet.key, "waiting", question, "", {"role": packet.role}, packet)

    async def done(self, key: str, question: str, output: Any, **facts: Any) -> None:
        """Write what came out of a step, together with what is written next if that comes soon."""
        await self._put(key, "done", question, output, facts)

    async def fail(self, key: str, question: str, reason: str, *, skipped: bool = False) -> None:
        """Write why nothing came out of a step: it failed, or was left out."""
        await self._put(key, "skipped" if skipped else "failed", question, reason, {"reason": reason})

    async def note(self, kind: str, step: str = "", **facts: Any) -> None:
        """Write an event alone."""
        await self.pen.write(self._event(kind, step, facts))
        self.tell(self.run_id)

    async def _put(
        self,
        key: str,
        state: str,
        question: str,
        output: Any,
        facts: Mapping[str, Any],
        packet: Packet | None = None,
    ) -> None:
        now = self.clock()
        old = self.lines.get(key)
        begins = state in ("started", "waiting")
        line = Line(
            key,
            state,
            question,
            packet,
            output,
            (old.attempts if old else 0) + (state == "started"),
            now if begins or old is None else old.started_ns,
            0 if begins else now,
        )
        changed = await self.pen.write(
            (_PUT, _parameters(self.run_id, self.worker, line)),
            self._event(f"step.{state}", key, facts, now),
            pressing=state != "done",
        )
        if not changed[0]:
            raise Lost(self.run_id)
        self.lines[key] = line
        self.tell(self.run_id)

    def told(self, kind: str, facts: Mapping[str, Any]) -> Statement:
        """The statement of an event about the run as a whole, for a commit of the caller."""
        return self._event(kind, "", facts)

    def _event(self, kind: str, step: str, facts: Mapping[str, Any], at_ns: int = 0) -> Statement:
        return event(self.run_id, self.worker, kind, step, facts, at_ns or self.clock())


def event(
    run_id: str, worker: str, kind: str, step: str, facts: Mapping[str, Any], at_ns: int
) -> Statement:
    """The statement that adds one event, written only while ``worker`` has the run (empty: always)."""
    return _EVENT, {
        "run": run_id,
        "worker": worker,
        "kind": kind,
        "step": step,
        "facts": json.dumps(dict(facts), ensure_ascii=False, default=str),
        "at": at_ns,
    }


async def lines(db: Database, scope: Scope, run_id: str) -> list[Line]:
    """Every step of a run, in the order in which they began."""
    async with db.read(scope) as tx:
        found = await tx.rows(
            "SELECT key, state, digest, packet, output, attempts, started_ns, ended_ns FROM run_steps"
            " WHERE workspace = :workspace AND run_id = :run ORDER BY started_ns, key",
            {"run": run_id},
        )
    return [_line(*row) for row in found]


def _line(
    key: str,
    state: str,
    question: str,
    packet: str,
    output: str,
    attempts: int,
    started_ns: int,
    ended_ns: int,
) -> Line:
    asked = Packet(**json.loads(packet)) if packet else None
    came = json.loads(output) if output else None
    return Line(key, state, question, asked, came, attempts, started_ns, ended_ns)


def _parameters(run_id: str, worker: str, line: Line) -> dict[str, Any]:
    return {
        "run": run_id,
        "worker": worker,
        "key": line.key,
        "state": line.state,
        "digest": line.digest,
        "packet": json.dumps(asdict(line.packet), ensure_ascii=False) if line.packet else "",
        "output": json.dumps(line.output, ensure_ascii=False, default=_plain),
        "attempts": line.attempts,
        "started": line.started_ns,
        "ended": line.ended_ns,
    }


def tail(steps: Sequence[Line], *states: str) -> list[Line]:
    """The steps in one of these states."""
    return [line for line in steps if line.state in states]


_OURS = "FROM jobs WHERE id = :run AND workspace = :workspace AND (worker = :worker OR :worker = '')"

_PUT = (
    "INSERT INTO run_steps (run_id, key, workspace, state, digest, packet, output, attempts, started_ns,"
    " ended_ns) SELECT :run, :key, :workspace, :state, :digest, :packet, :output, :attempts, :started,"
    f" :ended {_OURS} AND state = 'running'"
    " ON CONFLICT (run_id, key) DO UPDATE SET state = excluded.state, digest = excluded.digest,"
    " packet = excluded.packet, output = excluded.output, attempts = excluded.attempts,"
    " started_ns = excluded.started_ns, ended_ns = excluded.ended_ns"
)

_EVENT = (
    "INSERT INTO run_events (run_id, number, workspace, at_ns, kind, step, facts)"  # noqa: S608
    " SELECT :run, 1 + coalesce((SELECT max(number) FROM run_events WHERE run_id = :run), 0),"
    f" :workspace, :at, :kind, :step, :facts {_OURS}"
)
