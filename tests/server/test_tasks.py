"""Clients that declare the Tasks extension get a handle, and the outcome also after a restart."""

from __future__ import annotations

import os
import platform
from dataclasses import replace
from typing import Any, Literal

import anyio
import pytest
from mcp import Client, MCPError
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.types import CallToolResult, Request, RequestParams, Result
from pydantic import ConfigDict, Field
from tests.server.conftest import Place, text_of, write

from sophia_mcp.app import open_app
from sophia_mcp.server.tasks import ID, KIND
from sophia_mcp.settings import load
from sophia_mcp.types import LOCAL

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("server.tasks")]


class Handle(Result):
    """What comes in place of a result."""

    result_type: Literal["task"] = Field(default="task", alias="resultType")
    task_id: str = Field(alias="taskId")
    status: str


class Outcome(Result):
    """What `tasks/get` answers."""

    model_config = ConfigDict(extra="allow")
    task_id: str = Field(alias="taskId")
    status: str
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


class TaskParams(RequestParams):
    task_id: str = Field(alias="taskId", serialization_alias="taskId")


class UpdateParams(TaskParams):
    input_responses: dict[str, Any] = Field(alias="inputResponses", serialization_alias="inputResponses")


class Tasks(ClientExtension):
    """A client that takes tasks and polls them itself."""

    identifier = ID

    def claims(self) -> list[ResultClaim[Any]]:
        async def unused(handle: Handle, context: ClaimContext) -> CallToolResult:
            raise AssertionError("these tests look at the handle")

        return [ResultClaim(result_type="task", model=Handle, resolve=unused)]


async def call(client: Client, **arguments: Any) -> Handle:
    answer = await client.session.call_tool("index_repo", arguments, allow_claimed=True)
    assert isinstance(answer, Handle)
    return answer


async def ask(client: Client, method: str, task: str) -> Any:
    request: Any = Request(method=method, params=TaskParams(taskId=task))
    return await client.session.send_request(request, Outcome if method == "tasks/get" else Result)


async def ended(client: Client, task: str) -> Outcome:
    with anyio.fail_after(60):
        while (outcome := await ask(client, "tasks/get", task)).status == "working":
            await anyio.sleep(0.05)
    assert isinstance(outcome, Outcome)
    return outcome


async def test_a_long_call_is_answered_by_a_handle_and_later_by_its_result(place: Place) -> None:
    async with place.connect("auto", extensions=[Tasks()]) as client:
        handle = await call(client)
        outcome = await ended(client, handle.task_id)
    assert handle.status == "working"
    assert outcome.status == "completed"
    assert outcome.result is not None
    assert outcome.result["structuredContent"]["state"] == "ready"


async def test_the_outcome_is_known_to_the_next_server(place: Place) -> None:
    async with place.connect("auto", extensions=[Tasks()]) as client:
        handle = await call(client)
        before = await ended(client, handle.task_id)
    async with place.connect("auto", extensions=[Tasks()]) as client:
        after = await ask(client, "tasks/get", handle.task_id)
    assert (after.status, after.result) == ("completed", before.result)


async def test_a_task_whose_server_died_has_failed_and_says_what_to_do(place: Place) -> None:
    async with open_app(load(place.project, home=place.home)) as app:
        gone = replace(await app.jobs(), worker=f"{platform.node()}:{os.getpid()}:before")
        lost = await gone.start(LOCAL, KIND, {"tool": "index_repo"})
    async with place.connect("auto", extensions=[Tasks()]) as client:
        outcome = await ask(client, "tasks/get", lost)
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert "call the tool again" in outcome.error["message"]


async def test_a_task_that_another_living_server_works_on_is_not_called_lost(place: Place) -> None:
    write(place.project, {f"many/m{n}.py": f"def f{n}():\n    return {n}\n" for n in range(12000)})
    async with (
        place.connect("auto", extensions=[Tasks()]) as client,
        place.connect("auto", extensions=[Tasks()]) as other,
    ):
        handle = await call(client)
        seen = await ask(other, "tasks/get", handle.task_id)
        assert seen.status == "working"
        assert "another server process works on it" in seen.model_extra["statusMessage"]
        params = UpdateParams(taskId=handle.task_id, inputResponses={})
        with pytest.raises(MCPError, match="answer its questions there"):
            await other.session.send_request(Request(method="tasks/update", params=params), Result)
        await ask(other, "tasks/cancel", handle.task_id)
        assert (await ended(client, handle.task_id)).status == "cancelled"
        assert (await ended(other, handle.task_id)).status == "cancelled"


async def test_an_error_of_the_tool_is_a_completed_task(place: Place) -> None:
    write(place.project, {"later.py": "x = 1\n"})
    async with place.connect("auto", extensions=[Tasks()]) as client:
        refused = await client.session.call_tool("index_repo", {"path": "/etc"}, allow_claimed=True)
    # Refused before any work began, so there is nothing to poll for.
    assert isinstance(refused, CallToolResult)
    assert refused.is_error
    assert "inside an allowed folder" in text_of(refused)


async def test_a_cancelled_task_stops_its_run(place: Place) -> None:
    write(place.project, {f"many/m{n}.py": f"def f{n}():\n    return {n}\n" for n in range(2000)})
    async with place.connect("auto", extensions=[Tasks()]) as client:
        handle = await call(client)
        await ask(client, "tasks/cancel", handle.task_id)
        outcome = await ended(client, handle.task_id)
        with anyio.fail_after(60):
            while "no run was active" not in (await look(client, "cancel"))["notes"]:
                await anyio.sleep(0.1)
        (report,) = (await look(client, "status"))["repos"]
        told = text_of(await client.call_tool("index_repo", {"action": "status"}))
    assert report["reason"] in told
    assert outcome.status == "cancelled"
    assert report["files_indexed"] < 2003
    assert report["state"] == "failed"
    assert "cancelled" in report["reason"]


async def look(client: Client, action: str) -> dict[str, Any]:
    answer = await client.call_tool("index_repo", {"action": action})
    assert answer.structured_content is not None
    return answer.structured_content


async def test_an_unknown_task_and_a_job_that_is_no_task_are_not_found(place: Place) -> None:
    async with open_app(load(place.project, home=place.home)) as app:
        other = await (await app.jobs()).start(LOCAL, "index", {})
    async with place.connect("auto", extensions=[Tasks()]) as client:
        for task in ("task-unknown", other):
            with pytest.raises(MCPError, match="Task not found"):
                await ask(client, "tasks/get", task)


async def test_a_client_without_the_extension_gets_the_result_itself(place: Place) -> None:
    async with place.connect("auto") as client:
        result = await client.call_tool("index_repo", {})
        with pytest.raises(MCPError) as failure:
            await ask(client, "tasks/get", "task-x")
    assert not result.is_error
    assert failure.value.error.code == -32021
