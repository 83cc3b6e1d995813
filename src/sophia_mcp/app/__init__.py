"""The composition root: wires the parts of a process into one `App`.

Opening an `App` is instant: each part opens on first use, once, and everything closes in reverse.
The app also owns the tasks of long work, so that no run is tied to the request that began it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from sophia_mcp.app import clones, code, memory, models, money, stores, swarms
from sophia_mcp.app.parts import Once, Parts
from sophia_mcp.errors import Bug, DiskFull, NotFound, OutsideRoots, SophiaError
from sophia_mcp.ops.background import Background
from sophia_mcp.settings import calm_libraries
from sophia_mcp.types import Answer, IndexReport, Request

if TYPE_CHECKING:
    from sophia_mcp.index.views import View
    from sophia_mcp.security.paths import Roots
    from sophia_mcp.settings import Settings

Progress = Callable[[int, int, str], None]
"""Called with files done, files in all, and the path or stage at hand."""


WAIT_S = 5.0
"""How long an answer waits for a run that reads a tree; then it stands on what is there and says so."""

_AS_IT_IS = (False, None, None)


@dataclass
class IndexRun:
    """One index run in the background. Several callers may wait for the same run. ``before`` holds what
    comes before the index has to do with it: a run that is waited for, and a clone of ``url``, which says
    nothing of who asks."""

    target: str
    asked: tuple[bool, Sequence[str] | None, Sequence[str] | None] = _AS_IT_IS
    url: str = ""
    before: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    begun: anyio.Event = field(default_factory=anyio.Event)
    worded: anyio.Event = field(default_factory=anyio.Event)
    done: anyio.Event = field(default_factory=anyio.Event)
    report: IndexReport | None = None
    error: SophiaError | None = None
    progress: tuple[int, int, str] = (0, 0, "starting")

    async def wait(
        self,
        seconds: float,
        every: float = 2.0,
        tell: Callable[[int, int, str], Awaitable[None]] | None = None,
    ) -> bool:
        """Wait at most ``seconds``, telling progress every few seconds; whether the run has ended.

        Raises the run's own error when it failed.
        """
        with anyio.move_on_after(seconds):
            while not self.done.is_set():
                with anyio.move_on_after(every):
                    await self.done.wait()
                if tell is not None:
                    await tell(*self.progress)
        if self.error is not None:
            raise self.error
        return self.done.is_set()

    async def answerable(self, seconds: float) -> None:
        """Wait at most ``seconds`` until nothing but the vectors of a distant model is still to come, which may
        take minutes. Raises the run's own error."""
        with anyio.move_on_after(seconds):
            await self.worded.wait()
        if self.error is not None:
            raise self.error

    async def registered(self) -> None:
        """Wait until the run has a view that a search can stand on. Raises the run's own error."""
        await self.begun.wait()
        if self.error is not None:
            raise self.error


@dataclass(frozen=True)
class App(Parts):
    """Everything one process needs. Call a part to get it: ``await app.engine()``."""

    runs: dict[str, IndexRun] = field(default_factory=dict)
    watched: set[Path] = field(default_factory=set)

    async def start_index(
        self,
        target: str,
        *,
        ref: str = "",
        full: bool = False,
        include: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        trusted: bool = False,
        url: str = "",
        again: bool = False,
    ) -> IndexRun:
        """Start indexing a folder, or join the run that is already at it, but for ``again`` not one that has read
        the folder and waits for vectors; where more is asked for than that one does (``full``, ``include``,
        ``exclude``), begin when it has ended. With a ``url``, the run first clones it there, or brings that clone
        up to date."""
        from sophia_mcp.index import views
        from sophia_mcp.index.disk import clone
        from sophia_mcp.index.run import Stopped

        # Opened first: a caller that is cancelled meanwhile leaves no run behind that others would join.
        index = await self.index()
        key = f"{target}@{ref}"
        running = self.runs.get(key)
        if running is not None and again and running.worded.is_set():
            running = None
        asked = (full, include, exclude)
        if running is not None and not running.done.is_set() and asked in (_AS_IT_IS, running.asked):
            return running
        run = self.runs[key] = IndexRun(key, asked, clone.plain(url) if url else "")

        async def work(tell: Progress) -> IndexReport:
            async def before() -> None:
                with run.before:
                    if running is not None and not running.done.is_set():
                        tell(0, 0, "waiting for the run before it")
                        await running.done.wait()
                    if url:
                        tell(0, 0, "cloning")
                        await clone.fetch(url, clones.home(self), clones.policy(self))
                if run.before.cancel_called:
                    raise Stopped("the run was cancelled", next="index it again")

            # Told before it begins: a later cancellation ends a run that is registered and can be asked about.
            waits = (
                url or run.before.cancel_called or (running is not None and not running.done.is_set())
            )
            report = await index.update(
                Path(target),
                ref=ref,
                full=full,
                include=include,
                exclude=exclude,
                trusted=trusted,
                progress=tell,
                before=before if waits else None,
            )
            shown = {view.root for view in await views.repositories(await self.database())}
            await anyio.to_thread.run_sync(clone.sweep, clones.home(self), shown)
            return report

        self.tasks.start(f"index {key}", _drive, run, work)
        return run

    async def roots(self, project: Path | None) -> Roots:
        """What may be read: the project, and the folders a person indexed from the command line."""
        from sophia_mcp.index import views

        return _roots(self, await views.repositories(await self.database()), project)

    async def view(
        self, repo: str | None, project: Path | None, *, wait_s: float = 0.0, trusted: bool = False
    ) -> View:
        """The view a question means, inside the roots. One that was never indexed is begun at once
        and waited for at most ``wait_s``; the answer then stands on what is there. One whose run somebody
        cancelled is left as it is.

        Raises OutsideRoots, NotFound, NotIndexed.
        """
        from sophia_mcp.errors import NotIndexed
        from sophia_mcp.index import views
        from sophia_mcp.index.run import Stopped

        repo = await clones.named(self, repo)
        database = await self.database()
        known = await views.repositories(database)
        try:
            found = _chosen(self, known, repo, project)
            running = self.runs.get(f"{found.root}@{found.ref}")
            failed = running is not None and running.error is not None
            if found.read_again:
                running = None  # nothing to wait for
            elif found.state != "ready" and not found.cancelled and (running is None or failed):
                running = await self.start_index(found.root, ref=found.ref, trusted=trusted)
            elif running is not None and running.worded.is_set():
                running = None  # its error was for those who waited
        except NotIndexed:
            folder, ref = _folder(self, known, repo, project)
            running = await self.start_index(str(folder), ref=ref, trusted=trusted)
            await running.registered()
            found = None
        if running is not None:
            with suppress(Stopped):  # what is there answers all the same
                await running.answerable(wait_s)
            found = _chosen(self, await views.repositories(database), repo, project)
        assert found is not None
        if not views.is_noted(found):
            self.tasks.start("noting a use", views.touch, database, found)
        return found

    async def names(self, inside: Roots | None = None) -> list[str]:
        """Names of the indexed repositories, all of them or those inside some roots."""
        from sophia_mcp.index import views

        known = await views.repositories(await self.database())
        return sorted({view.label for view in known if inside is None or inside.root_of(view.root)})

    async def answer(
        self,
        request: Request,
        *,
        project: Path | None,
        wait_s: float = WAIT_S,
        trusted: bool = False,
    ) -> Answer:
        """Answer one request about its repository (None: the project; ``*``: all inside the roots)."""
        from sophia_mcp.index import views
        from sophia_mcp.search.answer import search
        from sophia_mcp.search.everywhere import search_everywhere

        engine = await self.engine()
        if request.repo == "*":
            known = await views.repositories(await self.database())
            roots = _roots(self, known, project)
            inside = [view for view in known if view.on_disk and roots.root_of(view.root) is not None]
            return await search_everywhere(engine, inside, request)
        view = await self.view(request.repo, project, wait_s=wait_s, trusted=trusted)
        return await search(engine, view, request, fresh=True)

    async def begin(
        self,
        place: str | None,
        project: Path | None,
        *,
        full: bool = False,
        include: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        watch: bool = False,
    ) -> IndexRun:
        """Start indexing what an agent names: a folder or repository inside the roots, or a git URL
        where a person allowed cloning. Raises OutsideRoots, NotAllowed, NotFound."""
        from sophia_mcp.index import views
        from sophia_mcp.index.disk import clone

        url = place if place is not None and clone.is_url(place) else ""
        if url:
            clone.check(url, clones.policy(self))
            folder, ref = clone.folder_for(url, clones.home(self)), ""
        else:
            known = await views.repositories(await self.database())
            folder, ref = _folder(self, known, place, project)
        run = await self.start_index(
            str(folder), ref=ref, full=full, include=include, exclude=exclude, url=url
        )
        if watch and not ref:
            self.tasks.start(f"watch {folder}", self.watch, folder)
        return run

    async def existing(self, place: str | None, project: Path | None) -> View:
        """The indexed view a name or path means, inside the roots. Raises NotFound, NotIndexed, OutsideRoots."""
        from sophia_mcp.errors import NotIndexed
        from sophia_mcp.index import views

        place = await clones.named(self, place)
        known = await views.repositories(await self.database())
        try:
            return _chosen(self, known, place, project)
        except NotIndexed:
            _folder(self, known, place, project)  # what may not be indexed is not proposed
            raise

    async def report(self, run: IndexRun) -> IndexReport:
        """What a run has made of its view so far."""
        if (view := await _view_of(self, run)) is None:
            folder = run.target.rpartition("@")[0]
            return IndexReport(folder, folder, "indexing")
        return await (await self.index()).report(view)

    async def stop(self, run: IndexRun) -> None:
        """Ask one run to stop, and none of another ref of its folder. Raises the run's own error."""
        run.before.cancel()
        if (view := await _view_of(self, run)) is not None:
            await (await self.index()).cancel(view, only=True)

    async def forget(self, view: View) -> bool:
        """Drop the index of a view, and the clone it was made from; whether there was one. Raises DiskFull, which
        says how much room that takes: what is dropped is written down first."""
        from sophia_mcp.index.disk import clone

        try:
            await (await self.index()).forget(view)
        except DiskFull as full:
            raise stores.without_room(self.settings.home, full) from full
        if not view.on_disk or clones.home(self) not in Path(view.root).parents:
            return False
        await anyio.to_thread.run_sync(clone.remove, clones.home(self), Path(view.root))
        return True

    async def reports(
        self, project: Path | None = None, *, everything: bool = False
    ) -> list[IndexReport]:
        """The state of every indexed view inside the roots (of ``everything``, for a person)."""
        from sophia_mcp.index import views

        index = await self.index()
        known = await views.repositories(await self.database())
        roots = _roots(self, known, project)
        inside = [view for view in known if everything or roots.root_of(view.root) is not None]
        return [await index.report(view) for view in inside]

    async def coverage(
        self, repo: str, project: Path | None
    ) -> tuple[IndexReport, list[tuple[str, str]]]:
        """The report of a repository and (path, reason) of every skipped file."""
        from sophia_mcp.index.report import skips
        from sophia_mcp.types import LOCAL

        view = await self.existing(repo, project)
        report = await (await self.index()).report(view)
        async with (await self.database()).read(LOCAL) as tx:
            return report, await skips(tx, view, limit=100_000)

    async def outline(self, repo: str, project: Path | None, max_tokens: int) -> str:
        """The ranked map of a repository."""
        from sophia_mcp.search.repomap import outline

        view = await self.existing(repo, project)
        return await outline(await self.engine(), view, max_tokens=max_tokens)

    cancel = clones.cancel
    placed = swarms.placed

    async def watch(self, folder: Path) -> None:
        """Follow the changes of an indexed folder until cancelled; returns when it was never indexed, or is followed by
        this process already."""
        from sophia_mcp.index import views
        from sophia_mcp.index.watch import watch

        if folder in self.watched:
            return
        self.watched.add(folder)
        followed = 0
        try:
            while True:  # a folder that was forgotten and indexed again has another view
                if (run := self.runs.get(f"{folder}@")) is not None:
                    await run.worded.wait()
                view = await views.find(await self.database(), folder)
                if view is None or view.id == followed:
                    return
                followed = view.id
                await watch(await self.index(), view)
        finally:
            self.watched.discard(folder)


async def _view_of(app: App, run: IndexRun) -> View | None:
    """The view that a run fills. Raises the run's own error."""
    from sophia_mcp.index import views

    await run.registered()
    folder, _, ref = run.target.rpartition("@")
    return await views.find(await app.database(), Path(folder), ref)


def _chosen(app: App, known: Sequence[View], place: str | None, project: Path | None) -> View:
    """The view inside the roots that a name or path means; a tree around it that may not be read does not
    stand in its way. Raises OutsideRoots, NotFound, NotIndexed."""
    from sophia_mcp.index import views

    if place is None and project is not None and (own := _own(known, project)) is not None:
        return own
    found = views.choose(known, place, project)
    roots = _roots(app, known, project)
    try:
        roots.resolve(found.root)
    except OutsideRoots as refused:
        try:
            return views.choose([view for view in known if roots.root_of(view.root)], place, project)
        except NotFound:
            raise _gone(known, found.root, project) or refused from None
    return found


def _gone(known: Sequence[View], root: str, project: Path | None) -> NotFound | None:
    """Says that a folder which might be read is there no more; None for any other."""
    view = next((view for view in known if view.root == root and view.on_disk and view.trusted), None)
    if (view is None and root != str(project)) or os.path.lexists(root):
        return None
    forget = f"; {view.name} is forgotten with: sophia repos --forget {view.name}" if view else ""
    return NotFound(
        f"the folder {root} is gone",
        why="it was moved or deleted",
        next=f"index its new place{forget}",
    )


def _folder(
    app: App, known: Sequence[View], place: str | None, project: Path | None
) -> tuple[Path, str]:
    """The folder on disk a place means, a path or the root of a repository's name, and the ref that is asked for with
    it. Raises OutsideRoots, NotFound."""
    from sophia_mcp.index import views

    place, ref = views.split(known, place, project)
    called = [view for view in known if place in (view.name, view.repo)]
    named = min(called, key=lambda view: not view.on_disk, default=None)
    path = views.as_path(place, project) if named is None else Path(named.root)
    try:
        return _roots(app, known, project).resolve(path or place), ref
    except OutsideRoots as refused:
        raise _gone(known, str(path), project) or refused from None


def _own(known: Sequence[View], project: Path) -> View | None:
    """The view of the project's own tree: what most questions mean, and inside the roots as it is one of them.
    None where there is none, or where that folder is gone or a link by now."""
    root = str(project)
    try:
        if not stat.S_ISDIR(os.lstat(root).st_mode):
            return None
    except OSError:
        return None
    return next((view for view in known if view.root == root and view.on_disk), None)


def _roots(app: App, known: Sequence[View], project: Path | None) -> Roots:
    """What may be read when these views are known."""
    from sophia_mcp.security.paths import Roots

    trusted = [Path(view.root) for view in known if view.trusted and view.root]
    own = [project] if project is not None else []
    return Roots.of(dict.fromkeys([*own, *trusted, clones.home(app)]))  # most are the same folder


async def _catch_up(app: App, view: View) -> None:
    """Bring a view to its tree in a run of its own, and wait for it as long as an answer does. Raises the run's own
    error."""
    run = await app.start_index(view.root, ref=view.ref, again=True)
    await run.answerable(WAIT_S)


async def _drive(run: IndexRun, work: Callable[[Progress], Awaitable[IndexReport]]) -> None:
    from sophia_mcp.index.distant import STAGE

    def tell(done: int, total: int, text: str) -> None:
        run.progress = (done, total, text)
        run.begun.set()
        if text == STAGE:
            run.worded.set()

    try:
        run.report = await work(tell)
    except SophiaError as error:
        run.error = error
    except Exception as error:  # noqa: BLE001 - a run must end with an answer for those who wait
        from sophia_mcp.ops.logs import get_logger

        run.error = bug = Bug()
        get_logger("app").error("bug", id=bug.id, exc_info=error)
    finally:
        run.begun.set()
        run.worded.set()
        run.done.set()


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[App]:
    """The app for these settings; on leaving, running work is cancelled and every file closed."""
    calm_libraries()
    async with AsyncExitStack() as stack, anyio.create_task_group() as tasks:
        app = App(
            settings,
            Background(tasks),
            stack,
            database=Once(lambda: stores.open_derived(app)),
            truth=Once(lambda: stores.open_truth(app)),
            jobs=Once(lambda: stores.open_jobs(app)),
            embedder=Once(lambda: code.open_embedder(app)),
            index=Once(lambda: code.open_index(app, partial(_catch_up, app))),
            engine=Once(lambda: code.open_engine(app)),
            money=Once(lambda: money.open_money(app)),
            models=Once(lambda: models.open_models(app)),
            memory=Once(lambda: memory.open_memory(app)),
            swarm=Once(lambda: swarms.open_swarm(app)),
        )
        try:
            yield app
        finally:
            tasks.cancel_scope.cancel()
