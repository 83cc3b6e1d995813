"""What time is it? Passed as an argument, so that a test can hand in its own."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Nanoseconds since the epoch."""

system: Clock = time.time_ns
