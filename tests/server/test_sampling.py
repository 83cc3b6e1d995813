"""The client's own model does the steps of a run, in both eras, and whatever it does instead."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import MCPError
from mcp.types import (
    CreateMessageRequest,
    CreateMessageResultWithTools,
    ErrorData,
    ImageContent,
    InputRequiredResult,
    TextContent,
)
from tests.server.conftest import Place
from tests.server.swarms import (
    FINDING,
    QUOTE,
    SOLO,
    ClientModel,
    by_hand,
    call,
    facts_of,
    place_of,
    refused,
)

from sophia_mcp.server import sampling

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.requirement("swarm.sampling"),
    # The SDK warns clients of the handshake era that sampling is deprecated.
    pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning"),
]


@pytest.fixture
def shop(tmp_path: Path) -> Place:
    return place_of(tmp_path)


@pytest.mark.requirement("server.both_eras")
@pytest.mark.requirement("tools.run_swarm")
async def test_the_clients_model_does_a_whole_review_within_one_call(shop: Place, era: str) -> None:
    model = ClientModel()
    async with shop.connect(era, sampling_callback=model) as client:
        told = await call(client, "run_swarm", provider="sampling")
    assert told["status"] == "done", told
    assert told["outcome"]["summary"] == "One fault."
    assert [each["claim"] for each in told["outcome"]["findings"]] == [FINDING["claim"]]
    assert len(model.asked) == 6, "four reviewers, a verifier, a judge"
    first = model.asked[0]
    said = "\n".join(m.content.text for m in first.messages if isinstance(m.content, TextContent))
    assert f"+{QUOTE}" in said
    assert '"findings"' in said, "sampling has no schema, so the question carries it"
    assert first.system_prompt
    assert first.max_tokens == 3000
    assert told["cost"]["usd"] == "0.00"
    assert told["cost"]["input_tokens"] > 0, "what the client's model read is estimated"
    assert told["cost"]["basis"] == "unpriced", "nobody knows what it cost"


async def test_auto_takes_the_clients_model_where_nothing_else_is_set_up(shop: Place, era: str) -> None:
    model = ClientModel()
    async with shop.connect(era, sampling_callback=model) as client:
        told = await call(client, "run_swarm", task="x", pattern="solo")
    assert told["status"] == "done", told
    assert "auto: sampling answers" in told["notes"]


async def test_a_client_without_a_model_is_told_so_and_nothing_is_begun(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        text = await refused(client, "run_swarm", provider="sampling")
        assert "the client does not offer sampling" in text
        assert "host" in text
        assert (await call(client, "get_run"))["runs"] == []


async def test_several_blocks_are_one_answer_and_what_is_no_text_is_none(shop: Place, era: str) -> None:
    text = json.dumps(SOLO)

    async def model(context: Any, params: Any) -> CreateMessageResultWithTools:
        blocks = [
            ImageContent(type="image", data="aGk=", mime_type="image/png"),
            TextContent(type="text", text=text[:40]),
            TextContent(type="text", text=text[40:]),
        ]
        return CreateMessageResultWithTools(role="assistant", content=blocks, model="m")

    async with shop.connect(era, sampling_callback=model) as client:
        told = await call(client, "run_swarm", task="x", pattern="solo", provider="sampling")
    assert told["status"] == "done", told


async def test_an_answer_that_is_no_json_is_asked_for_once_more(shop: Place, era: str) -> None:
    replies = iter(["I think it is fine.", json.dumps(SOLO)])
    model = ClientModel(lambda prompt: next(replies))
    async with shop.connect(era, sampling_callback=model) as client:
        told = await call(client, "run_swarm", task="x", pattern="solo", provider="sampling")
    assert told["status"] == "done", told
    assert len(model.asked) == 2


async def test_a_model_that_talks_nonsense_twice_fails_its_step_with_words(
    shop: Place, era: str
) -> None:
    model = ClientModel(lambda prompt: "No.")
    async with shop.connect(era, sampling_callback=model) as client:
        told = await call(client, "run_swarm", task="x", pattern="solo", provider="sampling")
    assert told["status"] == "failed"
    assert "JSON" in told["reason"]


async def test_a_person_who_declines_is_believed(shop: Place, era: str) -> None:
    async def decline(context: Any, params: Any) -> ErrorData:
        return ErrorData(code=-1, message="User rejected sampling request")

    async with shop.connect(era, sampling_callback=decline) as client:
        order = {"task": "x", "pattern": "solo", "provider": "sampling"}
        if era == "legacy":
            told = await call(client, "run_swarm", **order)
            assert told["status"] == "failed"
            assert "User rejected sampling request" in told["reason"]
            return
        # In the stateless era the refusal never reaches the server: the call ends, the step waits.
        with pytest.raises(MCPError, match="User rejected"):
            await client.call_tool("run_swarm", order)
        (run,) = (await call(client, "get_run"))["runs"]
        assert run["status"] == "needs_steps"
        ended = await call(client, "run_swarm", action="cancel", run_id=run["run_id"])
        assert ended["status"] == "cancelled"


async def test_when_no_call_is_open_steps_wait_and_anybody_may_do_them(shop: Place, era: str) -> None:
    model = ClientModel()
    order = {"task": "x", "pattern": "solo", "provider": "sampling", "wait_s": 0}
    async with shop.connect(era, sampling_callback=model) as client:
        told = await call(client, "run_swarm", **order)
        run = told["run_id"]
        assert told["status"] == "running"
        assert told["next"] == f'run_swarm(action="resume", run_id="{run}")', (
            "the client's model goes on"
        )
        found = await call(client, "get_run", run_id=run, wait_s=20)
        assert (found["status"], model.asked) == ("needs_steps", [])
        assert found["next"] == f'run_swarm(action="resume", run_id="{run}")'
        assert any("yourself" in note for note in found["notes"])
        ended = await call(client, "run_swarm", action="resume", run_id=run)
        assert ended["status"] == "done", ended
        assert len(model.asked) == 1
    async with shop.connect(era) as client:  # another client, without a model
        told = await call(client, "run_swarm", task="y", pattern="solo", provider="host")
        ended = await by_hand(client, told)
        assert ended["status"] == "done"


async def test_steps_left_by_a_server_that_stopped_go_on_with_the_model_or_by_hand(
    shop: Place, era: str
) -> None:
    runs = []
    async with shop.connect(era, sampling_callback=ClientModel()) as client:
        for task in ("one", "two"):
            told = await call(
                client, "run_swarm", task=task, pattern="solo", provider="sampling", wait_s=0
            )
            found = await call(client, "get_run", run_id=told["run_id"], wait_s=20)
            assert found["status"] == "needs_steps"
            runs.append(told["run_id"])
    model = ClientModel()
    async with shop.connect(era, sampling_callback=model) as client:
        ended = await call(client, "run_swarm", action="resume", run_id=runs[0])
        assert ended["status"] == "done", ended
        assert len(model.asked) == 1
    async with shop.connect(era) as client:
        found = await call(client, "get_run", run_id=runs[1])
        assert found["next"].startswith('run_swarm(action="answer"')
        assert (await by_hand(client, found))["status"] == "done"


async def test_a_slow_model_of_the_handshake_era_is_waited_for_no_longer_than_asked(
    shop: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "PROGRESS_S", 0.0)
    started, released = anyio.Event(), anyio.Event()
    quick = ClientModel()

    async def model(context: Any, params: Any) -> Any:
        if not started.is_set():
            started.set()
            await released.wait()
        return await quick(context, params)

    heard: list[str | None] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message)

    async with shop.connect("legacy", sampling_callback=model) as client:
        order = {"task": "x", "pattern": "solo", "provider": "sampling", "wait_s": 0}
        run = (await call(client, "run_swarm", **order))["run_id"]
        await call(client, "get_run", run_id=run, wait_s=20)
        assert not started.is_set(), "it is asked while a call is open"
        waits = {"action": "resume", "run_id": run, "wait_s": 3}
        with anyio.fail_after(20):
            told = facts_of(await client.call_tool("run_swarm", waits, progress_callback=hear))
        assert started.is_set()
        assert told["status"] == "needs_steps"
        assert len(heard) >= 2, "the call says that it is alive while the model thinks"
        released.set()
        ended = await call(client, "run_swarm", action="resume", run_id=told["run_id"])
        assert ended["status"] == "done", ended


async def test_in_the_stateless_era_one_round_is_one_batch_of_questions(shop: Place) -> None:
    async with shop.connect("2026-07-28", sampling_callback=ClientModel()) as client:
        session, model = client.session, ClientModel()
        rounds: list[list[str]] = []
        responses: dict[str, Any] | None = None
        state: str | None = None
        while True:
            result = await session.call_tool(
                "run_swarm",
                {"provider": "sampling"},
                input_responses=responses,
                request_state=state,
                allow_input_required=True,
            )
            if not isinstance(result, InputRequiredResult):
                break
            asked = result.input_requests or {}
            rounds.append(sorted(asked))
            state = result.request_state
            responses = {}
            for key, request in asked.items():
                assert isinstance(request, CreateMessageRequest)
                responses[key] = await model(None, request.params)
    assert rounds == [
        ["review.contracts", "review.correctness", "review.resilience", "review.security"],
        ["verify"],
        ["judge"],
    ]
    assert facts_of(result)["status"] == "done"


async def test_answers_to_another_servers_questions_are_not_taken(shop: Place, tmp_path: Path) -> None:
    order = {"task": "x", "pattern": "solo", "provider": "sampling"}
    async with shop.connect("2026-07-28", sampling_callback=ClientModel()) as client:
        result = await client.session.call_tool("run_swarm", order, allow_input_required=True)
        assert isinstance(result, InputRequiredResult)
        assert result.request_state is not None
        assert "swarm-" not in result.request_state, "the state is sealed"
        with pytest.raises(MCPError):
            await client.session.call_tool("run_swarm", order, request_state="swarm-0123456789ab")
