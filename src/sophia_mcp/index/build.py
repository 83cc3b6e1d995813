"""How does a tree become, and stay, searchable?

``update`` brings a whole view to its tree; ``reconcile`` does so before an answer, as cheaply as
it can; ``refresh`` reads single files again. All three plan from the difference between the tree
and what is stored, let worker processes prepare the files, and commit batch after batch, so that
a run that is cut off has lost nothing and search answers all the while.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from sophia_mcp.errors import BadArgument, DiskFull, NotFound, SophiaError, StoreBusy, StoreTooNew
from sophia_mcp.index import views
from sophia_mcp.index.collect import Collector, Room, collect, forget_repo, forget_view
from sophia_mcp.index.disk.ignore import Choice
from sophia_mcp.index.disk.stamp import stamp_of
from sophia_mcp.index.distant import STAGE, Distant
from sophia_mcp.index.register import register
from sophia_mcp.index.report import describe
from sophia_mcp.index.run import KIND, SMALL, Progress, Stopped, Storage, quiet
from sophia_mcp.index.steps import (
    Model,
    Steps,
    difference,
    is_shown,
    is_under_way,
    lease_of,
    proved,
    runs_over,
    was_read,
)
from sophia_mcp.index.trees import Look, Trees
from sophia_mcp.index.turn import SILENT_S, holder_elsewhere, is_first, take_back, turn
from sophia_mcp.index.views import View
from sophia_mcp.index.workers.messages import Task
from sophia_mcp.index.workers.pool import Pool
from sophia_mcp.index.workers.reading import unchanged
from sophia_mcp.ops.clock import Clock, system
from sophia_mcp.ops.together import first
from sophia_mcp.security.paths import is_too_wide, of_home
from sophia_mcp.store.jobs import Job, Jobs
from sophia_mcp.types import IndexReport

__all__ = ["Index", "Model", "Room", "Storage"]

RECONCILE_S = 1.0
"""An unwatched tree is looked at no more often than this."""

WAIT_S = 3600.0
"""How long a run waits for another process that indexes the same repository."""

REFRESH_WAIT_S = 0.25
"""How long an answer waits for another process that indexes; then it serves what is there and says so."""

WATCH_WAIT_S = 30.0
"""How long a watcher waits for it: what it drops nobody would look at again for a while."""

_BUSY = "another run over this repository is at work"
_UNDER_WAY = "a run that reads it is at work"
_UNWRITABLE = (DiskFull, StoreTooNew)
"""Errors of a store that can still be read."""

FORGET_WAIT_S = 30.0
"""How long forgetting waits for a run that is at work on another tree of the same repository."""


@dataclass(slots=True)
class Index:
    """The index of one store. Close it to end its worker processes. ``apart`` brings a view to its tree in a run
    that outlives whoever asks, and waits a while for it. Raises the run's own error."""

    storage: Storage
    model: Model = field(default_factory=Model)
    jobs: Jobs | None = None
    workers: int = 0
    defaults: Choice = field(default_factory=Choice)
    room: Room | None = None
    apart: Callable[[View], Awaitable[None]] | None = None
    clock: Clock = system
    trees: Trees = field(init=False)
    distant: Distant = field(init=False)
    _steps: Steps = field(init=False)
    _collector: Collector = field(init=False)
    _watched: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pool = Pool(self.model.encoder, self.workers) if self.workers else Pool(self.model.encoder)
        self.trees = Trees(self.storage.database, self.storage.scope, self.defaults)
        self._collector = Collector(self.storage)
        self.distant = Distant(self.storage, self.model.distant, self.jobs)
        self._steps = Steps(self.storage, self.model, self.jobs, pool, self.trees)

    async def update(
        self,
        root: Path,
        *,
        ref: str = "",
        full: bool = False,
        include: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        trusted: bool = False,
        watch: bool = False,
        progress: Progress | None = None,
        before: Callable[[], Awaitable[None]] | None = None,
    ) -> IndexReport:
        """Bring the view of a folder (or of one of its refs) to its tree; only what changed is read.

        ``full`` reads everything again. ``before`` is done first, as part of the run. Raises BadArgument
        for what is no folder, and for the home folder and what lies above it; NotFound for an unknown ref,
        Stopped when the run was cancelled, StoreBusy when another process holds the repository for too long.
        """
        root = Path(await anyio.Path(of_home(root)).resolve())
        if is_too_wide(root, Path.home()):
            raise BadArgument(
                f"{root} is not indexed",
                why="it is the home folder or above it, which is more than one project",
                next="give the folder of one project",
            )
        request = {"root": str(root), "ref": ref, "full": full, "trusted": trusted}
        job = await self.jobs.start(self.storage.scope, KIND, request) if self.jobs else ""
        return await self._do(job, request, progress, include, exclude, watch, before)

    async def _do(
        self,
        job: str,
        request: Mapping[str, Any],
        progress: Progress | None,
        include: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        watch: bool = False,
        before: Callable[[], Awaitable[None]] | None = None,
    ) -> IndexReport:
        """Run what the row of a job asks for, and close that row however the run ends."""
        root, ref = Path(request["root"]), request["ref"]
        try:
            if before is not None:
                await self._steps.before(before, job)
            view = await register(
                self.storage.database,
                root,
                ref,
                self.storage.scope,
                include=include,
                exclude=exclude,
                trusted=request["trusted"],
                watch=watch,
            )
            report = await self._update(view, job, full=request["full"], progress=progress or quiet)
        except Stopped:
            await self._steps.halt(root, ref)
            await self._steps.end(job, "stopped")
            raise
        except SophiaError as problem:
            await self._steps.end(job, "fail", str(problem))
            raise
        await self._steps.end(job, "finish", {"repo": report.repo, "seconds": report.seconds})
        return report

    async def reconcile(
        self, view: View, *, now: bool = False, fresh: bool = False, doubted: bool = False
    ) -> View:
        """The view after a look at its tree: at most once a second, by one of all processes, and not at
        all where a live watcher follows it. Serves what is there while another run is at work, where somebody
        cancelled the run that was to bring it there, where the store cannot be written, and while a large change
        is read ``apart``; the view says so.

        ``doubted`` looks whoever looked or follows where files came or went meanwhile. ``now`` looks in any
        case, and waits for a run of this process that is at work. ``fresh``: the view was read just now.
        """
        current = view if fresh else await self._steps.load(view)
        live = self._watched.get(current.id, 0) > time.monotonic()
        within = 0.0 if doubted and await self.trees.has_moved(current) else RECONCILE_S
        watched = within > 0 and live and self.trees.seen(current).age < inf
        if (
            not now
            and (served := await _served(self, self._steps, current, watched, within)) is not None
        ):
            return served
        async with self._steps.queue.free(current, inf if now else REFRESH_WAIT_S) as free:
            if not free:
                return _behind(current)
            current = await self._steps.load(view)
            followed = watched and not self.trees.seen(current).behind
            looked = followed or self.trees.seen(current).is_fresh(within)
            if current.cancelled or (looked and not now):
                return current
            try:
                found = await self._follow(current, now)
            except _UNWRITABLE as problem:
                if now:
                    raise
                found = replace(current, behind=str(problem))
        if isinstance(found, Look):
            found = await _caught_up(self, self._steps, current, found)
        if found.behind:  # the next question, of whichever process, looks again
            self.trees.seen(found).behind = True
            await take_back(self.storage.database, f"look:{found.id}")
        return found

    async def _follow(self, current: View, now: bool) -> Look | View:
        """Bring a view to its tree, in turn with other processes; what a look found that is too much for an
        answer."""
        target = self._steps.target(current)
        look = await difference(self._steps, current, target)
        if isinstance(look, View):
            return look
        few = 0 < len(look.plan.read) == look.plan.size <= SMALL
        if few and not now and await was_read(self._steps, current, look.plan.read):
            return replace(await self._steps.load(current), reconciled_ns=look.begun_ns)
        shown = is_shown(current, look)  # and the turn would only be to write down what was proved
        wait_s = 0.0 if shown else REFRESH_WAIT_S
        async with turn(
            self.storage.database, lease_of(current), WATCH_WAIT_S if now else wait_s
        ) as mine:
            if mine is None:
                return await proved(self._steps, current, look) if shown else _behind(current)
            renewed = await self._steps.load(current)
            if renewed.generation != current.generation:
                if shown and not now:
                    return replace(renewed, reconciled_ns=look.begun_ns)
                # Whoever had the turn before has most likely read what was seen here.
                current = renewed
                look = await difference(self._steps, current, target)
                if isinstance(look, View):
                    return look
            if not now and self.apart is not None and look.plan.size > SMALL:
                return look
            run = await self._steps.carry_out(current, target, look, mine, quiet, None)
            renewed = await self._steps.load(current)
            if renewed.stage != "done":
                await self._steps.later(renewed, mine, quiet, None)
            if now:
                await self._collector.after_changes(renewed, run.changed + run.removed, self.room)
        return await self._steps.load(current)

    async def refresh(self, view: View, paths: Sequence[str], *, wait: bool = False) -> View:
        """The view after these files were read again. While a run of this process is at work it stays
        as it is and says so, unless ``wait`` says to come after it; where the store cannot be written, too."""
        current = await self._steps.load(view)
        if not current.on_disk:
            return current
        if self._steps.queue.lock(current).locked() and not wait:
            return _behind(current)
        async with self._steps.queue.free(current):
            current = await self._steps.load(view)
            target = self._steps.target(current)
            known = await self.trees.known(current, target)
            tasks = []
            for path in dict.fromkeys(paths):
                stamp = stamp_of(f"{current.root}/{path}")
                held = known.get(path)
                if held is not None and stamp != held.stamp:
                    tasks.append(Task(path, stamp or held.stamp, held.hash if held.current else ""))
            if not wait:  # another process may have read them since the question began
                same = await anyio.to_thread.run_sync(unchanged, self.trees.place(current), tasks)
                tasks = [task for task in tasks if task.path not in same]
            if not tasks:
                return current
            if not wait and await was_read(self._steps, current, tasks):
                return await self._steps.load(current)
            try:
                async with turn(
                    self.storage.database, lease_of(current), WATCH_WAIT_S if wait else REFRESH_WAIT_S
                ) as mine:
                    if mine is None:
                        return _behind(current)
                    run = self._steps.run(current, target, mine, quiet, None)
                    await run.read_again(self.trees.place(current), tasks)
            except _UNWRITABLE as problem:
                if wait:
                    raise
                return replace(current, behind=str(problem))
            current = await self._steps.load(current)
            await self.trees.learn(current, current.generation, run.learned)
            if wait:
                await self._collector.after_changes(current, len(tasks), self.room)
        return current

    async def resolve(self, place: str | None, project_root: Path | None = None) -> View:
        """The view that a name or path means. Raises NotIndexed and NotFound."""
        return await views.resolve(self.storage.database, place, project_root, self.storage.scope)

    async def report(self, view: View) -> IndexReport:
        """What there is to say about a view."""
        current = await self._steps.load(view)
        lack = await self.distant.lack(current)
        async with self.storage.database.read(self.storage.scope) as tx:
            found = await describe(tx, current, notes=lack)
        if current.state != "indexing" or await is_under_way(self._steps, current):
            return found
        return replace(found, reason=views.CUT_OFF)

    async def forget(self, view: View) -> None:
        """Remove a view; with its last one, the repository and everything made from it. Its space goes back to
        the disk. Stops the runs that ``cancel`` stops. Raises StoreBusy when others go on for too long."""
        await self.cancel(view)
        async with (
            self._steps.queue.free(view, FORGET_WAIT_S) as free,
            turn(self.storage.database, lease_of(view), FORGET_WAIT_S) as mine,
        ):
            if not free or mine is None:
                raise StoreBusy(f"{view.label} is being indexed", next="cancel that run, or wait for it")
            async with mine.kept():  # of a large repository there is more to remove than a lease lasts
                self.trees.forget(view.id)
                others = [
                    other
                    for other in await views.repositories(self.storage.database, self.storage.scope)
                    if other.repo_id == view.repo_id
                    and other.id != view.id
                    and (not view.on_disk or other.root != view.root)
                ]
                if others:
                    for same in await views.repositories(self.storage.database, self.storage.scope):
                        if same.id == view.id or (view.on_disk and same.root == view.root):
                            await forget_view(self.storage, same.id)
                    await collect(self.storage, view.repo_id, everything=True)
                else:
                    await forget_repo(self.storage, view.repo_id, self.room)
        if self.room is not None:
            await self.room.reclaim()

    async def cancel(self, view: View, *, only: bool = False) -> bool:
        """Ask runs to stop, whichever process they are in: those of the ref that the view names, or, where
        it names none, all of its folder (``only``: never those of another ref)."""
        only = only or bool(view.ref)
        asked = self._steps.stop(view, only)
        if self.jobs is not None:
            for job in await runs_over(self.jobs, self.storage.scope, view.root):
                if not only or job.request.get("ref") == view.ref:
                    asked = await self.jobs.cancel(self.storage.scope, job.id) or asked
        if asked:  # before the run has come to its end: a question meanwhile begins no other
            await self._steps.halt(Path(view.root), view.ref)
        return asked

    async def resume(
        self, progress: Progress | None = None, *, silent: bool = True
    ) -> list[IndexReport]:
        """Go on with what was cut off when a process died, or with ``silent`` was not heard of for too long,
        in the same job, but with nothing that was forgotten since, or that was asked to stop: one after
        another, but for the vectors of a distant model. Runs that fail again say so in their rows."""
        reports: list[IndexReport] = []
        scope = self.storage.scope
        if self.jobs is None:
            return reports

        async def go_on(job: Job, worded: anyio.Event) -> None:
            def tell(done: int, total: int, text: str) -> None:
                (progress or quiet)(done, total, text)
                if text == STAGE:
                    worded.set()

            try:
                with suppress(SophiaError):  # its row says why
                    reports.append(await self._do(job.id, job.request, tell))
            finally:
                worded.set()

        try:
            async with anyio.create_task_group() as tasks:
                for taken in await self.jobs.resumable(scope, KIND, silent=silent):
                    await self.jobs.renew(scope, taken.id)
                    job = await self.jobs.get(scope, taken.id)
                    if job.worker != self.jobs.worker:
                        continue  # while others were resumed here, another process took it over
                    root, ref = Path(job.request["root"]), job.request["ref"]
                    if job.cancel:
                        await self._steps.halt(root, ref)
                        await self._steps.end(job.id, "stopped")
                    elif await views.find(self.storage.database, root, ref, scope) is None:
                        await self._steps.end(job.id, "fail", "cut off; not indexed any more")
                    else:
                        worded = anyio.Event()
                        tasks.start_soon(go_on, job, worded)
                        await worded.wait()
        except BaseExceptionGroup as several:
            raise first(several) from None
        return reports

    async def warm(self) -> None:
        """Start a worker before it is needed."""
        await self._steps.pool.warm()

    async def close(self) -> None:
        """End the worker processes."""
        await self._steps.pool.close()

    def live(self, view: View, seconds: float) -> None:
        """A watcher of this process says that it will report every change for so long."""
        self._watched[view.id] = time.monotonic() + seconds

    async def _update(self, view: View, job: str, *, full: bool, progress: Progress) -> IndexReport:
        started = time.monotonic()
        async with self._steps.turn(view, WAIT_S, job, progress) as mine:
            if mine is None:
                raise StoreBusy(
                    f"{view.label} is being indexed by another process", next="ask for its status"
                )
            with self._steps.stoppable(view):
                view = await self._steps.load(view)
                target = replace(self._steps.target(view), afresh=full)
                if not view.files_total:
                    await self.warm()  # a worker starts in the time that the first look takes
                try:
                    look = await self.trees.look(view, target)
                    run = await self._steps.carry_out(view, target, look, mine, progress, job, started)
                except NotFound as problem:
                    await self._steps.fail(view, problem)
                    raise
                view = await self._steps.load(view)
                await self._steps.later(view, mine, progress, job)
            notes = await self._collector.after_run(view, self.room)
        await self._steps.embed(view, self.distant, progress, job, again=full)
        notes += await self.distant.lack(view)
        async with self.storage.database.read(self.storage.scope) as tx:
            return await describe(
                tx, await self._steps.load(view), changed=run.changed, removed=run.removed, notes=notes
            )


async def _served(
    index: Index, steps: Steps, current: View, watched: bool, within: float
) -> View | None:
    """What an answer is given without a turn of its own; None where one must be taken for it."""
    at_work = steps.queue.lock(current).locked()
    # A watcher at work waits for its turn like anybody else, and shows nothing meanwhile.
    followed = watched and not at_work
    under_way = at_work and current.state == "indexing"
    if followed or under_way or index.trees.seen(current).is_fresh(within):
        return current
    beside = steps.queue.is_beside(current)
    if index.trees.seen(current).behind:
        behind = _behind(current)
        if beside or await holder_elsewhere(index.storage.database, lease_of(current)):
            return behind  # as a look would find it, for less
    else:
        behind = current
    if not watched and within > 0 and await _is_looked_after(index, current):
        return behind
    if beside:
        found = await difference(steps, current, steps.target(current))
        if isinstance(found, View):
            return found
        index.trees.seen(current).behind = True
    return None


async def _caught_up(index: Index, steps: Steps, view: View, look: Look) -> View:
    """The view after a run of its own; it says so where it does not show what a look found, because that run goes
    on or was stopped."""
    index.trees.seen(view).behind = True  # whoever asks meanwhile is told, too
    try:
        if index.apart is not None:
            await index.apart(view)
    except (*_UNWRITABLE, Stopped) as problem:
        return replace(await steps.load(view), behind=str(problem))
    found = await steps.load(view)
    shown = found.state == "ready" and found.reconciled_ns > look.begun_ns
    return found if shown or found.cancelled else _behind(found)


async def _is_looked_after(index: Index, view: View) -> bool:
    """Whether another process watches the tree of a view, or looked at it within the second."""
    database = index.storage.database
    watcher = await holder_elsewhere(database, f"watch:{view.id}", silent_s=SILENT_S)
    if watcher and await holder_elsewhere(database, lease_of(view)) in ("", watcher):
        return True
    # The first look of a process is its own: whoever starts one has most likely just changed something.
    name = f"look:{view.id}"
    looked = index.trees.seen(view).age < inf
    return looked and not await is_first(database, name, RECONCILE_S, clock=index.clock)


def _behind(view: View) -> View:
    """A view that waits for a run to end, and says so."""
    return replace(view, behind=_UNDER_WAY if view.state == "indexing" else _BUSY)
