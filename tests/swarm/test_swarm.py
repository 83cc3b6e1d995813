"""A run does what its pattern says, keeps only what is proven, and ends whatever its models do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.swarm.runs import (
    ALONE,
    FILE,
    FINDING,
    LIE,
    ScriptedModels,
    Tree,
    library,
    open_swarm,
    order,
    replies,
)

from sophia_mcp.errors import BadArgument, BadSetting, DiskFull, NotFound
from sophia_mcp.swarm.history.book import Book, Run
from sophia_mcp.swarm.patterns import Limits
from sophia_mcp.swarm.running import custody, watch
from sophia_mcp.swarm.telling import reports

pytestmark = pytest.mark.anyio

SOUND = {"step": "review.*", "json": {"findings": [FINDING]}}
HOLDS = {"step": "verify", "json": {"verdicts": [{"id": "F1", "holds": True, "reason": "it does"}]}}
JUDGED = {"step": "judge", "json": {"summary": "One fault.", "keep": [{"id": "F1", "same_as": []}]}}


@pytest.mark.requirement("swarm.executes")
async def test_a_run_of_one_agent_ends_with_what_it_can_prove(tmp_path: Path) -> None:
    models = ScriptedModels(replies({"json": {"summary": "It divides.", "findings": [FINDING, LIE]}}))
    async with open_swarm(tmp_path, models) as swarm:
        report = await swarm.report(await swarm.start(order()), wait_s=20)
    assert (report.status, report.done, report.total) == ("done", 2, 2)
    assert report.outcome is not None
    assert report.outcome.summary == "It divides."
    assert [finding.claim for finding in report.outcome.findings] == [FINDING["claim"]]
    assert [(gate.name, gate.passed) for gate in report.gates] == [("quotes", False)]


@pytest.mark.requirement("swarm.executes")
async def test_readers_are_asked_apart_then_verified_then_judged(tmp_path: Path) -> None:
    other = FINDING | {"line": 6, "quote": "    return sum(values)", "claim": "sums what is no number"}
    models = ScriptedModels(
        replies(
            {"step": "review.one", "json": {"findings": [FINDING]}},
            {"step": "review.*", "json": {"findings": [other]}},
            {
                "step": "verify",
                "json": {
                    "verdicts": [
                        {"id": "F1", "holds": True, "reason": "yes"},
                        {"id": "F2", "holds": False, "reason": "a number is documented"},
                    ]
                },
            },
            JUDGED,
        )
    )
    async with open_swarm(tmp_path, models) as swarm:
        run_id = await swarm.start(order(pattern="panel"))
        report = await swarm.report(run_id, wait_s=20)
        events = await swarm.timeline(run_id)
    assert report.status == "done"
    assert report.outcome is not None
    assert [finding.line for finding in report.outcome.findings] == [2]
    assert report.outcome.summary == "One fault."
    assert models.steps()[-2:] == ["verify", "judge"]
    assert set(models.steps()[:3]) == {"review.one", "review.two", "review.three"}
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert any("a number is documented" in str(event.facts) for event in events)
    judged = models.asked[-1].messages
    assert any("3 of 3 agents answered." in message.text for message in judged)


@pytest.mark.requirement("swarm.shared_first")
async def test_what_all_questions_share_comes_first_and_is_word_for_word_the_same(
    tmp_path: Path,
) -> None:
    models = ScriptedModels(replies(SOUND, HOLDS, JUDGED))
    async with open_swarm(tmp_path, models) as swarm:
        await swarm.report(await swarm.start(order(pattern="panel")), wait_s=20)
    openings = {ask.messages[:2] for ask in models.asked}
    assert len(openings) == 1
    for ask in models.asked:
        shared = [message.shared for message in ask.messages]
        assert shared == sorted(shared, reverse=True)
        assert not ask.messages[-1].shared


@pytest.mark.requirement("swarm.branches")
async def test_a_branch_without_money_is_left_out_and_the_judge_is_told(tmp_path: Path) -> None:
    models = ScriptedModels(replies(SOUND, HOLDS, JUDGED), broke=("review.two",))
    async with open_swarm(tmp_path, models) as swarm:
        run_id = await swarm.start(order(pattern="panel"))
        report = await swarm.report(run_id, wait_s=20)
        kinds = [(event.kind, event.step) for event in await swarm.timeline(run_id)]
    assert report.status == "done"
    assert ("step.skipped", "review.two") in kinds
    assert ("budget", "review.two") in kinds
    assert any("2 of 3 answered" in note for note in report.notes)
    assert any("2 of 3 agents answered." in message.text for message in models.asked[-1].messages)


@pytest.mark.requirement("swarm.branches")
async def test_a_run_whose_budget_let_nothing_through_says_so(tmp_path: Path) -> None:
    models = ScriptedModels(replies(SOUND), broke=("review",))
    async with open_swarm(tmp_path, models) as swarm:
        report = await swarm.report(await swarm.start(order(pattern="panel")), wait_s=20)
    assert report.status == "over_budget"
    assert "0 of 3 answered, 2 were needed" in report.reason
    assert report.outcome is None


@pytest.mark.requirement("swarm.branches")
async def test_money_that_ends_in_the_middle_is_named_and_what_stands_is_kept(tmp_path: Path) -> None:
    step = '[[steps]]\nkey = "KEY"\nkind = "read"\nroles = ["r"]\nprompt_text = "Read."\n'
    step += 'schema = "findings"\nmax_tokens = 300\n'
    text = 'title = "Two"\nsummary = "Two read"\ngates = ["quotes"]\n[roles.r]\ntitle = "R"\n'
    text += 'prompt_text = "You read."\n' + step.replace("KEY", "first")
    text += step.replace("KEY", "second") + 'needs = ["first"]\n'
    (tmp_path / "patterns").mkdir()
    (tmp_path / "patterns" / "two.toml").write_text(text)
    models = ScriptedModels(replies({"json": {"findings": [FINDING]}}), broke=("second",))
    async with open_swarm(tmp_path, models) as swarm:
        report = await swarm.report(await swarm.start(order(pattern="two")), wait_s=20)
    assert report.status == "over_budget"
    assert "does not allow this call" in report.reason
    assert report.outcome is not None
    assert [finding.claim for finding in report.outcome.findings] == [FINDING["claim"]]


@pytest.mark.requirement("swarm.branches")
@pytest.mark.parametrize(
    ("fails", "status"), [("review.three", "over_budget"), ("review.t*", "failed"), ("none", "done")]
)
async def test_money_is_the_reason_where_it_would_have_made_the_quorum(
    tmp_path: Path, fails: str, status: str
) -> None:
    script = replies({"step": fails, "fail": "refused"}, SOUND, HOLDS, JUDGED)
    broke = ("review.two",) if fails != "review.t*" else ()
    async with open_swarm(tmp_path, ScriptedModels(script, broke=broke)) as swarm:
        report = await swarm.report(await swarm.start(order(pattern="panel")), wait_s=20)
    assert report.status == status


async def test_money_that_ends_before_the_judge_leaves_what_stands(tmp_path: Path) -> None:
    models = ScriptedModels(replies(SOUND, HOLDS), broke=("judge",))
    async with open_swarm(tmp_path, models) as swarm:
        report = await swarm.report(await swarm.start(order(pattern="panel")), wait_s=20)
    assert report.status == "done"
    assert report.outcome is not None
    assert len(report.outcome.findings) == 1
    assert any("judge was left out" in note for note in report.notes)


@pytest.mark.requirement("swarm.left_out")
async def test_what_was_left_out_for_money_can_be_told_from_what_failed(tmp_path: Path) -> None:
    script = replies({"step": "review.three", "fail": "refused"}, SOUND, HOLDS)
    models = ScriptedModels(script, broke=("judge",))
    async with open_swarm(tmp_path, models) as swarm:
        report = await swarm.report(await swarm.start(order(pattern="panel")), wait_s=20)
    assert report.status == "done"
    judge, three = sorted(report.left_out, key=lambda each: each.key)
    assert (judge.key, judge.state) == ("judge", "skipped")
    assert "budget does not allow this call" in judge.reason
    assert (three.key, three.state) == ("review.three", "failed")
    assert "the key is not valid" in three.reason
    assert reports.facts(report)["left_out"] == [
        {"key": each.key, "state": each.state, "reason": each.reason} for each in report.left_out
    ]
    assert f"skipped: judge · {judge.reason}" in reports.words(report)


@pytest.mark.requirement("swarm.raised_limit")
async def test_a_run_that_met_its_limit_goes_on_with_a_higher_one_and_pays_nothing_twice(
    tmp_path: Path,
) -> None:
    models = ScriptedModels(replies(SOUND, HOLDS, JUDGED), broke=("review.t",))
    async with open_swarm(tmp_path, models) as swarm:
        run_id = await swarm.start(order(pattern="panel", max_cost_nano=10))
        assert (await swarm.report(run_id, wait_s=20)).status == "over_budget"
        models.broke = ()
        await swarm.resume(run_id, 500)
        report = await swarm.report(run_id, wait_s=20)
        resumed = [each for each in await swarm.timeline(run_id) if each.kind == "run.resumed"]
        kept = (await swarm.means.book.find(run_id)).order
        with pytest.raises(BadArgument, match="cannot be changed") as done:
            await swarm.resume(run_id, 900)
        await swarm.resume(run_id, 500)
    assert (report.status, report.left_out) == ("done", ())
    assert models.limits == [10, 500]
    assert models.steps().count("review.one") == 1
    assert kept == order(pattern="panel", max_cost_nano=500)
    assert resumed[0].facts == {"was": "over_budget", "max_cost_usd": "0.0000005"}
    assert done.value.why == "it is done"


@pytest.mark.requirement("swarm.raised_limit")
async def test_the_limit_of_a_run_at_work_stays(tmp_path: Path) -> None:
    async with open_swarm(tmp_path) as swarm:
        run_id = await swarm.start(order(provider="host", max_cost_nano=10))
        await swarm.report(run_id, wait_s=10)
        with pytest.raises(BadArgument, match="cannot be changed") as raised:
            await swarm.resume(run_id, 500)
        await swarm.resume(run_id)
        assert (await swarm.means.book.find(run_id)).order.max_cost_nano == 10
    assert "at work" in raised.value.why


async def test_fewer_answers_than_the_quorum_end_the_run_with_the_reason(tmp_path: Path) -> None:
    failing = {"step": "review.t*", "fail": "refused"}
    models = ScriptedModels(replies(failing, SOUND, HOLDS, JUDGED))
    async with open_swarm(tmp_path, models) as swarm:
        report = await swarm.report(await swarm.start(order(pattern="panel")), wait_s=20)
    assert report.status == "failed"
    assert "1 of 3 answered, 2 were needed" in report.reason
    assert "the key is not valid" in report.reason
    assert report.reason.endswith("next: mend the script"), "what can be done is not lost on the way"
    assert report.notes == (), "nothing is said twice"


async def test_an_answer_that_is_no_json_is_a_failed_step_not_a_failed_program(tmp_path: Path) -> None:
    models = ScriptedModels(
        replies(
            {"step": "review.one", "fail": "bad_json", "json": {"findings": [FINDING]}},
            SOUND,
            HOLDS,
            JUDGED,
        )
    )
    async with open_swarm(tmp_path, models) as swarm:
        run_id = await swarm.start(order(pattern="panel"))
        report = await swarm.report(run_id, wait_s=20)
        failed = [event for event in await swarm.timeline(run_id) if event.kind == "step.failed"]
    assert report.status == "done"
    assert [event.step for event in failed] == ["review.one"]


@pytest.mark.requirement("swarm.debate")
async def test_a_debate_ends_as_soon_as_a_round_changes_nothing(tmp_path: Path) -> None:
    models = ScriptedModels(replies(SOUND, HOLDS, JUDGED))
    async with open_swarm(tmp_path, models) as swarm:
        run_id = await swarm.start(order(pattern="panel", debate_rounds=2))
        report = await swarm.report(run_id, wait_s=20)
        rounds = [event.facts for event in await swarm.timeline(run_id) if event.kind == "debate"]
    assert report.status == "done"
    assert [(one["round"], one["settled"]) for one in rounds] == [(1, True)]
    assert sum(".round1" in step for step in models.steps()) == 3
    assert not any(".round2" in step for step in models.steps())


@pytest.mark.requirement("swarm.debate")
async def test_agents_that_change_their_minds_get_a_second_round_and_no_third(tmp_path: Path) -> None:
    other = FINDING | {"line": 6, "quote": "    return sum(values)"}
    models = ScriptedModels(
        replies({"step": "*.round1", "json": {"findings": [other]}}, SOUND, HOLDS, JUDGED)
    )
    async with open_swarm(tmp_path, models) as swarm:
        run_id = await swarm.start(order(pattern="panel", debate_rounds=2))
        await swarm.report(run_id, wait_s=20)
        rounds = [event.facts for event in await swarm.timeline(run_id) if event.kind == "debate"]
    assert [(one["round"], one["settled"]) for one in rounds] == [(1, False), (2, False)]
    shown = next(ask for ask in models.asked if ask.labels.step == "review.one.round1")
    assert any("divide(1, 0) raises" in message.text for message in shown.messages)


@pytest.mark.requirement("swarm.patches")
async def test_a_patch_that_does_not_apply_is_sent_back_with_the_reason(tmp_path: Path) -> None:
    broken = {"path": "calc.py", "old": "    return a // b\n", "new": "    return 0\n"}
    sound = {"path": "calc.py", "old": "    return a / b\n", "new": "    return a / b if b else 0\n"}
    models = ScriptedModels(
        replies(
            {"step": "write", "json": {"summary": "mended", "edits": [broken]}},
            {"step": "write.repair1", "json": {"summary": "mended", "edits": [sound]}},
        )
    )
    async with open_swarm(tmp_path, models) as swarm:
        report = await swarm.report(await swarm.start(order(pattern="editor")), wait_s=20)
    assert report.status == "done"
    assert report.outcome is not None
    assert "+    return a / b if b else 0" in report.outcome.patch
    assert models.steps() == ["plan", "write", "write.repair1"]
    assert any("refused" in message.text for message in models.asked[-1].messages)


@pytest.mark.requirement("swarm.patches")
async def test_a_patch_that_never_applies_reaches_no_answer(tmp_path: Path) -> None:
    broken = {"path": "calc.py", "old": "    return a // b\n", "new": "    return 0\n"}
    models = ScriptedModels(replies({"step": "write*", "json": {"summary": "x", "edits": [broken]}}))
    async with open_swarm(tmp_path, models) as swarm:
        report = await swarm.report(await swarm.start(order(pattern="editor")), wait_s=20)
    assert report.status == "failed"
    assert "no patch passed the gates" in report.reason
    assert report.outcome is None or not report.outcome.patch
    assert [(gate.name, gate.passed) for gate in report.gates] == [("patch", False)]


@pytest.mark.requirement("swarm.limits")
async def test_no_more_questions_are_asked_at_once_than_allowed(tmp_path: Path) -> None:
    models = ScriptedModels(replies({"json": {"findings": []}, "latency_s": 0.05}))
    models.until = lambda: models.most >= 3
    limits = Limits(concurrent=3)
    async with open_swarm(tmp_path, models, limits=limits) as swarm:
        report = await swarm.report(await swarm.start(order(pattern="eight")), wait_s=20)
    assert report.status == "done"
    assert len(models.asked) == 8
    assert models.most == 3


@pytest.mark.requirement("swarm.limits")
async def test_a_pattern_larger_than_the_limits_is_refused_before_it_begins(tmp_path: Path) -> None:
    async with open_swarm(tmp_path, limits=Limits(agents=4)) as swarm:
        with pytest.raises(BadArgument, match="too large"):
            await swarm.start(order(pattern="eight"))
        assert await swarm.recent() == []


@pytest.mark.requirement("swarm.limits")
async def test_a_run_that_takes_too_long_ends_with_what_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stalling = {"step": "verify", "fail": "stall"}
    models = ScriptedModels(replies(SOUND, stalling))
    glance = Book.glance

    async def late(book: Book, run_id: str) -> Any:
        """However long the readers take, the time is up while the verifier is asked."""
        while "verify" not in models.under_way:
            await anyio.sleep(0.001)
        return await glance(book, run_id)

    monkeypatch.setattr(Book, "glance", late)
    async with open_swarm(tmp_path, models, limits=Limits(wall_s=1)) as swarm:
        run_id = await swarm.start(order(pattern="panel"))
        report = await swarm.report(run_id, wait_s=20)
        kinds = [(event.kind, event.step) for event in await swarm.timeline(run_id)]
    assert report.status == "failed"
    assert "took longer than 1 s" in report.reason
    assert report.outcome is not None
    assert len(report.outcome.findings) == 1
    assert ("step.uncertain", "verify") in kinds


@pytest.mark.requirement("swarm.cancel")
async def test_a_cancelled_run_stops_its_models_and_says_what_was_in_flight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once: where it lives, a cancel waits for no look at what other processes want."""
    monkeypatch.setattr(watch, "LOOK_S", 3600)
    models = ScriptedModels(replies({"step": "review.*", "fail": "stall"}))
    async with open_swarm(tmp_path, models) as swarm:
        run_id = await swarm.start(order(pattern="panel"))
        while len(models.under_way) < 3:
            await anyio.sleep(0)
        await swarm.cancel(run_id)
        assert models.under_way == set()
        report = await swarm.report(run_id)
        events = await swarm.timeline(run_id)
    assert report.status == "cancelled"
    assert {event.step for event in events if event.kind == "step.uncertain"} == set(models.steps())
    assert events[-1].kind == "run.cancelled"


@pytest.mark.requirement("swarm.cancel")
async def test_a_run_is_cancelled_from_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the next look of the process in which it lives, which is less than a second away."""
    models = ScriptedModels(replies({"fail": "stall"}))
    glance, looks = Book.glance, 0

    async def counted(book: Book, run_id: str) -> Any:
        nonlocal looks
        looks += 1
        return await glance(book, run_id)

    monkeypatch.setattr(Book, "glance", counted)
    async with open_swarm(tmp_path, models) as swarm, open_swarm(tmp_path) as other:
        run_id = await swarm.start(order())
        while not models.under_way:
            await anyio.sleep(0)
        await other.cancel(run_id)
        before = looks
        report = await other.report(run_id, wait_s=100)
        assert report.status == "cancelled"
        assert looks - before <= 1
        assert watch.LOOK_S < 1
        assert models.under_way == set()


@pytest.mark.requirement("swarm.same_order")
async def test_the_same_order_soon_after_is_the_same_run_whatever_process_it_reaches(
    tmp_path: Path,
) -> None:
    models = ScriptedModels(replies({"json": {"summary": "x", "findings": []}, "latency_s": 0.1}))
    found: list[str] = []
    async with open_swarm(tmp_path, models) as swarm, open_swarm(tmp_path, models) as other:

        async def ask(door: Any) -> None:
            found.append(await door.start(order(paths=("calc.py",))))

        async with anyio.create_task_group() as group:
            for door in (swarm, other, swarm, other):
                group.start_soon(ask, door)
        assert len(set(found)) == 1
        await swarm.report(found[0], wait_s=20)
        assert await other.start(order(paths=("calc.py",))) == found[0]
        assert await other.start(order(paths=("other.py",))) != found[0]
        assert len({report.run_id for report in await swarm.recent()}) == 2
    assert models.steps().count("answer") <= 2


async def test_after_a_minute_the_same_order_is_a_new_run(tmp_path: Path) -> None:
    now = [1_800_000_000_000_000_000]
    async with open_swarm(tmp_path, clock=lambda: now[0]) as swarm:
        first = await swarm.start(order())
        await swarm.report(first, wait_s=20)
        now[0] += 61_000_000_000
        assert await swarm.start(order()) != first


@pytest.mark.requirement("swarm.max_cost")
async def test_a_free_run_goes_on_only_while_it_is_free(tmp_path: Path) -> None:
    models = ScriptedModels(replies({"fail": "refused"}), cheap=True)
    async with open_swarm(tmp_path, models) as swarm:
        run_id = await swarm.start(order())
        assert (await swarm.report(run_id, wait_s=20)).status == "failed"
        models.cheap = False
        with pytest.raises(BadArgument, match="began as free") as raised:
            await swarm.resume(run_id)
        assert "max_cost_usd" in raised.value.next
        assert (await swarm.report(run_id)).status == "failed", "it is left as it was"
        models.cheap = True
        await swarm.resume(run_id)
        assert (await swarm.report(run_id, wait_s=20)).status == "failed"
    assert len(models.asked) == 2


@pytest.mark.requirement("swarm.max_cost")
async def test_a_provider_that_costs_money_needs_a_limit(tmp_path: Path) -> None:
    models = ScriptedModels(replies({"json": {"summary": "x", "findings": []}}), cheap=False)
    async with open_swarm(tmp_path, models) as swarm:
        with pytest.raises(BadArgument, match="max_cost_usd"):
            await swarm.start(order())
        run_id = await swarm.start(order(max_cost_nano=1_000_000))
        assert (await swarm.report(run_id, wait_s=20)).status == "done"


async def test_a_pattern_of_ones_own_with_a_schema_that_is_none_is_refused_before_it_is_paid(
    tmp_path: Path,
) -> None:
    (library(tmp_path) / "mine.toml").write_text(ALONE.replace('type = "string"', 'type = "strnig"'))
    models = ScriptedModels()
    async with open_swarm(tmp_path, models) as swarm:
        for begin in (swarm.start, swarm.estimate):
            with pytest.raises(BadSetting, match="mine has a schema") as raised:
                await begin(order(pattern="mine"))
            assert "step answer, at $.properties.summary.type: 'strnig'" in raised.value.why
            assert "mine.toml" in raised.value.next
        assert await swarm.recent() == []


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"pattern": "pannel"}, NotFound),
        ({"debate_rounds": 3}, BadArgument),
        ({"task": " "}, BadArgument),
    ],
)
async def test_an_order_that_cannot_be_done_is_refused_with_the_reason(
    tmp_path: Path, wrong: dict[str, Any], error: type[Exception]
) -> None:
    async with open_swarm(tmp_path) as swarm:
        with pytest.raises(error):
            await swarm.start(order(**wrong))


@pytest.mark.requirement("swarm.warm")
@pytest.mark.parametrize("caches", [True, False])
async def test_a_fan_out_with_a_long_beginning_warms_the_cache_first(
    tmp_path: Path, caches: bool
) -> None:
    tree = Tree({"calc.py": FILE + "\n".join(f"value_{n} = {n} * {n}" for n in range(1500))})
    models = ScriptedModels(
        replies({"step": "review.*", "json": {"findings": []}, "latency_s": 0.05}), warm=caches
    )
    models.until = lambda: caches or models.most >= 3
    async with open_swarm(tmp_path, models, tree=tree) as swarm:
        run_id = await swarm.start(order(pattern="panel"))
        await swarm.report(run_id, wait_s=20)
        kinds = [event.kind for event in await swarm.timeline(run_id)]
    assert ("cache" in kinds) is caches
    first = list(dict.fromkeys(models.log))[:3]
    if caches:
        assert first[:2] == ["asked review.one", "heard review.one"]
    else:
        assert all(entry.startswith("asked") for entry in first)


async def test_a_short_beginning_is_not_worth_a_head_start(tmp_path: Path) -> None:
    models = ScriptedModels(
        replies({"step": "review.*", "json": {"findings": []}, "latency_s": 0.05}), warm=True
    )
    models.until = lambda: models.most >= 3
    async with open_swarm(tmp_path, models) as swarm:
        await swarm.report(await swarm.start(order(pattern="panel")), wait_s=20)
    assert models.most == 3


async def test_an_estimate_asks_no_model_and_names_the_most_it_can_be(tmp_path: Path) -> None:
    models = ScriptedModels(cheap=False)
    async with open_swarm(tmp_path, models) as swarm:
        estimate = await swarm.estimate(order(pattern="panel", debate_rounds=1))
    assert models.asked == []
    assert estimate.calls == 3 + 3 + 1 + 1
    assert estimate.output_tokens == estimate.calls * 500
    assert estimate.nano == estimate.input_tokens + 4 * estimate.output_tokens


async def test_whoever_listens_hears_of_changes(tmp_path: Path) -> None:
    async with open_swarm(tmp_path) as swarm, swarm.changed() as heard:
        run_id = await swarm.start(order())
        with anyio.fail_after(10):
            assert await heard.receive() == run_id
        await swarm.report(run_id, wait_s=20)


async def test_progress_is_told_while_a_caller_waits(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    async def tell(done: int, total: int, text: str) -> None:
        told.append((done, total))

    models = ScriptedModels(replies({"json": {"summary": "x", "findings": []}}))
    models.until = lambda: any(total for _, total in told)
    async with open_swarm(tmp_path, models) as swarm:
        run_id = await swarm.start(order())
        report = await swarm.report(run_id, wait_s=20, tell=tell, every_s=0.05)
    assert report.status == "done"
    assert {total for _, total in told} <= {0, 2}, "0 before it is known"


async def test_an_unknown_run_is_not_found(tmp_path: Path) -> None:
    async with open_swarm(tmp_path) as swarm:
        for call in (swarm.report, swarm.timeline, swarm.resume, swarm.cancel):
            with pytest.raises(NotFound, match="no run"):
                await call("swarm-0")


async def test_a_run_that_meets_a_bug_ends_with_an_id_to_look_up(tmp_path: Path) -> None:
    class Broken(Tree):
        async def find(self, question: str, max_tokens: int) -> str:
            raise RuntimeError("boom")

    async with open_swarm(tmp_path, tree=Broken()) as swarm:
        report = await swarm.report(await swarm.start(order()), wait_s=20)
    assert report.status == "failed"
    assert report.reason.startswith("Internal error")
    assert "boom" not in report.reason


async def test_a_run_that_ends_while_it_is_looked_at_is_not_called_interrupted(tmp_path: Path) -> None:
    async with open_swarm(tmp_path) as swarm:
        run_id = await swarm.start(order())
        seen = await swarm.means.book.find(run_id)
        assert seen.status == "running"
        await swarm.report(run_id, wait_s=20)
        assert (await custody.settled(swarm.means, seen, ())).status == "done"
        await swarm.resume(run_id)
        assert (await swarm.report(run_id)).status == "done"
        assert [event.kind for event in await swarm.timeline(run_id)].count("run.done") == 1


@pytest.mark.requirement("swarm.full_disk")
@pytest.mark.parametrize("problem", [DiskFull("the disk is full"), RuntimeError("a bug")])
async def test_a_run_whose_end_meets_an_error_takes_no_other_run_with_it(
    tmp_path: Path, problem: Exception
) -> None:
    async def learn(run: Run) -> None:
        raise problem

    async with open_swarm(tmp_path, ScriptedModels(replies(SOUND)), ended=learn) as swarm:
        for task in ("What can go wrong?", "And what else?"):
            report = await swarm.report(await swarm.start(order(task=task)), wait_s=20)
            assert report.status == "done"
