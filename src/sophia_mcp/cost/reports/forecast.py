"""What will a period come to at its end? A level, the weekday's share of it, and a band.

The level is an exponentially weighted mean of days with the weekday taken out; the band comes from how
far each past day lay from what was expected of it. A forecast is an estimate: it is never booked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

SMOOTHING = 0.3
"""Weight of the newest day in the level."""

LEAST_DAYS = 3
"""With fewer whole days since the first spending there is nothing to expect from."""

WEEKDAY_DAYS = 14
"""Weekdays are told apart once there are two of each."""

_SHRINK = 1.0
"""Days of average spending that each weekday's share is mixed with."""

_BAND = 1.2816
"""Standard deviations on each side that hold four fifths of a normal distribution."""

_DIGITS = 3
"""What is written of a forecast: more digits would pretend to be exact."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a period is expected to come to, and between what four of five such periods would end.
    Nano-dollars, rounded to three digits."""

    nano: int
    low_nano: int
    high_nano: int


def forecast(
    past: Sequence[int], spent_nano: int, weekday: int, rest: float, days: int
) -> Forecast | None:
    """Expected total of a period.

    ``past`` are the nano-dollars of whole days up to yesterday, oldest first; ``weekday`` is today's
    (0: Monday), ``rest`` the share of today that is still to come, ``days`` the whole days after it in
    the period. ``spent_nano`` is what the period has cost so far. None where there are not enough days.
    """
    first = next((i for i, nano in enumerate(past) if nano), len(past))
    history = past[first:]
    if len(history) < LEAST_DAYS:
        return None
    shares = _shares(history, (weekday - len(history)) % 7)
    level, error = _level(history, (weekday - len(history)) % 7, shares)
    expected = level * shares[weekday] * rest
    expected += sum(level * shares[(weekday + 1 + ahead) % 7] for ahead in range(days))
    horizon = rest + days
    # The level itself is uncertain, and wrong by the same amount on every day ahead.
    spread = error * math.sqrt(horizon + SMOOTHING / (2 - SMOOTHING) * horizon * horizon)
    low = spent_nano + max(0.0, expected - _BAND * spread)
    high = spent_nano + expected + _BAND * spread
    low_nano, nano, high_nano = (
        max(spent_nano, _rounded(each)) for each in (low, spent_nano + expected, high)
    )
    return Forecast(nano, low_nano, high_nano)


def _shares(history: Sequence[int], weekday: int) -> list[float]:
    """What each weekday costs in average days; all the same while there are few days."""
    mean = sum(history) / len(history)
    if len(history) < WEEKDAY_DAYS or not mean:
        return [1.0] * 7
    shares = []
    for each in range(7):
        own = history[(each - weekday) % 7 :: 7]
        shares.append((sum(own) / mean + _SHRINK) / (len(own) + _SHRINK))
    return [share * 7 / sum(shares) for share in shares]


def _level(history: Sequence[int], weekday: int, shares: Sequence[float]) -> tuple[float, float]:
    """The level after the last day, and the usual distance of a day from what was expected of it."""
    start = history[: min(7, len(history))]
    level = sum(start) / len(start)
    squares, weight = 0.0, 0.0
    for i, nano in enumerate(history):
        share = max(shares[(weekday + i) % 7], 1e-9)
        miss = nano - level * share
        squares = (1 - SMOOTHING / 3) * squares + miss * miss
        weight = (1 - SMOOTHING / 3) * weight + 1
        level += SMOOTHING * (nano / share - level) * min(1.0, share)
    return level, math.sqrt(squares / weight)


def _rounded(nano: float) -> int:
    digits = len(str(int(nano)))
    return int(round(nano, min(0, _DIGITS - digits)))
