"""How a command gets an app: settings for the project at hand, one event loop, everything closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from sophia_mcp.app import App

T = TypeVar("T")


def with_app(work: Callable[[App], Awaitable[T]], project: Path | None = None) -> T:
    """Run ``work`` on an app opened for ``project`` (default: the working folder's repository)."""
    import anyio

    from sophia_mcp.app import open_app
    from sophia_mcp.settings import load

    settings = load(project or project_folder())

    async def inside() -> T:
        async with open_app(settings) as app:
            return await work(app)

    try:
        return anyio.run(inside)
    except BaseExceptionGroup as group:
        raise _only(group) from group


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error inside a task group that held just one."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def project_folder(start: Path | None = None) -> Path:
    """The nearest folder at or above the working one that holds a repository, else that folder."""
    here = (start or Path.cwd()).resolve()
    return next((each for each in (here, *here.parents) if (each / ".git").exists()), here)
