"""`remember`, `recall` and the resources of memory, as a client meets them in both eras."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import MCPError
from mcp.shared.subscriptions import ResourceUpdated
from mcp.types import ResourceTemplateReference, ResourceUpdatedNotification
from tests.server.conftest import Place, text_of

from sophia_mcp.llm.counting import tokens
from sophia_mcp.server.reference import published

pytestmark = pytest.mark.anyio

TEXT = "Cards are charged once because the bank books retries twice"


async def read(client: Any, uri: str) -> Any:
    return json.loads((await client.read_resource(uri)).contents[0].text)


@pytest.mark.requirement("tools.remember")
@pytest.mark.requirement("server.both_eras")
async def test_what_one_session_remembers_the_next_recalls(place: Place, era: str) -> None:
    async with place.connect(era) as client:
        done = await client.call_tool(
            "remember", {"text": TEXT, "kind": "decision", "anchors": "charge_card", "repo": None}
        )
        assert not done.is_error, text_of(done)
        facts = done.structured_content
        assert facts is not None
        assert set(facts) == {"id", "state", "memory", "next", "notes"}
        assert (facts["state"], facts["next"], facts["notes"]) == ("added", None, [])
        assert facts["memory"]["anchors"] == [{"place": "charge_card", "verdict": "fresh", "detail": ""}]
        for fact in (facts["id"], "added", "decision", "repo project", "lasting", "fresh", "next: none"):
            assert fact in text_of(done)
    async with place.connect(era) as client:
        found = await client.call_tool("recall", {"query": "why is the card charged only once"})
        assert found.structured_content is None or "result" in found.structured_content
        assert f"> {TEXT}" in text_of(found)
        assert "  fresh charge_card" in text_of(found)
        missed = await client.call_tool("recall", {"query": "kubernetes ingress"})
        assert text_of(missed).startswith("not here:")


@pytest.mark.requirement("tools.remember")
async def test_code_that_changed_is_flagged_in_the_answer(place: Place) -> None:
    async with place.connect("auto") as client:
        anchors = ["charge_card", "shop/pay.py", "shop/pay.py:8"]
        await client.call_tool("remember", {"text": TEXT, "anchors": anchors})
        pay = place.project / "shop" / "pay.py"
        pay.write_text(pay.read_text().replace("bool(token) and ", ""))
        text = text_of(await client.call_tool("recall", {"query": "card charged once"}))
        assert text.count("  drifted ") == 3
        pay.unlink()
        text = text_of(await client.call_tool("recall", {}))
        assert text.count("  orphaned ") == 3


@pytest.mark.requirement("memory.forget")
async def test_forgetting_answers_with_the_call_that_undoes_it(place: Place) -> None:
    async with place.connect("auto") as client:
        kept = await client.call_tool("remember", {"text": TEXT})
        gone = await client.call_tool("remember", {"forget": kept.structured_content["id"]})
        assert gone.structured_content["state"] == "forgotten"
        assert "nothing is remembered here" in text_of(await client.call_tool("recall", {}))
        back = gone.structured_content["next"]
        undone = await client.call_tool("remember", {"forget": back.split('"')[1]})
        assert undone.structured_content["state"] == "undone"
        assert TEXT in text_of(await client.call_tool("recall", {}))


@pytest.mark.requirement("tools.remember")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "text is missing"),
        ({"text": "x", "forget": "m-1"}, "both given"),
        ({"forget": "m-000000000000"}, "no memory"),
        ({"text": "x", "anchors": ["nowhere/at_all.py"]}, "nothing to anchor"),
        ({"text": "x", "pinned": True, "ttl_days": 3}, "no end"),
        ({"text": "x", "repo": "nowhere"}, "no repository"),
        ({"text": "x", "repo": "/etc"}, "not inside an allowed folder"),
    ],
)
async def test_a_wrong_call_says_what_to_do_next(
    place: Place, arguments: dict[str, Any], says: str
) -> None:
    async with place.connect("auto") as client:
        result = await client.call_tool("remember", arguments)
    assert result.is_error
    assert says in text_of(result)
    assert "next: " in text_of(result)


@pytest.mark.requirement("memory.budget")
async def test_an_answer_keeps_its_budget_and_says_how_to_go_on(place: Place) -> None:
    async with place.connect("auto") as client:
        for number, word in enumerate(
            "amber birch cedar delta ember fjord grove heron islet jetty".split()
        ):
            await client.call_tool("remember", {"text": f"{word} {'and so on ' * 40} {number}"})
        text = text_of(await client.call_tool("recall", {"max_tokens": 300, "limit": 20}))
        assert tokens.count(text) <= 300
        call = text.splitlines()[-1].split(": ", 1)[1]
        assert call.startswith("recall(limit=20, cursor=")
        cursor = call.split('cursor="')[1].split('"')[0]
        more = text_of(await client.call_tool("recall", {"limit": 20, "cursor": cursor}))
        first = {line.split("]")[0] for line in text.splitlines() if line.startswith("[m-")}
        assert first
        assert not first & {line.split("]")[0] for line in more.splitlines() if line.startswith("[m-")}
        default = text_of(await client.call_tool("recall", {"limit": 50}))
        assert tokens.count(default) <= 1000


async def test_a_similar_memory_is_named_with_the_call_that_forgets_it(place: Place) -> None:
    async with place.connect("auto") as client:
        old = await client.call_tool("remember", {"text": "The retry limit of the bank is 3 attempts"})
        new = await client.call_tool("remember", {"text": "The retry limit of the bank is 5 attempts"})
    facts = new.structured_content
    assert [each["id"] for each in facts["memory"]["similar"]] == [old.structured_content["id"]]
    assert facts["next"] == f'remember(forget="{old.structured_content["id"]}")'


@pytest.mark.requirement("memory.resources")
async def test_memory_is_read_as_resources(place: Place, era: str) -> None:
    async with place.connect(era) as client:
        kept = await client.call_tool("remember", {"text": TEXT, "anchors": ["shop/pay.py"]})
        await client.call_tool(
            "remember", {"text": "Answer briefly", "kind": "preference", "scope": "user"}
        )
        scopes = await read(client, "sophia://memory")
        assert {each["scope"]: each["memories"] for each in scopes} == {"repo": 1, "user": 1}
        listed = await read(client, "sophia://memory/user")
        assert [each["text"] for each in listed["memories"]] == ["Answer briefly"]
        item = await read(client, f"sophia://memory/item/{kept.structured_content['id']}")
        assert (item["text"], item["provenance"]) == (TEXT, "stated")
        assert item["anchors"][0]["verdict"] == "fresh"
        for missing in ("sophia://memory/nowhere", "sophia://memory/item/m-000000000000"):
            with pytest.raises(MCPError) as failure:
                await read(client, missing)
            assert failure.value.error.code == -32602


@pytest.mark.requirement("memory.resources")
async def test_scopes_and_ids_complete(place: Place, era: str) -> None:
    async with place.connect(era) as client:
        kept = await client.call_tool("remember", {"text": TEXT})
        scope = ResourceTemplateReference(type="ref/resource", uri="sophia://memory/{scope}")
        item = ResourceTemplateReference(type="ref/resource", uri="sophia://memory/item/{id}")
        scopes = await client.complete(scope, {"name": "scope", "value": "u"})
        ids = await client.complete(item, {"name": "id", "value": "m-"})
    assert scopes.completion.values == ["user"]
    assert ids.completion.values == [kept.structured_content["id"]]


@pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")
@pytest.mark.requirement("memory.resources")
async def test_a_handshake_client_hears_of_memory_that_changed(place: Place) -> None:
    heard: list[str] = []
    ended = anyio.Event()

    async def hear(message: Any) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            heard.append(str(message.params.uri))
            if len(heard) >= 2:
                ended.set()

    async with place.connect("legacy", message_handler=hear) as client:
        await client.subscribe_resource("sophia://memory")
        await client.subscribe_resource("sophia://memory/repo")
        await client.call_tool("remember", {"text": TEXT})
        with anyio.fail_after(20):
            await ended.wait()
    assert set(heard) == {"sophia://memory", "sophia://memory/repo"}


@pytest.mark.requirement("memory.resources")
async def test_a_listening_client_hears_of_the_memory_it_asked_for(place: Place) -> None:
    async with place.connect("auto") as client:
        kept = await client.call_tool("remember", {"text": TEXT})
        uri = f"sophia://memory/item/{kept.structured_content['id']}"
        async with client.listen(resource_subscriptions=[uri]) as events:
            await client.call_tool("remember", {"forget": kept.structured_content["id"]})
            with anyio.fail_after(20):
                async for event in events:
                    if isinstance(event, ResourceUpdated):
                        assert event.uri == uri
                        break


@pytest.mark.requirement("memory.scopes")
async def test_a_client_in_no_project_keeps_what_is_the_persons(place: Place, tmp_path: Path) -> None:
    async with place.connect("auto", root=Path("/")) as client:
        refused = await client.call_tool("remember", {"text": TEXT})
        kept = await client.call_tool("remember", {"text": "Answer briefly", "scope": "user"})
        found = await client.call_tool("recall", {"query": "answer briefly"})
    assert refused.is_error
    assert kept.structured_content["memory"]["scope"] == "user"
    assert "> Answer briefly" in text_of(found)


@pytest.mark.requirement("tools.remember")
async def test_both_tools_cost_an_agent_few_tokens() -> None:
    tools = [tool for tool in await published() if tool["name"] in ("remember", "recall")]
    assert len(tools) == 2
    whole = json.dumps(tools, separators=(",", ":"), ensure_ascii=False)
    assert tokens.count(whole) <= 520
