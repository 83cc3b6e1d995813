"""How is a file that changed known without reading it?"""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

RACY_NS = 2_000_000_000
"""A time this close to now proves nothing: the next write may leave the same one."""


class Stamp(NamedTuple):
    """What the file system says about one file; nanoseconds since the epoch."""

    size: int
    mtime_ns: int
    ctime_ns: int


def stamp_of(path: str) -> Stamp | None:
    """The stamp of a regular file; None for anything else."""
    try:
        found = os.lstat(path)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def settled(stamp: Stamp, now_ns: int) -> Stamp:
    """The stamp to keep for a file read at ``now_ns``; one that may still repeat loses its time. One that
    somebody set to the future does not: a write moves it to the present, and the other time, which nobody
    can set, from the past."""
    fresh = abs(stamp.mtime_ns - now_ns) < RACY_NS or stamp.ctime_ns > now_ns - RACY_NS
    return unproven(stamp) if fresh else stamp


def unproven(stamp: Stamp) -> Stamp:
    """What is kept of a stamp that proves nothing."""
    return Stamp(stamp.size, 0, stamp.ctime_ns)
