"""Is this peer worth asking now, or did it fail so often that asking only costs time?"""

from __future__ import annotations

import time
from collections.abc import Callable


class Breaker:
    """Opens after ``failures`` in a row, for ``cool_s``; then lets one caller try in each such span
    until one succeeds. ``clock`` is in seconds and only grows."""

    def __init__(
        self, failures: int = 5, cool_s: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit, self._cool_s, self._clock = failures, cool_s, clock
        self._failed = 0
        self._until = 0.0
        self._trial = 0
        self._overtaken = 0

    def wait_s(self) -> float:
        """0 when the caller may go; else the seconds until the next one may."""
        if self._failed < self._limit:
            return 0.0
        now = self._clock()
        if now < self._until:
            return self._until - now
        self._until = now + self._cool_s
        self._trial += 1
        return 0.0

    @property
    def trial(self) -> int:
        """Which trial of the open breaker a caller is that `wait_s` let go just now; 0 where it is closed, and
        the caller one of many."""
        return self._trial if self._failed >= self._limit else 0

    def succeeded(self, trial: int) -> None:
        """The peer answered a caller. Where that one was no ``trial``, or the peer failed since it went, this says
        nothing about a breaker that is open."""
        if self._failed < self._limit or trial > self._overtaken:
            self._failed = 0
            self._until = 0.0

    def undecided(self, trial: int) -> None:
        """A caller came back without having learned how the peer is. Where that one was the last ``trial``,
        another may try at once; whoever went before the breaker opened says nothing about it."""
        if trial and trial == self.trial:
            self._until = min(self._until, self._clock())

    def failed(self, least_s: float = 0.0) -> None:
        """The peer failed in a way that says something about the peer, or asked to be left alone for
        ``least_s``."""
        self._failed += 1
        self._trial += 1
        self._overtaken = self._trial  # with every one that is still out
        # Of several that fail in a row, a later one does not take back what an earlier one was asked for.
        self._until = max(self._until, self._clock() + max(self._cool_s, least_s))
