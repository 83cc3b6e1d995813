"""How does a tree become, and stay, searchable?

``update`` brings a whole view to its tree; ``reconcile`` does so before an answer, as cheaply as
it can; ``refresh`` reads single files again. All three plan from the difference between the tree
and what is stored, let worker processes prepare the files, and commit batch after batch, so that
a run that is cut off has lost nothing and search answers all the while.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import anyio
import anyio.to_thread

from sophia_mcp.errors import NotFound, SophiaError, StoreBusy
from sophia_mcp.index import views
from sophia_mcp.index.collect import collect, forget_repo, forget_view
from sophia_mcp.index.ignore import Choice
from sophia_mcp.index.later import Embed, add_trigrams, add_vectors
from sophia_mcp.index.parse import VERSION
from sophia_mcp.index.prepare import EncoderOpener, Task
from sophia_mcp.index.register import register
from sophia_mcp.index.report import describe
from sophia_mcp.index.run import SMALL, Progress, Run, Stopped, Storage, publish, quiet
from sophia_mcp.index.trees import Look, Trees
from sophia_mcp.index.turn import Turn, is_held_elsewhere, turn
from sophia_mcp.index.views import View
from sophia_mcp.index.walk import stamp_of
from sophia_mcp.index.workers import Pool
from sophia_mcp.index.write import Target
from sophia_mcp.store.jobs import Jobs
from sophia_mcp.types import IndexReport

RECONCILE_S = 1.0
"""An unwatched tree is looked at no more often than this."""

WAIT_S = 3600.0
"""How long a run waits for another process that indexes the same repository."""

REFRESH_WAIT_S = 0.25
TELL_S = 1.0
KIND = "index"


@dataclass(frozen=True, slots=True)
class Model:
    """How chunks become vectors: ``encoder`` opens in each worker, or ``embed`` is asked when the
    words are stored. Neither: no vectors."""

    id: str = ""
    encoder: EncoderOpener | None = None
    embed: Embed | None = None


@dataclass(slots=True)
class Index:
    """The index of one store. Close it to end its worker processes."""

    storage: Storage
    model: Model = field(default_factory=Model)
    jobs: Jobs | None = None
    workers: int = 0
    defaults: Choice = field(default_factory=Choice)
    _pool: Pool = field(init=False)
    _trees: Trees = field(init=False)
    _locks: dict[int, anyio.Lock] = field(default_factory=dict)
    _stopping: set[int] = field(default_factory=set)
    _watched: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._pool = Pool(self.model.encoder, self.workers) if self.workers else Pool(self.model.encoder)
        self._trees = Trees(self.storage.database, self.storage.scope, self.defaults)

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
    ) -> IndexReport:
        """Bring the view of a folder (or of one of its refs) to its tree; only what changed is read.

        ``full`` reads everything again. Raises BadArgument for what is no folder, NotFound for an
        unknown ref, Stopped when the run was cancelled, StoreBusy when another process holds the
        repository for too long.
        """
        root = Path(await (await anyio.Path(root).expanduser()).resolve())
        request = {"root": str(root), "ref": ref, "full": full, "trusted": trusted}
        job = await self.jobs.start(self.storage.scope, KIND, request) if self.jobs else ""
        try:
            view = await register(
                self.storage.database,
                root,
                ref,
                self.storage.scope,
                include=include,
                exclude=exclude,
                trusted=trusted,
                watch=watch,
            )
            report = await self._update(view, job, full=full, progress=progress or quiet)
        except Stopped:
            await self._end(job, "stopped")
            raise
        except SophiaError as problem:
            await self._end(job, "fail", str(problem))
            raise
        await self._end(job, "finish", {"repo": report.repo, "seconds": report.seconds})
        return report

    async def reconcile(self, view: View, *, now: bool = False) -> View:
        """The view after a look at its tree: at most once a second, and not at all where a live
        watcher follows it. Serves what is there while another run is at work.

        ``now`` looks in any case, and waits for a run of this process that is at work.
        """
        current = await self._load(view)
        lock = self._lock(current)
        if not now:
            watched = self._watched.get(current.id, 0) > time.monotonic()
            if watched or lock.locked() or self._trees.age(current) < RECONCILE_S:
                return current
            if await is_held_elsewhere(self.storage.database, f"watch:{current.id}"):
                return current
        async with lock:
            current = await self._load(view)
            target = self._target(current)
            try:
                look = await self._trees.look(current, target)
            except NotFound as problem:
                return await self._fail(current, problem)
            if not look.plan.size and not self._differs(current, look):
                return replace(current, reconciled_ns=time.time_ns())
            async with turn(self.storage.database, _lease(current), REFRESH_WAIT_S) as mine:
                if mine is None:
                    return current
                await self._carry_out(current, target, look, mine, quiet, None)
        return await self._load(current)

    async def refresh(self, view: View, paths: Sequence[str], *, wait: bool = False) -> View:
        """The view after these files were read again. While a run of this process is at work it
        stays as it is, unless ``wait`` says to come after it."""
        current = await self._load(view)
        if not current.on_disk or (self._lock(current).locked() and not wait):
            return current
        async with self._lock(current):
            current = await self._load(view)
            target = self._target(current)
            known = await self._trees.known(current, target)
            tasks = []
            for path in dict.fromkeys(paths):
                stamp = stamp_of(f"{current.root}/{path}")
                held = known.get(path)
                if held is not None and stamp != held.stamp:
                    tasks.append(Task(path, stamp or held.stamp, held.hash if held.current else ""))
            if not tasks:
                return current
            async with turn(self.storage.database, _lease(current), REFRESH_WAIT_S) as mine:
                if mine is None:
                    return current
                run = self._run(current, target, mine, quiet, None)
                await run.read_again(self._trees.place(current), tasks)
            current = await self._load(current)
            self._trees.learn(current, current.generation, run.learned)
        return current

    async def resolve(self, place: str | None, project_root: Path | None = None) -> View:
        """The view that a name or path means. Raises NotIndexed and NotFound."""
        return await views.resolve(self.storage.database, place, project_root, self.storage.scope)

    async def report(self, view: View) -> IndexReport:
        """What there is to say about a view."""
        current = await self._load(view)
        async with self.storage.database.read(self.storage.scope) as tx:
            return await describe(tx, current)

    async def forget(self, view: View) -> None:
        """Remove a view; with its last one, the repository and everything made from it."""
        await self.cancel(view)
        async with self._lock(view), turn(self.storage.database, _lease(view), WAIT_S) as mine:
            if mine is None:
                raise StoreBusy(f"{view.label} is being indexed", next="cancel that run, or wait for it")
            self._trees.forget(view.id)
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
                await forget_repo(self.storage, view.repo_id)

    async def cancel(self, view: View) -> bool:
        """Ask the runs over a view's repository to stop, whichever process they are in."""
        asked = self._lock(view).locked()
        if asked:
            self._stopping.add(view.repo_id)
        if self.jobs is not None:
            for job in await self.jobs.latest(self.storage.scope):
                if job.state == "running" and job.kind == KIND and job.request.get("root") == view.root:
                    asked = await self.jobs.cancel(self.storage.scope, job.id) or asked
        return asked

    async def resume(self, progress: Progress | None = None) -> list[IndexReport]:
        """Run again what was cut off when a process died. Runs that fail again say so in their rows."""
        reports = []
        for job in await self.jobs.resumable(self.storage.scope, KIND) if self.jobs else []:
            request = job.request
            await self._end(job.id, "fail", "cut off; continued by another run")
            try:
                reports.append(
                    await self.update(
                        Path(request["root"]),
                        ref=request["ref"],
                        trusted=request["trusted"],
                        progress=progress,
                    )
                )
            except SophiaError:
                continue  # its row says why
        return reports

    async def warm(self) -> None:
        """Start a worker before it is needed."""
        await self._pool.warm()

    async def close(self) -> None:
        """End the worker processes."""
        await self._pool.close()

    def folders(self, view: View) -> frozenset[str]:
        """The folders on disk that hold a view's files, as last looked at."""
        return self._trees.folders(view)

    def knows(self, view: View, path: str) -> Literal["file", "skip", ""]:
        """Whether ``path`` was a file to read, or one to leave out, when last looked at."""
        return self._trees.knows(view, path)

    def live(self, view: View, seconds: float) -> None:
        """A watcher of this process says that it will report every change for so long."""
        self._watched[view.id] = time.monotonic() + seconds

    async def _update(self, view: View, job: str, *, full: bool, progress: Progress) -> IndexReport:
        started = time.monotonic()
        async with self._lock(view), turn(self.storage.database, _lease(view), WAIT_S) as mine:
            if mine is None:
                raise StoreBusy(
                    f"{view.label} is being indexed by another process", next="ask for its status"
                )
            self._stopping.discard(view.repo_id)
            view = await self._load(view)
            target = replace(self._target(view), afresh=full)
            try:
                look = await self._trees.look(view, target)
                run = await self._carry_out(view, target, look, mine, progress, job, started)
            except NotFound as problem:
                await self._fail(view, problem)
                raise
            view = await self._load(view)
            await self._later(view, look, mine, progress, job)
        async with self.storage.database.read(self.storage.scope) as tx:
            return await describe(tx, await self._load(view), changed=run.changed, removed=run.removed)

    async def _carry_out(
        self,
        view: View,
        target: Target,
        look: Look,
        mine: Turn,
        progress: Progress,
        job: str | None,
        started: float = 0.0,
    ) -> Run:
        run = self._run(view, target, mine, progress, job)
        try:
            await run.carry_out(look)
        except BaseException:
            self._trees.forget(view.id)
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
        )
        published = await self._load(view)
        self._trees.learn(published, published.generation, run.learned)
        return run

    async def _later(self, view: View, look: Look, mine: Turn, progress: Progress, job: str) -> None:
        """What is not needed to be searched by words."""
        go_on = self._go_on(view, job)

        async def tell(done: int, total: int, stage: str) -> None:
            progress(done, total, stage)
            await mine.keep()
            await go_on(done, total, stage)

        if self.model.embed is not None:
            await add_vectors(self.storage, view, self.model.id, self.model.embed, tell)
        await add_trigrams(self.storage, view, tell)
        if view.stage != "done":
            async with self.storage.database.write(self.storage.scope) as tx:
                await tx.run("UPDATE views SET stage = 'done' WHERE id = :id", {"id": view.id})
        await collect(self.storage, view.repo_id)

    def _run(self, view: View, target: Target, mine: Turn, progress: Progress, job: str | None) -> Run:
        return Run(self.storage, self._pool, view, target, mine, progress, self._go_on(view, job))

    def _go_on(self, view: View, job: str | None) -> Callable[[int, int, str], Awaitable[None]]:
        """What tells the job's row how far the run is, once a second, and stops the run when asked.
        Work without a job (None) is small and not stopped."""
        told = 0.0

        async def go_on(done: int, total: int, text: str) -> None:
            nonlocal told
            stop = job is not None and view.repo_id in self._stopping
            if not stop and self.jobs is not None and job and time.monotonic() - told >= TELL_S:
                told = time.monotonic()
                stop = not await self.jobs.progress(self.storage.scope, job, done, total, text)
            if stop:
                raise Stopped(
                    "the run was cancelled", next="index it again to continue where it stopped"
                )

        return go_on

    def _target(self, view: View) -> Target:
        model = self.model.id if self.model.encoder is not None else ""
        return Target(view.id, view.repo_id, VERSION, model)

    def _differs(self, view: View, look: Look) -> bool:
        """Whether what is said about a tree changed though no file did."""
        return (view.commit, view.branch, view.detection, view.state) != (
            look.commit,
            look.branch,
            look.detection,
            "ready",
        )

    def _lock(self, view: View) -> anyio.Lock:
        return self._locks.setdefault(view.repo_id, anyio.Lock())

    async def _load(self, view: View) -> View:
        async with self.storage.database.read(self.storage.scope) as tx:
            found = await views.load(tx, view.id)
        if found is None:
            raise NotFound(
                f"{view.label} is no longer indexed", why="it was forgotten", next="index it again"
            )
        return found

    async def _fail(self, view: View, problem: SophiaError) -> View:
        async with self.storage.database.write(self.storage.scope) as tx:
            await tx.run(
                "UPDATE views SET state = 'failed', reason = :reason WHERE id = :id",
                {"id": view.id, "reason": str(problem)},
            )
        return await self._load(view)

    async def _end(self, job: str, how: str, result: Any = None) -> None:
        if self.jobs is None or not job:
            return
        with anyio.CancelScope(shield=True):
            if how == "finish":
                await self.jobs.finish(self.storage.scope, job, result)
            elif how == "fail":
                await self.jobs.fail(self.storage.scope, job, str(result))
            else:
                await self.jobs.stopped(self.storage.scope, job)


def _lease(view: View) -> str:
    return f"index:{view.repo_id}"
