"""What runs teach: summaries, lessons that must be confirmed, and advice that needs numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.memory.conftest import Mind

from sophia_mcp.errors import NotFound
from sophia_mcp.memory.advice import ENOUGH, Arm, advise, percentile, wilson
from sophia_mcp.memory.kinds import kind_of
from sophia_mcp.memory.memory import RunRecord
from sophia_mcp.types import Finding, GateResult, RunStatus, Tier

LESSON = "Check the token before the cart is charged"
FINDING = Finding("high", "shop/cart.py", 21, "return bool(token)", "An empty cart is charged")


async def step(mind: Mind, question: str, max_tokens: int = 800) -> str:
    return await mind.memory.recall_for_step(question, mind.caller, max_tokens)


async def record(mind: Mind, run: str, *, passed: bool = True, **values: object) -> None:
    gates = (GateResult("quotes", passed, "" if passed else "line 3 does not say that"),)
    made = RunRecord(run, "code_review", "review the cart", "done", gates=gates, **values)  # type: ignore[arg-type]
    mind.now += 1_000_000
    await mind.memory.record_run(made, mind.caller)


@pytest.mark.anyio
@pytest.mark.requirement("memory.lessons")
async def test_a_lesson_of_a_run_is_used_only_after_three_others_confirmed_it(mind: Mind) -> None:
    for number in range(4):
        assert LESSON not in await step(mind, "token and cart charged"), number
        await record(mind, f"r{number}", lessons=(LESSON,))
    assert f"> {LESSON}" in await step(mind, "token and cart charged")
    lesson = (await mind.found("token cart charged", kinds=("lesson",)))[0]
    assert (lesson.standing, lesson.source) == (3, "run:r0")


@pytest.mark.anyio
@pytest.mark.requirement("cache.exact")
async def test_runs_that_come_to_the_same_leave_the_next_question_as_it_was(mind: Mind) -> None:
    await record(mind, "r0", summary="Nothing was found")
    told = await step(mind, "review the cart")
    assert "> Nothing was found" in told
    said = []
    for number in range(1, 7):
        await record(mind, f"r{number}", summary="Nothing was found")
        said.append(await step(mind, "review the cart"))
    confirmed = told.replace("inferred", "confirmed")
    assert said == [told] * 2 + [confirmed] * 4, "what changes is that others confirmed it, once"
    (memo,) = await mind.found("review the cart")
    assert (memo.standing, memo.uses) != (0, 0), "what is counted is counted all the same"


@pytest.mark.anyio
@pytest.mark.requirement("memory.lessons")
async def test_a_run_whose_words_grow_when_spelled_out_is_remembered(mind: Mind) -> None:
    task = "why is the cart charged twice? " + "\u202e" * 3_900
    made = RunRecord("r0", "code_review", task, "done", lessons=(LESSON + " \u202e" * 3_900,))
    await mind.memory.record_run(made, mind.caller)
    found = await mind.found("cart charged twice")
    assert any(memo.source == "run:r0" and memo.kind != "lesson" for memo in found)
    assert any(memo.text.startswith(LESSON) for memo in found)


@pytest.mark.anyio
@pytest.mark.requirement("memory.lessons")
async def test_the_same_run_confirms_nothing_twice_and_a_failed_one_suggests_nothing(mind: Mind) -> None:
    for _ in range(6):
        await record(mind, "r0", lessons=(LESSON,))
        await record(mind, "r1", passed=False, lessons=(LESSON,))
    lesson = (await mind.found("token cart charged", kinds=("lesson",)))[0]
    assert lesson.standing == 0
    assert LESSON not in await step(mind, "token and cart charged")


@pytest.mark.anyio
@pytest.mark.requirement("memory.lessons")
async def test_a_lesson_loses_its_place_when_runs_that_used_it_fail(mind: Mind) -> None:
    kept = (await mind.keep(LESSON, kind="lesson", source="person")).memo
    assert LESSON in await step(mind, "token and cart charged")
    await record(mind, "r1", passed=False, used=(kept.id,))
    assert LESSON not in await step(mind, "token and cart charged")
    for number in range(2, 7):
        await record(mind, f"r{number}", passed=False, used=(kept.id,))
    assert await mind.found(LESSON, kinds=("lesson",)) == []
    assert (await mind.memory.undo(kept.id)).standing == -3


@pytest.mark.anyio
@pytest.mark.requirement("memory.lessons")
async def test_a_gate_that_fails_the_same_way_in_several_runs_becomes_a_lesson(mind: Mind) -> None:
    for number in range(4):
        await record(mind, f"r{number}", passed=False)
    assert "the gate quotes fails like this" in await step(mind, "review: quotes gate")


@pytest.mark.anyio
@pytest.mark.requirement("memory.lessons")
async def test_a_person_who_rejects_a_finding_is_believed_and_may_change_their_mind(mind: Mind) -> None:
    await record(mind, "r1", findings=1)
    await mind.memory.judge("r1", [FINDING], {"1": False}, mind.caller)
    assert "do not report it" in await step(mind, "is an empty cart charged")
    mind.now += 1
    await mind.memory.judge("r1", [FINDING], {"1": True}, mind.caller)
    text = await step(mind, "is an empty cart charged")
    assert "is worth reporting" in text
    assert "do not report it" not in text
    advice = await mind.memory.advise("code_review")
    assert advice.arm is not None
    assert (advice.arm.accepted, advice.arm.judged) == (1, 1)
    with pytest.raises(NotFound):
        await mind.memory.judge("r99", [FINDING], {"1": True}, mind.caller)


@pytest.mark.anyio
@pytest.mark.requirement("memory.lessons")
async def test_at_most_five_lessons_stand_in_a_prompt_and_it_fits_its_budget(mind: Mind) -> None:
    for number in range(9):
        name = "kmnprstvz"[number] * 4
        await mind.keep(f"Cart lesson {name}: check case {number}", kind="lesson", source="person")
    text = await step(mind, "cart lesson check case", 4000)
    assert text.count(" lesson · ") == 5
    from sophia_mcp.llm.counting import tokens

    small = await step(mind, "cart lesson check case", 120)
    assert 0 < tokens.count(small) <= 120
    assert await step(mind, "kubernetes ingress") == ""


@pytest.mark.anyio
async def test_a_step_is_told_nothing_whose_code_is_gone(mind: Mind) -> None:
    await mind.keep("Carts add up in cents", anchors=("charge_card",))
    assert "Carts add up" in await step(mind, "carts add up")
    (mind.project / "shop" / "cart.py").unlink()
    assert await step(mind, "carts add up") == ""


@pytest.mark.anyio
@pytest.mark.requirement("memory.statistics")
async def test_similar_past_runs_are_found_for_ninety_days(mind: Mind) -> None:
    for number, task in enumerate(("review the cart total", "document the exporter")):
        run = RunRecord(f"r{number}", "code_review", task, "done", f"Summary {number} of {task}")
        await mind.memory.record_run(run, mind.caller)
    await mind.keep("The cart total is in cents")
    found = await mind.memory.similar_runs("cart totals", mind.caller)
    assert [memo.source for memo in found] == ["run:r0"]
    mind.later(91)
    assert await mind.memory.similar_runs("cart totals", mind.caller) == []


@pytest.mark.anyio
@pytest.mark.requirement("memory.statistics")
async def test_advice_comes_with_its_numbers_and_only_after_eight_runs(mind: Mind) -> None:
    async def runs(tier: Tier, good: int, bad: int, cost: int) -> None:
        for number in range(good + bad):
            gates = (GateResult("tests", number < good),)
            await mind.memory.record_run(
                RunRecord(
                    f"{tier}{number}",
                    "bug_fix",
                    f"fix bug {number} of {tier}",
                    "done",
                    tier=tier,
                    gates=gates,
                    cost_nano=cost,
                    duration_ns=(number + 1) * 10**9,
                )
            )

    await runs("standard", 5, 2, 2 * 10**7)
    early = await mind.memory.advise("bug_fix")
    assert (early.success, early.better, early.cheaper) == (None, None, None)
    assert "7 past runs" in early.text
    await runs("deep", 20, 0, 9 * 10**7)
    await runs("fast", 3, 17, 10**6)
    await runs("standard", 15, 5, 2 * 10**7)
    plain = await mind.memory.advise("bug_fix")
    assert plain.success is not None
    assert plain.success[0] == pytest.approx(15 / 20)
    assert plain.success[1:] == pytest.approx(wilson(15, 20))
    assert plain.better is None  # 20 of 20 and 15 of 20 are not told apart yet
    weak = await mind.memory.advise("bug_fix", tier="fast")
    assert weak.better is not None
    assert weak.better.tier == "deep"
    assert "20 of 20 runs succeeded" in weak.text
    assert "the intervals do not overlap" in weak.text
    assert "time p50 10 s, p95 19 s" in weak.text


def arm(runs: int, succeeded: int, cost: int, tier: str = "standard") -> Arm:
    return Arm("p", "k", "", tier, runs, succeeded, 0, 0, cost, 0, 0)


@pytest.mark.requirement("memory.statistics")
def test_no_arm_below_eight_runs_is_compared() -> None:
    found = advise([arm(20, 2, 100), arm(ENOUGH - 1, ENOUGH - 1, 1, "deep")], "p", "standard", "")
    assert (found.better, found.cheaper) == (None, None)


@pytest.mark.requirement("memory.statistics")
def test_a_cheaper_way_is_named_only_where_it_is_no_worse() -> None:
    cheap, worse = arm(20, 18, 50, "fast"), arm(20, 10, 10, "deep")
    found = advise([arm(20, 18, 100), cheap, worse], "p", "standard", "")
    assert (found.better, found.cheaper) == (None, cheap)


@pytest.mark.requirement("memory.statistics")
@given(st.integers(0, 400), st.integers(1, 400))
def test_the_interval_holds_the_share_and_solves_wilsons_equation(successes: int, count: int) -> None:
    successes = min(successes, count)
    low, high = wilson(successes, count)
    share = successes / count
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1
    for bound in (low, high):
        if 0 < bound < 1:
            reach = 1.959964 * math.sqrt(bound * (1 - bound) / count)
            assert abs(share - bound) == pytest.approx(reach, rel=1e-6, abs=1e-7)


def test_percentiles_are_values_that_were_seen() -> None:
    assert percentile(range(1, 101), 0.95) == 95
    assert percentile([7], 0.5) == 7
    assert percentile([], 0.5) == 0


@pytest.mark.anyio
@pytest.mark.requirement("memory.candidates")
async def test_a_run_that_went_well_suggests_its_worst_findings_with_their_lines(mind: Mind) -> None:
    found = [
        replace(FINDING, severity=severity, claim=f"{severity} claim of {name}")
        for severity, name in (("low", "a"), ("critical", "b"), ("info", "c"), ("high", "d"))
    ]
    await record(mind, "r1", stood=tuple(found))
    lessons = await mind.found(None, kinds=("lesson",))
    said = " ".join(lesson.text for lesson in lessons)
    assert len(lessons) == 3
    assert "info claim" not in said
    assert {lesson.anchors[0].place for lesson in lessons} == {"shop/cart.py:21"}
    assert {lesson.standing for lesson in lessons} == {0}
    await record(mind, "r2", passed=False, stood=(replace(FINDING, claim="Said by a run that failed"),))
    lessons = await mind.found(None, kinds=("lesson",))
    assert not any("Said by a run" in lesson.text for lesson in lessons)


@pytest.mark.anyio
@pytest.mark.requirement("memory.candidates")
async def test_what_a_person_took_away_no_run_brings_back(mind: Mind) -> None:
    await record(mind, "r1", stood=(FINDING,))
    (lesson,) = await mind.found(None, kinds=("lesson",))
    await mind.memory.forget(lesson.id)
    for number in range(2, 8):
        await record(mind, f"r{number}", stood=(FINDING,))
    assert await mind.found(None, kinds=("lesson",)) == []


@pytest.mark.anyio
@pytest.mark.requirement("memory.candidates")
@pytest.mark.requirement("memory.lessons")
@pytest.mark.parametrize("status", ["cancelled", "interrupted", "failed", "over_budget"])
async def test_a_run_that_was_cut_off_says_nothing_about_its_lessons(
    mind: Mind, status: RunStatus
) -> None:
    kept = (await mind.keep(LESSON, kind="lesson", source="person")).memo
    run = RunRecord("r1", "code_review", "review the cart", status, used=(kept.id,))
    await mind.memory.record_run(run, mind.caller)
    assert (await mind.found(LESSON, kinds=("lesson",)))[0].standing == 3
    summaries = await mind.memory.similar_runs("review the cart", mind.caller)
    assert bool(summaries) == (status in ("failed", "over_budget"))


@pytest.mark.requirement("memory.statistics")
@pytest.mark.parametrize(
    ("pattern", "task", "diff", "kind"),
    [
        ("bug_fix", "review everything", False, "bug_fix"),
        ("solo", "Fix the crash in the parser", False, "bug_fix"),
        ("solo", "review how carts are charged", False, "code_review"),
        ("our_own", "add tests for the exporter", False, "testing"),
        ("our_own", "make it faster, it is slow", False, "optimization"),
        ("solo", "", True, "code_review"),
        ("solo", "", False, "other"),
    ],
)
def test_a_task_is_compared_with_tasks_of_its_kind(
    pattern: str, task: str, diff: bool, kind: str
) -> None:
    assert kind_of(pattern, task, diff=diff) == kind
