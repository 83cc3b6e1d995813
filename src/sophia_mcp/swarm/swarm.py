"""How is a run started, answered, resumed, cancelled and asked about?

The doors know this and nothing below it. Whatever process a call reaches, the answer is the same:
what is written decides, and a run that lives here only answers sooner.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, cast

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from sophia_mcp.errors import BadArgument, NotFound
from sophia_mcp.ops.background import Background
from sophia_mcp.swarm.history.book import ENDED, Run
from sophia_mcp.swarm.history.journal import lines, tail
from sophia_mcp.swarm.patterns import Pattern
from sophia_mcp.swarm.running import custody, orders
from sophia_mcp.swarm.running.changes import Changes
from sophia_mcp.swarm.running.means import Chosen, Means
from sophia_mcp.swarm.running.orders import Estimate
from sophia_mcp.swarm.running.run import Running, gathered
from sophia_mcp.types import LeftOut, Order, Packet, RunReport, TimelineEvent

__all__ = ["Estimate", "Swarm", "Tell"]

Tell = Callable[[int, int, str], Awaitable[None]]
"""Called with steps done, steps in all (0: not known), and what is under way."""

_POLL_S = 0.25


@dataclass(eq=False)
class Swarm:
    """All runs of one workspace, as one process sees them. ``tasks`` outlive every request."""

    means: Means
    tasks: Background
    changes: Changes = field(default_factory=Changes)
    _live: dict[str, Running] = field(default_factory=dict)
    _unwritten: set[str] = field(default_factory=set)

    async def start(self, order: Order, *, can_sample: bool = False) -> str:
        """Begin a run, or find the one that the same order began in the last minute; its id.

        Raises NotFound for an unknown pattern, BadArgument for an order that cannot be done,
        BadSetting when the provider lacks something or a pattern of one's own is wrong.
        """
        order = orders.without_secrets(order)
        pattern = orders.checked(self.means, order)
        chosen = self._chosen(order, pattern, can_sample)
        if not chosen.free and order.max_cost_nano is None:
            raise BadArgument(
                "max_cost_usd is missing",
                why=f"the provider {chosen.name} costs money ({chosen.why})",
                next='send the same call with max_cost_usd, for example "0.50"; action="estimate" says how much it may take',
            )
        await orders.looked_at(self.means, order, pattern)
        run_id, fresh = await self.means.book.enter(order, chosen.name, free=chosen.free, why=chosen.why)
        if fresh:
            self._spawn(await self.means.book.find(run_id))
        return run_id

    async def estimate(self, order: Order, *, can_sample: bool = False) -> Estimate:
        """What a run of this order would take at most, without asking any model. Raises as `start`."""
        pattern = orders.checked(self.means, order)
        chosen = self._chosen(order, pattern, can_sample)
        return await orders.estimate(self.means, order, pattern, chosen)

    async def answer(self, run_id: str, results: Mapping[str, Any]) -> None:
        """Hand in the answers to steps that wait. All are checked before one is taken.

        Raises NotFound for a run or key that is not known, BadArgument for an answer that is late or
        not of the form its step asks for.
        """
        run = await self.means.book.find(run_id)
        written = await lines(self.means.book.db, self.means.scope, run_id)
        values = orders.answers(run, written, results)
        await self.means.book.answered(run_id, values)
        if self._running(run_id) is None:
            await self._take_over(run_id)
            return
        waiting = {packet.key for packet in self.means.models.desk.pending(run_id)}
        for key in waiting & set(values):
            self.means.models.desk.answer(run_id, key, values[key])

    async def resume(self, run_id: str, max_cost_nano: int | None = None) -> None:
        """Go on with a run that has ended before its time, with another limit where one is given: what
        it has spent counts against that too. One that is done, or at work somewhere, is left alone.

        Raises NotFound, and BadArgument for a run that began as free and would now cost money without a
        limit, and for another limit of one that is done or at work.
        """
        run = await self.means.book.find(run_id)
        limit = run.order.max_cost_nano if max_cost_nano is None else max_cost_nano
        if run.status != "done" and self._running(run_id) is None:
            orders.still_free(self.means, run, limit)
            if await self._take_over(run_id, ended=True, limit=max_cost_nano):
                return
        if max_cost_nano is not None:
            orders.same_limit(await self.means.book.find(run_id), max_cost_nano)

    async def cancel(self, run_id: str) -> None:
        """End a run, wherever it lives; what has ended is left alone. Raises NotFound."""
        run = await self.means.book.find(run_id)
        running = self._running(run_id)
        if running is not None:
            running.stop("cancelled")
            await running.over.wait()
        elif run.status in ENDED:
            return
        elif (claimed := await custody.claim(self.means, run_id, self._unwritten)) is not None:
            await custody.close(self.means, claimed, "cancelled", "it was cancelled")
            self.changes.tell(run_id)
        else:
            await self.means.book.jobs.cancel(self.means.scope, run_id)

    async def report(
        self, run_id: str, *, wait_s: float = 0.0, tell: Tell | None = None, every_s: float = 2.0
    ) -> RunReport:
        """How a run stands. With ``wait_s``, wait until it is not running any more, telling how far it
        is every few seconds. Raises NotFound."""
        until = anyio.current_time() + wait_s
        spoken = anyio.current_time()
        while True:
            stirred, running = self.changes.next(run_id), self._running(run_id)
            now = anyio.current_time()
            due = tell is not None and now - spoken >= every_s
            # While a run is at work here nothing is read: at every change that would slow down the run.
            if due or now >= until or running is None or running.waiting():
                report = await self._report(run_id)
                if report.status != "running" or now >= until:
                    return report
                if due and tell is not None:
                    spoken = now
                    await tell(report.done, report.total, f"{report.pattern}: {report.status}")
            pause = min(until - now, every_s if running is not None else _POLL_S)
            with anyio.move_on_after(pause):
                await stirred.wait()

    async def recent(self, limit: int = 20) -> list[RunReport]:
        """The newest runs first."""
        found: list[RunReport] = []
        for run in await self.means.book.recent(limit):
            with suppress(NotFound):  # swept away since it was listed
                found.append(await self._report(run.id))
        return found

    async def timeline(self, run_id: str, after: int = 0) -> tuple[TimelineEvent, ...]:
        """What happened in a run, numbered above ``after``, in order. Raises NotFound."""
        await self.means.book.find(run_id)
        return tuple(await self.means.book.told(run_id, after))

    def changed(self) -> AbstractAsyncContextManager[MemoryObjectReceiveStream[str]]:
        """A stream of ids of runs of this process about which something has changed. One that is not
        read fast enough misses some: what is written is the truth."""
        return self.changes.listen()

    # --- one run ------------------------------------------------------------------------------------

    def _chosen(self, order: Order, pattern: Pattern, can_sample: bool) -> Chosen:
        own = order.provider == "auto" and pattern.provider
        return self.means.models.choose(own or order.provider, can_sample=can_sample)

    def _spawn(self, run: Run, *, resumed: bool = False) -> None:
        self._unwritten.discard(run.id)
        running = self._live[run.id] = Running(run, replace(self.means, tell=self.changes.tell), resumed)

        async def drive() -> None:
            try:
                await running.drive()
            finally:
                if running.unwritten:
                    self._unwritten.add(run.id)
                if self._live.get(run.id) is running:
                    del self._live[run.id]

        self.tasks.start(run.id, drive)

    def _running(self, run_id: str) -> Running | None:
        running = self._live.get(run_id)
        return running if running is not None and not running.over.is_set() else None

    async def _take_over(self, run_id: str, *, ended: bool = False, limit: int | None = None) -> bool:
        """Go on with a run that nobody works on; leave it to whoever does. Whether it was taken."""
        run = await custody.claim(self.means, run_id, self._unwritten, ended=ended)
        if run is not None:
            await custody.reopen(self.means, run, limit)
            self._spawn(await self.means.book.find(run_id), resumed=True)
        return run is not None

    async def _report(self, run_id: str) -> RunReport:
        # Whether it lives here is asked before what is written is read: a run writes its end first.
        running = self._running(run_id)
        if running is not None and running.parked:  # its steps are off the desk, but still wait
            await running.over.wait()
            running = self._running(run_id)
        run = await self.means.book.find(run_id)
        written = await lines(self.means.book.db, self.means.scope, run_id)
        packets: tuple[Packet, ...] = ()
        if running is None and run.status in ("running", "needs_steps") and tail(written, "answered"):
            # It came while the run left memory, or whoever took it has not gone on yet, or died.
            await self._take_over(run_id)
            running = self._running(run_id)
        if running is not None:
            packets = running.waiting()
            run = replace(run, status="needs_steps" if packets else "running")
        elif run.status in ("running", "needs_steps"):
            run = await custody.settled(self.means, run, written, self._unwritten)
            waits = tail(written, "waiting") if run.status == "needs_steps" else []
            packets = tuple(line.packet for line in waits if line.packet is not None)
        under_way = run.status in ("running", "needs_steps")
        left_out = tail(written, "skipped", "failed")
        ended = len(tail(written, "done")) + len(left_out)
        return RunReport(
            run_id=run.id,
            pattern=run.order.pattern,
            provider=run.provider,
            status=run.status,
            reason="" if under_way else run.reason,
            done=ended,
            total=max(run.total, ended) if under_way else ended,
            steps=packets,
            outcome=run.outcome,
            gates=run.gates,
            cost=await self.means.costs.run(run.id),
            notes=gathered(written) if under_way else (*run.notes, *custody.uncertain(written)),
            left_out=tuple(LeftOut(one.key, cast("Any", one.state), one.output) for one in left_out),
        )
