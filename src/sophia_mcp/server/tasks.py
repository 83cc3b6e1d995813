"""How does a long call become a task for clients that can poll one?

The Tasks extension (SEP-2663, `io.modelcontextprotocol/tasks`): a client that declares it gets a
handle at once and asks for the outcome later; for every other client the same work runs inside the
call. A task is a job: its row is written before the handle is sent and holds the outcome, so that a
client may ask for it after the server was started again, or another process that serves it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio
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
    TextContent,
)
from pydantic import Field

from sophia_mcp.errors import NotFound, SophiaError
from sophia_mcp.ops.clock import system
from sophia_mcp.server.errors import answering
from sophia_mcp.types import LOCAL

if TYPE_CHECKING:
    from sophia_mcp.ops.background import Background
    from sophia_mcp.store.jobs import Jobs

ID = "io.modelcontextprotocol/tasks"
KIND = "task"
ERAS = frozenset({"2026-07-28"})
TTL_MS = 3_600_000
POLL_MS = 1000
LOOK_S = 1.0
"""How often the row of a task is renewed, and looked at for what another process asks of it."""

MAX_TASKS = 1000
"""Beyond this the oldest finished tasks are forgotten."""

_ELSEWHERE = "another server process works on it"
_ENDED = frozenset({"completed", "failed", "cancelled"})


def _iso(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).isoformat().replace("+00:00", "Z")


def _now() -> str:
    return _iso(system())


class _TaskParams(RequestParams):
    task_id: str = Field(alias="taskId")


class _UpdateParams(_TaskParams):
    input_responses: dict[str, Any] = Field(alias="inputResponses")


@dataclass
class Task:
    """One long call in progress. ``report`` tells how far it is, ``ask`` puts questions to the client.
    ``elsewhere``: another server process works on it."""

    id: str = ""
    elsewhere: bool = False
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
        """Whether the outcome is known."""
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
    """The extension. ``background()`` is where the work lives, longer than any request;
    ``jobs()`` opens the store of jobs."""

    identifier = ID

    def __init__(
        self, background: Callable[[], Background], jobs: Callable[[], Awaitable[Jobs]]
    ) -> None:
        self._background, self._jobs = background, jobs
        self._tasks: dict[str, Task] = {}

    def wanted(self, context: Context[Any]) -> bool:
        """Whether this client takes a task for an answer."""
        capabilities = context.client_capabilities
        declared = capabilities.extensions if capabilities is not None else None
        return context.protocol_version in ERAS and ID in (declared or {})

    def require(self, context: Context[Any]) -> None:
        """Refuse a client that takes no tasks: for calls that make no sense inside a request."""
        require_client_extension(context.request_context, ID)

    async def run(self, context: Context[Any], work: Work) -> CallToolResult:
        """The work's result, or a task in its place for a client that declared the extension."""
        if not self.wanted(context):
            return await work(Task())
        name = (context.request_context.params or {}).get("name")
        task = Task(id=await (await self._jobs()).start(LOCAL, KIND, {"tool": name}))
        self._forget_surplus()
        self._tasks[task.id] = task
        self._background().start(task.id, self._drive, task, answering(work))
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
        return (await self._find(ctx, params)).wire(whole=True)

    async def _update(
        self, ctx: ServerRequestContext[Any, Any], params: _UpdateParams
    ) -> dict[str, Any]:
        task = await self._find(ctx, params)
        if task.elsewhere:
            raise MCPError(INVALID_PARAMS, f"{_ELSEWHERE}; answer its questions there")
        task.answer(params.input_responses)
        return {}

    async def _cancel(self, ctx: ServerRequestContext[Any, Any], params: _TaskParams) -> dict[str, Any]:
        task = await self._find(ctx, params)
        if task.elsewhere:
            await (await self._jobs()).cancel(LOCAL, task.id)
        elif not task.ended:
            task.scope.cancel()
        return {}

    async def _find(self, ctx: ServerRequestContext[Any, Any], params: _TaskParams) -> Task:
        require_client_extension(ctx, ID)
        if ctx.request is not None:
            named = decode_header_value(ctx.request.headers.get("mcp-name"))
            if named != params.task_id:
                raise MCPError(HEADER_MISMATCH, "Mcp-Name header does not match params.taskId")
        task = self._tasks.get(params.task_id)
        return task if task is not None else await self._recall(params.task_id)

    async def _recall(self, task_id: str) -> Task:
        """A task of another process, from its row. One that was cut off with it has failed."""
        jobs = await self._jobs()
        try:
            job = await jobs.get(LOCAL, task_id)
        except NotFound:
            raise MCPError(INVALID_PARAMS, "Task not found") from None
        if job.kind != KIND:
            raise MCPError(INVALID_PARAMS, "Task not found")
        task = Task(id=job.id, created=_iso(job.created_ns), updated=_iso(job.updated_ns))
        if job.state == "done":
            task.status, task.result = "completed", job.result
        elif job.state == "cancelled":
            task.status = "cancelled"
        elif jobs.is_at_work(job):
            task.elsewhere = True
            task.message = f"{_ELSEWHERE}: {job.message}" if job.message else _ELSEWHERE
        else:
            told = (
                job.result
                if job.state == "failed"
                else "cut off when the server stopped; call the tool again"
            )
            task.status, task.message = "failed", str(told)
            task.error = {"code": INTERNAL_ERROR, "message": str(told)}
        return task

    async def _drive(self, task: Task, work: Work) -> None:
        """Do the work, and keep the outcome in memory and in the job's row."""
        jobs = await self._jobs()
        async with anyio.create_task_group() as group:
            group.start_soon(_heed, jobs, task)
            with task.scope:
                try:
                    task.end("completed", result=_sent(await work(task)))
                except ToolError as error:
                    refusal = CallToolResult(
                        content=[TextContent(type="text", text=str(error))], is_error=True
                    )
                    task.end("completed", result=_sent(refusal))
                except MCPError as error:
                    task.end(
                        "failed",
                        error=error.error.model_dump(exclude_none=True),
                        message=error.error.message,
                    )
            group.cancel_scope.cancel()
        if task.scope.cancelled_caught:
            task.end("cancelled")
        if task.status == "completed":
            await jobs.finish(LOCAL, task.id, task.result)
        elif task.status == "failed":
            await jobs.fail(LOCAL, task.id, task.message or "failed")
        else:
            await jobs.stopped(LOCAL, task.id)

    def _forget_surplus(self) -> None:
        surplus = len(self._tasks) - MAX_TASKS + 1
        for key in [key for key, task in self._tasks.items() if task.ended][: max(surplus, 0)]:
            del self._tasks[key]


async def _heed(jobs: Jobs, task: Task) -> None:
    """Tell every process how far a task is, and end it when one of them asks for that."""
    said: str | None = None
    while True:
        await anyio.sleep(LOOK_S)
        with suppress(SophiaError):  # what cannot be written down now is no reason to end the work
            if task.message == said:
                go_on = await jobs.renew(LOCAL, task.id)
            else:
                go_on = await jobs.progress(LOCAL, task.id, 0, 0, task.message or "")
                said = task.message
            if not go_on:
                task.scope.cancel()


def _sent(result: CallToolResult) -> dict[str, Any]:
    return result.model_dump(by_alias=True, mode="json", exclude_none=True)
