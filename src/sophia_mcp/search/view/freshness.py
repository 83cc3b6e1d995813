"""Is what the index says still what the disk says? Every file of an answer is looked at."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread

from sophia_mcp.errors import NotFound, OutsideRoots, TooLarge
from sophia_mcp.index.views import View
from sophia_mcp.index.workers.reading import blob_hash
from sophia_mcp.search.view.atlas import Atlas
from sophia_mcp.search.view.content import ids
from sophia_mcp.security.paths import read_inside
from sophia_mcp.store.database import Database
from sophia_mcp.types import LOCAL

_READ_LIMIT = 4 << 20

_KNOWN = """
SELECT p.id, b.hash, m.size, m.mtime_ns, m.ctime_ns FROM placements p JOIN blobs b ON b.id = p.blob_id
LEFT JOIN members m ON m.placement_id = p.id AND m.view_id = :view
WHERE p.workspace = :workspace"""


@dataclass(frozen=True, slots=True)
class Checked:
    """``changed`` files differ from the index, ``gone`` ones cannot be read any more."""

    changed: frozenset[int]
    gone: frozenset[int]


NOTHING_CHANGED = Checked(frozenset(), frozenset())


async def check(database: Database, view: View, atlas: Atlas, files: Iterable[int]) -> Checked:
    """Compare files (atlas positions) with the disk: size and time first, as they were when the map was made and as they
    are known by now, then the bytes themselves. A commit never changes."""
    if not view.on_disk:
        return NOTHING_CHANGED
    wanted = sorted(set(files))
    suspects = [file for file in wanted if not _untouched(view, atlas, file)]
    if not suspects:
        return NOTHING_CHANGED
    async with database.read(LOCAL) as tx:
        rows = await tx.rows(
            f"{_KNOWN} AND p.id IN ({ids(atlas.placements[suspects])})",
            {"view": view.id},
        )
    known = {int(placement): (str(digest), tuple(stamp)) for placement, digest, *stamp in rows}
    states = await anyio.to_thread.run_sync(
        lambda: {
            file: _state(view, atlas.paths[file], *known.get(int(atlas.placements[file]), ("", ())))
            for file in suspects
        }
    )
    return Checked(
        frozenset(file for file, state in states.items() if state == "changed"),
        frozenset(file for file, state in states.items() if state == "gone"),
    )


def _untouched(view: View, atlas: Atlas, file: int) -> bool:
    return _stamp(view, atlas.paths[file]) == (atlas.sizes[file], atlas.mtimes[file], atlas.ctimes[file])


def _stamp(view: View, path: str) -> tuple[int, ...] | None:
    try:
        found = os.lstat(os.path.join(view.root, path))
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _state(view: View, path: str, digest: str, stamp: tuple[int, ...]) -> str:
    if _stamp(view, path) == stamp:
        return "same"
    try:
        raw = read_inside(Path(view.root), path, _READ_LIMIT)
    except (NotFound, OutsideRoots):
        return "gone"
    except TooLarge:
        return "changed"
    return "same" if blob_hash(raw) == digest else "changed"
