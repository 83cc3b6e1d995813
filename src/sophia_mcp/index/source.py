"""What does a file of a view hold right now? From the disk, or from git's objects for a commit."""

from __future__ import annotations

from pathlib import Path

import anyio.to_thread

from sophia_mcp.errors import NotFound, OutsideRoots, TooLarge
from sophia_mcp.index.disk.git import Unreadable, blob_at, open_checkout, read_object
from sophia_mcp.index.views import View
from sophia_mcp.security.paths import read_inside

LIMIT = 4 << 20
"""Bytes of a file that is read for an answer."""


async def read_current(view: View, path: str, limit: int = LIMIT) -> bytes | None:
    """The bytes of a file as they are now; None when it is gone, too large or must not be read."""
    return await anyio.to_thread.run_sync(_read, view, path, limit)


def _read(view: View, path: str, limit: int) -> bytes | None:
    if view.on_disk:
        try:
            return read_inside(Path(view.root), path, limit)
        except (NotFound, OutsideRoots, TooLarge):
            return None
    try:
        checkout = open_checkout(Path(view.root))
    except Unreadable:
        return None
    if checkout is None:
        return None
    blob = blob_at(checkout.repository, view.commit, path)
    return read_object(checkout.repository, blob, limit) if blob else None
