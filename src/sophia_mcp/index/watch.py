"""What changed in this tree just now? Events are hints; looking at the tree is the truth.

One process watches a tree, by lease; another takes over when it ends. Exactly the folders that
hold indexed files are watched, none of them through a link, and git's own for its HEAD and
branches. Where the system offers no events, the tree is looked at again and again instead.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import anyio
import anyio.to_thread
from watchfiles import Change
from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

from sophia_mcp.errors import NotFound, OperatorError, StoreBusy
from sophia_mcp.index.build import Index
from sophia_mcp.index.disk.git import Unreadable, checkout_above, open_checkout
from sophia_mcp.index.turn import Turn, turn
from sophia_mcp.index.views import View
from sophia_mcp.ops.together import first

DEBOUNCE_MS = 300
"""Events are gathered for at most so long, and until none came for ``STEP_MS``."""

STEP_MS = 50
TICK_MS = 2000
"""How often the lease is renewed and the tree called live when nothing happens."""

LIVE_S = 6.0
LOOK_S = 60.0
"""Even a watched tree is looked at this often: event queues overflow."""

MAKE_UP_S = 2.0
"""A distant model is shown edits so soon after."""

RETRY_S = 30.0
"""After so long it is asked again, where it could not be."""

TAKE_OVER_S = 2.0
POLL_S = 1.0
_REPLACED = (Change.added, Change.deleted)
_NOTES = ("HEAD", "packed-refs", "exclude", "index", "config", ".gitignore")
"""Files in which is noted what is checked out, tracked and ignored."""


async def watch(index: Index, view: View, *, armed: anyio.Event | None = None) -> None:
    """Keep a view on its tree until cancelled. ``armed`` is set when changes are being followed.

    Returns when the view is forgotten or its folder is gone.
    """
    await index.warm()
    try:
        async with anyio.create_task_group() as tasks:
            if index.model.distant is not None:
                tasks.start_soon(_make_up, index, view)
            await _watch(index, view, armed)
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as several:
        raise first(several) from None
    finally:
        index.live(view, 0)  # what ends it may be what keeps changes from being stored


async def _make_up(index: Index, view: View) -> None:
    """Let a distant model see what was edited, and what it could not be asked for while it was away."""
    whole = True
    while True:
        await anyio.sleep(MAKE_UP_S if whole else RETRY_S)
        try:
            whole = await index.distant.make_up(view)
        except NotFound:
            return
        except OperatorError:  # a full disk, a busy store
            whole = False


async def _watch(index: Index, view: View, armed: anyio.Event | None) -> None:
    while True:
        events = True
        async with turn(index.storage.database, f"watch:{view.id}") as mine:
            if mine is not None:
                try:
                    while True:
                        await _follow(index, view, mine, armed)
                except NotFound:
                    return
                except StoreBusy:
                    # The machine slept, and another process watches by now: it may end before this one.
                    mine = None
                except (OSError, WatchfilesRustInternalError):
                    events = False
        if mine is None:
            await anyio.sleep(TAKE_OVER_S)
        elif not events:
            # No events to be had (a limit of the system). The lease is given back, so that other
            # processes look at the tree themselves before they answer, and so does this one.
            await _poll(index, view, armed)
            return


async def _poll(index: Index, view: View, armed: anyio.Event | None) -> None:
    if armed is not None:
        armed.set()
    state = ""
    while state != "failed":
        begun = time.monotonic()
        try:
            state = (await index.reconcile(view)).state
        except NotFound:
            return
        await anyio.sleep(max(POLL_S, 20 * (time.monotonic() - begun)))


async def _follow(index: Index, view: View, mine: Turn, armed: anyio.Event | None) -> None:
    """Watch the folders as they are now; returns when they are others and must be watched anew.

    Raises NotFound when there is nothing left to watch, OSError when there are no events.
    """
    folders = index.trees.folders(await index.reconcile(view, now=True))
    gits = await anyio.to_thread.run_sync(_git_folders, Path(view.root))
    stop, own = threading.Event(), anyio.CapacityLimiter(1)
    watched = await anyio.to_thread.run_sync(_present, folders | gits)
    with RustNotify(sorted(watched), False, False, 300, False, True) as events:
        # What happened before the first folder was watched is seen by looking once more.
        current = await _look(index, view)
        if index.trees.folders(current) != folders:
            return
        looked = time.monotonic()
        index.live(view, LIVE_S)
        if armed is not None:
            armed.set()
        while index.trees.folders(current) == folders:
            changes = await _next(events, stop, own)
            await mine.keep()
            index.live(view, LIVE_S)
            if any(kind in _REPLACED and place in watched for kind, place in changes):
                return  # what stands there now under the same name is another folder, and not watched
            paths, look = _hints(index, current, changes, gits)
            if look or current.behind or time.monotonic() - looked > LOOK_S:
                looked = time.monotonic()
                current = await _look(index, view)
            elif paths:
                current = await index.refresh(view, paths, wait=True)


async def _look(index: Index, view: View) -> View:
    """The view after a look at its tree. Raises NotFound when there is none any more."""
    current = await index.reconcile(view, now=True)
    if current.state == "failed":
        raise NotFound(f"{view.label} cannot be watched", why=current.reason, next="index it again")
    return current


async def _next(
    events: RustNotify, stop: threading.Event, own: anyio.CapacityLimiter
) -> Iterable[tuple[int, str]]:
    """What changed within a tick, waited for in a thread of the watcher's ``own``: of those that all share, forty
    watchers would leave none for questions."""
    try:
        found = await anyio.to_thread.run_sync(
            events.watch, DEBOUNCE_MS, STEP_MS, TICK_MS, stop, abandon_on_cancel=True, limiter=own
        )
    except anyio.get_cancelled_exc_class():
        stop.set()
        raise
    return found if isinstance(found, set) else ()


def _hints(
    index: Index, view: View, changes: Iterable[tuple[int, str]], gits: frozenset[str]
) -> tuple[list[str], bool]:
    """Known files to read again, and whether the whole tree must be looked at."""
    paths: list[str] = []
    look = False
    top = view.root.rstrip("/") + "/"
    for _, place in changes:
        folder, _, name = place.rpartition("/")
        if folder in gits:
            branch = "/refs/heads" in folder and not name.endswith(".lock")
            look = look or branch or name in _NOTES
            continue
        path = place.removeprefix(top)
        wanted = index.trees.asks_for(view, path)
        if wanted == "read":
            paths.append(path)
        look = look or wanted == "look"
    return paths, look


def _present(folders: frozenset[str]) -> frozenset[str]:
    return frozenset(folder for folder in folders if os.path.isdir(folder))


def _git_folders(root: Path) -> frozenset[str]:
    """The folders in which git notes another HEAD or branch, or rules stand that hold here, too."""
    try:
        checkout = open_checkout(root) or checkout_above(root)
    except Unreadable:
        return frozenset()
    return frozenset(checkout.note_folders()) if checkout is not None else frozenset()
