"""What does the server keep while it runs, and which project is a caller in?

The app opens in a task of its own when the first call needs it: `tools/list` is answered before
that, and a setting that is wrong fails the call that met it, not the server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import anyio
from anyio.abc import TaskGroup
from mcp.server.mcpserver import Context

from sophia_mcp.errors import SophiaError
from sophia_mcp.server import project_root, sdk

if TYPE_CHECKING:
    from sophia_mcp.app import App
    from sophia_mcp.server.tasks import Tasks

OpenApp = Callable[[Path | None], AbstractAsyncContextManager["App"]]
"""Opens the app for a project; raises an error of ours when its settings are wrong."""

Environment = Callable[[str], str | None]
"""One variable of the process, looked up when it is needed: reading settings is not free."""

ROOTS_S = 5.0
"""How long a client may take to name its roots."""


class State:
    """Shared by all connections of one server process."""

    def __init__(self, open_app: OpenApp, *, root: Path | None, environment: Environment) -> None:
        self._open, self._root, self._environment = open_app, root, environment
        self._asked, self._answered = anyio.Event(), anyio.Event()
        self._project: Path | None = None
        self._app: App | None = None
        self._failure: BaseException | None = None
        self._projects: WeakKeyDictionary[Any, Path] = WeakKeyDictionary()
        self._watched: set[Path] = set()
        self.tasks: TaskGroup | None = None
        self.long_calls: Tasks | None = None

    async def run(self) -> None:
        """Hold the app open from the first call that needs it until cancelled; try again after a failure."""
        while True:
            await self._asked.wait()
            self._asked = anyio.Event()
            try:
                async with self._open(self._project) as app:
                    self._app = app
                    self._answered.set()
                    await anyio.sleep_forever()
            except SophiaError as failure:
                self._failure = failure
                self._answered.set()

    async def app(self, project: Path | None = None) -> App:
        """The app, opened on first use. Raises what kept it from opening."""
        if self._app is None:
            self._project, self._failure, self._answered = project, None, anyio.Event()
            self._asked.set()
            await self._answered.wait()
            if self._failure is not None:
                raise self._failure
        assert self._app is not None
        return self._app

    async def project(self, context: Context[Any]) -> Path:
        """The root of the project the caller is in. Raises NoProjectRoot."""
        peer = sdk.connection(context.request_context)
        if peer not in self._projects:
            self._projects[peer] = await project_root.find(
                configured=self._root or _path(self._environment("SOPHIA_ROOT")),
                claude_project=self._environment("CLAUDE_PROJECT_DIR"),
                client_roots=_asking(context),
                working=Path.cwd(),
                home=Path.home(),
            )
        return self._projects[peer]

    @property
    def root(self) -> Path | None:
        """The project the app was opened for: what a resource, which has no caller, is read for."""
        return self._project or self._root

    def forget_projects(self) -> None:
        """Ask again: a client said that its roots changed."""
        self._projects.clear()

    async def open(self, context: Context[Any]) -> tuple[App, Path | None]:
        """The app and the caller's project; None where the caller is in none."""
        try:
            project: Path | None = await self.project(context)
        except SophiaError:
            project = None
        app = await self.app(project)
        self._watch(app, project)
        return app, project

    def _watch(self, app: App, project: Path | None) -> None:
        if project is None or not app.settings.index.watch or project in self._watched:
            return
        self._watched.add(project)
        app.tasks.start_soon(app.watch, project)


def _asking(context: Context[Any]) -> Callable[[], Awaitable[Sequence[str]]]:
    async def ask() -> Sequence[str]:
        capabilities = context.client_capabilities
        if capabilities is None or capabilities.roots is None or not sdk.can_ask(context):
            return []
        with anyio.move_on_after(ROOTS_S):
            listed = await context.session.list_roots()
            return [str(root.uri) for root in listed.roots]
        return []

    return ask


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
