"""How do two pieces of work run at once and still fail like one?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio
import anyio.lowlevel

L = TypeVar("L")
R = TypeVar("R")


async def both(left: Callable[[], Awaitable[L]], right: Callable[[], Awaitable[R]]) -> tuple[L, R]:
    """The results of two calls that wait side by side; ``left`` begins first. The first error of either
    ends the other call, and is raised as it is."""
    found: list[L] = []

    async def keep() -> None:
        found.append(await left())

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep)
            await anyio.lowlevel.checkpoint()  # lets the other call begin
            other = await right()
    except BaseExceptionGroup as group:
        raise first(group) from None
    return found[0], other


@asynccontextmanager
async def beside(work: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """``work`` runs while the block does, and is cancelled at its end. The first error of either ends the other, and
    is raised as it is."""
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work)
            yield
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise first(group) from None


def first(error: BaseException) -> BaseException:
    """The error that ended a group of tasks, where ``error`` is what the group raised; else the error itself."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
