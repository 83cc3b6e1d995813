"""What do others want of a run while it lives, and is it only waiting for them?

Another process may cancel it, answer one of its steps, or take it over: that is looked up a few times a
second. When all that the run does is wait for the assistant, that is written down for whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

from sophia_mcp.swarm.asking.agent import PATIENT
from sophia_mcp.swarm.history.book import restatus
from sophia_mcp.swarm.history.journal import Journal, lines
from sophia_mcp.swarm.running.means import Means
from sophia_mcp.types import Labels, Packet, RunStatus

LOOK_S = 0.4
"""How often a run looks what other processes want of it; a cancel is effective within a second."""

RENEW_S = 8.0


@dataclass(eq=False)
class Watch:
    """Looks after one run. ``stop`` ends it, with the reason; ``asking`` are the steps that are being
    asked now; ``wall_s`` is how long the run may take, without the time it waits for answers."""

    journal: Journal
    means: Means
    provider: str
    stop: Callable[[str], None]
    asking: set[str] = field(default_factory=set)
    wall_s: float = 900.0
    _stirred: anyio.Event = field(default_factory=anyio.Event)
    _told: tuple[str, ...] = ()
    _heard: list[tuple[str, str]] = field(default_factory=list)

    async def keep(self) -> None:
        """Look after the run until cancelled."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._look)
            group.start_soon(self._restate)
            if self.provider in PATIENT:
                group.start_soon(self._follow_desk)

    def waiting(self) -> tuple[Packet, ...]:
        """The steps that wait for the assistant, if all that the run does is wait for it."""
        pending = self.means.models.desk.pending(self.journal.run_id)
        return pending if pending and len(pending) >= len(self.asking) else ()

    def stir(self, run_id: str) -> None:
        """Something about the run has changed."""
        self._stirred.set()
        self.means.tell(run_id)

    def hear(self, labels: Labels, text: str) -> None:
        """What was done to a question on its way: it was shortened, or sent to another provider."""
        self._heard.append((labels.step, text))
        self._stirred.set()

    async def _look(self) -> None:
        """Do what other processes want of the run; end it when it has taken too long."""
        book, run_id = self.means.book, self.journal.run_id
        busy = idle = unproven = 0.0
        last = anyio.current_time()
        while True:
            await anyio.sleep(LOOK_S)
            last, passed = (now := anyio.current_time()), now - last
            cancel, worker, answered = await book.glance(run_id)
            if worker != self.means.worker:
                return self.stop("lost")
            if cancel:
                return self.stop("cancelled")
            await self._hand_over(answered)
            unproven += passed
            if unproven >= RENEW_S:
                unproven = 0.0
                await book.jobs.renew(self.means.scope, run_id)
            if self.waiting():
                idle += passed
                if idle > self.means.park_s:
                    return self.stop("parked")
            else:
                busy, idle = busy + passed, 0.0
                if busy > self.wall_s:
                    return self.stop("wall")

    async def _hand_over(self, answered: tuple[str, ...]) -> None:
        """Lay the answers that another process wrote down on the desk."""
        desk, run_id = self.means.models.desk, self.journal.run_id
        wanted = {packet.key for packet in desk.pending(run_id)} & set(answered)
        if not wanted:
            return
        for line in await lines(self.journal.db, self.journal.scope, run_id):
            waits = {packet.key for packet in desk.pending(run_id)}
            if line.key in wanted & waits and line.state == "answered":
                desk.answer(run_id, line.key, line.output)

    async def _follow_desk(self) -> None:
        while True:
            changed = self.means.models.desk.changed(self.journal.run_id)
            self.stir(self.journal.run_id)
            await changed.wait()

    async def _restate(self) -> None:
        """Write down when the run begins to wait for the assistant, and when it goes on; and what was
        done to its questions on their way."""
        while True:
            await self._stirred.wait()
            self._stirred = anyio.Event()
            while self._heard:
                step, text = self._heard.pop(0)
                await self.journal.note("context", step, told=text)
            # Keys, not the status alone: between two looks everything may have been answered and the
            # next steps begun to wait, and whoever answered has written down that the run goes on.
            keys = tuple(packet.key for packet in self.waiting())
            if keys == self._told:
                continue
            self._told = keys
            status: RunStatus = "needs_steps" if keys else "running"
            await self.means.pen.write(
                restatus(self.journal.run_id, self.means.worker, self.means.book.clock(), status)
            )
            if keys:
                await self.journal.note("run.waiting", steps=list(keys))
