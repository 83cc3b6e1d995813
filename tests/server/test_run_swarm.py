"""`run_swarm` as an agent meets it: in both eras, over HTTP, with every action and every wrong call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from tests.e2e.processes import serving
from tests.server.conftest import Place, text_of
from tests.server.swarms import (
    ANSWER_KEYS,
    FINDING,
    QUOTE,
    REVIEW,
    SOLO,
    ClientModel,
    by_hand,
    call,
    facts_of,
    place_of,
    refused,
    written,
)

from sophia_mcp.cost.ledger.entry import Limit
from sophia_mcp.server import runs
from sophia_mcp.server.reference import published

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("tools.run_swarm")]

SOLO_REPLY = {"step": "answer", "json": SOLO}
SLOW = {"step": "answer", "json": SOLO, "latency_s": 30}


@pytest.fixture
def shop(tmp_path: Path) -> Place:
    return place_of(tmp_path, *REVIEW, SOLO_REPLY)


@pytest.mark.requirement("server.both_eras")
@pytest.mark.requirement("swarm.host")
async def test_an_assistant_reviews_a_real_change_step_by_step(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        told = await call(client, "run_swarm", provider="host")
        assert list(told) == ANSWER_KEYS
        assert told["status"] == "needs_steps"
        assert told["run_id"].startswith("swarm-")
        assert [step["key"] for step in told["steps"]] == [
            "review.correctness",
            "review.security",
            "review.resilience",
            "review.contracts",
        ]
        for step in told["steps"]:
            assert set(step) == {"key", "role", "prompt", "schema"}
            assert f"+{QUOTE}" in step["prompt"], "the diff of the working tree is what is reviewed"
            assert "findings" in step["schema"]["properties"]
        assert told["next"].startswith(f'run_swarm(action="answer", run_id="{told["run_id"]}"')
        ended = await by_hand(client, told)
    assert ended["status"] == "done", ended
    assert ended["outcome"]["summary"] == "One fault."
    assert [each["claim"] for each in ended["outcome"]["findings"]] == [FINDING["claim"]]
    assert ended["gates"][0]["name"] == "quotes"
    assert "eval" not in json.dumps(ended["outcome"]), "a quote that stands nowhere is dropped"
    assert ended["cost"]["usd"] == "0.00"
    assert ended["timeline"] == f"sophia://timelines/{ended['run_id']}"
    assert ended["next"] is None


@pytest.mark.requirement("server.both_eras")
async def test_text_and_structure_tell_the_same(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        result = await client.call_tool("run_swarm", {"provider": "scripted"})
        told, text = facts_of(result), text_of(result)
    assert told["status"] == "done", told
    for said in (told["run_id"], "done", "One fault.", QUOTE, FINDING["claim"], told["timeline"]):
        assert said in text
    assert f"{told['progress']['done']}/{told['progress']['total']} steps" in text
    assert f"${told['cost']['usd']}" in text
    assert text.endswith("next: none needed")
    waiting = await _waiting(shop, era)
    assert waiting["steps"][0]["prompt"] in waiting["text"]
    assert waiting["next"] in waiting["text"]


async def _waiting(shop: Place, era: str) -> dict[str, Any]:
    async with shop.connect(era) as client:
        result = await client.call_tool(
            "run_swarm", {"provider": "host", "pattern": "solo", "task": "x"}
        )
        return facts_of(result) | {"text": text_of(result)}


@pytest.mark.requirement("swarm.progress")
async def test_a_run_is_named_before_it_has_done_anything(
    tmp_path: Path, era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "PROGRESS_S", runs.PROGRESS_S / 20)
    place = place_of(tmp_path, SLOW)
    heard: list[tuple[float, float | None, str | None]] = []
    order = {"pattern": "solo", "task": "x", "provider": "scripted"}

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))

    async with place.connect(era) as client:
        told = facts_of(
            await client.call_tool("run_swarm", {**order, "wait_s": 3}, progress_callback=hear)
        )
        assert told["status"] == "running"
        assert told["next"] == f'get_run(run_id="{told["run_id"]}", wait_s=40)'
        assert heard[0][2] == told["run_id"]
        assert len(heard) >= 2, "and while it waits it says now and then how far it is"
        assert [each[0] for each in heard] == sorted({each[0] for each in heard}), "each above the last"
        again = await call(client, "run_swarm", **order, wait_s=0)
        assert again["run_id"] == told["run_id"]
        await call(client, "run_swarm", action="cancel", run_id=told["run_id"])


@pytest.mark.requirement("swarm.same_order")
async def test_the_same_call_again_is_the_same_run(tmp_path: Path, era: str) -> None:
    place = place_of(tmp_path, SLOW)
    order = {"task": "x", "pattern": "solo", "provider": "scripted", "paths": "shop", "wait_s": 0}
    async with place.connect(era) as client:
        results: list[dict[str, Any]] = []

        async def ask(**more: Any) -> None:
            results.append(await call(client, "run_swarm", **(order | more)))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            tasks.start_soon(ask)
        other = await call(client, "run_swarm", **order, tier="fast")
        listed = await call(client, "get_run")
        assert results[0]["run_id"] == results[1]["run_id"] != other["run_id"]
        assert len(listed["runs"]) == 2
        for run in listed["runs"]:
            await call(client, "run_swarm", action="cancel", run_id=run["run_id"])


@pytest.mark.requirement("swarm.cancel")
async def test_a_cancelled_run_says_so_and_can_be_taken_up_again(tmp_path: Path, era: str) -> None:
    place = place_of(tmp_path, SLOW)
    async with place.connect(era) as client:
        told = await call(client, "run_swarm", task="x", pattern="solo", provider="scripted", wait_s=0)
        run = told["run_id"]
        with anyio.fail_after(5):
            ended = await call(client, "run_swarm", action="cancel", run_id=run)
        assert (ended["status"], ended["reason"]) == ("cancelled", "it was cancelled")
        assert ended["next"] == f'run_swarm(action="resume", run_id="{run}")'
        assert (await call(client, "run_swarm", action="cancel", run_id=run))["status"] == "cancelled"
    written(tmp_path, SOLO_REPLY)
    async with place.connect(era) as client:
        done = await call(client, "run_swarm", action="resume", run_id=run)
        assert done["status"] == "done", done
        assert done["run_id"] == run
        assert len(done["outcome"]["findings"]) == 1
        still = await call(client, "run_swarm", action="resume", run_id=run)
        assert still == done, "what is done is left alone"


@pytest.mark.requirement("swarm.host")
async def test_a_run_whose_server_stopped_goes_on_in_the_next(tmp_path: Path, era: str) -> None:
    place = place_of(tmp_path, {"step": "review.*", "json": {"findings": [FINDING]}}, *REVIEW)
    async with place.connect(era) as client:
        told = await call(client, "run_swarm", provider="host")
        first, *rest = told["steps"]
        one = {first["key"]: {"findings": [FINDING]}}
        told = await call(
            client, "run_swarm", action="answer", run_id=told["run_id"], results=one, wait_s=5
        )
        assert [step["key"] for step in told["steps"]] == [step["key"] for step in rest]
    async with place.connect(era) as client:
        found = await call(client, "get_run", run_id=told["run_id"])
        assert found["status"] == "needs_steps"
        assert [step["key"] for step in found["steps"]] == [step["key"] for step in rest]
        ended = await by_hand(client, found)
        assert ended["status"] == "done", ended
        assert len(ended["outcome"]["findings"]) == 1


async def test_a_call_that_is_given_up_does_not_end_its_run(tmp_path: Path, era: str) -> None:
    place = place_of(tmp_path, SOLO_REPLY | {"latency_s": 1.0})
    async with place.connect(era) as client:
        order = {"task": "x", "pattern": "solo", "provider": "scripted"}
        with anyio.CancelScope() as given_up:

            async def hear(progress: float, total: float | None, message: str | None) -> None:
                given_up.cancel()

            await client.call_tool("run_swarm", order, progress_callback=hear)
        assert given_up.cancelled_caught
        (run,) = (await call(client, "get_run"))["runs"]
        ended = await call(client, "get_run", run_id=run["run_id"], wait_s=50)
    assert ended["status"] == "done", ended


async def test_auto_says_who_answers_and_the_timeline_why(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        told = await call(client, "run_swarm", task="x", pattern="solo")
        assert told["status"] == "needs_steps"
        assert "auto: host answers" in told["notes"]
        result = await client.call_tool("get_run", {"run_id": told["run_id"], "view": "timeline"})
        text = text_of(result)
    for passed_over in ("not portkey", "not openai", "not sampling"):
        assert passed_over in text


async def test_an_estimate_asks_nobody_begins_nothing_and_names_the_call(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        result = await client.call_tool(
            "run_swarm",
            {
                "action": "estimate",
                "task": "größer?",
                "paths": ["shop"],
                "provider": "scripted",
                "tier": "fast",
                "debate_rounds": 1,
            },
        )
        told = facts_of(result)
        assert list(told) == ANSWER_KEYS
        assert (told["run_id"], told["status"], told["timeline"]) == (None, None, None)
        assert "free" in told["reason"]
        assert told["progress"]["total"] == 10, "four reviewers twice, a verifier, a judge"
        assert told["cost"]["input_tokens"] > 500
        assert told["next"] == (
            'run_swarm(task="größer?", pattern="code_review", paths=["shop"], provider="scripted",'
            ' tier="fast", debate_rounds=1)'
        )
        assert told["next"] in text_of(result)
        assert (await call(client, "get_run"))["runs"] == []


PAID = {"base_url": "http://127.0.0.1:9/v1", "vendor": "openai", "standard": "gpt-4o"}


async def test_what_costs_money_needs_a_limit_and_an_estimate_names_one(tmp_path: Path) -> None:
    place = place_of(tmp_path)
    place.settings["llm"] = {"openai": PAID}
    async with place.connect("auto") as client:
        order = {"task": "x", "pattern": "solo", "provider": "openai"}
        text = await refused(client, "run_swarm", **order)
        assert "max_cost_usd is missing" in text
        assert 'action="estimate"' in text
        told = await call(client, "run_swarm", action="estimate", **order)
        limit = told["cost"]["reserved_usd"]
        assert float(limit) > 0
        assert told["next"].endswith(f'provider="openai", max_cost_usd={limit})')
        assert (await call(client, "get_run"))["runs"] == []


@pytest.mark.requirement("swarm.branches")
async def test_a_limit_that_is_too_small_ends_the_run_before_anybody_is_asked(
    tmp_path: Path, era: str
) -> None:
    place = place_of(tmp_path)
    place.settings["llm"] = {"openai": PAID}
    async with place.connect(era) as client:
        told = await call(
            client, "run_swarm", task="x", pattern="solo", provider="openai", max_cost_usd=0.000001
        )
    assert told["status"] == "over_budget", told
    assert (told["cost"]["usd"], told["cost"]["reserved_usd"]) == ("0.00", "0.00")
    assert any("max_cost_usd in that call" in note for note in told["notes"])
    assert [(each["key"], each["state"]) for each in told["left_out"]] == [("answer", "skipped")]


async def test_a_run_that_another_budget_refused_does_not_ask_for_a_higher_limit(
    tmp_path: Path,
) -> None:
    place = place_of(tmp_path)
    place.settings["llm"] = {"openai": PAID}
    async with place.open(place.project) as app:
        await (await app.money()).set_limit(Limit("workspace", "day", 1))
    async with place.connect("auto") as client:
        order = {"task": "x", "pattern": "solo", "provider": "openai", "max_cost_usd": 1}
        told = await call(client, "run_swarm", **order)
    assert told["status"] == "over_budget", told
    assert any("sophia cost budget set" in note for note in told["notes"])
    assert not any("max_cost_usd" in note for note in told["notes"])


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"pattern": "code_revue"}, "code_review"),
    ({"provider": "portkee"}, "portkey"),
    ({"pattern": "bug_fix"}, "needs one of: task"),
    ({"action": "answer"}, "needs run_id"),
    ({"action": "resume"}, "needs run_id"),
    ({"action": "cancel", "run_id": "swarm-nowhere"}, "get_run()"),
    ({"action": "resume", "run_id": "swarm-nowhere"}, "get_run()"),
    ({"action": "answer", "run_id": "swarm-nowhere", "results": {"a": 1}}, "get_run()"),
    ({"repo": "/etc"}, "/etc"),
    ({"repo": "no-such-repository"}, "no-such-repository"),
    ({"debate_rounds": 3}, "debate_rounds"),
    ({"wait_s": 51}, "wait_s"),
    ({"max_cost_usd": -1}, "max_cost_usd"),
    ({"max_cost_usd": "inf"}, "max_cost_usd"),
    ({"tier": "deepest"}, "tier"),
    ({"diff": "shop/price.py"}, "no line of it begins with `diff --git`"),
    ({"action": "begin"}, "action"),
    ({"action": "answer", "run_id": "swarm-1", "results": "all good"}, "results"),
]


@pytest.mark.parametrize(("arguments", "says"), WRONG, ids=lambda value: str(value)[:40])
async def test_a_wrong_call_says_what_would_be_right(
    shop: Place, arguments: dict[str, Any], says: str
) -> None:
    async with shop.connect("auto") as client:
        text = await refused(client, "run_swarm", **arguments)
        assert says in text
        assert "internal" not in text.lower()
        assert (await call(client, "get_run"))["runs"] == [], "nothing was begun"


async def test_answers_are_checked_before_one_is_taken(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        told = await call(client, "run_swarm", provider="host")
        run, keys = told["run_id"], [step["key"] for step in told["steps"]]
        wrong = {keys[0]: {"findings": []}, keys[1]: {"found": 1}}
        text = await refused(client, "run_swarm", action="answer", run_id=run, results=wrong)
        assert "not of the form" in text
        text = await refused(client, "run_swarm", action="answer", run_id=run, results={"revue": {}})
        assert keys[0] in text, "the keys that wait are named"
        assert "results is empty" in await refused(client, "run_swarm", action="answer", run_id=run)
        found = await call(client, "get_run", run_id=run)
        assert [step["key"] for step in found["steps"]] == keys


async def test_what_an_action_does_not_use_is_named(shop: Place) -> None:
    async with shop.connect("auto") as client:
        told = await call(client, "run_swarm", provider="host", run_id="swarm-1", results={"a": 1})
        assert 'not used with action="start": run_id, results' in told["notes"]
        run = told["run_id"]
        key = told["steps"][0]["key"]
        answer = {"action": "answer", "run_id": run, "results": {key: {"findings": []}}, "wait_s": 0}
        told = await call(client, "run_swarm", **answer, max_cost_usd=1, task="x")
        assert 'not used with action="answer": task, max_cost_usd' in told["notes"]
        told = await call(client, "run_swarm", action="cancel", run_id=run, max_cost_usd=1)
        assert told["notes"][-1] == 'not used with action="cancel": max_cost_usd'
        told = await call(client, "run_swarm", action="cancel", run_id=run)
        assert not any("not used" in note for note in told["notes"])


async def test_paths_narrow_the_default_diff(shop: Place) -> None:
    (shop.project / "other.py").write_text("other = 1\n")
    async with shop.connect("auto") as client:
        for paths in (["shop"], ["./shop/price.py"], ["shop/"]):
            told = await call(client, "run_swarm", provider="host", paths=paths)
            assert f"+{QUOTE}" in told["steps"][0]["prompt"]
            assert "+other = 1" not in told["steps"][0]["prompt"]
        told = await call(client, "run_swarm", provider="host", paths=["shop/pr"], task="x")
        assert f"+{QUOTE}" not in told["steps"][0]["prompt"]


async def test_what_could_not_be_read_is_said_while_the_run_is_under_way(shop: Place) -> None:
    async with shop.connect("auto") as client:
        told = await call(client, "run_swarm", provider="host", task="x", paths=["nowhere.py"])
        assert told["status"] == "needs_steps"
        assert "nowhere.py could not be read" in told["notes"]
        timeline = await client.call_tool("get_run", {"run_id": told["run_id"], "view": "timeline"})
        assert "note: nowhere.py could not be read" in text_of(timeline)
        text = await refused(client, "run_swarm", provider="host", paths=["nowhere.py"])
        assert "nowhere.py could not be read" in text, "nor is anything else reviewed in its place"


async def test_a_review_without_anything_to_review_asks_nobody(tmp_path: Path) -> None:
    place = place_of(tmp_path, *REVIEW)
    (place.project / "shop" / "price.py").write_text(
        (place.project / "shop" / "price.py").read_text().replace("prices[1:]", "prices")
    )
    async with place.connect("auto") as client:
        for action in ("start", "estimate"):
            text = await refused(client, "run_swarm", provider="scripted", action=action)
            assert "nothing to work on" in text
            assert "next: give a task, paths that can be read, or a diff" in text
        assert (await call(client, "get_run"))["runs"] == []
        assert "code_review" not in text_of(await client.call_tool("recall", {}))


async def test_its_own_diff_is_reviewed_where_one_is_given(shop: Place) -> None:
    diff = "--- a/shop/price.py\n+++ b/shop/price.py\n@@ -1,1 +1,1 @@\n-only = 1\n+only = 'this one'\n"
    async with shop.connect("auto") as client:
        told = await call(client, "run_swarm", provider="host", diff=diff)
        assert "+only = 'this one'" in told["steps"][0]["prompt"]
        assert QUOTE not in told["steps"][0]["prompt"]


async def test_nothing_on_disk_is_changed_by_a_patch(tmp_path: Path, era: str) -> None:
    fixed = QUOTE.replace("[1:]", "")
    edits = [{"path": "shop/price.py", "old": QUOTE, "new": fixed}]
    place = place_of(tmp_path, {"step": "answer", "json": SOLO | {"edits": edits}})
    before = {path: path.read_bytes() for path in place.project.rglob("*.py")}
    async with place.connect(era) as client:
        told = await call(
            client, "run_swarm", task="mend it", pattern="solo", provider="scripted", paths=["shop"]
        )
    assert told["status"] == "done", told
    assert f"-{QUOTE}\n+{fixed}\n" in told["outcome"]["patch"]
    assert {path: path.read_bytes() for path in place.project.rglob("*.py")} == before


@pytest.mark.requirement("server.parameters")
async def test_run_swarm_has_the_parameters_defaults_and_bounds_of_the_contract() -> None:
    tools = {tool["name"]: tool for tool in await published()}
    schema = tools["run_swarm"]["inputSchema"]
    properties = schema["properties"]
    assert {name: value["default"] for name, value in properties.items() if "default" in value} == {
        "pattern": "code_review",
        "provider": "auto",
        "tier": "standard",
        "debate_rounds": 0,
        "wait_s": 40,
        "action": "start",
    }
    assert set(properties) == {
        *("task", "pattern", "repo", "paths", "diff", "max_cost_usd", "provider", "tier"),
        *("debate_rounds", "wait_s", "action", "run_id", "results"),
    }
    assert properties["tier"]["enum"] == ["fast", "standard", "deep"]
    assert properties["action"]["enum"] == ["start", "estimate", "answer", "resume", "cancel"]
    assert (properties["debate_rounds"]["minimum"], properties["debate_rounds"]["maximum"]) == (0, 2)
    assert (properties["wait_s"]["minimum"], properties["wait_s"]["maximum"]) == (0, 50)
    assert "required" not in schema or schema["required"] == []
    assert list(tools["run_swarm"]["outputSchema"]["properties"]) == ANSWER_KEYS
    assert tools["run_swarm"]["annotations"] == {
        "readOnlyHint": False,
        "destructiveHint": False,
        "idempotentHint": False,
        "openWorldHint": True,
    }


@pytest.mark.xdist_group("e2e")
@pytest.mark.timeout(240)
@pytest.mark.requirement("server.http_loopback")
@pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")
@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_over_http_hosts_and_models_of_clients_do_a_review(tmp_path: Path, mode: str) -> None:
    place = place_of(tmp_path, *REVIEW)
    variables = {
        "SOPHIA_HOME": str(place.home),
        "SOPHIA_CONFIG": str(tmp_path / "none.toml"),
        "SOPHIA_ROOT": str(place.project),
        "SOPHIA_EMBED__PROVIDER": "hashing",
    }
    with serving(["sophia", "serve", "--http", "127.0.0.1:0"], **variables) as server:
        async with Client(server.url, mode=mode) as client:
            told = await call(client, "run_swarm", provider="host")
            ended = await by_hand(client, told)
            assert ended["status"] == "done", ended
            result = await client.call_tool("get_run", {"run_id": told["run_id"], "view": "timeline"})
            assert "review.correctness" in text_of(result)
        model = ClientModel()
        async with Client(server.url, mode=mode, sampling_callback=model) as client:
            told = await call(client, "run_swarm", provider="sampling")
    assert told["status"] == "done", told
    assert [each["line"] for each in told["outcome"]["findings"]] == [6]
    assert len(model.asked) == 6
