"""How does work go on behind the requests, without its error being the end of the process?

A task group ends all its tasks when one of them fails: right for the parts of one piece of work, wrong
for pieces that have nothing to do with each other. Everything the process does on its own is started
here instead, so a full disk ends the one task that met it, and says so in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from anyio.abc import TaskGroup

from sophia_mcp.errors import Bug, SophiaError
from sophia_mcp.ops.together import first

_log = logging.getLogger("sophia_mcp.background")


@dataclass(frozen=True, slots=True)
class Background:
    """Tasks that live as long as ``group`` does, whatever becomes of any of them."""

    group: TaskGroup

    def start(self, name: str, work: Callable[..., Awaitable[object]], *args: Any) -> None:
        """Begin ``work(*args)``. An error that leaves it is logged under ``name``, and is the end of
        that task alone; a cancellation of the group still reaches it."""
        self.group.start_soon(_kept, name, work, args, name=name)


async def _kept(name: str, work: Callable[..., Awaitable[object]], args: tuple[Any, ...]) -> None:
    try:
        await work(*args)
    except* Exception as errors:  # noqa: BLE001 - nobody waits for it who could be told instead
        told, bugs = errors.split(_says_all)
        if bugs is not None:
            cause = first(bugs)
            bug = cause if isinstance(cause, Bug) else Bug()
            _log.error("%s has ended: %s", name, bug, exc_info=bugs)
        elif told is not None:
            _log.warning("%s has ended: %s", name, first(told))


def _says_all(error: BaseException) -> bool:
    """Whether an error's own words tell a person what to do; a bug's traceback has to."""
    return isinstance(error, SophiaError) and not isinstance(error, Bug)
