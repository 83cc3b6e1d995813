"""What does the server keep while it runs, and which project is a caller in?

The app opens in a task of its own when the first call needs it: `tools/list` is answered before
that, and a setting that is wrong fails the call that met it, not the server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import anyio
from mcp.server import ServerRequestContext
from mcp.server.context import CallNext, HandlerResult

from sophia_mcp.errors import Bug, NoProjectRoot, SophiaError
from sophia_mcp.ops.background import Background
from sophia_mcp.search.reply.render import render
from sophia_mcp.server import project_root, sdk
from sophia_mcp.server.changes import Changes
from sophia_mcp.server.tasks import Tasks
from sophia_mcp.types import Request

if TYPE_CHECKING:
    from sophia_mcp.app import App
    from sophia_mcp.app.runs import IndexRun
    from sophia_mcp.cost.ledger.alerts import Alert
    from sophia_mcp.cost.money import Money
    from sophia_mcp.store.jobs import Jobs
    from sophia_mcp.swarm.swarm import Swarm

OpenApp = Callable[[Path | None], AbstractAsyncContextManager["App"]]
"""Opens the app for a project; raises an error of ours when its settings are wrong."""

Environment = Callable[[str], str | None]
"""One variable of the process, looked up when it is needed: reading settings is not free."""

RESUME_S = 5.0
"""How often it is asked whether another process died in the middle of a run."""

_caller: ContextVar[ServerRequestContext[Any, Any]] = ContextVar("caller")
"""The request being answered. Set for every request, so that resources know their caller too."""


async def name_caller(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Middleware: everything below knows which request it works for."""
    _caller.set(ctx)
    return await call_next(ctx)


class _Opening:
    """One attempt to open the app, and everyone who waits for it."""

    def __init__(self, project: Path | None, heed: Callable[[Money], None]) -> None:
        self.project, self.heed = project, heed
        self.known, self.closing, self.closed = anyio.Event(), anyio.Event(), anyio.Event()
        self.app: App | None = None
        self.failure: SophiaError | None = None

    async def hold(self, open_app: OpenApp) -> None:
        """Keep the app open until told to close. It closes by itself, never by cancellation: workers
        and files want their farewell."""
        with anyio.CancelScope(shield=True):
            try:
                async with open_app(self.project) as self.app:
                    self.app.money.when_open(self.heed)
                    self.app.tasks.start("resuming of index runs", _resumed, self.app)
                    self.known.set()
                    await self.closing.wait()
            except SophiaError as failure:
                self.failure = failure
            except Exception as error:
                self.failure = Bug()
                raise self.failure from error
            finally:
                self.known.set()
                self.closed.set()


async def _resumed(app: App) -> None:
    """Go on with the index runs that died with their process, before this one began or while it lives."""
    index = await app.index()
    await index.resume()
    while True:
        await anyio.sleep(RESUME_S)
        # Whoever was silent may only have slept, as the whole machine does, and wakes just now.
        with suppress(SophiaError):  # a disk that is full has room again later
            await index.resume(silent=False)


class State:
    """Shared by all connections of one server process."""

    def __init__(self, open_app: OpenApp, *, root: Path | None, environment: Environment) -> None:
        self._open, self._root, self._environment = open_app, root, environment
        self._begun_in = project_root.working_folder()
        self._opening: _Opening | None = None
        self._projects: WeakKeyDictionary[Any, Path] = WeakKeyDictionary()
        self._followed: dict[str, IndexRun] = {}
        self._following = False
        self._keeper: Background | None = None
        self._background: Background | None = None
        self.changes = Changes()
        self.tasks = Tasks(lambda: self.background, self._jobs)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[State]:
        """The life of the server: tasks that outlive a request run inside, and end before the app."""
        async with anyio.create_task_group() as keeper:
            self._keeper = Background(keeper)
            try:
                async with anyio.create_task_group() as group:
                    self._background = Background(group)
                    try:
                        yield self
                    finally:
                        group.cancel_scope.cancel()
            finally:
                if self._opening is not None:
                    self._opening.closing.set()
                    with anyio.CancelScope(shield=True):
                        await self._opening.closed.wait()

    @property
    def background(self) -> Background:
        """Where work goes that outlives the request that began it."""
        assert self._background is not None, "the server is not running"
        return self._background

    async def open(self) -> tuple[App, Path | None]:
        """The app, opened on first use, and the caller's project; None where the caller is in none.

        Raises what kept the app from opening.
        """
        try:
            project: Path | None = await self.project()
        except NoProjectRoot:
            project = None
        return await self.app(project), project

    async def names(self) -> Sequence[str]:
        """The names of the repositories of the caller, in order."""
        app, project = await self.open()
        return await app.names(await app.roots(project))

    async def app(self, project: Path | None = None) -> App:
        """The app. The first caller's project decides whose `.sophia/config.toml` is read."""
        opening = self._opening
        if opening is None or opening.failure is not None:
            opening = self._opening = _Opening(project, self._heed)
            assert self._keeper is not None, "the server is not running"
            self._keeper.start("the store and its parts", opening.hold, self._open)
        if not opening.known.is_set():
            await opening.known.wait()
        if opening.failure is not None:
            raise opening.failure
        assert opening.app is not None
        return opening.app

    async def project(self) -> Path:
        """The root of the project the caller is in, found once for each connection; the one a person set,
        once for all of them. Raises NoProjectRoot."""
        context = _caller.get()
        peer = sdk.connection(context) if self._root is None else self
        if peer not in self._projects:
            self._projects[peer] = await project_root.find(
                configured=self._root,
                claude_project=self._environment("CLAUDE_PROJECT_DIR"),
                client_roots=_asking(context),
                working=project_root.working_folder(self._begun_in),
                home=Path.home(),
            )
        return self._projects[peer]

    async def answer(self, request: Request, *, wait_s: float) -> str:
        """The answer to a question, as the agent reads it. A project that was never indexed is begun,
        and waited for at most ``wait_s``."""
        app, project = await self.open()
        if request.repo is None and project is None:
            await self.project()  # raises, with what was tried
        try:
            answer = await app.answer(request, project=project, wait_s=wait_s)
        finally:
            self.follow(app, project if request.repo is None else None)
        return render(answer, request)

    async def forget_projects(self, _: object = None) -> None:
        """Ask again: a client said that its roots changed."""
        self._projects.clear()

    def follow(self, app: App, project: Path | None = None) -> None:
        """Announce the end of every run once, and watch the project once it is indexed: should that end, the
        next question begins it again."""
        for target, run in app.runs.items():
            if self._followed.get(target) is not run:
                self._followed[target] = run
                self.background.start("announcing of index runs", self._announce, run)
        if project is not None and app.settings.index.watch and project not in app.watched:
            self.background.start(f"watch {project}", app.watch, project)

    def follow_runs(self, swarm: Swarm) -> None:
        """Announce every change of a swarm run's timeline from now on."""
        if not self._following:
            self._following = True
            self.background.start("announcing of swarm runs", self._announce_runs, swarm)

    async def _announce_runs(self, swarm: Swarm) -> None:
        try:
            async with swarm.changed() as stream:
                async for run_id in stream:
                    await self.changes.run_changed(run_id)
        finally:
            self._following = False

    def _heed(self, money: Money) -> None:
        """Announce budget alerts from now on."""

        async def announce(alert: Alert) -> None:
            await self.changes.alerted(alert.facts())

        money.listen(announce)

    async def _announce(self, run: IndexRun) -> None:
        await run.done.wait()
        repo = run.report.repo if run.report is not None else None
        await self.changes.repository_changed(repo)

    async def _jobs(self) -> Jobs:
        return await (await self.app()).jobs()


def _asking(context: ServerRequestContext[Any, Any]) -> Callable[[], Awaitable[Sequence[str]]]:
    async def ask() -> Sequence[str]:
        return await sdk.client_roots(context)

    return ask
