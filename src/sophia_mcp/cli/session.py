"""How a command gets an app: settings for the project at hand, one event loop, everything closed."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import anyio
    from anyio.abc import TaskStatus

    from sophia_mcp.app import App

T = TypeVar("T")


def with_app(work: Callable[[App], Awaitable[T]], project: Path | None = None) -> T:
    """Run ``work`` on an app opened for ``project`` (default: the working folder's repository)."""
    import anyio

    from sophia_mcp.app import open_app
    from sophia_mcp.cli import output
    from sophia_mcp.sections import LogSettings
    from sophia_mcp.settings import load, misspelt

    settings = load(project or project_folder())
    for fault in misspelt():
        output.say(f"warning: {fault}")
    if settings.log != LogSettings():  # what nobody changed is so anyway, and importing it takes time
        from sophia_mcp.ops import logs

        logs.follow(settings.log.level, settings.log.file)

    async def inside() -> T:
        async with open_app(settings) as app:
            return await _until_interrupted(partial(work, app))

    try:
        return anyio.run(inside)
    except BaseExceptionGroup as group:
        raise _only(group) from group


async def _until_interrupted(work: Callable[[], Awaitable[T]]) -> T:
    """The event loop's own answer to Ctrl-C is one exception at whatever is awaited just then, which a
    wait that ends at the same moment may swallow. A cancelled scope stays cancelled. A second Ctrl-C
    is the loop's own again. Raises KeyboardInterrupt."""
    import anyio

    found: list[T] = []
    async with anyio.create_task_group() as tasks:
        if os.name == "posix":
            await tasks.start(_heed, tasks.cancel_scope)
        found.append(await work())
        tasks.cancel_scope.cancel()
    if not found:
        raise KeyboardInterrupt
    return found[0]


async def _heed(scope: anyio.CancelScope, *, task_status: TaskStatus[None]) -> None:
    """Cancel the scope at the first SIGINT."""
    import signal

    import anyio

    with anyio.open_signal_receiver(signal.SIGINT) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()
            return


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error inside a task group that held just one."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def project_folder() -> Path:
    """The project a command is about: the one a person set as SOPHIA_ROOT or in their configuration, else
    the nearest folder at or above the working one that holds a repository, else that folder. Raises
    BadSetting."""
    from sophia_mcp.errors import BadSetting
    from sophia_mcp.server.project_root import repository_above
    from sophia_mcp.settings import load

    chosen = load().root
    if chosen is None:
        return repository_above(Path.cwd().resolve())
    if not os.path.isdir(chosen):
        raise BadSetting(
            f"the project root {chosen} is not a folder",
            why="it is set as SOPHIA_ROOT, or as root in your config.toml",
            next="name an existing folder there, or set none",
        )
    return chosen.resolve()
