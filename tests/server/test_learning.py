"""What runs teach, end to end: a client orders runs, says what it thinks of findings, and later runs know."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from tests.server.conftest import Place, text_of, write

from sophia_mcp.memory.note import Caller

pytestmark = pytest.mark.anyio

CLAIM = "An empty cart is charged"
QUOTE = "    return bool(token) and cart.total_cents() > 0"
FINDING = {
    "severity": "high",
    "path": "shop/pay.py",
    "line": 8,
    "quote": QUOTE,
    "claim": CLAIM,
    "suggestion": "",
}
LIE = FINDING | {"quote": "    return eval(token)", "claim": "The token is evaluated"}


@pytest.fixture
def shop(tmp_path: Path) -> Place:
    """A project with a script for its runs."""
    script = tmp_path / "script.json"
    made = Place(write(tmp_path / "project"), tmp_path / "store", {"llm": {"script": str(script)}})
    say(made, FINDING)
    return made


def say(place: Place, *findings: dict[str, Any]) -> None:
    """What the model of the next runs answers."""
    answer = {"summary": "Read the payment.", "findings": list(findings), "edits": []}
    script = Path(place.settings["llm"]["script"])
    script.write_text(json.dumps({"reply": [{"step": "answer", "json": answer}] * 3}))


async def ordered(client: Client, task: str, provider: str = "scripted") -> dict[str, Any]:
    """A run of the single agent, as far as it goes."""
    arguments = {
        "task": task,
        "pattern": "solo",
        "paths": ["shop/pay.py"],
        "provider": provider,
        "wait_s": 50,
    }
    result = await client.call_tool("run_swarm", arguments)
    assert not result.is_error, text_of(result)
    assert result.structured_content is not None
    return result.structured_content


async def prompt(client: Client, task: str) -> str:
    """The whole question that a run would put to a model now."""
    told = await ordered(client, task, "host")
    assert told["status"] == "needs_steps"
    await client.call_tool("run_swarm", {"action": "cancel", "run_id": told["run_id"]})
    return "\n".join(step["prompt"] for step in told["steps"])


async def lesson(client: Client, words: str) -> str:
    """The line above the lesson that says this."""
    text = text_of(await client.call_tool("recall", {"query": words, "kinds": ["lesson"]}))
    found = re.search(rf"(\[m-[^\n]*)\n(?:  [^\n]*\n)*> [^\n]*{re.escape(words)}", text)
    assert found is not None, text
    return found[1]


@pytest.mark.requirement("memory.lessons")
async def test_a_finding_becomes_a_lesson_only_after_three_more_runs_came_to_it(shop: Place) -> None:
    async with shop.connect("auto") as client:
        for number in range(4):
            assert "is worth reporting" not in await prompt(client, f"is the cart charged {number}?")
            done = await ordered(client, f"review how the cart is charged, part {number}")
            assert done["status"] == "done", done
            assert [each["claim"] for each in done["outcome"]["findings"]] == [CLAIM]
            if number < 3:
                assert f"not confirmed yet ({number} of 3)" in await lesson(client, "is worth reporting")
        assert "standing +3" in await lesson(client, "is worth reporting")
        assert f"{CLAIM}\u201d is worth reporting" in await prompt(
            client, "is the cart charged at last?"
        )


@pytest.mark.requirement("memory.lessons")
async def test_a_lesson_that_misled_runs_is_used_no_more(shop: Place) -> None:
    async with shop.open(shop.project) as app:
        memory = await app.memory()
    async with shop.connect("auto") as client:
        done = await ordered(client, "review how the cart is charged")
        async with shop.open(shop.project) as app:
            memory = await app.memory()
            run = await (await app.swarm()).report(done["run_id"])
            caller = Caller(project=shop.project)
            await memory.judge(done["run_id"], run.outcome.findings, {"1": True}, caller)
        assert "is worth reporting" in await prompt(client, "how is the cart charged?")
        say(shop, LIE)
    async with shop.connect("auto") as client:
        misled = await ordered(client, "review how the cart is charged once more")
        assert any(not gate["passed"] for gate in misled["gates"])
        assert "standing +2" in await lesson(client, "is worth reporting")
        assert "is worth reporting" not in await prompt(client, "how is the cart charged now?")


@pytest.mark.requirement("memory.lessons")
async def test_a_lesson_about_code_that_has_changed_is_not_used(shop: Place) -> None:
    async with shop.connect("auto") as client:
        for number in range(4):
            await ordered(client, f"review how the cart is charged, part {number}")
        assert "is worth reporting" in await prompt(client, "how is the cart charged?")
        file = shop.project / "shop" / "pay.py"
        file.write_text(file.read_text().replace("> 0", "> 99"))
        assert "is worth reporting" not in await prompt(client, "how is the cart charged today?")
        assert "not confirmed" not in await lesson(client, "is worth reporting")


@pytest.mark.requirement("memory.feedback")
@pytest.mark.requirement("tools.remember")
async def test_an_assistant_accepts_and_rejects_findings_by_number(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        done = await ordered(client, "review how the cart is charged")
        named = f"{done['run_id']}#1"
        rejected = await client.call_tool("remember", {"forget": named})
        assert not rejected.is_error, text_of(rejected)
        assert rejected.structured_content["state"] == "rejected"
        assert f"sophia memory reject {done['run_id']} 1" in text_of(rejected)
        assert "standing +1" in await lesson(client, "do not report it")
        assert "disputed" in await lesson(client, "is worth reporting")
        assert "do not report it" not in await prompt(client, "is the cart charged?")
        by_place = f"{done['run_id']}#shop/pay.py:8"
        accepted = await client.call_tool("remember", {"text": by_place})
        assert accepted.structured_content["state"] == "accepted"
        assert "standing +1" in await lesson(client, "is worth reporting")
        wrong = await client.call_tool("remember", {"text": f"{done['run_id']}#7"})
        assert wrong.is_error
        assert "1 shop/pay.py:8" in text_of(wrong)
        unknown = await client.call_tool("remember", {"text": "swarm-0000#1"})
        assert unknown.is_error
        assert "next:" in text_of(unknown)


@pytest.mark.requirement("memory.statistics")
async def test_runs_are_counted_by_kind_of_task_and_model_and_similar_ones_are_recalled(
    shop: Place,
) -> None:
    async with shop.connect("auto") as client:
        for number in range(8):
            await ordered(client, f"review how the cart is charged, part {number}")
        await ordered(client, "document the exporter of invoices")
        text = text_of(await client.call_tool("recall", {"query": "review of charging carts"}))
        assert "by run:swarm-" in text
        assert "solo (done): review how the cart is charged" in text
        guess = await client.call_tool(
            "run_swarm",
            {"task": "review how carts are charged", "pattern": "solo", "provider": "scripted"}
            | {"action": "estimate", "paths": ["shop/pay.py"]},
        )
        assert "8 of 8 runs succeeded (100%, 95 % interval 68% to 100%)" in text_of(guess)
        assert 'a run like it: recall(query="m-' in text_of(guess)
    async with shop.open(shop.project) as app:
        memory = await app.memory()
        advice = await memory.advise("solo", task_kind="code_review")
        by_model = await memory.advise("solo", task_kind="code_review", model="scripted")
        other = await memory.advise("solo", task_kind="documentation")
    assert advice.arm is not None
    assert (advice.arm.runs, advice.arm.succeeded) == (8, 8)
    assert advice.success is not None
    assert "8 of 8 runs succeeded (100 %" in advice.text.replace("100%", "100 %")
    assert by_model.arm is not None
    assert by_model.arm.runs == 8
    assert other.arm is not None
    assert other.arm.runs == 1
