"""How do two calls run at once and still fail like one?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

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


def first(error: BaseException) -> BaseException:
    """The error that ended a group of tasks, where ``error`` is what the group raised; else the error itself."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
