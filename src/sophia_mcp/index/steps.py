"""By which steps is one view brought to its tree, and how do they end?"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio

from sophia_mcp.errors import NotFound, SophiaError
from sophia_mcp.index import distant, views
from sophia_mcp.index.collect import collect
from sophia_mcp.index.disk.stamp import Stamp, unproven
from sophia_mcp.index.later import add_trigrams
from sophia_mcp.index.parsing.version import VERSION
from sophia_mcp.index.run import KIND, SMALL, Progress, Run, Stopped, Storage, publish, told
from sophia_mcp.index.trees import Look, Trees
from sophia_mcp.index.turn import Queue, Turn, holder_elsewhere, turn
from sophia_mcp.index.views import View
from sophia_mcp.index.workers.messages import EncoderOpener, Task
from sophia_mcp.index.workers.pool import START_SECONDS, Pool
from sophia_mcp.index.write import Target, shown_stamps
from sophia_mcp.ops.together import beside
from sophia_mcp.store.jobs import Job, Jobs
from sophia_mcp.types import Scope

TELL_S = 1.0

HEAD_START_S = 0.25
"""About as long as a worker takes to start."""


@dataclass(frozen=True, slots=True)
class Model:
    """How chunks become vectors: ``encoder`` opens in each worker, or a ``distant`` model of the same id is
    asked when the words are stored. Neither: no vectors."""

    id: str = ""
    encoder: EncoderOpener | None = None
    distant: distant.Model | None = None


@dataclass(slots=True)
class Steps:
    """The parts that a run is made of, shared by all runs of one index."""

    storage: Storage
    model: Model
    jobs: Jobs | None
    pool: Pool
    trees: Trees
    _running: list[View] = field(default_factory=list)
    _stopping: set[int] = field(default_factory=set)
    _waiting: list[tuple[View, anyio.CancelScope]] = field(default_factory=list)
    queue: Queue = field(default_factory=Queue)

    async def carry_out(
        self,
        view: View,
        target: Target,
        look: Look,
        mine: Turn,
        progress: Progress,
        job: str | None,
        started: float = 0.0,
    ) -> Run:
        """Bring a view to its tree and say what it is now; the last thing is its state."""
        run = self.run(view, target, mine, progress, job)
        try:
            await run.carry_out(look)
        except BaseException:
            self.trees.forget(view.id)
            raise
        complete = look.plan.size <= SMALL and view.stage == "done"
        await publish(
            self.storage,
            view,
            look,
            state="ready",
            stage="done" if complete else "edges",
            model=self.model.id,
            chunker=VERSION,
            seconds=time.monotonic() - started if started else 0.0,
            moved=run.moved or differs(view, look),
        )
        published = await self.load(view)
        await self.trees.learn(published, published.generation, run.learned)
        return run

    async def later(self, view: View, mine: Turn, progress: Progress, job: str | None) -> None:
        """What is not needed to be searched by words."""
        go_on = self._go_on(view, job)

        async def tell(done: int, total: int, stage: str) -> None:
            progress(done, total, stage)
            await mine.keep()
            await go_on(done, total, stage)

        await add_trigrams(self.storage, view, tell)
        if view.stage != "done":
            async with self.storage.database.write(self.storage.scope) as tx:
                await tx.run("UPDATE views SET stage = 'done' WHERE id = :id", {"id": view.id})
        await collect(self.storage, view.repo_id)

    async def embed(
        self, view: View, owed: distant.Distant, progress: Progress, job: str, *, again: bool
    ) -> None:
        """What a distant model makes of a view, ``again`` also of what it refused before, while other runs may
        have the turn. Raises Stopped, at once also where the model is waited for."""
        go_on = self._go_on(view, job)

        async def tell(done: int, total: int, stage: str) -> None:
            progress(done, total, stage)
            await go_on(done, total, stage)

        try:
            with self.stoppable(view), anyio.CancelScope() as scope:
                async with self._heeding(scope, job, lambda: None):
                    await owed.embed(view, tell, again=again)
            if scope.cancel_called:
                raise _stopped()
        except Stopped:
            owed.decline(view)
            raise

    def run(self, view: View, target: Target, mine: Turn, progress: Progress, job: str | None) -> Run:
        """A run over a view that tells ``job``'s row; None: small work that nobody can stop."""
        return Run(self.storage, self.pool, view, target, mine, progress, self._go_on(view, job))

    @contextmanager
    def stoppable(self, view: View) -> Iterator[None]:
        """A run over this view is at work, for as long as the block; others of the same view may be beside it."""
        self._running.append(view)
        try:
            yield
        finally:
            self._running.remove(view)
            if all(each.id != view.id for each in self._running):
                self._stopping.discard(view.id)

    def stop(self, view: View, only: bool) -> bool:
        """Ask the runs of this process over a view, or unless ``only`` over any of its folder, to stop, at
        work or waiting for their turn; whether there were any."""

        def meant(each: View) -> bool:
            return each.id == view.id or (not only and each.root == view.root)

        found = {each.id for each in self._running if meant(each)}
        self._stopping |= found
        waiting = [scope for each, scope in self._waiting if meant(each)]
        for scope in waiting:
            scope.cancel()
        return bool(found or waiting)

    def _go_on(self, view: View, job: str | None) -> Callable[[int, int, str], Awaitable[None]]:
        """What tells the job's row how far the run is, once a second, and stops the run when asked.
        Work without a job (None) is small and not stopped."""
        told = 0.0

        async def go_on(done: int, total: int, text: str) -> None:
            nonlocal told
            stop = job is not None and view.id in self._stopping
            if not stop and self.jobs is not None and job and time.monotonic() - told >= TELL_S:
                told = time.monotonic()
                stop = not await self.jobs.progress(self.storage.scope, job, done, total, text)
            if stop:
                raise _stopped()

        return go_on

    def target(self, view: View) -> Target:
        """Where rows of a view go, by the present parser and model."""
        model = self.model.id if self.model.encoder is not None else ""
        return Target(view.id, view.repo_id, VERSION, model)

    async def before(self, work: Callable[[], Awaitable[None]], job: str) -> None:
        """Do what comes before a run, whose job can be cancelled meanwhile. Raises Stopped."""
        with anyio.CancelScope() as scope:
            async with self._heeding(scope, job, lambda: None):
                await work()
        if scope.cancel_called:
            raise _stopped()

    @asynccontextmanager
    async def turn(
        self, view: View, wait_s: float, job: str, progress: Progress
    ) -> AsyncIterator[Turn | None]:
        """Hold what a run over a view needs for itself, in this process and among all; yields None when
        another process kept it for so many seconds. A run that waits for it says so, and can be stopped.

        Raises Stopped.
        """
        async with AsyncExitStack() as held:
            with anyio.CancelScope() as scope:
                self._waiting.append((view, scope))
                try:
                    async with self._heeding(
                        scope, job, lambda: progress(0, 0, "waiting for another run")
                    ):
                        await held.enter_async_context(self.queue.free(view))
                        mine = await held.enter_async_context(
                            turn(self.storage.database, lease_of(view), wait_s)
                        )
                finally:
                    self._waiting.remove((view, scope))
            if scope.cancel_called:
                raise _stopped()
            yield mine

    @asynccontextmanager
    async def _heeding(
        self, scope: anyio.CancelScope, job: str, say: Callable[[], None]
    ) -> AsyncIterator[None]:
        """Within the block, once a second: ``say`` that work waits, keep its job's row, and cancel ``scope``
        when the row says so."""

        async def heed() -> None:
            while True:
                await anyio.sleep(TELL_S)
                say()
                if self.jobs is not None and job and not await self.jobs.renew(self.storage.scope, job):
                    scope.cancel()

        async with beside(heed):
            yield

    async def load(self, view: View) -> View:
        """The view as it stands. Raises NotFound when it was forgotten."""
        async with self.storage.database.read(self.storage.scope) as tx:
            found = await views.load(tx, view.id, alone=True)
        if found is None:
            raise views.forgotten(view)
        return found

    async def fail(self, view: View, problem: SophiaError) -> View:
        """The view, marked as failed; what it shows stays."""
        async with self.storage.database.write(self.storage.scope) as tx:
            await tx.run(
                "UPDATE views SET state = 'failed', reason = :reason WHERE id = :id",
                {"id": view.id, "reason": str(problem)},
            )
        return await self.load(view)

    async def halt(self, root: Path, ref: str) -> None:
        """Say of a view whose run was cancelled that it is not whole, unless it was and only read again;
        what it shows stays."""
        async with self.storage.database.write(self.storage.scope) as tx:
            await tx.run(
                "UPDATE views SET state = CASE stage WHEN 'files' THEN 'failed' ELSE 'ready' END,"
                " reason = CASE stage WHEN 'files' THEN :reason ELSE reason END"
                " WHERE root = :root AND ref = :ref AND workspace = :workspace AND state = 'indexing'",
                {"root": str(root), "ref": ref, "reason": views.CANCELLED},
            )

    async def end(self, job: str, how: str, result: Any = None) -> None:
        """Close a job's row: ``finish``, ``fail`` or ``stopped``."""
        if self.jobs is None or not job:
            return
        with anyio.CancelScope(shield=True):
            if how == "finish":
                await self.jobs.finish(self.storage.scope, job, result)
            elif how == "fail":
                await self.jobs.fail(self.storage.scope, job, str(result))
            else:
                await self.jobs.stopped(self.storage.scope, job)


def differs(view: View, look: Look) -> bool:
    """Whether what is said about a tree changed though no file did."""
    before = (view.commit, view.branch, view.detection, view.state)
    return before != (look.commit, look.branch, look.detection, "ready")


async def difference(steps: Steps, view: View, target: Target) -> Look | View:
    """What a look at the tree found that the view does not show, or that is to be written down; the view as it is now
    where there is nothing, or no tree."""
    try:
        look = await steps.trees.look(view, target)
    except NotFound as problem:
        return await steps.fail(view, problem)
    if not is_shown(view, look):
        return look
    # Files that were just written are read again until their times prove something, by every process that looks.
    proven = any(each.stamp.mtime_ns for each in look.plan.same)
    at_work = steps.queue.is_beside(view) or (
        proven and await holder_elsewhere(steps.storage.database, lease_of(view))
    )
    return look if proven and not at_work else await proved(steps, view, look)


async def proved(steps: Steps, view: View, look: Look) -> View:
    """A view that shows all that a look found; which files hold what they held is remembered by this process alone."""
    await steps.trees.learn(view, view.generation, told(look.plan.same))
    return replace(view, reconciled_ns=look.begun_ns)


async def was_read(steps: Steps, view: View, tasks: Sequence[Task]) -> bool:
    """Before a turn is taken to read these files: have a worker up, or let another process that has one read them;
    whether one did, as they are here. Where others moved the view before, one of them is most likely at it, and no
    worker of this process is started for a while."""
    target = steps.target(view)
    others_until = anyio.current_time() + (HEAD_START_S if steps.trees.seen(view).shared else 0.0)
    known = await steps.trees.known(view, target)
    before = {task.path: held.stamp if (held := known.get(task.path)) else None for task in tasks}
    with anyio.move_on_after(START_SECONDS):
        while not steps.pool.is_up:
            if anyio.current_time() >= others_until:
                await steps.pool.warm()
                if not steps.pool.is_starting:
                    break
            await anyio.sleep(HEAD_START_S / 10)
            async with steps.storage.database.read(steps.storage.scope) as tx:
                now = await shown_stamps(tx, target, list(before))
            if all(now.get(task.path) != before[task.path] and _is_of(task, now) for task in tasks):
                return True
    return False


def _is_of(task: Task, shown: Mapping[str, Stamp]) -> bool:
    """Whether a file is shown as a task saw it, and not as it was when another process read it before."""
    return shown.get(task.path) in (task.stamp, unproven(task.stamp))


def is_shown(view: View, look: Look) -> bool:
    """Whether a view shows all that a look found."""
    return not look.plan.size and not differs(view, look)


def lease_of(view: View) -> str:
    """What the turn over a view's repository is called."""
    return f"index:{view.repo_id}"


def _stopped() -> Stopped:
    return Stopped("the run was cancelled", next="index it again to continue where it stopped")


async def runs_over(jobs: Jobs, scope: Scope, root: str) -> list[Job]:
    """The jobs of a folder and its refs that have not ended, whichever process they are in."""
    return [
        job
        for job in await jobs.latest(scope)
        if job.state == "running" and job.kind == KIND and job.request.get("root") == root
    ]


async def is_under_way(steps: Steps, view: View) -> bool:
    """Whether somebody brings a view to its tree just now, or waits to, in whichever process."""
    if steps.queue.lock(view).locked() or await holder_elsewhere(steps.storage.database, lease_of(view)):
        return True
    if steps.jobs is None:
        return False
    runs = await runs_over(steps.jobs, steps.storage.scope, view.root)
    return any(steps.jobs.is_at_work(run) for run in runs if run.request.get("ref") == view.ref)
