"""`get_run`: what one run came to, how it stands, what happened in it, and which runs there were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.server.conftest import Place, text_of
from tests.server.swarms import (
    ANSWER_KEYS,
    FINDING,
    QUOTE,
    REVIEW,
    SOLO,
    call,
    facts_of,
    place_of,
    refused,
)

from sophia_mcp.llm.counting import tokens
from sophia_mcp.server import runs
from sophia_mcp.server.reference import published
from sophia_mcp.types import Finding, Outcome, RunReport, Source

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("tools.get_run")]


@pytest.fixture
def shop(tmp_path: Path) -> Place:
    return place_of(tmp_path, *REVIEW, {"step": "answer", "json": SOLO})


async def reviewed(client: Any, **more: Any) -> dict[str, Any]:
    """A review that has ended."""
    told = await call(client, "run_swarm", **({"provider": "scripted"} | more))
    assert told["status"] == "done", told
    return told


@pytest.mark.requirement("server.both_eras")
async def test_without_a_run_the_recent_ones_are_listed(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        none = await call(client, "get_run")
        assert list(none) == [*ANSWER_KEYS, "runs"]
        assert (none["runs"], none["next"]) == ([], None)
        assert none["notes"] == ["no run yet; run_swarm starts one"]
        first = await reviewed(client)
        second = await reviewed(client, pattern="solo", task="x")
        result = await client.call_tool("get_run", {})
        told = facts_of(result)
    assert [run["run_id"] for run in told["runs"]] == [second["run_id"], first["run_id"]]
    assert told["runs"][1] == {
        "run_id": first["run_id"],
        "pattern": "code_review",
        "status": "done",
        "progress": first["progress"],
        "usd": "0.00",
    }
    assert told["next"] == f'get_run(run_id="{second["run_id"]}")'
    for said in (first["run_id"], second["run_id"], "code_review", told["next"]):
        assert said in text_of(result)


async def test_older_runs_are_a_call_away(shop: Place) -> None:
    async with shop.connect("auto") as client:
        for number in range(21):
            await call(client, "run_swarm", pattern="solo", task=f"t{number}", provider="host", wait_s=0)
        newest = await call(client, "get_run")
        assert len(newest["runs"]) == 20
        assert newest["notes"] == ['older ones: get_run(cursor="20")']
        older = await call(client, "get_run", cursor="20")
        assert len(older["runs"]) == 1
        assert older["notes"] == []
        assert not {run["run_id"] for run in older["runs"]} & {run["run_id"] for run in newest["runs"]}
        assert (await call(client, "get_run", cursor="400"))["notes"] == ["no older run"]


@pytest.mark.requirement("server.both_eras")
async def test_status_and_result_are_the_object_of_run_swarm(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        told = await reviewed(client)
        for view in ("status", "result"):
            found = await call(client, "get_run", run_id=told["run_id"], view=view)
            assert found.pop("runs") == []
            assert found == told


async def test_waiting_ends_with_the_run_and_says_how_far_it_is(tmp_path: Path, era: str) -> None:
    place = place_of(tmp_path, {"step": "answer", "json": SOLO, "latency_s": 5.0})
    heard: list[str | None] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message)

    async with place.connect(era) as client:
        order = {"task": "x", "pattern": "solo", "provider": "scripted", "wait_s": 0}
        told = await call(client, "run_swarm", **order)
        found = await call(client, "get_run", run_id=told["run_id"])
        assert (found["status"], found["outcome"]) == ("running", None)
        with anyio.fail_after(30):
            result = await client.call_tool(
                "get_run", {"run_id": told["run_id"], "wait_s": 50}, progress_callback=hear
            )
    assert facts_of(result)["status"] == "done"
    assert "solo: running" in heard


@pytest.mark.requirement("server.both_eras")
@pytest.mark.requirement("swarm.timeline")
async def test_the_timeline_is_a_tree_of_steps_with_what_was_decided(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        told = await reviewed(client)
        result = await client.call_tool("get_run", {"run_id": told["run_id"], "view": "timeline"})
        text = text_of(result)
        resource = await client.read_resource(told["timeline"])
    for said in (told["run_id"], "scripted", "✓ review.correctness", "✓ judge", "quotes", "tokens"):
        assert said in text
    assert facts_of(result)["next"] is None
    assert resource.contents[0].text == text, "the resource tells the same"


async def test_a_long_timeline_is_paged_within_its_tokens_and_loses_nothing(shop: Place) -> None:
    async with shop.connect("auto") as client:
        told = await reviewed(client)
        numbers: list[int] = []
        cursor, pages = None, 0
        while True:
            more = {} if cursor is None else {"cursor": cursor}
            result = await client.call_tool(
                "get_run",
                {"run_id": told["run_id"], "view": "timeline", "max_tokens": 200} | more,
            )
            text, following = text_of(result), facts_of(result)["next"]
            pages += 1
            assert tokens.count(text) <= 260, "200, and one line where even that is longer"
            *lines, last = text.splitlines()
            numbers += [int(line.split()[0]) for line in lines]
            assert last == f"next: {following or 'none needed'}"
            if following is None:
                break
            cursor = following.split('cursor="')[1].split('"')[0]
    assert pages > 2
    assert numbers == list(range(1, len(numbers) + 1))


async def test_many_findings_are_paged_and_every_one_is_told_once(tmp_path: Path) -> None:
    lines = "".join(f"value_{number} = compute({number}) / 0\n" for number in range(18))
    findings = [
        FINDING
        | {
            "path": "many.py",
            "line": number + 1,
            "quote": f"value_{number} = compute({number}) / 0",
            "claim": f"claim {number}: " + "it divides by zero and so on " * 30,
        }
        for number in range(18)
    ]
    place = place_of(tmp_path, {"step": "answer", "json": SOLO | {"findings": findings}})
    (place.project / "many.py").write_text(lines)
    async with place.connect("auto") as client:
        told = await call(
            client, "run_swarm", task="x", pattern="solo", provider="scripted", paths=["many.py"]
        )
        run, seen = told["run_id"], list(told["outcome"]["findings"])
        assert 0 < len(seen) < 18
        assert f"findings 1 to {len(seen)} of 18" in told["notes"]
        while told["next"] is not None:
            assert told["next"].startswith(f'get_run(run_id="{run}", view="result", cursor="')
            cursor = told["next"].split('cursor="')[1].split('"')[0]
            result = await client.call_tool(
                "get_run", {"run_id": run, "view": "result", "cursor": cursor, "max_tokens": 1000}
            )
            told = facts_of(result)
            assert tokens.count(text_of(result)) < 1500
            seen += told["outcome"]["findings"]
    assert sorted(each["line"] for each in seen) == list(range(1, 19))


async def test_sources_that_do_not_fit_are_named_and_a_call_away() -> None:
    sources = tuple(Source(f"doc{number}", "t", "", "word " * 60) for number in range(30))
    outcome = Outcome("- a claim [1]", (Finding("high", "a.py", 1, "a = 1", "one"),), sources, "")
    report = RunReport("swarm-1", "web_research", "done", outcome=outcome)
    seen: list[str] = []
    start = 0
    while True:
        told = runs.told(report, max_tokens=600, start=start).structured_content
        assert told is not None
        seen += [each["ref"] for each in told["outcome"]["sources"]]
        if told["next"] is None:
            break
        assert "of 31" in told["notes"][-1]
        start = int(told["next"].split('cursor="')[1].split('"')[0])
    assert seen == [each.ref for each in sources]


@pytest.mark.parametrize("limit", [600, 2500])
async def test_no_summary_is_so_long_that_an_answer_passes_its_limit(limit: int) -> None:
    findings = tuple(
        Finding("high", "a.py", line, "a = 1", "what is wrong " * 9) for line in range(1, 40)
    )
    outcome = Outcome("it was said that " * 900, findings, (), "+ a line of a patch\n" * 300)
    report = RunReport("swarm-1", "code_review", "done", outcome=outcome)
    for start in (0, 5):
        text = text_of(runs.told(report, max_tokens=limit, start=start))
        assert tokens.count(text) <= limit
    assert "\n6. [high] a.py:6" in text, "findings keep their number on every page"


async def test_only_the_result_holds_the_whole_of_a_long_patch(tmp_path: Path) -> None:
    new = "\n".join(f"line_{number} = {number}" for number in range(90))
    edits = [{"path": "new.py", "old": "", "new": new + "\n"}]
    place = place_of(tmp_path, {"step": "answer", "json": SOLO | {"edits": edits}})
    async with place.connect("auto") as client:
        told = await call(
            client, "run_swarm", task="x", pattern="solo", provider="scripted", paths="shop"
        )
        run = told["run_id"]
        assert len(told["outcome"]["patch"].splitlines()) <= 40
        assert told["next"] == f'get_run(run_id="{run}", view="result")'
        status = await call(client, "get_run", run_id=run)
        whole = await call(client, "get_run", run_id=run, view="result")
    assert status["outcome"]["patch"] == told["outcome"]["patch"]
    assert "+line_89 = 89" in whole["outcome"]["patch"]
    assert whole["next"] is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"run_id": "swarm-nowhere"}, "call get_run() for the recent ones"),
        ({"run_id": "swarm-nowhere", "view": "timeline"}, "no run 'swarm-nowhere'"),
        ({"run_id": "' OR 1=1 --", "view": "result"}, "no run"),
        ({"cursor": "next"}, "is not one of ours"),
        ({"cursor": "²"}, "is not one of ours"),
        ({"cursor": "-1"}, "is not one of ours"),
        ({"cursor": "9" * 30}, "is not one of ours"),
        ({"view": "everything"}, "view"),
        ({"wait_s": 51}, "wait_s"),
        ({"max_tokens": 10}, "max_tokens"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_wrong_call_says_what_to_call_next(
    shop: Place, arguments: dict[str, Any], says: str
) -> None:
    async with shop.connect("auto") as client:
        text = await refused(client, "get_run", **arguments)
    assert says in text
    assert "internal" not in text.lower()


async def test_steps_that_wait_are_handed_out_again_whole(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        told = await call(client, "run_swarm", provider="host")
        found = await call(client, "get_run", run_id=told["run_id"])
    assert found["steps"] == told["steps"]
    assert found["next"] == told["next"]
    assert QUOTE in found["steps"][0]["prompt"]


async def test_a_read_only_server_shows_runs_and_starts_none(shop: Place) -> None:
    tools = {tool.name for tool in await shop.server(read_only=True).list_tools()}
    assert "get_run" in tools
    assert "run_swarm" not in tools


@pytest.mark.requirement("server.parameters")
async def test_get_run_has_the_parameters_defaults_and_bounds_of_the_contract() -> None:
    (tool,) = [tool for tool in await published() if tool["name"] == "get_run"]
    properties = tool["inputSchema"]["properties"]
    assert set(properties) == {"run_id", "view", "wait_s", "max_tokens", "cursor"}
    assert {name: value["default"] for name, value in properties.items() if "default" in value} == {
        "view": "status",
        "wait_s": 0,
        "max_tokens": 2500,
    }
    assert properties["view"]["enum"] == ["status", "result", "timeline"]
    assert (properties["wait_s"]["minimum"], properties["wait_s"]["maximum"]) == (0, 50)
    assert list(tool["outputSchema"]["properties"]) == [*ANSWER_KEYS, "runs"]
    assert tool["annotations"] == {
        "readOnlyHint": True,
        "destructiveHint": False,
        "idempotentHint": True,
        "openWorldHint": False,
    }
    assert json.dumps(tool)
