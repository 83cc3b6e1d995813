"""The calling assistant does the steps itself: a run waits for it, across calls and processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.swarm.runs import FINDING, ScriptedModels, Tree, open_swarm, order

from sophia_mcp.errors import BadArgument, NotFound
from sophia_mcp.store.jobs import Jobs
from sophia_mcp.swarm.swarm import Swarm
from sophia_mcp.types import Scope

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("swarm.host")]

HELD = {"verdicts": [{"id": "F1", "holds": True, "reason": "yes"}]}
RANKED = {"summary": "One fault.", "keep": [{"id": "F1", "same_as": []}]}


def hosted(**given: Any) -> Any:
    return order(provider="host", pattern="panel", **given)


async def to_the_end(swarm: Swarm, run_id: str) -> Any:
    """Do every step that waits, until none does."""
    for _ in range(8):
        report = await swarm.report(run_id, wait_s=10)
        if report.status != "needs_steps":
            return report
        answers: dict[str, Any] = {}
        for packet in report.steps:
            answers[packet.key] = (
                HELD
                if packet.key == "verify"
                else RANKED
                if packet.key == "judge"
                else {"findings": [FINDING]}
            )
        await swarm.answer(run_id, answers)
    raise AssertionError("the run has more rounds than a pattern may have")


async def left_alone(models: ScriptedModels, run_id: str) -> None:
    """Until the run begins to leave memory."""
    with anyio.fail_after(10):
        while models.desk.pending(run_id):
            await anyio.sleep(0)


async def test_all_steps_that_can_be_done_wait_at_once_and_carry_what_they_need(tmp_path: Path) -> None:
    async with open_swarm(tmp_path) as swarm:
        report = await swarm.report(await swarm.start(hosted()), wait_s=10)
    assert report.status == "needs_steps"
    assert [packet.key for packet in report.steps] == ["review.one", "review.two", "review.three"]
    assert [packet.role for packet in report.steps] == ["one", "two", "three"]
    for packet in report.steps:
        assert "return a / b" in packet.prompt
        assert packet.schema is not None
        assert "findings" in packet.schema["properties"]
    assert (report.done, report.total) == (1, 6)


@pytest.mark.requirement("llm.masked")
async def test_a_step_that_outlived_its_process_holds_no_secret(tmp_path: Path) -> None:
    key = "AKIA" + "Q3EXR7NB5KTWZP2M"
    async with open_swarm(tmp_path, tree=Tree({"calc.py": f"key = '{key}'\n"})) as swarm:
        run_id = await swarm.start(hosted())
        assert (await swarm.report(run_id, wait_s=10)).status == "needs_steps"
    async with open_swarm(tmp_path) as swarm:
        report = await swarm.report(run_id)
    assert len(report.steps) == 3
    for packet in report.steps:
        assert "key = " in packet.prompt
        assert key not in packet.prompt


async def test_an_assistant_can_do_a_whole_run(tmp_path: Path) -> None:
    async with open_swarm(tmp_path) as swarm:
        run_id = await swarm.start(hosted())
        report = await to_the_end(swarm, run_id)
        kinds = [event.kind for event in await swarm.timeline(run_id)]
    assert report.status == "done"
    assert report.outcome.summary == "One fault."
    assert [finding.line for finding in report.outcome.findings] == [2]
    assert kinds.count("run.waiting") == 3
    assert kinds.count("step.answered") == 5


async def test_answers_may_come_one_by_one(tmp_path: Path) -> None:
    async with open_swarm(tmp_path) as swarm:
        run_id = await swarm.start(hosted())
        await swarm.report(run_id, wait_s=10)
        await swarm.answer(run_id, {"review.two": {"findings": []}})
        report = await swarm.report(run_id, wait_s=10)
        assert report.status == "needs_steps"
        assert [packet.key for packet in report.steps] == ["review.one", "review.three"]
        assert (await to_the_end(swarm, run_id)).status == "done"


async def test_a_json_text_is_as_good_as_a_json_value(tmp_path: Path) -> None:
    async with open_swarm(tmp_path) as swarm:
        run_id = await swarm.start(hosted())
        await swarm.report(run_id, wait_s=10)
        await swarm.answer(run_id, {"review.one": '```json\n{"findings": []}\n```'})
        report = await swarm.report(run_id, wait_s=10)
        assert [packet.key for packet in report.steps] == ["review.two", "review.three"]


async def test_an_answer_of_the_wrong_form_is_refused_and_none_of_its_call_is_taken(
    tmp_path: Path,
) -> None:
    async with open_swarm(tmp_path) as swarm:
        run_id = await swarm.start(hosted())
        await swarm.report(run_id, wait_s=10)
        with pytest.raises(BadArgument, match=r"review\.two.*not of the form"):
            await swarm.answer(run_id, {"review.one": {"findings": []}, "review.two": {"finding": 1}})
        report = await swarm.report(run_id, wait_s=0)
        assert len(report.steps) == 3


async def test_unknown_and_late_keys_are_told_apart(tmp_path: Path) -> None:
    async with open_swarm(tmp_path) as swarm:
        run_id = await swarm.start(hosted())
        await swarm.report(run_id, wait_s=10)
        with pytest.raises(NotFound, match=r"no step 'revue'.*waiting now: review\.one"):
            await swarm.answer(run_id, {"revue": {}})
        await swarm.answer(run_id, {"review.one": {"findings": []}})
        await swarm.report(run_id, wait_s=10)
        with pytest.raises(BadArgument, match="takes no answer any more"):
            await swarm.answer(run_id, {"review.one": {"findings": []}})
        with pytest.raises(BadArgument, match="results is empty"):
            await swarm.answer(run_id, {})
        await swarm.cancel(run_id)
        with pytest.raises(BadArgument, match="it is cancelled"):
            await swarm.answer(run_id, {"review.two": {"findings": []}})
        with pytest.raises(NotFound, match="no run"):
            await swarm.answer("swarm-0", {"review.two": {"findings": []}})


async def test_a_waiting_run_outlives_its_process_and_goes_on_with_the_answer(tmp_path: Path) -> None:
    async with open_swarm(tmp_path) as swarm:
        run_id = await swarm.start(hosted())
        before = await swarm.report(run_id, wait_s=10)
        await swarm.answer(run_id, {"review.one": {"findings": [FINDING]}})
        await swarm.report(run_id, wait_s=10)
    async with open_swarm(tmp_path) as later:
        report = await later.report(run_id)
        assert report.status == "needs_steps"
        assert {packet.key: packet for packet in report.steps} == {
            packet.key: packet for packet in before.steps if packet.key != "review.one"
        }
        ended = await to_the_end(later, run_id)
        kinds = [event.kind for event in await later.timeline(run_id)]
    assert ended.status == "done"
    assert "run.resumed" in kinds
    assert "step.uncertain" not in kinds


async def test_an_answer_reaches_a_run_that_lives_in_another_process(tmp_path: Path) -> None:
    async with open_swarm(tmp_path) as swarm, open_swarm(tmp_path) as other:
        run_id = await swarm.start(hosted())
        await swarm.report(run_id, wait_s=10)
        assert (await other.report(run_id, wait_s=10)).status == "needs_steps"
        assert (await to_the_end(other, run_id)).status == "done"
        resumed = [event for event in await swarm.timeline(run_id) if event.kind == "run.resumed"]
    assert resumed == []


async def test_a_run_that_nobody_answers_leaves_memory_and_still_takes_its_answer(
    tmp_path: Path,
) -> None:
    models = ScriptedModels()
    async with open_swarm(tmp_path, models, park_s=0.3) as swarm:
        run_id = await swarm.start(hosted())
        await swarm.report(run_id, wait_s=10)
        await left_alone(models, run_id)
        report = await swarm.report(run_id)
        assert report.status == "needs_steps"
        assert len(report.steps) == 3
        assert (await to_the_end(swarm, run_id)).status == "done"


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_run_goes_on_with_an_answer_that_comes_while_it_leaves_memory(
    tmp_path: Path, elsewhere: bool
) -> None:
    late = anyio.Event()

    class Answered(Jobs):
        async def stopped(self, scope: Scope, job: str, **given: Any) -> None:
            if not late.is_set():
                late.set()
                answers = {f"review.{role}": {"findings": [FINDING]} for role in ("one", "two", "three")}
                await (other if elsewhere else swarm).answer(job, answers)
            await super().stopped(scope, job, **given)

    async with open_swarm(tmp_path, park_s=0.3, rows=Answered) as swarm, open_swarm(tmp_path) as other:
        run_id = await swarm.start(hosted())
        with anyio.fail_after(10):
            await late.wait()
        report = await swarm.report(run_id, wait_s=10)
        assert [packet.key for packet in report.steps] == ["verify"]


async def test_a_report_goes_on_with_a_run_whose_answers_were_taken_by_a_process_that_died(
    tmp_path: Path,
) -> None:
    async with open_swarm(tmp_path) as swarm:
        run_id = await swarm.start(hosted())
        report = await swarm.report(run_id, wait_s=10)
    async with open_swarm(tmp_path) as later:
        # The first half of `answer`: what is left when a process dies in the middle of it.
        await later.means.book.answered(run_id, {one.key: {"findings": []} for one in report.steps})
        report = await later.report(run_id, wait_s=10)
        assert [packet.key for packet in report.steps] == ["judge"]


async def test_sampling_steps_wait_at_the_same_desk(tmp_path: Path) -> None:
    models = ScriptedModels()
    async with open_swarm(tmp_path, models) as swarm:
        run_id = await swarm.start(order(provider="sampling"))
        report = await swarm.report(run_id, wait_s=10)
        assert report.status == "needs_steps"
        [(packet, ask)] = models.desk.waiting(run_id)
        assert packet.key == "answer"
        assert "JSON Schema" in ask.messages[-1].text
        models.desk.answer(run_id, "answer", '{"summary": "from the client", "findings": []}')
        ended = await swarm.report(run_id, wait_s=10)
    assert ended.status == "done"
    assert ended.outcome is not None
    assert ended.outcome.summary == "from the client"
