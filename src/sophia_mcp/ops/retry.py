"""When does a service that said no want to be asked again, and how is a person told?"""

from __future__ import annotations

import email.utils
import math
import time
from collections.abc import Mapping


def asked_wait_s(headers: Mapping[str, str]) -> float | None:
    """The seconds an answer asks to wait, written as milliseconds, seconds or a date; None where it says nothing
    that can be read. ``headers`` are looked up by their names in small letters."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        return max(0.0, seconds) if math.isfinite(seconds) else None
    date = email.utils.parsedate_tz(headers.get("retry-after", ""))
    try:
        return max(0.0, email.utils.mktime_tz(date) - time.time()) if date is not None else None
    except (ValueError, OverflowError):  # a day that no calendar has
        return None


def told(wait_s: float | None) -> str:
    """What to do about it: to wait so long, or to try again later where nobody knows how long."""
    return f"wait {math.ceil(wait_s)} s" if wait_s else "try again later"
