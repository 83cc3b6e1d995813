"""Timelines as resources: readable, completed, and told to those who subscribed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import MCPError
from mcp.shared.subscriptions import ResourceUpdated
from mcp.types import ResourceTemplateReference, ResourceUpdatedNotification
from tests.server.conftest import Place, text_of
from tests.server.swarms import REVIEW, SOLO, call, place_of, step_answer

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("resources.timelines")]


@pytest.fixture
def shop(tmp_path: Path) -> Place:
    return place_of(tmp_path, *REVIEW, {"step": "answer", "json": SOLO})


async def read(client: Any, uri: str) -> str:
    (content,) = (await client.read_resource(uri)).contents
    assert content.mime_type == "text/plain"
    return str(content.text)


@pytest.mark.requirement("server.both_eras")
async def test_runs_are_listed_and_each_is_told_as_a_tree(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        assert await read(client, "sophia://timelines") == "no run yet; run_swarm starts one"
    async with shop.connect(era) as client:
        first = await call(client, "run_swarm", provider="scripted")
        second = await call(client, "run_swarm", provider="scripted", pattern="solo", task="x")
        lines = (await read(client, "sophia://timelines")).splitlines()
        assert [line.split(" · ")[0] for line in lines] == [second["timeline"], first["timeline"]]
        assert " · code_review · done · 7/7 steps · $0.00" in lines[1]
        text = await read(client, first["timeline"])
    head, *rest = text.splitlines()
    assert head.startswith(f"{first['run_id']} · code_review · scripted · done · ")
    for said in ("answered by scripted", "✓ review.correctness", "✓ verify", "✓ judge", "gate"):
        assert any(said in line for line in rest), text


async def test_what_is_under_way_says_for_how_long(tmp_path: Path) -> None:
    place = place_of(tmp_path, {"step": "answer", "fail": "stall"})

    def took(text: str) -> float:
        """Seconds of the step that is asked; 0 before it is."""
        lines = [line for line in text.splitlines() if " answer " in line]
        return float(lines[0].split()[-1].removesuffix("s")) if lines else 0.0

    async with place.connect("auto") as client:
        order = {"task": "x", "pattern": "solo", "provider": "scripted"}
        told = await call(client, "run_swarm", **order, wait_s=0)
        with anyio.fail_after(60):
            while took(text := await read(client, told["timeline"])) <= 0.5:
                await anyio.sleep(0.05)
        await call(client, "run_swarm", action="cancel", run_id=told["run_id"])
        ended = await read(client, told["timeline"])
    assert " · running · " in text
    assert " · cancelled · " in ended


async def test_an_unknown_run_has_no_timeline(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        with pytest.raises(MCPError) as failure:
            await read(client, "sophia://timelines/swarm-nowhere")
    assert failure.value.error.code == -32602
    assert "get_run()" in failure.value.error.message


async def test_a_run_whose_process_died_is_not_called_running(shop: Place, era: str) -> None:
    place = place_of(shop.project.parent / "other", {"latency_s": 30})
    async with place.connect(era) as client:
        order = {"task": "x", "pattern": "solo", "provider": "scripted", "wait_s": 0}
        told = await call(client, "run_swarm", **order)
        await call(client, "get_run", run_id=told["run_id"], wait_s=1)
    async with place.connect(era) as client:
        assert " · interrupted · " in await read(client, told["timeline"])
        found = await call(client, "get_run", run_id=told["run_id"])
        assert found["next"] == f'run_swarm(action="resume", run_id="{told["run_id"]}")'


@pytest.mark.requirement("server.completions")
async def test_run_ids_complete(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        told = await call(client, "run_swarm", provider="scripted", pattern="solo", task="x")
        template = ResourceTemplateReference(type="ref/resource", uri="sophia://timelines/{run_id}")
        found = await client.complete(template, {"name": "run_id", "value": "swarm-"})
        none = await client.complete(template, {"name": "run_id", "value": "x"})
    assert found.completion.values == [told["run_id"]]
    assert none.completion.values == []


@pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")
@pytest.mark.requirement("server.changes")
async def test_a_handshake_client_hears_of_runs_that_change(shop: Place) -> None:
    heard: list[str] = []
    stirred = anyio.Event()

    async def hear(message: Any) -> None:
        nonlocal stirred
        if isinstance(message, ResourceUpdatedNotification):
            heard.append(str(message.params.uri))
            stirred.set()

    async with shop.connect("legacy", message_handler=hear) as client:
        await client.subscribe_resource("sophia://timelines")
        told = await call(client, "run_swarm", provider="host", pattern="solo", task="x")
        with anyio.fail_after(20):
            await stirred.wait()
        assert set(heard) == {"sophia://timelines"}
        await client.unsubscribe_resource("sophia://timelines")
        await client.subscribe_resource(told["timeline"])
        heard.clear()
        stirred = anyio.Event()
        other = await call(client, "run_swarm", provider="scripted", pattern="solo", task="y")
        assert other["status"] == "done"
        results = {"answer": step_answer("answer")}
        await call(client, "run_swarm", action="answer", run_id=told["run_id"], results=results)
        with anyio.fail_after(20):
            await stirred.wait()
        assert set(heard) == {told["timeline"]}, "of this run, and of no other"


@pytest.mark.requirement("server.changes")
async def test_a_listening_client_can_follow_a_run_to_its_end(shop: Place) -> None:
    async with shop.connect("auto") as client:
        told = await call(client, "run_swarm", provider="host", pattern="solo", task="x")
        async with client.listen(resource_subscriptions=[told["timeline"]]) as events:
            order = {"action": "answer", "run_id": told["run_id"], "wait_s": 0}
            await call(client, "run_swarm", **order, results={"answer": step_answer("answer")})
            with anyio.fail_after(20):
                async for event in events:
                    assert isinstance(event, ResourceUpdated)
                    assert event.uri == told["timeline"]
                    if " · done · " in await read(client, told["timeline"]):
                        break


@pytest.mark.requirement("server.changes")
async def test_a_server_that_only_takes_a_run_over_tells_its_subscribers_too(shop: Place) -> None:
    async with shop.connect("auto") as client:
        told = await call(client, "run_swarm", provider="host", pattern="solo", task="x")
    async with (
        shop.connect("auto") as client,
        client.listen(resource_subscriptions=[told["timeline"]]) as events,
    ):
        order = {"action": "answer", "run_id": told["run_id"]}
        await call(client, "run_swarm", **order, results={"answer": step_answer("answer")})
        with anyio.fail_after(20):
            async for event in events:
                assert isinstance(event, ResourceUpdated)
                break
        result = await client.call_tool("get_run", {"run_id": told["run_id"], "view": "timeline"})
        assert " · done · " in text_of(result)
