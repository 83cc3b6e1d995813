"""Arms are compared on seeded tasks; the mechanics are proved by scripts, quality by nobody here."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from tests.swarm.runs import ScriptedModels, Tree, open_swarm, order

from sophia_mcp.errors import BadSetting, ProviderError
from sophia_mcp.swarm.comparison.corpus import Case, cases
from sophia_mcp.swarm.comparison.evaluate import (
    CONTROL,
    Score,
    Trial,
    bootstrap,
    compare,
    evaluate,
    score,
)
from sophia_mcp.swarm.gates.patch import unified
from sophia_mcp.swarm.gates.syntax import parses
from sophia_mcp.swarm.patterns import PATTERNS
from sophia_mcp.types import Finding, Outcome

pytestmark = pytest.mark.requirement("swarm.evaluate")

CASES = cases()
SEEDED = next(case for case in CASES if case.seeds)
CLEAN = next(case for case in CASES if not case.seeds)


def finding(case: Case, off: int = 0, **changes: Any) -> Finding:
    seed = case.seeds[0]
    return replace(Finding("high", seed.path, seed.line + off, seed.text, seed.claim), **changes)


def scores(*qualities: float, cost: int | None = None) -> list[Score]:
    """Scores of these qualities, which must be 0, 0.5 or 1."""
    made = {1.0: (1, 0), 0.5: (1, 2), 0.0: (0, 0)}
    return [
        Score(f"case{n}", made[quality][0], 1, made[quality][1], cost, 1.0)
        for n, quality in enumerate(qualities)
    ]


def test_the_corpus_has_twenty_seeded_trees_in_many_languages_and_some_without_a_fault() -> None:
    assert len([case for case in CASES if case.seeds]) >= 20
    assert len({case.language for case in CASES}) >= 10
    assert len([case for case in CASES if not case.seeds]) >= 3
    assert len({case.id for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_task_names_its_language_does_not_give_its_fault_away_and_parses(
    case: Case, tmp_path: Path
) -> None:
    assert case.id.startswith(case.language)
    for seed in case.seeds:
        assert case.files[seed.path].split("\n")[seed.line - 1] == seed.text
        assert seed.claim not in case.task
        assert 20 < len(seed.claim) < 300
    for path, text in case.files.items():
        assert "BUG" not in text.upper().replace("DEBUG", "")
        assert parses({path: None}, {path: text}).passed, path
    case.lay(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == set(
        case.files
    )


def test_a_finding_near_a_seed_names_it_and_others_are_false() -> None:
    assert score(SEEDED, Trial(Outcome("", (finding(SEEDED),)))).quality == 1
    assert score(SEEDED, Trial(Outcome("", (finding(SEEDED, 2),)))).found == 1
    far = score(SEEDED, Trial(Outcome("", (finding(SEEDED, 9),))))
    assert (far.found, far.false, far.quality) == (0, 1, 0)
    elsewhere = score(SEEDED, Trial(Outcome("", (finding(SEEDED), finding(SEEDED, path="other")))))
    assert (elsewhere.found, elsewhere.false) == (1, 1)
    assert elsewhere.quality == pytest.approx(2 / 3)


def test_two_findings_on_one_seed_count_once_and_remarks_do_not_count_as_false() -> None:
    twice = score(SEEDED, Trial(Outcome("", (finding(SEEDED), finding(SEEDED, 1)))))
    assert (twice.found, twice.false) == (1, 0)
    remark = score(CLEAN, Trial(Outcome("", (Finding("info", next(iter(CLEAN.files)), 1, "x", "y"),))))
    assert remark.quality == 1


def test_a_patch_that_changes_the_line_has_found_it() -> None:
    case = next(case for case in CASES if case.seeds and case.seeds[0].line > 6)
    seed = case.seeds[0]
    text = case.files[seed.path]
    patch = unified(seed.path, text, text.replace(seed.text, seed.text + " #", 1))
    assert score(case, Trial(Outcome("", patch=patch))).quality == 1
    other = unified(seed.path, text, "# a first line\n" + text)
    assert score(case, Trial(Outcome("", patch=other))).quality == 0


def test_silence_is_right_on_a_clean_tree_and_a_failure_is_right_nowhere() -> None:
    assert score(CLEAN, Trial(Outcome(""))).quality == 1
    assert score(CLEAN, Trial(Outcome("", (Finding("low", "a", 1, "x", "y"),)))).quality == 0
    assert score(CLEAN, Trial(None, reason="no budget")).quality == 0
    assert score(SEEDED, Trial(Outcome(""))).quality == 0


def test_an_interval_holds_the_true_mean_about_as_often_as_it_says() -> None:
    draw = random.Random(3)
    inside = 0
    for _ in range(100):
        interval = bootstrap([draw.gauss(0.1, 0.4) for _ in range(40)], fmean, rounds=400)
        inside += interval.low <= 0.1 <= interval.high
    assert 85 <= inside <= 100


def test_the_same_scores_give_the_same_interval() -> None:
    differences = [0.5, -0.5, 0.0, 1.0, 0.5]
    assert bootstrap(differences, fmean, rounds=500) == bootstrap(differences, fmean, rounds=500)
    assert bootstrap([0.25] * 9, fmean, rounds=50) == bootstrap([0.25] * 9, fmean, rounds=50, seed=8)


def test_a_sure_lift_is_recommended_and_an_unsure_one_is_not() -> None:
    sure = compare("p", scores(*[1.0] * 20, *[0.5] * 10), scores(*[0.5] * 20, *[0.5] * 10), real=True)
    assert sure.recommended
    assert sure.lift.low >= 0.05
    unsure = compare(
        "p", scores(*[1.0] * 4, *[0.0] * 26), scores(*[0.0] * 3, 1.0, *[0.0] * 26), real=True
    )
    assert unsure.lift.mean > 0.05
    assert not unsure.recommended
    assert "no sure gain" in unsure.reason


def test_a_small_mean_lift_is_not_recommended_however_sure() -> None:
    better = compare("p", scores(*[1.0] * 22), scores(*[1.0] * 21, 0.5), real=True)
    assert not better.recommended


def test_equal_quality_for_much_less_money_is_recommended() -> None:
    qualities = [1.0, 0.5, 0.0] * 10
    cheap = compare("p", scores(*qualities, cost=60), scores(*qualities, cost=100), real=True)
    assert cheap.recommended
    assert cheap.saving is not None
    assert cheap.saving.mean == pytest.approx(0.4)
    little = compare("p", scores(*qualities, cost=90), scores(*qualities, cost=100), real=True)
    assert not little.recommended
    unknown = compare("p", scores(*qualities), scores(*qualities, cost=100), real=True)
    assert unknown.saving is None
    assert not unknown.recommended
    worse = compare("p", scores(*[0.5] * 30, cost=1), scores(*[1.0] * 30, cost=100), real=True)
    assert not worse.recommended


def test_failures_are_counted_and_those_of_the_control_recommend_nothing() -> None:
    best = scores(*[1.0] * 30)
    gone = Score("case0", 0, 1, 0, None, 1.0, "the budget is spent")
    broken = compare("p", best, [gone, *scores(*[0.0] * 30)[1:]], real=True)
    assert broken.lift.low > 0.05
    assert not broken.recommended
    assert "solo failed on 1 of 30 tasks" in broken.reason
    assert (broken.failed, broken.control_failed, broken.failure) == (0, 1, "the budget is spent")
    assert compare("p", [gone, *best[1:]], best, real=True).failed == 1


def test_a_script_and_a_handful_of_tasks_recommend_nothing() -> None:
    best, worst = scores(*[1.0] * 30), scores(*[0.0] * 30)
    assert not compare("p", best, worst, real=False).recommended
    assert "script" in compare("p", best, worst, real=False).reason
    assert not compare("p", best[:19], worst[:19], real=True).recommended
    with pytest.raises(ValueError, match="no task in common"):
        compare("p", best, [], real=True)


@pytest.mark.anyio
async def test_every_arm_gets_every_task_in_a_fresh_tree_and_failures_are_kept() -> None:
    seen: list[tuple[str, str]] = []

    async def run(arm: str, case: Case, folder: Path) -> Trial:
        assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == set(
            case.files
        )
        seen.append((arm, case.id))
        (folder / "left.txt").write_text("x")
        if case is CLEAN:
            raise ProviderError("the model is away", why="test", next="wait")
        return Trial(
            Outcome("", tuple(finding(case) for _ in case.seeds)) if arm != CONTROL else Outcome("")
        )

    arms = await evaluate(["code_review"], [SEEDED, CLEAN], run)
    assert sorted(seen) == sorted(
        (arm, case.id) for arm in (CONTROL, "code_review") for case in (SEEDED, CLEAN)
    )
    assert [one.quality for one in arms["code_review"]] == [1, 0]
    assert [one.quality for one in arms[CONTROL]] == [0, 0]
    assert "away" in arms[CONTROL][1].failed


@pytest.mark.anyio
async def test_real_runs_on_the_whole_corpus_score_as_scripted(tmp_path: Path) -> None:
    """The apparatus from the order to the interval: a script finds every seed in review, and the control
    reports nothing."""
    replies = [
        {"step": "review.correctness", "prompt": _place(case), "json": {"findings": [_said(case)]}}
        for case in CASES
        if case.seeds
    ]
    holds = {"verdicts": [{"id": "F1", "holds": True, "reason": "seen"}]}
    judged = {"summary": "one", "keep": [{"id": "F1", "same_as": []}]}
    script = {"reply": [*replies, {"step": "verify", "json": holds}, {"step": "judge", "json": judged}]}
    number = 0

    async def run(arm: str, case: Case, folder: Path) -> Trial:
        nonlocal number
        number += 1
        async with open_swarm(
            _made(tmp_path / str(number)),
            ScriptedModels(script),
            tree=Tree(dict(case.files)),
            library=lambda order: PATTERNS,
        ) as swarm:
            wanted = order(pattern=arm, task=case.task, paths=tuple(case.files))
            report = await swarm.report(await swarm.start(wanted), wait_s=60)
        return Trial(report.outcome, 1_000, reason=report.reason)

    some = [*[case for case in CASES if case.seeds][:4], CLEAN]
    arms = await evaluate(["code_review"], some, run)
    assert [one.quality for one in arms["code_review"]] == [1, 1, 1, 1, 1]
    assert [one.quality for one in arms[CONTROL]] == [0, 0, 0, 0, 1]
    compared = compare("code_review", arms["code_review"], arms[CONTROL], real=False)
    assert compared.lift.mean == pytest.approx(0.8)
    assert not compared.recommended


def test_a_task_file_that_is_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="holds no tasks"):
        cases(tmp_path)
    (tmp_path / "x.toml").write_text(
        'language = "c"\ntask = "t"\n[[files]]\npath = "a"\ntext = "x\\nx"\n'
        '[[seeds]]\npath = "a"\ntext = "x"\nclaim = "c"\n'
    )
    with pytest.raises(BadSetting, match=r"x\.toml is no task"):
        cases(tmp_path)


def _place(case: Case) -> str:
    return f"code · {next(iter(case.files))}".replace(".", r"\.")


def _said(case: Case) -> dict[str, Any]:
    seed = case.seeds[0]
    return {
        "severity": "high",
        "path": seed.path,
        "line": seed.line,
        "quote": seed.text,
        "claim": seed.claim,
        "suggestion": "",
    }


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
