"""How does a long call become a task for clients that can poll one?

The Tasks extension (SEP-2663, `io.modelcontextprotocol/tasks`): a client that declares it gets a
handle at once and asks for the outcome later; for every other client the same work runs inside the
call. The work itself is a run of the app, recorded before its first step, so that a task that is
lost with its process can be asked for again through the tool.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import anyio
from anyio.abc import TaskGroup
from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp.server.mcpserver import Context, Extension, MethodBinding, require_client_extension
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.inbound import decode_header_value
from mcp.types import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolResult,
    RequestParams,
)
from pydantic import Field

ID = "io.modelcontextprotocol/tasks"
ERAS = frozenset({"2026-07-28"})
TTL_MS = 3_600_000
POLL_MS = 1000
MAX_TASKS = 1000
"""Beyond this the oldest finished tasks are forgotten."""

_ENDED = frozenset({"completed", "failed", "cancelled"})


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


class _TaskParams(RequestParams):
    task_id: str = Field(alias="taskId")


class _UpdateParams(_TaskParams):
    input_responses: dict[str, Any] = Field(alias="inputResponses")


@dataclass
class Task:
    """One long call in progress. ``report`` tells how far it is, ``ask`` puts questions to the client."""

    id: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    status: str = "working"
    message: str | None = None
    created: str = field(default_factory=_now)
    updated: str = field(default_factory=_now)
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    questions: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    _answered: anyio.Event = field(default_factory=anyio.Event)
    _rounds: int = 0

    def report(self, message: str) -> None:
        """Say how far the work is."""
        self._move(self.status, message)

    async def ask(self, **requests: dict[str, Any]) -> dict[str, Any]:
        """Wait until the client has answered every request, through `tasks/update`."""
        self._rounds += 1
        keys = {name: f"{name}-{self._rounds}" for name in requests}
        self.questions.update({keys[name]: request for name, request in requests.items()})
        self._move("input_required", self.message)
        while any(key in self.questions for key in keys.values()):
            self._answered = anyio.Event()
            await self._answered.wait()
        self._move("working", self.message)
        return {name: self.answers[key] for name, key in keys.items()}

    def answer(self, responses: dict[str, Any]) -> None:
        """Take the client's answers; those to questions nobody asked are left aside."""
        for key, value in responses.items():
            if self.questions.pop(key, None) is not None:
                self.answers[key] = value
        self._answered.set()

    def end(
        self, status: str, *, result: Any = None, error: Any = None, message: str | None = None
    ) -> None:
        """Record the outcome, once."""
        if self.status not in _ENDED:
            self.result, self.error = result, error
            self._move(status, message or self.message)

    @property
    def ended(self) -> bool:
        return self.status in _ENDED

    def wire(self, *, whole: bool) -> dict[str, Any]:
        """As the protocol sends it; with ``whole`` also the outcome or the open questions."""
        sent: dict[str, Any] = {
            "taskId": self.id,
            "status": self.status,
            "createdAt": self.created,
            "lastUpdatedAt": self.updated,
            "ttlMs": TTL_MS,
            "pollIntervalMs": POLL_MS,
        }
        if self.message:
            sent["statusMessage"] = self.message
        if whole:
            outcome = {"completed": ("result", self.result), "failed": ("error", self.error)}
            outcome["input_required"] = ("inputRequests", dict(self.questions))
            if self.status in outcome:
                sent.update([outcome[self.status]])
        return sent

    def _move(self, status: str, message: str | None) -> None:
        if self.status not in _ENDED:
            self.status, self.message, self.updated = status, message, _now()


Work = Callable[[Task], Awaitable[CallToolResult]]


class _Detached(MCPError):
    """Carries the task out of a tool's body: the one kind of exception the SDK passes through."""

    def __init__(self, task: Task) -> None:
        super().__init__(INTERNAL_ERROR, "the call goes on as a task")
        self.task = task


class Tasks(Extension):
    """The extension. ``group()`` is the task group the work lives in, longer than any request."""

    identifier = ID

    def __init__(self, group: Callable[[], TaskGroup]) -> None:
        self._group = group
        self._tasks: dict[str, Task] = {}

    def wanted(self, context: Context[Any]) -> bool:
        """Whether this client takes a task for an answer."""
        capabilities = context.client_capabilities
        declared = capabilities.extensions if capabilities is not None else None
        return context.protocol_version in ERAS and ID in (declared or {})

    async def run(self, context: Context[Any], work: Work) -> CallToolResult:
        """The work's result, or a task in its place for a client that declared the extension."""
        task = Task()
        if not self.wanted(context):
            return await work(task)
        self._forget_surplus()
        self._tasks[task.id] = task
        self._group().start_soon(_drive, task, work)
        raise _Detached(task)

    async def intercept_tool_call(
        self, params: Any, ctx: ServerRequestContext[Any, Any], call_next: Any
    ) -> Any:
        """Answer a call that went on as a task with its handle."""
        try:
            return await call_next(ctx)
        except _Detached as detached:
            return {"resultType": "task", **detached.task.wire(whole=False)}

    def methods(self) -> Sequence[MethodBinding]:
        """`tasks/get`, `tasks/update` and `tasks/cancel`, in the era that has them."""
        return [
            MethodBinding("tasks/get", _TaskParams, self._get, ERAS),
            MethodBinding("tasks/update", _UpdateParams, self._update, ERAS),
            MethodBinding("tasks/cancel", _TaskParams, self._cancel, ERAS),
        ]

    async def _get(self, ctx: ServerRequestContext[Any, Any], params: _TaskParams) -> dict[str, Any]:
        return self._find(ctx, params).wire(whole=True)

    async def _update(
        self, ctx: ServerRequestContext[Any, Any], params: _UpdateParams
    ) -> dict[str, Any]:
        self._find(ctx, params).answer(params.input_responses)
        return {}

    async def _cancel(self, ctx: ServerRequestContext[Any, Any], params: _TaskParams) -> dict[str, Any]:
        task = self._find(ctx, params)
        if not task.ended:
            task.scope.cancel()
        return {}

    def _find(self, ctx: ServerRequestContext[Any, Any], params: _TaskParams) -> Task:
        require_client_extension(ctx, ID)
        if ctx.request is not None:
            named = decode_header_value(ctx.request.headers.get("mcp-name"))
            if named != params.task_id:
                raise MCPError(HEADER_MISMATCH, "Mcp-Name header does not match params.taskId")
        task = self._tasks.get(params.task_id)
        if task is None:
            raise MCPError(
                INVALID_PARAMS, "Task not found: it ended long ago, or the server was restarted"
            )
        return task

    def _forget_surplus(self) -> None:
        surplus = len(self._tasks) - MAX_TASKS + 1
        for key in [key for key, task in self._tasks.items() if task.ended][: max(surplus, 0)]:
            del self._tasks[key]


async def _drive(task: Task, work: Work) -> None:
    with task.scope:
        try:
            result = await work(task)
            sent = result.model_dump(by_alias=True, mode="json", exclude_none=True)
            task.end("completed", result=sent)
        except ToolError as error:
            task.end(
                "completed", result={"content": [{"type": "text", "text": str(error)}], "isError": True}
            )
        except MCPError as error:
            task.end(
                "failed", error=error.error.model_dump(exclude_none=True), message=error.error.message
            )
    if task.scope.cancelled_caught:
        task.end("cancelled")
