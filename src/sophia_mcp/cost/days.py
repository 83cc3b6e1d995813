"""Which day, week or month does a moment belong to? All in UTC, as providers bill.

A day is the number of days since 1970-01-01, so that ranges are integers in every store.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from sophia_mcp.errors import BadArgument

Period = Literal["day", "week", "month", "total"]

DAY_NS = 86_400_000_000_000
FOREVER = 1 << 40
"""A day that never comes: the end of what does not end."""

_EPOCH = date(1970, 1, 1).toordinal()
_BACK = re.compile(r"-(\d{1,5})\s*([dwmy])")
_SPAN = {"d": 1, "w": 7, "m": 30, "y": 365}


def day_of(at_ns: int) -> int:
    """The day of a moment."""
    return at_ns // DAY_NS


def to_date(day: int) -> date:
    """The calendar date of a day."""
    return date.fromordinal(day + _EPOCH)


def of_date(value: date) -> int:
    """The day of a calendar date."""
    return value.toordinal() - _EPOCH


def span(day: int, period: Period) -> tuple[int, int]:
    """First day of the period that holds ``day``, and the day after its last. Weeks begin on Monday."""
    if period == "day":
        return day, day + 1
    here = to_date(day)
    if period == "week":
        monday = day - here.weekday()
        return monday, monday + 7
    if period == "month":
        first = here.replace(day=1)
        return of_date(first), of_date((first + timedelta(days=32)).replace(day=1))
    return 0, FOREVER


def label(day: int, period: Literal["day", "week", "month"]) -> str:
    """``2026-11-21``, ``2026-W47`` or ``2026-11``."""
    here = to_date(day)
    if period == "day":
        return here.isoformat()
    if period == "month":
        return f"{here:%Y-%m}"
    year, week, _ = here.isocalendar()
    return f"{year}-W{week:02d}"


def parse(value: str, today: int, name: str = "since") -> int:
    """The day a person means: ``2026-11-01``, ``-7d``, ``-2w``, ``-3m`` (30 days), ``-1y``, ``today``,
    ``yesterday``; a time of day is taken to its day. Raises BadArgument."""
    text = value.strip().lower()
    if text in ("today", "yesterday"):
        return today - (text == "yesterday")
    back = _BACK.fullmatch(text)
    if back:
        return max(0, today - int(back[1]) * _SPAN[back[2]])
    try:
        if len(text) > 10:
            moment = datetime.fromisoformat(text)
            return of_date((moment.astimezone(UTC) if moment.tzinfo else moment).date())
        return max(0, of_date(date.fromisoformat(text)))
    except ValueError:
        raise BadArgument(
            f"{name} is {value!r}",
            why="it is neither a date nor a time back from today",
            next='write "-7d", "-4w", "today" or "2026-11-01"',
        ) from None
