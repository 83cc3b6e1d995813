"""How does memory that is free inside the process go back to the system?

Arrays of a question and rows of a load leave holes that the C library keeps for later.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import lru_cache


@lru_cache(1)
def _trim() -> Callable[[int], int] | None:
    """glibc's ``malloc_trim``; other C libraries have none."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    return found


def give_back() -> bool:
    """Give free memory back where the C library can, in a few milliseconds; whether any was."""
    trim = _trim()
    return trim is not None and bool(trim(0))
