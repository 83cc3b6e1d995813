"""Which pattern, tier or model did better on tasks like this, and is that more than chance?

Arms are compared by Wilson's score interval (E. B. Wilson, 1927), which holds for few runs and for
shares near 0 and 1. Below ``ENOUGH`` runs an arm is shown but nothing is concluded from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

ENOUGH = 8
"""Runs of an arm before it is compared."""

CHEAPER = 0.8
"""Of the other arm's median cost: what counts as a saving worth a word."""

_Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Arm:
    """One way of doing one kind of task, and how its runs went. Money in nano-dollars, time in
    nanoseconds; ``accepted`` and ``judged`` count findings that a person decided on."""

    pattern: str
    task_kind: str
    model: str
    tier: str
    runs: int
    succeeded: int
    accepted: int
    judged: int
    cost_nano_p50: int
    duration_ns_p50: int
    duration_ns_p95: int

    @property
    def rate(self) -> float:
        """The share of runs that were done with every gate passed."""
        return self.succeeded / self.runs if self.runs else 0.0

    @property
    def bounds(self) -> tuple[float, float]:
        """The 95 % interval of that share."""
        return wilson(self.succeeded, self.runs)

    @property
    def name(self) -> str:
        """How it is called in a sentence."""
        return f"{self.pattern}, {self.tier}" + (f", {self.model}" if self.model else "")


@dataclass(frozen=True, slots=True)
class Advice:
    """What past runs say about a run to come. ``success`` is the predicted share with its 95 % bounds,
    None while there are too few runs; ``better`` and ``cheaper`` are arms worth choosing instead."""

    arm: Arm | None
    arms: tuple[Arm, ...]
    success: tuple[float, float, float] | None
    better: Arm | None
    cheaper: Arm | None
    text: str


def wilson(successes: int, count: int) -> tuple[float, float]:
    """The 95 % score interval of a share. (0, 1) where nothing was counted."""
    if count <= 0:
        return 0.0, 1.0
    share, z2 = successes / count, _Z95 * _Z95
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    reach = _Z95 * math.sqrt(share * (1 - share) / count + z2 / (4 * count * count)) / (1 + z2 / count)
    return max(0.0, centre - reach), min(1.0, centre + reach)


def percentile(values: Sequence[int], share: float) -> int:
    """The value below which ``share`` of them lie (nearest rank); 0 of nothing."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else 0


def advise(arms: Sequence[Arm], pattern: str, tier: str, model: str) -> Advice:
    """Compare the arm at hand with the others of its kind of task. An empty ``model`` means any:
    give arms that were counted without it."""
    own = next((a for a in arms if (a.pattern, a.tier, a.model) == (pattern, tier, model)), None)
    ranked = tuple(sorted(arms, key=lambda arm: (-arm.bounds[0], arm.cost_nano_p50, arm.name)))
    if own is None or own.runs < ENOUGH:
        known = own.runs if own is not None else 0
        text = f"{pattern}, {tier}: {known} past run{'s' * (known != 1)}, {ENOUGH} are needed for a prediction"
        return Advice(own, ranked, None, None, None, text)
    low, high = own.bounds
    others = [arm for arm in ranked if arm is not own and arm.runs >= ENOUGH]
    better = next((arm for arm in others if arm.bounds[0] > high), None)
    alike = [
        arm for arm in others if arm.rate >= own.rate and arm.cost_nano_p50 < CHEAPER * own.cost_nano_p50
    ]
    cheaper = min(alike, key=lambda arm: arm.cost_nano_p50, default=None)
    return Advice(own, ranked, (own.rate, low, high), better, cheaper, _text(own, better, cheaper))


def _text(own: Arm, better: Arm | None, cheaper: Arm | None) -> str:
    lines = [f"expected: {_numbers(own)}"]
    if better is not None:
        lines.append(f"better: {_numbers(better)}; the intervals do not overlap")
    if cheaper is not None and cheaper is not better:
        lines.append(f"cheaper and no worse so far: {_numbers(cheaper)}")
    return "\n".join(lines)


def _numbers(arm: Arm) -> str:
    low, high = arm.bounds
    judged = f", {arm.accepted} of {arm.judged} judged findings accepted" if arm.judged else ""
    return (
        f"{arm.name}: {arm.succeeded} of {arm.runs} runs succeeded ({arm.rate:.0%}, 95 % interval {low:.0%} to "
        f"{high:.0%}), median cost ${arm.cost_nano_p50 / 1e9:.4f}, time p50 {arm.duration_ns_p50 / 1e9:.0f} s, "
        f"p95 {arm.duration_ns_p95 / 1e9:.0f} s{judged}"
    )
