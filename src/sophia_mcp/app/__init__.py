"""The composition root: wires the parts of a process into one `App`.

Opening an `App` is instant: each part opens on first use, once, and everything closes in reverse.
The app also owns the tasks of long work, so that no run is tied to the request that began it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from sophia_mcp.app import clones, code, memory, models, money, places, stores, swarms
from sophia_mcp.app.parts import Once, Parts
from sophia_mcp.app.runs import AS_IT_IS, IndexRun, drive
from sophia_mcp.errors import DiskFull
from sophia_mcp.ops.background import Background
from sophia_mcp.settings import calm_libraries
from sophia_mcp.types import Answer, IndexReport, Request

if TYPE_CHECKING:
    from sophia_mcp.index.run import Progress
    from sophia_mcp.index.views import View
    from sophia_mcp.sections import Settings
    from sophia_mcp.security.paths import Roots

WAIT_S = 5.0
"""How long an answer waits for a run that reads a tree; then it stands on what is there and says so."""


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
        if running is not None and not running.done.is_set() and asked in (AS_IT_IS, running.asked):
            return running
        run = self.runs[key] = IndexRun(target, ref, asked, clone.plain(url) if url else "")

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

        self.tasks.start(f"index {key}", drive, run, work)
        return run

    async def roots(self, project: Path | None) -> Roots:
        """What may be read: the project, and the folders a person indexed from the command line."""
        from sophia_mcp.index import views

        return places.roots(self, await views.repositories(await self.database()), project)

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
            found = places.chosen(self, known, repo, project)
            running = self.runs.get(f"{found.root}@{found.ref}")
            failed = running is not None and running.error is not None
            if found.read_again:
                running = None  # nothing to wait for
            elif found.state != "ready" and not found.cancelled and (running is None or failed):
                running = await self.start_index(found.root, ref=found.ref, trusted=trusted)
            elif running is not None and running.worded.is_set():
                running = None  # its error was for those who waited
        except NotIndexed:
            folder, ref = places.folder(self, known, repo, project)
            running = await self.start_index(str(folder), ref=ref, trusted=trusted)
            await running.registered()
            found = None
        if running is not None:
            with suppress(Stopped):  # what is there answers all the same
                await running.answerable(wait_s)
            found = places.chosen(self, await views.repositories(database), repo, project)
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
            roots = places.roots(self, known, project)
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
            folder, ref = places.folder(self, known, place, project)
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
            return places.chosen(self, known, place, project)
        except NotIndexed:
            places.folder(self, known, place, project)  # what may not be indexed is not proposed
            raise

    async def report(self, run: IndexRun) -> IndexReport:
        """What a run has made of its view so far."""
        if (view := await _view_of(self, run)) is None:
            return IndexReport(run.folder, run.folder, "indexing")
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
        roots = places.roots(self, known, project)
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
    return await views.find(await app.database(), Path(run.folder), run.ref)


async def _catch_up(app: App, view: View) -> None:
    """Bring a view to its tree in a run of its own, and wait for it as long as an answer does. Raises the run's own
    error."""
    run = await app.start_index(view.root, ref=view.ref, again=True)
    await run.answerable(WAIT_S)


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
