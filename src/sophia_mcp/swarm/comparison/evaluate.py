"""Is a pattern better than one agent alone? Arms are compared on the same tasks, in pairs.

Differences carry 95 % confidence intervals from a paired bootstrap over tasks (Efron 1979; percentile
intervals). A pattern is recommended only when the interval, not the mean, clears the bar, and only on
answers of a real model: a script proves that the apparatus works, nothing about quality.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TypeVar

import anyio
import anyio.to_thread

from sophia_mcp.errors import SophiaError
from sophia_mcp.swarm.comparison.corpus import Case
from sophia_mcp.swarm.gates.patch import changed_lines
from sophia_mcp.types import Outcome

CONTROL = "solo"
NEAR = 2
"""Lines by which a finding may miss a seed and still name it."""

LIFT = 0.05
SAVING = 0.20
EQUAL = 0.02
"""A quality that is surely no more than this below the control's counts as equal."""

TASKS_LEAST = 20
ROUNDS = 10_000
AT_ONCE = 4
"""Trials side by side."""

_CONFIDENCE = 0.95
_Pair = TypeVar("_Pair")


@dataclass(frozen=True, slots=True)
class Trial:
    """One arm's answer to one task. ``cost_nano`` None: the provider tells no price."""

    outcome: Outcome | None
    cost_nano: int | None = None
    seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """How right an answer is: seeds found of those there are, and findings that name none.

    ``quality`` is F1 over the seeds; on a tree without any it is 1 for silence, else 0.
    """

    case: str
    found: int
    seeds: int
    false: int
    cost_nano: int | None
    seconds: float
    failed: str = ""

    @property
    def quality(self) -> float:
        if self.failed:
            return 0.0
        if not self.seeds:
            return 0.0 if self.false else 1.0
        return 2 * self.found / (self.seeds + self.found + self.false)


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its 95 % confidence interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A pattern against the control, on the tasks both were given. ``saving`` is a share of the control's
    cost, None where a price is missing. ``reason`` says why it is recommended, or is not. ``failed`` and
    ``control_failed`` are how many runs of each came to nothing, ``failure`` why the first of them did."""

    pattern: str
    tasks: int
    quality: float
    control: float
    lift: Interval
    saving: Interval | None
    recommended: bool
    reason: str
    failed: int = 0
    control_failed: int = 0
    failure: str = ""


Run = Callable[[str, Case, Path], Awaitable[Trial]]
"""Runs a pattern, by name, on a task whose tree stands in a folder."""


async def evaluate(
    patterns: Sequence[str], cases: Sequence[Case], run: Run
) -> dict[str, tuple[Score, ...]]:
    """The scores of every arm on every task, in the order of ``cases``. The control is always one.

    Each trial gets a fresh tree. An arm that fails on a task scores 0 there, and the reason is kept.
    """
    arms = tuple(dict.fromkeys((CONTROL, *patterns)))
    scores: dict[tuple[str, str], Score] = {}
    slots = anyio.Semaphore(AT_ONCE)

    async def one(arm: str, case: Case) -> None:
        async with slots:
            scores[arm, case.id] = await _tried(arm, case, run)

    async with anyio.create_task_group() as tasks:
        for case in cases:
            for arm in arms:
                tasks.start_soon(one, arm, case)
    return {arm: tuple(scores[arm, case.id] for case in cases) for arm in arms}


def score(case: Case, trial: Trial) -> Score:
    """Hold an answer against the seeds: named by a finding close by, or changed by the patch."""
    if trial.outcome is None:
        reason = trial.reason or "there is no outcome"
        return Score(case.id, 0, len(case.seeds), 0, trial.cost_nano, trial.seconds, reason)
    named = {(one.path, line) for one in trial.outcome.findings for line in _span(one.line, one.quote)}
    mended = changed_lines(trial.outcome.patch) if trial.outcome.patch else frozenset()
    found = [
        seed
        for seed in case.seeds
        if any((seed.path, seed.line + off) in named | mended for off in range(-NEAR, NEAR + 1))
    ]
    near = {(seed.path, seed.line + off) for seed in case.seeds for off in range(-NEAR, NEAR + 1)}
    false = sum(
        one.severity != "info" and not near & {(one.path, line) for line in _span(one.line, one.quote)}
        for one in trial.outcome.findings
    )
    return Score(case.id, len(found), len(case.seeds), false, trial.cost_nano, trial.seconds)


def compare(
    pattern: str, scores: Sequence[Score], control: Sequence[Score], *, real: bool
) -> Comparison:
    """A pattern's scores against the control's on the same tasks. ``real``: a model answered, not a
    script. The same scores give the same intervals."""
    pairs = _paired(scores, control)
    if not pairs:
        raise ValueError("the two arms have no task in common")
    lift = bootstrap([one.quality - other.quality for one, other in pairs], fmean)
    saving = _saving(pairs)
    failures = [one.failed for one, _ in pairs if one.failed]
    control_failures = [other.failed for _, other in pairs if other.failed]
    reason = _verdict(len(pairs), lift, saving, len(control_failures), real=real)
    return Comparison(
        pattern=pattern,
        tasks=len(pairs),
        quality=fmean(one.quality for one, _ in pairs),
        control=fmean(other.quality for _, other in pairs),
        lift=lift,
        saving=saving,
        recommended=reason.startswith("recommended"),
        reason=reason,
        failed=len(failures),
        control_failed=len(control_failures),
        failure=next(iter((*failures, *control_failures)), ""),
    )


def bootstrap(
    pairs: Sequence[_Pair],
    figure: Callable[[Sequence[_Pair]], float],
    *,
    rounds: int = ROUNDS,
    seed: int = 1,
) -> Interval:
    """A figure of what was paired, and the percentile interval of its bootstrap distribution."""
    draw = random.Random(seed)  # noqa: S311 - a reproducible sample, not a secret
    drawn = sorted(figure(draw.choices(pairs, k=len(pairs))) for _ in range(rounds))
    cut, last = (1 - _CONFIDENCE) / 2, rounds - 1
    return Interval(figure(pairs), drawn[round(cut * last)], drawn[round((1 - cut) * last)])


def _saving(pairs: Sequence[tuple[Score, Score]]) -> Interval | None:
    """The share of the control's cost that is saved, tasks drawn in pairs; None without prices."""
    costs = [(one.cost_nano, other.cost_nano) for one, other in pairs]
    known = [(one, other) for one, other in costs if one is not None and other is not None]
    if len(known) < len(costs) or not sum(other for _, other in known):
        return None

    def share(drawn: Sequence[tuple[int, int]]) -> float:
        spent = sum(other for _, other in drawn)
        return 1 - sum(one for one, _ in drawn) / spent if spent else 0.0

    return bootstrap(known, share)


def _verdict(
    tasks: int, lift: Interval, saving: Interval | None, control_failed: int, *, real: bool
) -> str:
    points = (
        f"{lift.mean * 100:+.1f} points, 95 % interval {lift.low * 100:+.1f} to {lift.high * 100:+.1f}"
    )
    if not real:
        return f"not recommended: answers from a script say nothing about quality ({points})"
    if tasks < TASKS_LEAST:
        return f"not recommended: {tasks} tasks are too few, {TASKS_LEAST} are needed ({points})"
    if control_failed:
        return (
            f"not recommended: {CONTROL} failed on {control_failed} of {tasks} tasks, which says nothing for"
            f" the pattern ({points})"
        )
    if lift.low >= LIFT:
        return f"recommended: better by at least {LIFT * 100:.0f} points ({points})"
    if saving is not None and saving.low >= SAVING and lift.low >= -EQUAL:
        return (
            f"recommended: equal quality ({points}), {saving.mean:.0%} cheaper, surely {saving.low:.0%}"
        )
    return f"not recommended: no sure gain ({points})"


async def _tried(arm: str, case: Case, run: Run) -> Score:
    with tempfile.TemporaryDirectory(prefix="sophia-eval-") as folder:
        await anyio.to_thread.run_sync(case.lay, Path(folder))
        try:
            trial = await run(arm, case, Path(folder))
        except SophiaError as error:
            trial = Trial(None, reason=str(error))
    return score(case, trial)


def _paired(scores: Sequence[Score], control: Sequence[Score]) -> list[tuple[Score, Score]]:
    others = {one.case: one for one in control}
    return [(one, others[one.case]) for one in scores if one.case in others]


def _span(line: int, quote: str) -> range:
    return range(line, line + quote.count("\n") + 1)
