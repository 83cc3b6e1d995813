"""What does an agent read when a call fails? One text: what failed, why, and the next step.

Everything that is not an error of ours is a bug: the agent gets an id, the log gets the traceback.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from mcp import MCPError
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError, ToolError

from sophia_mcp.errors import (
    AgentError,
    Bug,
    NotFound,
    NotIndexed,
    OperatorError,
    PersonError,
    SophiaError,
)

MAX_CHARS = 1000
"""Longer error texts are cut: clients cut them too, less carefully."""

_WHO = {
    AgentError: "change the arguments and call again",
    PersonError: "tell the person: only they can change this",
    OperatorError: "tell the person: the machine or a service needs attention; retrying alone will not help",
    Bug: "tell the person: run `sophia debug doctor` and look for this id in the log",
}

R = TypeVar("R")
_log = logging.getLogger("sophia_mcp.server")


def describe(error: SophiaError) -> str:
    """The text of an error for an agent, always with a next step, at most `MAX_CHARS` long."""
    ending = error.next or next(step for kind, step in _WHO.items() if isinstance(error, kind))
    why = f" · why: {error.why}" if error.why else ""
    tail = f" · next: {ending[: MAX_CHARS // 3]}"
    head = f"{error.what}{why}"
    room = MAX_CHARS - len(tail)
    return (head if len(head) <= room else f"{head[: room - 1]}…") + tail


def own(error: BaseException) -> SophiaError:
    """The error itself where it is ours, a Bug with an id for anything else (logged with traceback)."""
    if isinstance(error, SophiaError):
        return error
    bug = Bug()
    _log.error("internal error %s", bug.id, exc_info=error)
    return bug


def answering(call: Callable[..., Awaitable[R]]) -> Callable[..., Awaitable[R]]:
    """A tool function whose failures are `ToolError`s an agent can act on."""
    return _translated(call, lambda error: ToolError(describe(error)))


def reading(read: Callable[..., Awaitable[R]]) -> Callable[..., Awaitable[R]]:
    """A resource function whose failures are resource errors, "not found" among them."""

    def translate(error: SophiaError) -> Exception:
        missing = isinstance(error, NotFound | NotIndexed)
        return (ResourceNotFoundError if missing else ResourceError)(describe(error))

    return _translated(read, translate)


def _translated(
    call: Callable[..., Awaitable[R]], translate: Callable[[SophiaError], Exception]
) -> Callable[..., Awaitable[R]]:
    @functools.wraps(call)
    async def answered(*args: Any, **named: Any) -> R:
        try:
            return await call(*args, **named)
        except (MCPError, ToolError, ResourceError):
            raise
        except Exception as error:  # noqa: BLE001 - the door: nothing behind it may reach the agent raw
            raise translate(own(error)) from None

    return answered
