"""When does a service that said no want to be asked again, and how is a person told?"""

from __future__ import annotations

import email.utils
import math
import time
from collections.abc import Mapping

LONGEST_S = 3600.0
"""A service that asks to be left alone for longer is asked again after that."""

_MEANT_S = 31 * 86400.0
"""Nobody means a longer wait than until next month."""


def asked_wait_s(headers: Mapping[str, str]) -> float | None:
    """The seconds an answer asks to wait, written as milliseconds, seconds or a date; None where it says nothing
    that can be read or meant. ``headers`` are looked up by their names in small letters."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return _meant(float(headers.get(name, "")) * unit)
        except ValueError:
            continue
    date = email.utils.parsedate_tz(headers.get("retry-after", ""))
    try:
        return _meant(email.utils.mktime_tz(date) - time.time()) if date is not None else None
    except (ValueError, OverflowError):  # a day that no calendar has
        return None


def _meant(seconds: float) -> float | None:
    return max(0.0, seconds) if seconds <= _MEANT_S else None


def told(wait_s: float | None) -> str:
    """What to do about it: to wait so long, or to try again later where nobody knows how long."""
    return f"wait {math.ceil(wait_s)} s" if wait_s else "try again later"
