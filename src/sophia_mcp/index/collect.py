"""What does nobody show any more, and what goes first when the store is full?

A view that shows another blob at a path leaves a dead placement behind. Dead ones are kept for a
while, because branches are switched back; they go when they are many, or when space is short.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import anyio
import anyio.to_thread

from sophia_mcp.errors import DiskFull
from sophia_mcp.index.run import Storage
from sophia_mcp.index.schema import chunk_id
from sophia_mcp.index.views import View
from sophia_mcp.index.write import FEWER_ROWS, cut
from sophia_mcp.store.database import Transaction

T = TypeVar("T")

DEAD_SHARE = 0.3
"""Dead placements kept for each live one of a repository, at most."""

DEAD_KEPT = 1000
GONE_NS = 7 * 24 * 3600 * 1_000_000_000
"""A view whose folder is gone is kept so long after its last use: it may be a drive."""

COMMIT_VIEW_NS = 30 * 24 * 3600 * 1_000_000_000
"""A view of a commit is kept so long after its last use."""

COLLECT_AFTER = 500
"""After so many files that were read again one by one, what they replaced is looked for."""

_BATCH = 100


@dataclass(frozen=True, slots=True)
class Collected:
    """How much was removed."""

    placements: int = 0
    blobs: int = 0


@dataclass(frozen=True, slots=True)
class Room:
    """How large a store may be. ``size`` measures it in bytes; ``reclaim`` gives back what is free, ``settle`` what
    the log of the writes takes."""

    limit_bytes: int
    size: Callable[[], Awaitable[int]]
    reclaim: Callable[[], Awaitable[int]]
    settle: Callable[[], Awaitable[None]]


async def collect(storage: Storage, repo: int, *, everything: bool = False) -> Collected:
    """Remove what no view of a repository shows; ``everything`` also what is still kept in case."""
    for view, _ in await _dead_views(storage, repo):
        await forget_view(storage, view)
    async with storage.database.read(storage.scope) as tx:
        rows = await tx.rows(
            "SELECT p.id, p.chunks FROM placements p WHERE p.repo_id = :repo"
            " AND NOT EXISTS (SELECT 1 FROM members m WHERE m.placement_id = p.id)",
            {"repo": repo},
        )
        live = await tx.rows("SELECT COUNT(*) FROM placements WHERE repo_id = :repo", {"repo": repo})
    dead = [(int(id_), int(chunks)) for id_, chunks in rows]
    if not dead or (
        not everything and len(dead) <= max(DEAD_KEPT, DEAD_SHARE * (int(live[0][0]) - len(dead)))
    ):
        return Collected()
    removed = 0
    for part in cut(dead, _BATCH):
        removed += await _remove_placements(storage, repo, part)
    await _put_in_order(storage, repo)
    return Collected(removed, await _remove_blobs(storage))


async def collect_gone(storage: Storage, room: Room | None = None) -> int:
    """Remove the repositories of which nothing is left on disk, and that nobody used for a while; nothing
    else would ever look at them. Returns how many views went. ``room`` as for `forget_repo`."""
    dead = await _dead_views(storage)
    for view, repo in dead:
        if await _is_only(storage, view, repo):
            await forget_repo(storage, repo, room)
        else:
            await forget_view(storage, view)
    return len(dead)


async def forget_view(storage: Storage, view: int) -> None:
    """Remove a view; what only it showed goes with the next collection."""
    while True:
        async with storage.database.write(storage.scope) as tx:
            rows = await tx.rows(
                "SELECT placement_id FROM members WHERE view_id = :view LIMIT 2000", {"view": view}
            )
            await tx.many(
                "DELETE FROM members WHERE view_id = ? AND placement_id = ?",
                [(view, id_) for (id_,) in rows],
            )
            if not rows:
                await tx.run("DELETE FROM skips WHERE view_id = :view", {"view": view})
                await tx.run("DELETE FROM views WHERE id = :view", {"view": view})
                return


async def forget_repo(storage: Storage, repo: int, room: Room | None = None) -> None:
    """Remove a repository with all its views, words and vectors. The views go last: what is cut off can be
    forgotten again. With ``room``, a disk that is nearly full has to hold no more than one step at a time."""
    await _in_room(room, partial(_hide, storage, repo))
    await _remove_blobs(storage, room)
    await _in_room(room, partial(_drop, storage, repo))


async def _hide(storage: Storage, repo: int) -> None:
    """Take away all that is found in a repository. Until it is gone, its views say that it is being forgotten."""
    async with storage.database.write(storage.scope) as tx:
        await _empty(storage, tx, repo)
        await tx.many(FEWER_ROWS, [(repo,)])
        await tx.run(
            "UPDATE views SET state = 'failed', generation = generation + 1, thinned = generation + 1,"
            " reason = 'forgetting it was cut off: forget it again' WHERE repo_id = :repo",
            {"repo": repo},
        )


async def _drop(storage: Storage, repo: int) -> None:
    """Remove what names a repository, and what a process that still knew it has read of it meanwhile."""
    async with storage.database.write(storage.scope) as tx:
        await _empty(storage, tx, repo)
        await tx.run(
            "DELETE FROM skips WHERE view_id IN (SELECT id FROM views WHERE repo_id = :repo)",
            {"repo": repo},
        )
        for table, column in (("views", "repo_id"), ("identities", "repo_id"), ("repos", "id")):
            await tx.run(f"DELETE FROM {table} WHERE {column} = :repo", {"repo": repo})  # noqa: S608


async def _empty(storage: Storage, tx: Transaction, repo: int) -> None:
    await storage.text.remove(tx, repo, None)
    await storage.trigrams.remove(tx, repo, None)
    await tx.run(
        "DELETE FROM members WHERE view_id IN (SELECT id FROM views WHERE repo_id = :repo)",
        {"repo": repo},
    )
    for table in ("vectors", "placements"):
        await tx.run(f"DELETE FROM {table} WHERE repo_id = :repo", {"repo": repo})  # noqa: S608


async def _in_room(room: Room | None, step: Callable[[], Awaitable[T]]) -> T:
    """What a step answers; where the disk has no room for it, the log of those before makes some."""
    try:
        return await step()
    except DiskFull:
        if room is None:
            raise
        await room.settle()
        return await step()


async def shrink(storage: Storage, room: Room, keep: int = 0) -> list[str]:
    """While the store is over its limit, forget the views used longest ago; returns their names.

    Before any view, what nobody shows any more goes. The view ``keep`` is never forgotten.
    """
    if await room.size() <= room.limit_bytes:
        return []
    async with storage.database.read(storage.scope) as tx:
        rows = await tx.rows(
            "SELECT v.id, v.name, v.repo_id FROM views v WHERE v.workspace = :workspace AND v.id <> :keep"
            " ORDER BY v.used_ns",
            {"keep": keep},
        )
        repos = [
            int(id_) for (id_,) in await tx.rows("SELECT id FROM repos WHERE workspace = :workspace")
        ]
    for repo in repos:
        await collect(storage, repo, everything=True)
    await room.reclaim()
    forgotten: list[str] = []
    for view, name, repo in rows:
        if await room.size() <= room.limit_bytes:
            break
        if await _is_only(storage, int(view), int(repo)):
            await forget_repo(storage, int(repo), room)
        else:
            await forget_view(storage, int(view))
            await collect(storage, int(repo), everything=True)
        await room.reclaim()
        forgotten.append(str(name))
    return forgotten


@dataclass(slots=True)
class Collector:
    """Collects in a process that may run for months: after whole runs, and after many small changes."""

    storage: Storage
    _changes: dict[int, int] = field(default_factory=dict)

    async def after_run(self, view: View, room: Room | None) -> tuple[str, ...]:
        """Collect what is gone, and keep the store to its size; returns what a person should know of it."""
        self._changes[view.repo_id] = 0
        await collect_gone(self.storage, room)
        if room is None:
            return ()
        forgotten = await shrink(self.storage, room, view.id)
        notes = []
        if forgotten:
            notes.append(
                f"the index store passed index.store_limit_mb ({room.limit_bytes >> 20}), so what was used"
                f" longest ago was forgotten: {', '.join(forgotten)}"
            )
        if (size := await room.size()) > room.limit_bytes:
            notes.append(
                f"the index store holds {size >> 20} MB, more than index.store_limit_mb"
                f" ({room.limit_bytes >> 20}): raise it, or exclude more"
            )
        return tuple(notes)

    async def after_changes(self, view: View, count: int, room: Room | None) -> None:
        """Collect when many files changed since it was done last in this process, or when it never was."""
        changes = self._changes.get(view.repo_id, COLLECT_AFTER) + count
        self._changes[view.repo_id] = changes
        if count and changes >= COLLECT_AFTER:
            await collect(self.storage, view.repo_id)
            await self.after_run(view, room)


async def _put_in_order(storage: Storage, repo: int) -> None:
    """Make searches for words cheaper, as far as there is room for it."""
    more = True
    with suppress(DiskFull):
        while more:
            async with storage.database.write(storage.scope) as tx:
                more = await storage.text.tidy(tx, repo)


async def _is_only(storage: Storage, view: int, repo: int) -> bool:
    """Whether a repository has no other view."""
    async with storage.database.read(storage.scope) as tx:
        return not await tx.rows(
            "SELECT 1 FROM views WHERE repo_id = :repo AND id <> :view LIMIT 1",
            {"repo": repo, "view": view},
        )


async def _dead_views(storage: Storage, repo: int = 0) -> list[tuple[int, int]]:
    """Views, each with its repository, of folders that are gone, and of commits that nobody asked about for a month.
    Of one repository, or (0) of all in one look."""
    async with storage.database.read(storage.scope) as tx:
        rows = await tx.rows(
            "SELECT id, repo_id, root, ref, used_ns FROM views"
            " WHERE workspace = :workspace AND :repo IN (0, repo_id)",
            {"repo": repo},
        )
    now = time.time_ns()
    roots = await anyio.to_thread.run_sync(_folders, {root for _, _, root, _, _ in rows})
    remaining = {repo for _, repo, root, _, _ in rows if root in roots}
    dead = []
    for view, owner, root, ref, used in rows:
        # A removed worktree is told from an unplugged drive by the trees of the repository that remain.
        gone = root not in roots and (owner in remaining or used < now - GONE_NS)
        if gone or (ref and used < now - COMMIT_VIEW_NS):
            dead.append((int(view), int(owner)))
    return dead


def _folders(roots: set[str]) -> set[str]:
    """Those that are there."""
    return {root for root in roots if os.path.isdir(root)}


async def _remove_placements(storage: Storage, repo: int, items: Sequence[tuple[int, int]]) -> int:
    marks = ", ".join(str(id_) for id_, _ in items)
    async with storage.database.write(storage.scope) as tx:
        rows = await tx.rows(
            f"SELECT p.id, p.chunks FROM placements p WHERE p.id IN ({marks})"  # noqa: S608
            " AND NOT EXISTS (SELECT 1 FROM members m WHERE m.placement_id = p.id)"
        )
        ids = [int(id_) for id_, _ in rows]
        await storage.text.remove(
            tx, repo, [chunk_id(int(id_), ordinal) for id_, chunks in rows for ordinal in range(chunks)]
        )
        await storage.trigrams.remove(tx, repo, ids)
        models = [str(model) for (model,) in await tx.rows("SELECT DISTINCT model FROM views")]
        await tx.many(
            "DELETE FROM vectors WHERE model = ? AND repo_id = ? AND placement_id = ?",
            [(model, repo, id_) for model in models for id_ in ids],
        )
        await tx.many("DELETE FROM placements WHERE id = ?", [(id_,) for id_ in ids])
        await tx.many(FEWER_ROWS, [(repo,)])
    return len(ids)


async def _remove_blobs(storage: Storage, room: Room | None = None) -> int:
    """Blobs that stand nowhere any more, with all that was read from them."""
    async with storage.database.read(storage.scope) as tx:
        rows = await tx.rows(
            "SELECT b.id FROM blobs b WHERE b.workspace = :workspace"
            " AND NOT EXISTS (SELECT 1 FROM placements p WHERE p.blob_id = b.id)"
        )
    parts = cut([int(id_) for (id_,) in rows], _BATCH)
    return sum([await _in_room(room, partial(_remove_some, storage, part)) for part in parts])


async def _remove_some(storage: Storage, blobs: Sequence[int]) -> int:
    """Those of these blobs that still stand nowhere; how many they were."""
    marks = ", ".join(map(str, blobs))
    async with storage.database.write(storage.scope) as tx:
        found = await tx.rows(
            f"SELECT b.id FROM blobs b WHERE b.id IN ({marks})"  # noqa: S608
            " AND NOT EXISTS (SELECT 1 FROM placements p WHERE p.blob_id = b.id)"
        )
        ids = [(int(id_),) for (id_,) in found]
        for table in ("chunks", "symbols", "edges"):
            await tx.many(f"DELETE FROM {table} WHERE blob_id = ?", ids)  # noqa: S608
        await tx.many("DELETE FROM blobs WHERE id = ?", ids)
    return len(ids)
