"""How does one run live, from its first step to whatever ends it?

A run is driven by a task of the app, never of a request. While it lives it looks, a few times a
second, whether somebody in another process cancelled it, answered one of its steps, or took it over;
it writes down when all that it does is wait for the assistant. However it ends, what stands so far is
kept, and what was in flight is said to be uncertain.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import anyio

from sophia_mcp.errors import Bug, SophiaError
from sophia_mcp.llm.desk import Desk
from sophia_mcp.llm.providers import LLM
from sophia_mcp.ops.logs import get_logger
from sophia_mcp.swarm.agent import PATIENT, Asker
from sophia_mcp.swarm.book import ENDED, Book, Run, planned, restatus, standing
from sophia_mcp.swarm.citations import Document, composed
from sophia_mcp.swarm.course import Course, Short
from sophia_mcp.swarm.gates import Ground
from sophia_mcp.swarm.journal import Journal, Lost, Pen, digest, tail
from sophia_mcp.swarm.material import Material, Sources, Wording, documents, gather, restored
from sophia_mcp.swarm.patterns import Library, Limits, Pattern
from sophia_mcp.swarm.proposals import Proposal
from sophia_mcp.types import Labels, Order, Outcome, Packet, RunCost, RunStatus, Scope, Tier

LOOK_S = 0.4
"""How often a run looks what other processes want of it; a cancel is effective within a second."""

RENEW_S = 8.0
CONTEXT = "@context"
"""The journal's key of the material: no step of a pattern can be called so."""


class Chosen(Protocol):
    """The provider of a run. ``why`` says how it came to be chosen."""

    @property
    def name(self) -> str: ...
    @property
    def free(self) -> bool: ...
    @property
    def why(self) -> str: ...


class Models(Protocol):
    """Where models come from."""

    @property
    def desk(self) -> Desk: ...

    def choose(self, provider: str, *, can_sample: bool) -> Chosen:
        """The provider that a name, or ``auto``, means now."""
        ...

    def open(
        self,
        name: str,
        *,
        run_id: str,
        max_cost_nano: int | None,
        tier: Tier,
        tell: Callable[[Labels, str], None],
    ) -> LLM:
        """The models of a provider by tier, with the run's budget around them. ``tell`` hears what is
        done to a question on its way."""
        ...


class Costs(Protocol):
    """What runs cost, as the ledger knows it."""

    async def run(self, run_id: str) -> RunCost:
        """Everything a run has cost so far."""
        ...

    async def step(self, run_id: str, key: str) -> int | None:
        """What one step has cost, in nano-dollars; None where that is not known."""
        ...

    async def quote(
        self, provider: str, tier: Tier, *, input_tokens: int, output_tokens: int
    ) -> int | None:
        """What a question of that size costs at most, in nano-dollars; None without a known price."""
        ...


@dataclass(frozen=True)
class Means:
    """What every run of a process is done with. ``ground`` is what a run's
    proposals are checked against; ``tell`` is called
    with a run's id when something about it has changed; ``park_s`` is how long a run whose steps wait
    for the assistant stays in memory. ``caches``: whether a provider serves repeated beginnings of
    questions for less. ``ended`` is told of every run that came to an end of its own."""

    book: Book
    pen: Pen
    models: Models
    library: Callable[[Order], Library]
    sources: Callable[[Order], Awaitable[Sources]]
    ground: Callable[[Order, Pattern, Sources], Awaitable[Ground]]
    costs: Costs
    fence: bytes
    tell: Callable[[str], None]
    limits: Limits
    step_s: float = 180.0
    park_s: float = 300.0
    caches: Callable[[str], bool] = lambda provider: False
    ended: Callable[[Run], Awaitable[None]] | None = None

    @property
    def scope(self) -> Scope:
        return self.book.scope

    @property
    def worker(self) -> str:
        return self.book.jobs.worker


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run came out."""

    status: RunStatus
    reason: str = ""


def within(pattern: Limits, settings: Limits) -> Limits:
    """The lower of two limits, each."""
    return Limits(
        agents=min(pattern.agents, settings.agents),
        concurrent=min(pattern.concurrent, settings.concurrent),
        steps=min(pattern.steps, settings.steps),
        rounds=min(pattern.rounds, settings.rounds),
        wall_s=min(pattern.wall_s, settings.wall_s),
    )


def calls(pattern: Pattern, rounds: int) -> int:
    """How many questions a run of the pattern asks at most, repairs aside."""
    return sum(
        step.at_most * (1 + (rounds if step.debate and step.at_most > 1 else 0))
        for step in pattern.steps
    )


@dataclass(eq=False)
class Running:
    """One run in this process. ``over`` is set when it has ended here, for whatever reason."""

    run: Run
    means: Means
    resumed: bool = False
    over: anyio.Event = field(default_factory=anyio.Event)
    _scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    _stirred: anyio.Event = field(default_factory=anyio.Event)
    _why: str = ""
    _asker: Asker | None = None
    _course: Course | None = None
    _documents: tuple[Document, ...] = ()
    _told: tuple[str, ...] = ()
    _heard: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.journal = Journal(
            self.run.id,
            self.means.worker,
            self.means.book.db,
            self.means.scope,
            self.means.pen,
            self._changed,
            self.means.book.clock,
        )

    def stop(self, why: str) -> None:
        """End it now: ``cancelled``, ``wall``, ``parked`` or ``lost``."""
        self._why = self._why or why
        self._scope.cancel()

    def waiting(self) -> tuple[Packet, ...]:
        """The steps that wait for the assistant, if all that the run does is wait for it."""
        pending = self.means.models.desk.pending(self.run.id)
        busy = len(self._asker.asking) if self._asker is not None else 0
        return pending if pending and len(pending) >= busy else ()

    async def drive(self) -> None:
        """Do the run. Never raises but for a cancellation of the whole app, which it survives as
        interrupted."""
        ending = Ending("interrupted", "its process left")
        try:
            with self._scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(self._look)
                    group.start_soon(self._restate)
                    if self.run.provider in PATIENT:
                        group.start_soon(self._follow_desk)
                    ending = await self._conduct()
                    group.cancel_scope.cancel()
        except ExceptionGroup as problems:
            ending = self._failed(problems)
        finally:
            with anyio.CancelScope(shield=True):
                try:
                    await self._end(ending)
                finally:
                    self.over.set()
                    self.means.tell(self.run.id)

    async def _conduct(self) -> Ending:
        """All of the pattern; how it came out."""
        try:
            course = await self._prepared()
            await course.walk()
        except Short as short:
            stands = self._course.stands() if self._course is not None else Proposal()
            empty = not (stands.findings or stands.claims or stands.edits or stands.patch)
            return Ending("over_budget" if short.money and empty else "failed", short.reason)
        except Exception as problem:  # noqa: BLE001 - a run must end with an answer for those who wait
            return self._failed(problem)
        return Ending("done")

    async def _prepared(self) -> Course:
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
        llm = means.models.open(
            run.provider,
            run_id=run.id,
            max_cost_nano=order.max_cost_nano,
            tier=order.tier,
            tell=self._hear,
        )
        asker = self._asker = Asker(
            journal=self.journal,
            order=order,
            provider=run.provider,
            llm=llm,
            at_once=anyio.Semaphore(limits.concurrent),
            steps=limits.steps + 1,
            deadline_s=means.step_s,
            price=None if run.free else means.costs.step,
        )
        ground = await means.ground(order, pattern, sources)
        self._documents = documents(order, material)
        ground = replace(ground, documents=(*ground.documents, *self._documents))
        self._course = Course(
            pattern=pattern,
            wording=Wording(pattern, order.task, material, means.fence),
            asker=asker,
            journal=self.journal,
            ground=ground,
            tier=order.tier,
            rounds=order.debate_rounds,
            caches=means.caches(run.provider),
            notes=list(material.notes),
        )
        self._limit = float(limits.wall_s)
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
        await self.journal.done(CONTEXT, question, material.kept(), characters=sizes)
        return material

    # --- while it lives -----------------------------------------------------------------------------

    _limit: float = 900.0

    async def _look(self) -> None:
        """Do what other processes want of the run; end it when it has taken too long."""
        means, busy, idle, unproven = self.means, 0.0, 0.0, 0.0
        while True:
            await anyio.sleep(LOOK_S)
            cancel, worker, answered = await means.book.glance(self.run.id)
            if worker != means.worker:
                return self.stop("lost")
            if cancel:
                return self.stop("cancelled")
            await self._hand_over(answered)
            unproven += LOOK_S
            if unproven >= RENEW_S:
                unproven = 0.0
                await means.book.jobs.renew(means.scope, self.run.id)
            if self.waiting():
                idle += LOOK_S
                if idle > means.park_s:
                    return self.stop("parked")
            else:
                busy, idle = busy + LOOK_S, 0.0
                if busy > self._limit:
                    return self.stop("wall")

    async def _hand_over(self, answered: tuple[str, ...]) -> None:
        """Lay the answers that another process wrote down on the desk."""
        desk = self.means.models.desk
        wanted = {packet.key for packet in desk.pending(self.run.id)} & set(answered)
        if not wanted:
            return
        written = Journal(self.run.id, "", self.means.book.db, self.means.scope, self.means.pen)
        await written.load()
        for key in wanted:
            line = written.lines[key]
            if line.state == "answered":
                desk.answer(self.run.id, key, line.output)

    async def _follow_desk(self) -> None:
        while True:
            changed = self.means.models.desk.changed(self.run.id)
            self._changed(self.run.id)
            await changed.wait()

    def _changed(self, run_id: str) -> None:
        self._stirred.set()
        self.means.tell(run_id)

    def _hear(self, labels: Labels, text: str) -> None:
        self._heard.append((labels.step, text))
        self._stirred.set()

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
                restatus(self.run.id, self.means.worker, self.means.book.clock(), status)
            )
            if keys:
                await self.journal.note("run.waiting", steps=list(keys))

    # --- its end ------------------------------------------------------------------------------------

    def _failed(self, problem: BaseException) -> Ending:
        leaf = problem
        while isinstance(leaf, BaseExceptionGroup):
            leaf = leaf.exceptions[0]
        if isinstance(leaf, Lost):
            self._why = self._why or "lost"
            return Ending("interrupted", "another process has taken it over")
        if isinstance(leaf, Short):
            return Ending("failed", leaf.reason)
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
        parked = self._why == "parked" or (left and self.run.provider in PATIENT)
        if self._why == "cancelled":
            ending = Ending("cancelled", "it was cancelled")
        elif self._why == "wall":
            ending = Ending("failed", f"it took longer than {self._limit:.0f} s")
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


def _once(notes: list[str]) -> list[str]:
    return list(dict.fromkeys(notes))
