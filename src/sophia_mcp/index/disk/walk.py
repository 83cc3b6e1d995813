"""Which files stand in this tree, and which have changed their stamp since it was last walked?

A walk lists folders without following any link and judges names; it reads no file but the rules.
Walking again trusts the stamp of a folder for its list of names, and asks the file system for the
stamp of every file, so that an unchanged tree costs one ``stat`` for each file and folder.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from sophia_mcp.index.disk import ignore
from sophia_mcp.index.disk.git import Checkout, Unreadable, checkout_above, is_bare, open_checkout
from sophia_mcp.index.disk.ignore import Choice
from sophia_mcp.index.disk.refused import TOO_LARGE, UNREADABLE
from sophia_mcp.index.disk.stamp import Stamp, settled, stamp_of

EVERYTHING = Choice()

DEPTH_LIMIT = 100
SYMLINK = "symbolic link"
SPECIAL = "device, socket or FIFO"
BAD_NAME = "name is not UTF-8"
TOO_DEEP = "nested deeper than 100 folders"
NESTED = "a repository of its own"
SUBMODULE = "submodule"


@dataclass(slots=True)
class Folder:
    """One listed folder: its stamp (None: it could not be listed), files, skips, folders below, and the
    stamps of its rule files."""

    stamp: Stamp | None
    files: dict[str, Stamp] = field(default_factory=dict)
    skips: dict[str, str] = field(default_factory=dict)
    below: list[str] = field(default_factory=list)
    rules: dict[str, Stamp | None] = field(default_factory=dict)


_NOTHING = Folder(None)
_NOT_NOW = (SYMLINK, SPECIAL, TOO_LARGE)
"""Why a file is left out that may be read as soon as something else stands in its place."""

_RULE_NAMES = (ignore.RULES_FILE, ignore.GIT_RULES_FILE, ".gitattributes")


@dataclass(slots=True)
class Tree:
    """A walked tree. ``folders`` is keyed by ``""`` or ``a/b/``; ``guards`` holds the stamps of the
    files outside the tree's own whose change makes its judgements void (git's index and excludes).
    ``ruled``: a repository, its own or one around it, said what is ignored."""

    root: Path
    detection: str
    reason: str
    commit: str
    branch: str
    folders: dict[str, Folder]
    guards: dict[str, Stamp | None]
    tracked: dict[str, str] = field(default_factory=dict)
    ruled: bool = False

    def files(self) -> dict[str, Stamp]:
        """Every file that may be read, in the order of the walk."""
        found: dict[str, Stamp] = {}
        for folder in self.folders.values():
            found.update(folder.files)
        return found

    def skips(self) -> dict[str, str]:
        """Every file and folder that is left out by name or kind, with the reason."""
        found: dict[str, str] = {}
        for folder in self.folders.values():
            found.update(folder.skips)
        return found


class _GitBroke(Exception):
    """git's rules became unreadable during the walk; its message says why."""


def walk(root: Path, choice: Choice = EVERYTHING) -> Tree:
    """List a tree from scratch; git says what is tracked and ignored where libgit2 can read it, of a folder
    inside a repository, too, unless that leaves out the whole of it."""
    reason = "no git repository"
    try:
        checkout = open_checkout(root)
        if checkout is not None:
            return _Walk(root, choice, checkout).run()
        checkout = checkout_above(root)
        if checkout is not None:
            tracked = checkout.tracked()
            if tracked or not checkout.ignored(""):
                reason = f"a folder of {checkout.above()[-1]}, whose ignore rules hold"
                return _Walk(root, choice, checkout, reason, tracked).run()
    except (Unreadable, _GitBroke) as problem:
        reason = str(problem)
    return _Walk(root, choice, None, reason).run()


def walk_again(tree: Tree, choice: Choice = EVERYTHING) -> Tree:
    """The tree as it is now, from what it was. Begins anew when its rules may have changed; keeps
    the very ``folders`` it was given when nothing did."""
    root = str(tree.root)
    if tree.guards != _guards(tree.guards):
        return walk(tree.root, choice)
    changed: dict[str, Folder | None] = {}
    for rel, known in tree.folders.items():
        now = _folder_stamp(root, rel)
        if any(_stamp(root, path) != known.rules.get(path) for path in _rule_paths(rel, known, now)):
            return walk(tree.root, choice)
        if now is None or now != known.stamp or _shrunk(root, known, choice.max_bytes):
            changed[rel] = None
            continue
        moved = _moved(root, known.files)
        if moved:
            fits = all(stamp is not None and stamp.size <= choice.max_bytes for stamp in moved.values())
            changed[rel] = replace(known, files={**known.files, **moved}) if fits else None  # type: ignore[dict-item]
    if None in changed.values() and tree.detection != "git" and os.path.lexists(f"{root}/.git"):
        return walk(tree.root, choice)  # what git could not read may be gone
    try:
        checkout = open_checkout(tree.root) if tree.detection == "git" else None
        folders = {
            rel: folder for rel in tree.folders if (folder := changed.get(rel, tree.folders[rel]))
        }
        if None in changed.values():
            if tree.ruled and checkout is None:
                checkout = checkout_above(tree.root)
            return _Walk(tree.root, choice, checkout, tree.reason, tree.tracked).run(folders)
        commit, branch = checkout.head() if checkout else ("", "")
    except (Unreadable, _GitBroke):
        return walk(tree.root, choice)
    kept = folders if changed else tree.folders
    return replace(tree, folders=kept, commit=commit, branch=branch)


def has_moved(tree: Tree) -> bool:
    """Whether a folder of the tree is another now, or holds other names."""
    root = str(tree.root)
    return any(_folder_stamp(root, rel) != known.stamp for rel, known in tree.folders.items())


def hint(tree: Tree, path: str, limit: int) -> Literal["read", "look", ""]:
    """What a change at ``path`` asks for, as far as the tree is known: to read that file, to walk the tree
    again, or nothing. Files up to ``limit`` bytes may be read."""
    parent, _, name = path.rpartition("/")
    rel = f"{parent}/" if parent else ""
    folder = tree.folders.get(rel, _NOTHING)
    if rel in folder.skips:  # until what shows that it is not the tree's own goes away
        return "look" if name in ignore.TELLING_NAMES else ""
    if name in _RULE_NAMES:
        return "look"
    stamp = _stamp(str(tree.root), path)
    if path in folder.files:
        return "read" if stamp is not None else "look"
    if stamp is None and f"{path}/" in folder.skips:
        return ""
    place = f"{tree.root}/{path}"
    if folder.skips.get(path) in _NOT_NOW:
        fits = stamp is not None and stamp.size <= limit
        return "look" if fits or (os.path.isdir(place) and not os.path.islink(place)) else ""
    return "look" if path not in folder.skips and os.path.lexists(place) else ""


def _moved(root: str, files: dict[str, Stamp]) -> dict[str, Stamp | None]:
    """Files whose stamp is another now; None for one that is no regular file any more."""
    found: dict[str, Stamp | None] = {}
    lstat = os.lstat
    for path, before in files.items():
        try:
            now = lstat(f"{root}/{path}")
        except (OSError, ValueError):
            found[path] = None
            continue
        if (now.st_size, now.st_mtime_ns, now.st_ctime_ns) != before:
            found[path] = stamp_of(f"{root}/{path}")
    return found


def _rule_paths(rel: str, known: Folder, now: Stamp | None) -> list[str]:
    """Rule files to look at: those there were, and any there may be where names have changed."""
    if now == known.stamp:
        return list(known.rules)
    return [f"{rel}{name}" for name in (ignore.RULES_FILE, ignore.GIT_RULES_FILE)]


def _shrunk(root: str, known: Folder, limit: int) -> bool:
    """Whether a file that was too large may be small enough by now."""
    large = [path for path, reason in known.skips.items() if reason == TOO_LARGE]
    return any((stamp := _stamp(root, path)) is None or stamp.size <= limit for path in large)


def _stamp(root: str, path: str) -> Stamp | None:
    return stamp_of(f"{root}/{path}")


def _kept(stamp: Stamp | None, now_ns: int) -> Stamp | None:
    return None if stamp is None else settled(stamp, now_ns)


def _folder_stamp(root: str, rel: str) -> Stamp | None:
    """The stamp of a folder; None for anything else. Its second time tells of a name that came with an
    archive or a copy that also set the first one back."""
    try:
        found = os.lstat(f"{root}/{rel}" if rel else root)
    except OSError:
        return None
    is_folder = stat.S_ISDIR(found.st_mode)
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns) if is_folder else None


def _fault(name: str, place: str) -> dict[str, str]:
    """Why a folder cannot be looked at, by its name; nothing where it is not there."""
    try:
        os.lstat(place)
    except FileNotFoundError:
        return {}
    except OSError as problem:
        return {name: f"{UNREADABLE}: {problem.strerror}"}
    return {}


def _guards(places: Iterable[str]) -> dict[str, Stamp | None]:
    """Stamps of what decides which names count but is no file of the tree."""
    found: dict[str, Stamp | None] = {}
    for place in places:
        try:
            seen = os.lstat(place)
        except OSError:
            found[place] = None
            continue
        is_file = stat.S_ISREG(seen.st_mode)
        found[place] = (
            Stamp(seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns) if is_file else Stamp(-1, 0, 0)
        )
    return found


class _Walk:
    """One listing of a tree from its root."""

    def __init__(
        self,
        root: Path,
        choice: Choice,
        checkout: Checkout | None,
        reason: str = "",
        tracked: dict[str, str] | None = None,
    ) -> None:
        self._root = root
        self._checkout = checkout
        self._reason = reason
        if tracked is None:
            tracked = checkout.tracked() if checkout else {}
        self._tracked = tracked
        self._parents = _parents(self._tracked)
        self._limit = choice.max_bytes
        self._rules = ignore.Rules(
            ignore.reader(root),
            choice,
            checkout.ignored if checkout else None,
            inside=bool(checkout and checkout.within),
        )
        self._folders: dict[str, Folder] = {}
        self._taken = time.time_ns()

    def run(self, known: dict[str, Folder] | None = None) -> Tree:
        """Walk from the root; folders in ``known`` are taken as they stand there."""
        guards = {place: _kept(stamp, self._taken) for place, stamp in _guards(self._deciding()).items()}
        own = self._checkout is not None and not self._checkout.within
        commit, branch = self._checkout.head() if self._checkout is not None and own else ("", "")
        stack = [""]
        while stack:
            rel = stack.pop()
            folder = known.get(rel) if known else None
            if folder is None:
                stack.extend(reversed(self._list(rel)))
                continue
            self._folders[rel] = folder
            self._rules.enter(rel, {path[len(rel) :] for path in folder.rules})
            stack.extend(reversed(folder.below))
        return Tree(
            self._root,
            "git" if own else "walk",
            self._reason,
            commit,
            branch,
            self._folders,
            guards,
            self._tracked,
            self._checkout is not None,
        )

    def _deciding(self) -> list[str]:
        """What is no file of the tree and decides which names count, or which repository says so."""
        gits = [f"{folder}/.git" for folder in (self._root, *self._root.parents)]
        if self._checkout is not None:
            return [*gits[: 1 + self._checkout.within.count("/")], *self._checkout.deciding()]
        around = checkout_above(self._root)  # what leaves out the whole of this may take it back
        noted = around.deciding() if around is not None else []
        return [*gits, f"{gits[0]}/index", f"{gits[0]}/HEAD", *noted]

    def _list(self, rel: str) -> list[str]:
        """List one folder, remember it, and return the folders below that are entered."""
        place = f"{self._root}/{rel}" if rel else str(self._root)
        before = _kept(_folder_stamp(str(self._root), rel), self._taken)
        if before is None:
            # Where it is gone meanwhile, it is listed again once it is back.
            self._folders[rel] = Folder(None, skips=_fault(rel or "./", place))
            return []
        folder = Folder(before)
        try:
            with os.scandir(place) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as problem:
            self._folders[rel] = Folder(None, skips={rel or "./": f"{UNREADABLE}: {problem.strerror}"})
            return []
        names = {entry.name for entry in entries}
        if rel and self._refuse_whole(rel, names, folder):
            return []
        self._check_rule_files(entries)
        self._rules.enter(rel, names)
        folder.rules = {
            rel + name: _kept(stamp_of(f"{self._root}/{rel}{name}"), self._taken)
            for name in (ignore.RULES_FILE, ignore.GIT_RULES_FILE)
            if name in names
        }
        self._folders[rel] = folder
        for entry in entries:
            self._judge(rel, entry, folder)
        return folder.below

    def _refuse_whole(self, rel: str, names: set[str], folder: Folder) -> bool:
        """Whether what lies in a folder shows that none of it belongs to this tree."""
        reason = NESTED if ".git" in names else None
        if reason is None and rel not in self._parents:
            bare = {"HEAD", "objects", "refs"} <= names and is_bare(self._root / rel)
            reason = NESTED if bare else self._rules.contents(rel, names)
        if reason is None and rel.count("/") > DEPTH_LIMIT:
            reason = TOO_DEEP
        if reason is not None:
            folder.skips[rel] = reason
            self._folders[rel] = folder
        return reason is not None

    def _check_rule_files(self, entries: list[os.DirEntry[str]]) -> None:
        """libgit2 opens ignore files itself and would wait for ever on a FIFO in their place."""
        if self._checkout is None:
            return
        for entry in entries:
            if entry.name in (ignore.GIT_RULES_FILE, ".gitattributes") and not entry.is_file(
                follow_symlinks=False
            ):
                raise _GitBroke(f"a {entry.name} is not a regular file")

    def _judge(self, rel: str, entry: os.DirEntry[str], folder: Folder) -> None:
        name = entry.name
        path = rel + name
        try:
            path.encode()
        except UnicodeEncodeError:
            folder.skips[path.encode("utf-8", "replace").decode()] = BAD_NAME
            return
        try:
            if entry.is_symlink():
                folder.skips[path] = SYMLINK
            elif entry.is_dir(follow_symlinks=False):
                self._judge_folder(name, path, folder)
            elif not entry.is_file(follow_symlinks=False):
                folder.skips[path] = SPECIAL
            else:
                self._judge_file(name, path, entry, folder)
        except OSError as problem:
            folder.skips[path] = f"{UNREADABLE}: {problem.strerror}"
        except Unreadable as problem:
            raise _GitBroke(str(problem)) from problem

    def _judge_folder(self, name: str, path: str, folder: Folder) -> None:
        if name == ".git" and path == ".git":
            return
        key = path + "/"
        if self._tracked.get(path) == "":
            folder.skips[key] = SUBMODULE
            return
        reason = self._rules.folder(name, key, tracked=key in self._parents)
        if reason is None:
            folder.below.append(key)
        else:
            folder.skips[key] = reason

    def _judge_file(self, name: str, path: str, entry: os.DirEntry[str], folder: Folder) -> None:
        if name == ".git" and path == ".git":
            return
        reason = self._rules.file(name, path, tracked=path in self._tracked)
        if reason is None:
            found = entry.stat(follow_symlinks=False)
            if found.st_size <= self._limit:
                folder.files[path] = Stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns)
                return
            reason = TOO_LARGE
        folder.skips[path] = reason


def _parents(tracked: dict[str, str]) -> frozenset[str]:
    """Every folder (``a/b/``) that holds a tracked file."""
    found: set[str] = set()
    for path in tracked:
        end = path.rfind("/")
        while end > 0 and path[: end + 1] not in found:
            found.add(path[: end + 1])
            end = path.rfind("/", 0, end)
    return frozenset(found)
