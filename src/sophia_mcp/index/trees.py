"""What does this process remember about the trees it looked at, so that looking again is cheap?

For each view: the walk of its folder, and what the store shows at each path. Both are caches: the
walk is checked against the disk each time, the rest is read again when the view's generation was
moved by somebody else.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import anyio
import anyio.to_thread

from sophia_mcp.errors import NotFound
from sophia_mcp.index.changes import Plan, plan_commit, plan_tree
from sophia_mcp.index.disk.commits import list_commit
from sophia_mcp.index.disk.git import Unreadable, find_commit, open_checkout
from sophia_mcp.index.disk.ignore import Choice
from sophia_mcp.index.disk.walk import Tree, has_moved, hint, walk, walk_again
from sophia_mcp.index.views import View
from sophia_mcp.index.workers.messages import Place
from sophia_mcp.index.write import Known, Target, known_files
from sophia_mcp.store.database import Database
from sophia_mcp.types import Scope

KEPT_VIEWS = 8


@dataclass(slots=True)
class Seen:
    """The last look of this process at a tree. ``checked`` is monotonic seconds of it, when ``choice`` held;
    0 where it found no file: such a tree is most likely being made, removed or put back, and whoever asks looks
    again. ``same`` says that what is known was equal to the tree then; ``behind`` that what the look found could
    not be brought in; ``shared`` that another process moved the view since the look before."""

    tree: Tree | None = None
    checked: float = 0.0
    same: bool = False
    behind: bool = False
    choice: Choice | None = None
    shared: bool = False

    @property
    def age(self) -> float:
        """Seconds since the look, where it found files; else infinite."""
        return time.monotonic() - self.checked if self.checked else float("inf")

    def is_fresh(self, seconds: float) -> bool:
        """Whether the look was within so many seconds, and the view shows what it found."""
        return self.age < seconds and not self.behind


@dataclass(slots=True)
class Held:
    """The memory of one view."""

    generation: int
    target: Target
    known: dict[str, Known]
    seen: Seen


@dataclass(frozen=True, slots=True)
class Look:
    """A tree as it was from ``begun_ns`` on: where its files are read, how it was listed, and what follows."""

    begun_ns: int
    place: Place
    plan: Plan
    commit: str
    branch: str
    detection: str
    reason: str


@dataclass(slots=True)
class Trees:
    """Looks at trees. ``defaults`` is the choice of the settings."""

    database: Database
    scope: Scope
    defaults: Choice = field(default_factory=Choice)
    _held: dict[int, Held] = field(default_factory=dict)
    _looking: defaultdict[int, anyio.Lock] = field(default_factory=lambda: defaultdict(anyio.Lock))
    """Held while a thread compares what is known of a view with its tree, or while that becomes another."""

    def seen(self, view: View) -> Seen:
        """What this process remembers of its last look at a view."""
        held = self._held.get(view.id)
        return held.seen if held is not None else Seen()

    async def has_moved(self, view: View) -> bool:
        """Whether files came or went since this process last looked at the tree of a view. No file is
        looked at for it, so that it takes a fraction of a look."""
        tree = self.seen(view).tree
        return view.on_disk if tree is None else await anyio.to_thread.run_sync(has_moved, tree)

    async def look(self, view: View, target: Target) -> Look:
        """Compare a view with its tree. Raises NotFound when the folder or the ref is gone."""
        async with self._looking[view.id]:
            return await self._look(view, target)

    async def _look(self, view: View, target: Target) -> Look:
        held = await self._hold(view, target)
        seen, choice = held.seen, self.choice(view)
        if seen.choice != choice:
            seen.tree, seen.same, seen.choice = None, False, choice
        if view.ref:
            look = await anyio.to_thread.run_sync(
                partial(_look_at_commit, view, held.known, choice, same=seen.same, afresh=target.afresh)
            )
            seen.checked, seen.same, seen.behind = time.monotonic(), look.plan.size == 0, False
            return look
        begun_ns = time.time_ns()
        before = None if target.afresh else seen.tree
        tree, plan = await anyio.to_thread.run_sync(
            partial(
                _look_at_folder,
                Path(view.root),
                before,
                held.known,
                choice,
                same=seen.same,
                afresh=target.afresh,
            )
        )
        # After the walk, or a folder removed during it would count as one without files.
        if not await anyio.to_thread.run_sync(os.path.isdir, view.root):
            seen.checked = 0.0
            raise NotFound(
                f"the folder {view.root} is gone",
                why="it was moved or deleted",
                next="index its new place",
            )
        seen.tree, seen.behind = tree, False
        seen.same = plan.size == 0 and not plan.same
        seen.checked = time.monotonic() if any(folder.files for folder in tree.folders.values()) else 0.0
        return Look(
            begun_ns,
            Place(view.root, "", choice.max_bytes),
            plan,
            tree.commit,
            tree.branch,
            tree.detection,
            tree.reason,
        )

    async def known(self, view: View, target: Target) -> Mapping[str, Known]:
        """What the view shows, by path."""
        async with self._looking[view.id]:
            return (await self._hold(view, target)).known

    async def learn(self, view: View, generation: int, changed: Mapping[str, Known | None]) -> None:
        """Take over what a run stored: None for a path that is no longer shown."""
        async with self._looking[view.id]:
            held = self._held.get(view.id)
            if held is None:
                return
            for path, known in changed.items():
                if known is None:
                    held.known.pop(path, None)
                else:
                    held.known[path] = known
            held.generation = generation
            held.seen.same = held.seen.same and not changed

    def folders(self, view: View) -> frozenset[str]:
        """The folders on disk that were listed when the tree was last looked at."""
        tree = self.seen(view).tree
        folders = tree.folders if tree is not None else ()
        return frozenset(f"{view.root}/{rel}".rstrip("/") for rel in folders)

    def asks_for(self, view: View, path: str) -> Literal["read", "look", ""]:
        """What a change at ``path`` asks for: to read that file again, to look at the whole tree, or, where
        it is of no account, nothing."""
        tree = self.seen(view).tree
        return "look" if tree is None else hint(tree, path, self.choice(view).max_bytes)

    def place(self, view: View) -> Place:
        """Where the files of a view on disk are read."""
        return Place(view.root, "", self.choice(view).max_bytes)

    def forget(self, view_id: int) -> None:
        """Remember nothing about a view."""
        self._held.pop(view_id, None)

    def choice(self, view: View) -> Choice:
        """What the person chose for a repository, with the defaults of the settings."""
        include, exclude = tuple(json.loads(view.include)), tuple(json.loads(view.exclude))
        return Choice(
            include or self.defaults.include, (*self.defaults.exclude, *exclude), self.defaults.max_bytes
        )

    async def _hold(self, view: View, target: Target) -> Held:
        held = self._held.get(view.id)
        if held is not None and held.generation == view.generation and held.target == target:
            held.seen.shared = False
            return held
        async with self.database.read(self.scope) as tx:
            known = await known_files(tx, target)
        seen = held.seen if held is not None else Seen()
        seen.same, seen.shared = False, held is not None and held.generation != view.generation
        self._held.pop(view.id, None)
        self._held[view.id] = held = Held(view.generation, target, known, seen)
        while len(self._held) > KEPT_VIEWS:
            self._held.pop(next(iter(self._held)))
        return held


def _look_at_folder(
    root: Path,
    before: Tree | None,
    known: Mapping[str, Known],
    choice: Choice,
    *,
    same: bool,
    afresh: bool,
) -> tuple[Tree, Plan]:
    tree = walk_again(before, choice) if before is not None else _sharing(walk(root, choice), known)
    if same and before is not None and tree.folders is before.folders:
        return tree, Plan(sum(len(folder.files) for folder in tree.folders.values()), [], [], [], None)
    return tree, plan_tree(tree, known, choice.max_bytes, afresh=afresh)


def _sharing(tree: Tree, known: Mapping[str, Known]) -> Tree:
    """The tree with the very stamps that are known where they are the same: half of what is remembered of them."""
    for folder in tree.folders.values():
        for path, stamp in folder.files.items():
            held = known.get(path)
            if held is not None and held.stamp == stamp:
                folder.files[path] = held.stamp
    return tree


def _look_at_commit(
    view: View, known: Mapping[str, Known], choice: Choice, *, same: bool, afresh: bool
) -> Look:
    begun_ns = time.time_ns()
    try:
        checkout = open_checkout(Path(view.root))
        if checkout is None:
            raise Unreadable("there is no git repository any more")
        commit = find_commit(checkout.repository, view.ref)
        gitdir = str(checkout.repository.path)
        place = Place(view.root, gitdir, choice.max_bytes)
        if same and commit == view.commit:
            plan = Plan(view.files_total, [], [], [], None)
            return Look(begun_ns, place, plan, commit, view.ref, "git", "")
        tree = list_commit(checkout.repository, commit, choice)
    except (Unreadable, KeyError) as problem:
        raise NotFound(
            f"{view.ref!r} of {view.root} cannot be read",
            why=str(problem) if isinstance(problem, Unreadable) else "git knows it no more",
            next="give a ref that exists",
        ) from problem
    return Look(
        begun_ns,
        place,
        plan_commit(tree, known, afresh=afresh),
        commit,
        view.ref,
        "git",
        "",
    )
