"""Is what the index says still what the disk says? Every file of an answer is looked at."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
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


@dataclass(frozen=True, slots=True)
class Checked:
    """``changed`` files differ from the index, ``gone`` ones cannot be read any more."""

    changed: frozenset[int]
    gone: frozenset[int]


NOTHING_CHANGED = Checked(frozenset(), frozenset())


async def check(database: Database, view: View, atlas: Atlas, files: Iterable[int]) -> Checked:
    """Compare files (atlas positions) with the disk: size and time first, then the bytes themselves.
    A commit never changes."""
    if not view.on_disk:
        return NOTHING_CHANGED
    wanted = sorted(set(files))
    suspects = [file for file in wanted if not _untouched(view, atlas, file)]
    if not suspects:
        return NOTHING_CHANGED
    async with database.read(LOCAL) as tx:
        rows = await tx.rows(
            f"SELECT id, hash FROM blobs WHERE workspace = :workspace AND id IN ({ids(atlas.blobs[suspects])})"  # noqa: S608
        )
    known: Mapping[int, str] = {int(blob): str(digest) for blob, digest in rows}
    states = await anyio.to_thread.run_sync(
        lambda: {
            file: _state(Path(view.root), atlas.paths[file], known.get(int(atlas.blobs[file]), ""))
            for file in suspects
        }
    )
    return Checked(
        frozenset(file for file, state in states.items() if state == "changed"),
        frozenset(file for file, state in states.items() if state == "gone"),
    )


def _untouched(view: View, atlas: Atlas, file: int) -> bool:
    try:
        found = os.lstat(os.path.join(view.root, atlas.paths[file]))
    except OSError:
        return False
    known = (atlas.sizes[file], atlas.mtimes[file], atlas.ctimes[file])
    return bool((found.st_size, found.st_mtime_ns, found.st_ctime_ns) == known)


def _state(root: Path, path: str, known: str) -> str:
    try:
        raw = read_inside(root, path, _READ_LIMIT)
    except (NotFound, OutsideRoots):
        return "gone"
    except TooLarge:
        return "changed"
    return "same" if blob_hash(raw) == known else "changed"
