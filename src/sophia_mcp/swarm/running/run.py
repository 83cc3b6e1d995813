"""How does one run live, from its first step to whatever ends it?

A run is driven by a task of the app, never of a request. However it ends, what stands so far is kept,
and what was in flight is said to be uncertain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
from anyio.abc import TaskGroup

from sophia_mcp.errors import Bug, SophiaError
from sophia_mcp.ops.logs import get_logger
from sophia_mcp.swarm.answers.citations import Document, composed
from sophia_mcp.swarm.answers.proposals import Proposal
from sophia_mcp.swarm.asking.agent import PATIENT, Asker
from sophia_mcp.swarm.asking.fanout import FanOut
from sophia_mcp.swarm.asking.material import Material, Sources, Wording, documents, gather, restored
from sophia_mcp.swarm.history.book import ENDED, Run, planned, standing
from sophia_mcp.swarm.history.journal import Journal, Line, Lost, digest, tail
from sophia_mcp.swarm.patterns import Pattern
from sophia_mcp.swarm.running.course import Course, Short
from sophia_mcp.swarm.running.means import Means
from sophia_mcp.swarm.running.orders import calls, found, within
from sophia_mcp.swarm.running.watch import Watch
from sophia_mcp.types import Outcome, Packet, RunStatus

CONTEXT = "@context"
"""The journal's key of the material: no step of a pattern can be called so."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run came out."""

    status: RunStatus
    reason: str = ""


@dataclass(eq=False)
class Running:
    """One run in this process. ``over`` is set when it has ended here, for whatever reason;
    ``unwritten``: that it has could not be written down."""

    run: Run
    means: Means
    resumed: bool = False
    over: anyio.Event = field(default_factory=anyio.Event)
    unwritten: bool = False
    _scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    _why: str = ""
    _course: Course | None = None
    _documents: tuple[Document, ...] = ()

    def __post_init__(self) -> None:
        run, means = self.run, self.means
        book = means.book
        self.journal = Journal(
            run.id, means.worker, book.db, means.scope, means.pen, self._changed, book.clock
        )
        self._watch = Watch(self.journal, means, run.provider, self.stop)

    def _changed(self, run_id: str) -> None:
        self._watch.stir(run_id)

    def stop(self, why: str) -> None:
        """End it now: ``cancelled``, ``wall``, ``parked`` or ``lost``."""
        self._why = self._why or why
        self._scope.cancel()

    @property
    def parked(self) -> bool:
        """Whether it leaves memory, or has left it, because nobody answers its steps."""
        return self._why == "parked"

    def waiting(self) -> tuple[Packet, ...]:
        """The steps that wait for the assistant, if all that the run does is wait for it."""
        return self._watch.waiting()

    async def drive(self) -> None:
        """Do the run. Never raises but for a cancellation of the whole app, which it survives as
        interrupted."""
        ending = Ending("interrupted", "its process left")
        try:
            with self._scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(self._watch.keep)
                    ending = await self._conduct(group)
                    group.cancel_scope.cancel()
        except ExceptionGroup as problems:
            ending = self._failed(problems)
        finally:
            with anyio.CancelScope(shield=True):
                try:
                    await self._end(ending)
                except Exception as problem:  # noqa: BLE001 - else one run's end is that of the process
                    self.unwritten = True
                    why = self._failed(problem).reason
                    get_logger("swarm").error("a run did not end as it should", run=self.run.id, why=why)
                finally:
                    self.over.set()
                    self.means.tell(self.run.id)

    async def _conduct(self, aside: TaskGroup) -> Ending:
        """All of the pattern; how it came out."""
        try:
            course = await self._prepared(aside)
            await course.walk()
        except Short as short:
            return Ending("over_budget" if short.money else "failed", short.reason)
        except Exception as problem:  # noqa: BLE001 - a run must end with an answer for those who wait
            return self._failed(problem)
        return Ending("done")

    async def _prepared(self, aside: TaskGroup) -> Course:
        """The course of the run: its pattern, its material, its models."""
        run, means = self.run, self.means
        order = run.order
        await self.journal.load()
        if self.resumed:
            for line in tail(list(self.journal.lines.values()), "started"):
                await self.journal.note("step.uncertain", line.key, attempts=line.attempts)
        pattern = means.library(order).load(order.pattern)
        limits = within(pattern.limits, means.limits)
        total = 1 + calls(pattern, order.debate_rounds)
        await means.pen.write(planned(run.id, means.worker, total))
        sources = await means.sources(order)
        material = await self._gathered(pattern, sources)
        found(order, material)
        llm = means.models.open(
            run.provider,
            run_id=run.id,
            max_cost_nano=order.max_cost_nano,
            tier=order.tier,
            tell=self._watch.hear,
        )
        asker = Asker(
            journal=self.journal,
            aside=aside,
            order=order,
            provider=run.provider,
            llm=llm,
            at_once=anyio.Semaphore(limits.concurrent),
            steps=limits.steps + 1,
            deadline_s=means.step_s,
            repo=means.label(order),
            price=None if run.free else means.costs.step,
            asking=self._watch.asking,
        )
        ground = await means.ground(order, pattern, sources)
        self._documents = documents(order, material)
        ground = replace(ground, documents=(*ground.documents, *self._documents))
        self._course = Course(
            pattern=pattern,
            wording=Wording(pattern, order.task, material, means.fence),
            fan_out=FanOut(asker, self.journal, means.caches(run.provider)),
            journal=self.journal,
            ground=ground,
            tier=order.tier,
            rounds=order.debate_rounds,
            notes=list(material.notes),
        )
        self._watch.wall_s = float(limits.wall_s)
        return self._course

    async def _gathered(self, pattern: Pattern, sources: Sources) -> Material:
        """The material, once for the whole life of the run."""
        order = self.run.order
        question = digest(CONTEXT, order.task, order.paths, order.diff, order.repo, pattern.context)
        known = self.journal.finished(CONTEXT, question)
        if known is not None:
            return restored(known.output)
        await self.journal.start(CONTEXT, question)
        material = await gather(pattern, order, sources)
        sizes = {section.name: len(section.text) for section in material.sections}
        facts: dict[str, Any] = {"notes": list(material.notes)} if material.notes else {}
        await self.journal.done(CONTEXT, question, material.kept(), characters=sizes, **facts)
        return material

    # --- its end ------------------------------------------------------------------------------------

    def _failed(self, problem: BaseException) -> Ending:
        leaf = problem
        while isinstance(leaf, BaseExceptionGroup):
            leaf = leaf.exceptions[0]
        if isinstance(leaf, Lost):
            self._why = self._why or "lost"
            return Ending("interrupted", "another process has taken it over")
        if isinstance(leaf, Short):
            return Ending("over_budget" if leaf.money else "failed", leaf.reason)
        if isinstance(leaf, SophiaError):
            return Ending("failed", str(leaf))
        bug = Bug()
        get_logger("swarm").error("bug", id=bug.id, run=self.run.id, exc_info=problem)
        return Ending("failed", str(bug))

    async def _end(self, ending: Ending) -> None:
        """Write down how it came out. A run that was lost is another process's to write about."""
        if self._why == "lost":
            return
        jobs, scope, id_ = self.means.book.jobs, self.means.scope, self.run.id
        left = not self._why and ending.status == "interrupted"
        parked = self.parked or (left and self.run.provider in PATIENT)
        if self._why == "cancelled":
            ending = Ending("cancelled", "it was cancelled")
        elif self._why == "wall":
            ending = Ending("failed", f"it took longer than {self._watch.wall_s:.0f} s")
        await self._close_steps(ending, parked=parked)
        if parked:
            await jobs.stopped(scope, id_, state="interrupted")
            return
        await self._settle(ending)
        if ending.status == "done":
            await jobs.finish(scope, id_, {"status": ending.status})
        elif ending.status == "cancelled" or ending.status == "interrupted":
            await jobs.stopped(scope, id_, state=ending.status)
        else:
            await jobs.fail(scope, id_, ending.reason)
        if self.means.ended is not None and ending.status in ENDED:
            await self.means.ended(await self.means.book.find(id_))

    async def _close_steps(self, ending: Ending, *, parked: bool) -> None:
        """Say of every question that was under way that its cost is uncertain."""
        for line in tail(list(self.journal.lines.values()), "started"):
            if line.key != CONTEXT and not parked:
                reason = f"in flight when the run ended ({ending.status}): its cost is uncertain"
                await self.journal.fail(line.key, line.digest, reason)
                await self.journal.note("step.uncertain", line.key, attempts=line.attempts)

    async def _settle(self, ending: Ending) -> None:
        course, means = self._course, self.means
        stands = course.stands() if course is not None else None
        outcome = self._outcome(stands) if stands is not None else None
        now = means.book.clock()
        facts: dict[str, Any] = {"reason": ending.reason} if ending.reason else {}
        if outcome is not None:
            facts["findings"] = len(outcome.findings)
        if not self.run.free:
            cost = await means.costs.run(self.run.id)
            await self.journal.note("cost", nano=cost.spent_nano, basis=cost.basis)
        await means.pen.write(
            standing(
                self.run.id,
                means.worker,
                now,
                ending.status,
                ending.reason,
                outcome=outcome,
                gates=course.gates if course is not None else (),
                notes=_once(course.notes) if course is not None else (),
            ),
            self.journal.told(f"run.{ending.status}", facts),
        )

    def _outcome(self, stands: Proposal) -> Outcome | None:
        """What the run came to, if anything was asked at all."""
        asked = self._course is not None and any(each.answers for each in self._course.ended.values())
        if not asked:
            return None
        return composed(stands, self._documents)


def gathered(written: Sequence[Line]) -> tuple[str, ...]:
    """What was not there or did not fit, from the moment the material of a run is written down."""
    found = (line for line in written if line.key == CONTEXT and line.state == "done")
    return tuple(note for line in found for note in restored(line.output).notes)


def _once(notes: list[str]) -> list[str]:
    return list(dict.fromkeys(notes))
