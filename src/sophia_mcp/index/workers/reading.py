"""What does a file on disk hold? Read as safely as it can be read, with the stamp that it had then."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

from sophia_mcp.errors import SophiaError
from sophia_mcp.index.disk.refused import TOO_LARGE
from sophia_mcp.index.disk.stamp import Stamp, settled
from sophia_mcp.index.workers.messages import Gone, Place, Refused, Task, Unchanged, refuse
from sophia_mcp.security.paths import MISSING, open_inside, read_open


def read_file(root: Path, task: Task, limit: int) -> tuple[bytes, Stamp] | Refused | Gone:
    """The bytes of a file of at most ``limit`` with their stamp, or why they are not to be had."""
    try:
        opened = open_inside(root, task.path)
    except SophiaError as problem:
        return Gone(task.path) if problem.why == MISSING else refuse(task, problem.why)
    try:
        found = os.fstat(opened)
        stamp = Stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        now = time.time_ns()
        if found.st_size > limit:
            return Refused(task.path, settled(stamp, now), TOO_LARGE)
        raw = read_open(opened, task.path, limit)
    except SophiaError as problem:
        return refuse(task, problem.why)
    finally:
        os.close(opened)
    return raw, settled(stamp, now)


def blob_hash(raw: bytes) -> str:
    """Git's id of these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(raw) + raw, usedforsecurity=False).hexdigest()


def unchanged(place: Place, tasks: Sequence[Task]) -> dict[str, Unchanged]:
    """Those of some files, by path, that still hold what is known of them. Reads them, so call it in a thread."""
    root = Path(place.root)
    looked = ((task.path, _unchanged(root, task, place.max_bytes)) for task in tasks)
    return {path: found for path, found in looked if found is not None}


def _unchanged(root: Path, task: Task, limit: int) -> Unchanged | None:
    read = read_file(root, task, limit) if task.known and not task.blob else None
    if not isinstance(read, tuple) or isinstance(read, (Refused, Gone)):
        return None
    raw, stamp = read
    return Unchanged(task.path, stamp, task.known) if blob_hash(raw) == task.known else None
