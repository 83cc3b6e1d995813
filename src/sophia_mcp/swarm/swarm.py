"""How is a run started, answered, resumed, cancelled and asked about?

The doors know this and nothing below it. Whatever process a call reaches, the answer is the same:
what is written decides, and a run that lives here only answers sooner.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from sophia_mcp.errors import BadArgument, NotFound
from sophia_mcp.llm import tokens
from sophia_mcp.llm.structured import faults, read
from sophia_mcp.swarm import debate
from sophia_mcp.swarm.agent import PATIENT
from sophia_mcp.swarm.book import ENDED, Run, is_dead, restatus, standing
from sophia_mcp.swarm.journal import Line, event, lines, tail
from sophia_mcp.swarm.material import Wording, gather, shared_tokens
from sophia_mcp.swarm.patterns import Pattern
from sophia_mcp.swarm.run import Means, Running, calls, within
from sophia_mcp.types import Order, Packet, RunReport, RunStatus, TimelineEvent

Tell = Callable[[int, int, str], Awaitable[None]]
"""Called with steps done, steps in all (0: not known), and what is under way."""

_POLL_S = 0.25
_BACKLOG = 256


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would take at most. ``nano`` is None where no price is known; ``free``: nothing is
    charged."""

    pattern: str
    provider: str
    free: bool
    calls: int
    input_tokens: int
    output_tokens: int
    nano: int | None
    notes: tuple[str, ...] = ()


@dataclass(eq=False)
class Swarm:
    """All runs of one workspace, as one process sees them. ``tasks`` outlive every request."""

    means: Means
    tasks: TaskGroup
    _live: dict[str, Running] = field(default_factory=dict)
    _stirred: dict[str, anyio.Event] = field(default_factory=dict)
    _listeners: set[MemoryObjectSendStream[str]] = field(default_factory=set)

    async def start(self, order: Order, *, can_sample: bool = False) -> str:
        """Begin a run, or find the one that the same order began in the last minute; its id.

        Raises NotFound for an unknown pattern, BadArgument for an order that cannot be done,
        BadSetting when the provider lacks something.
        """
        pattern = self._checked(order)
        wanted = pattern.provider if order.provider == "auto" and pattern.provider else order.provider
        chosen = self.means.models.choose(wanted, can_sample=can_sample)
        if not chosen.free and order.max_cost_nano is None:
            raise BadArgument(
                "max_cost_usd is missing",
                why=f"the provider {chosen.name} costs money ({chosen.why})",
                next='send the same call with max_cost_usd, for example "0.50"; action="estimate" says how much it may take',
            )
        run_id, fresh = await self.means.book.enter(order, chosen.name, free=chosen.free, why=chosen.why)
        if fresh:
            self._spawn(await self.means.book.find(run_id))
        return run_id

    async def estimate(self, order: Order, *, can_sample: bool = False) -> Estimate:
        """What a run of this order would take at most, without asking any model. Raises as `start`."""
        pattern = self._checked(order)
        chosen = self.means.models.choose(order.provider, can_sample=can_sample)
        material = await gather(pattern, order, await self.means.sources(order))
        wording = Wording(pattern, order.task, material, self.means.fence)
        opening = await anyio.to_thread.run_sync(shared_tokens, wording.opening())
        rounds = order.debate_rounds
        asked = sent = answered = 0
        nano: int | None = 0
        for step in pattern.steps:
            times = step.at_most * (1 + (rounds if step.debate and step.at_most > 1 else 0))
            times += step.repairs
            earlier = sum(each.at_most * each.max_tokens for each in map(pattern.step, step.needs))
            own = tokens.count(step.prompt) + max(
                tokens.count(pattern.roles[role].prompt) for role in step.roles
            )
            size = opening + earlier + own
            asked, sent, answered = (
                asked + times,
                sent + times * size,
                answered + times * step.max_tokens,
            )
            price = await self.means.costs.quote(
                chosen.name,
                step.tier or order.tier,
                input_tokens=size,
                output_tokens=step.max_tokens,
            )
            nano = None if nano is None or price is None else nano + times * price
        return Estimate(
            order.pattern,
            chosen.name,
            chosen.free,
            asked,
            sent,
            answered,
            0 if chosen.free else nano,
            material.notes,
        )

    async def answer(self, run_id: str, results: Mapping[str, Any]) -> None:
        """Hand in the answers to steps that wait. All are checked before one is taken.

        Raises NotFound for a run or key that is not known, BadArgument for an answer that is late or
        not of the form its step asks for.
        """
        run = await self.means.book.find(run_id)
        if run.status in ENDED:
            raise BadArgument(
                f"the run {run_id} takes no answers any more",
                why=f"it is {run.status}",
                next=f"call get_run(run_id={run_id!r})",
            )
        written = await lines(self.means.book.db, self.means.scope, run_id)
        values = _checked_answers(run, written, results)
        await self.means.book.answered(run_id, values)
        running = self._running(run_id)
        if running is None:
            await self._take_over(run)
            return
        waiting = {packet.key for packet in self.means.models.desk.pending(run_id)}
        for key in waiting & set(values):
            self.means.models.desk.answer(run_id, key, values[key])

    async def resume(self, run_id: str) -> None:
        """Go on with a run that has ended before its time. One that is done, or at work somewhere,
        is left alone. Raises NotFound."""
        run = await self.means.book.find(run_id)
        if run.status != "done" and self._running(run_id) is None:
            await self._take_over(run)

    async def cancel(self, run_id: str) -> None:
        """End a run, wherever it lives; what has ended is left alone. Raises NotFound."""
        run = await self.means.book.find(run_id)
        running = self._running(run_id)
        if running is not None:
            running.stop("cancelled")
            await running.over.wait()
        elif run.status not in ENDED:
            _, worker, _ = await self.means.book.glance(run_id)
            if not await self._claim(run_id, worker):
                await self.means.book.jobs.cancel(self.means.scope, run_id)
                return
            await self._close(run, "cancelled", "it was cancelled")
            await self.means.book.jobs.stopped(self.means.scope, run_id)

    async def report(
        self, run_id: str, *, wait_s: float = 0.0, tell: Tell | None = None, every_s: float = 2.0
    ) -> RunReport:
        """How a run stands. With ``wait_s``, wait until it is not running any more, telling how far it
        is every few seconds. Raises NotFound."""
        until = anyio.current_time() + wait_s
        spoken = anyio.current_time()
        while True:
            stirred = self._stir(run_id)
            report = await self._report(await self.means.book.find(run_id))
            now = anyio.current_time()
            if report.status != "running" or now >= until:
                return report
            if tell is not None and now - spoken >= every_s:
                spoken = now
                await tell(report.done, report.total, f"{report.pattern}: {report.status}")
            here = self._running(run_id) is not None
            pause = min(until - now, every_s if here else _POLL_S)
            with anyio.move_on_after(pause):
                await stirred.wait()

    async def recent(self, limit: int = 20) -> list[RunReport]:
        """The newest runs first."""
        return [await self._report(run) for run in await self.means.book.recent(limit)]

    async def timeline(self, run_id: str, after: int = 0) -> tuple[TimelineEvent, ...]:
        """What happened in a run, numbered above ``after``, in order. Raises NotFound."""
        await self.means.book.find(run_id)
        return tuple(await self.means.book.told(run_id, after))

    @asynccontextmanager
    async def changed(self) -> AsyncIterator[MemoryObjectReceiveStream[str]]:
        """A stream of ids of runs of this process about which something has changed. One that is not
        read fast enough misses some: what is written is the truth."""
        send, receive = anyio.create_memory_object_stream[str](_BACKLOG)
        self._listeners.add(send)
        try:
            async with send, receive:
                yield receive
        finally:
            self._listeners.discard(send)

    def tell(self, run_id: str) -> None:
        """Something about a run has changed: wake those who wait for it."""
        stirred = self._stirred.pop(run_id, None)
        if stirred is not None:
            stirred.set()
        for listener in self._listeners:
            try:
                listener.send_nowait(run_id)
            except anyio.WouldBlock:
                continue

    # --- one run ------------------------------------------------------------------------------------

    def _checked(self, order: Order) -> Pattern:
        """The pattern of an order that can be done."""
        pattern = self.means.library(order).load(order.pattern)
        if not 0 <= order.debate_rounds <= debate.ROUNDS:
            raise BadArgument(
                f"debate_rounds must be 0 to {debate.ROUNDS}",
                why=f"it is {order.debate_rounds}",
                next="use debate_rounds=0",
            )
        limits = within(pattern.limits, self.means.limits)
        if len(pattern.roles) > limits.agents or calls(pattern, 0) > limits.steps:
            raise BadArgument(
                f"the pattern {pattern.name} is too large",
                why=f"it has {len(pattern.roles)} roles and up to {calls(pattern, 0)} steps; the limits are"
                f" {limits.agents} and {limits.steps}",
                next="use another pattern, or raise swarm.agents or swarm.steps",
            )
        given = {"task": order.task.strip(), "paths": order.paths, "diff": order.diff or order.repo}
        if not any(given.get(name) for name in pattern.requires):
            raise BadArgument(
                f"the pattern {pattern.name} needs one of: {', '.join(pattern.requires)}",
                why="none of them was given",
                next=f"send the same call with {pattern.requires[0]}",
            )
        return pattern

    def _spawn(self, run: Run, *, resumed: bool = False) -> Running:
        running = self._live[run.id] = Running(run, replace(self.means, tell=self.tell), resumed)

        async def drive() -> None:
            try:
                await running.drive()
            finally:
                if self._live.get(run.id) is running:
                    del self._live[run.id]

        self.tasks.start_soon(drive, name=f"swarm {run.id}")
        return running

    def lives(self, run_id: str) -> bool:
        """Whether a task of this process works on the run, or waits for its answers."""
        return self._running(run_id) is not None

    def _running(self, run_id: str) -> Running | None:
        running = self._live.get(run_id)
        return running if running is not None and not running.over.is_set() else None

    def _stir(self, run_id: str) -> anyio.Event:
        return self._stirred.setdefault(run_id, anyio.Event())

    async def _claim(self, run_id: str, worker: str) -> bool:
        dead = worker if worker and is_dead(worker) else ""
        return await self.means.book.jobs.claim(self.means.scope, run_id, dead=dead)

    async def _take_over(self, run: Run) -> None:
        """Go on with a run that nobody works on; leave it to whoever does."""
        _, worker, _ = await self.means.book.glance(run.id)
        if not await self._claim(run.id, worker):
            return
        means = self.means
        now = means.book.clock()
        await means.pen.write(
            restatus(run.id, means.worker, now, "running"),
            event(run.id, means.worker, "run.resumed", "", {"was": run.status}, now),
        )
        self._spawn(await means.book.find(run.id), resumed=True)

    async def _close(self, run: Run, status: RunStatus, reason: str) -> None:
        """Write down that a run that nobody works on any more has ended."""
        means, now = self.means, self.means.book.clock()
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
        self.tell(run.id)

    async def _report(self, run: Run) -> RunReport:
        written = await lines(self.means.book.db, self.means.scope, run.id)
        running = self._running(run.id)
        packets: tuple[Packet, ...] = ()
        status = run.status
        if running is not None:
            packets = running.waiting()
            status = "needs_steps" if packets else "running"
        elif status in ("running", "needs_steps"):
            status = await self._status_elsewhere(run, written)
            if status == "needs_steps":
                waits = tail(written, "waiting")
                packets = tuple(line.packet for line in waits if line.packet is not None)
        ended = len(tail(written, "done", "failed", "skipped"))
        reason = run.reason if status == run.status else _REASONS.get(status, "")
        return RunReport(
            run_id=run.id,
            pattern=run.order.pattern,
            status=status,
            provider=run.provider,
            reason=reason,
            done=ended,
            total=max(run.total, ended) if status == "running" or packets else ended,
            steps=packets,
            outcome=run.outcome,
            gates=run.gates,
            cost=await self.means.costs.run(run.id),
            notes=(*run.notes, *_uncertain(written, live=status in ("running", "needs_steps"))),
        )

    async def _status_elsewhere(self, run: Run, written: list[Line]) -> RunStatus:
        """How a run stands that this process does not work on: one whose process died is interrupted,
        and one that waited for the assistant still does."""
        _, worker, _ = await self.means.book.glance(run.id)
        if worker and not is_dead(worker):
            return run.status
        if run.provider in PATIENT and tail(written, "waiting"):
            return "needs_steps"
        if not await self._claim(run.id, worker):
            return run.status
        await self._close(run, "interrupted", _REASONS["interrupted"])
        await self.means.book.jobs.stopped(self.means.scope, run.id, state="interrupted")
        return "interrupted"


_REASONS: dict[str, str] = {
    "interrupted": "its process died; action='resume' goes on with it, and what has finished is not paid again",
}


def _uncertain(written: list[Line], *, live: bool) -> tuple[str, ...]:
    """What is to be said of questions that were in flight when a process died."""
    keys = [] if live else [line.key for line in tail(written, "started")]
    if not keys:
        return ()
    return (f"in flight when the process died, so their cost is uncertain: {', '.join(keys)}",)


def _checked_answers(run: Run, written: list[Line], results: Mapping[str, Any]) -> dict[str, Any]:
    """The answers as they are kept. Raises NotFound, BadArgument."""
    if not results:
        raise BadArgument(
            "results is empty", next='send results={"KEY": ANSWER} for the steps that wait'
        )
    known = {line.key: line for line in written}
    waiting = {line.key: line.packet for line in tail(written, "waiting") if line.packet is not None}
    listed = f"waiting now: {', '.join(waiting)}" if waiting else "no step waits now"
    values: dict[str, Any] = {}
    for key, given in results.items():
        if key not in waiting:
            if key in known:
                raise BadArgument(
                    f"the step {key!r} of {run.id} takes no answer any more",
                    why=f"it is {known[key].state}; {listed}",
                    next=f"call get_run(run_id={run.id!r})",
                )
            raise NotFound(
                f"the run {run.id} has no step {key!r}", why=listed, next="use the keys that wait"
            )
        values[key] = _fitting(key, waiting[key], given)
    return values


def _fitting(key: str, packet: Packet, given: Any) -> Any:
    if packet.schema is None:
        return given if isinstance(given, str) else str(given)
    if isinstance(given, str):
        value, wrong = read(given, packet.schema)
    else:
        value, wrong = given, faults(given, packet.schema)
    if wrong:
        raise BadArgument(
            f"the answer to {key!r} is not of the form its step asks for",
            why="; ".join(wrong[:4]),
            next="send that answer again, mended; the other answers of this call were not taken either",
        )
    return value
