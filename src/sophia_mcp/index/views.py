"""Which repository and which of its views does a name or path mean?

A view is one tree of a repository: a folder on disk, or a commit read from its objects. Worktrees
and clones of one repository are views of the same row, so that they share what was indexed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from sophia_mcp.errors import NotFound, NotIndexed, SophiaError
from sophia_mcp.security.paths import of_home, of_uri
from sophia_mcp.security.text import call_of
from sophia_mcp.store.database import Database, Row, Transaction
from sophia_mcp.types import LOCAL, IndexState, Scope

USE_NS = 3600 * 1_000_000_000
"""That a view was used is written down no more often than this."""

CANCELLED = "the run was cancelled before its end"
"""Why a view is not whole whose run somebody stopped. Only who asks for it makes it whole."""

CUT_OFF = "its run was cut off; the next question about it, or the next run, goes on with it"
"""Why a view is not whole that is called so while nobody is at it."""

_COLUMNS = """
  v.id, v.repo_id, v.name, r.name, r.kind, v.root, v.ref, v.commit_id, v.branch, v.detection, v.reason, v.state,
  v.stage, v.generation, v.files_total, v.chunker, v.model, v.seconds, v.reconciled_ns, r.trusted,
  r.include, r.exclude, r.watch, v.used_ns
"""
_FROM = "FROM views v JOIN repos r ON r.id = v.repo_id WHERE v.workspace = :workspace"


@dataclass(frozen=True, slots=True)
class View:
    """One tree of a repository as the store knows it.

    ``name`` is what a person calls it, ``repo`` its repository. ``ref`` is empty for the tree on
    disk. ``reason`` says why it failed or why git could not be used. ``include`` and ``exclude``
    are JSON lists of globs. ``used_ns`` is when a question was last asked, or a run ended, give or take
    ``USE_NS``. ``behind``, which no store holds, is why what its tree may have become could not be read.
    """

    id: int
    repo_id: int
    name: str
    repo: str
    kind: str
    root: str
    ref: str
    commit: str
    branch: str
    detection: str
    reason: str
    state: IndexState
    stage: str
    generation: int
    files_total: int
    chunker: str
    model: str
    seconds: float
    reconciled_ns: int
    trusted: bool
    include: str
    exclude: str
    watch: bool
    used_ns: int = 0
    behind: str = ""

    @property
    def on_disk(self) -> bool:
        """Whether its files are read from a folder and not from git's objects."""
        return not self.ref

    @property
    def cancelled(self) -> bool:
        """Whether somebody stopped the run that was to make it whole."""
        return self.state == "failed" and self.reason == CANCELLED

    @property
    def read_again(self) -> bool:
        """Whether it is whole, and all of it is read again or was to be."""
        return self.state == "indexing" and self.stage != "files"

    @property
    def place(self) -> str:
        """What names this view and no other to a tool: its folder, with ``@ref`` where it has one."""
        return f"{self.root}@{self.ref}" if self.ref else self.root

    @property
    def label(self) -> str:
        """The name with ``@ref`` where it is a commit view."""
        return f"{self.name}@{self.ref}" if self.ref and "@" not in self.name else self.name


def forgotten(view: View) -> NotFound:
    """What is said of a view that is no more."""
    return NotFound(f"{view.label} is no longer indexed", why="it was forgotten", next="index it again")


def _view(row: Row) -> View:
    values = list(row)
    values[19], values[22] = bool(row[19]), bool(row[22])
    return View(*values)


async def load(tx: Transaction, view: int, *, alone: bool = False) -> View | None:
    """One view by its id. ``alone``: nothing else is read in this transaction."""
    rows = await tx.rows(f"SELECT {_COLUMNS} {_FROM} AND v.id = :id", {"id": view}, alone=alone)
    return _view(rows[0]) if rows else None


async def repositories(db: Database, scope: Scope = LOCAL) -> tuple[View, ...]:
    """Every view, each repository's first tree first."""
    async with db.read(scope) as tx:
        rows = await tx.rows(f"SELECT {_COLUMNS} {_FROM} ORDER BY r.name, v.id", alone=True)
    return tuple(_view(row) for row in rows)


async def find(db: Database, root: Path, ref: str = "", scope: Scope = LOCAL) -> View | None:
    """The view of exactly this folder and ref."""
    async with db.read(scope) as tx:
        rows = await tx.rows(
            f"SELECT {_COLUMNS} {_FROM} AND v.root = :root AND v.ref = :ref",
            {"root": str(root), "ref": ref},
            alone=True,
        )
    return _view(rows[0]) if rows else None


async def resolve(
    db: Database, place: str | None, project_root: Path | None = None, scope: Scope = LOCAL
) -> View:
    """The view that a name or path means, either with ``@ref``; None means the project root.

    A path means the innermost view that holds it; none holds a repository inside its own. Raises NotIndexed
    for a folder that exists but was never indexed, NotFound with the nearest names for anything else.
    """
    return choose(await repositories(db, scope), place, project_root)


def choose(views: Sequence[View], place: str | None, project_root: Path | None = None) -> View:
    """``resolve`` among these views."""
    text = place if place is not None else str(project_root or "")
    if not text:
        raise NotFound(
            "no repository was named", why="there is no project root either", next="give `repo`"
        )
    found = _match(text, "", views, project_root)
    at = len(text)
    while found is None and (at := text.rfind("@", 0, at)) > 0:
        found = _match(text[:at], text[at + 1 :], views, project_root)
    if found is not None:
        return found
    return _missing(text, views, project_root)


def split_ref(place: str, names: Collection[str] = ()) -> tuple[str, str]:
    """``name@ref`` in its two parts; an ``@`` that belongs to an existing path or name stays."""
    at = len(place)
    if place in names or os.path.exists(of_home(place)):
        return place, ""
    while (at := place.rfind("@", 0, at)) > 0:
        if place[:at] in names or os.path.exists(of_home(place[:at])):
            return place[:at], place[at + 1 :]
    return place, ""


def split(views: Sequence[View], place: str | None, project_root: Path | None) -> tuple[str, str]:
    """The tree that a name or path means (None: the project's), and the ref that is asked for with it. The name of a
    ref's own view names no tree."""
    trees = {name for view in views for name in (view.repo, view.name if view.on_disk else view.repo)}
    return split_ref(str(project_root) if place is None else place, trees)


def as_path(text: str, project_root: Path | None) -> Path | None:
    """The absolute path a text means when it looks like one or exists, else None."""
    if not text or "\0" in text:
        return None
    path = of_home(of_uri(text) or text)
    if not path.is_absolute():
        looks = text in (".", "..") or text.startswith(("./", "../")) or "/" in text
        if project_root is None or not (looks or os.path.isdir(project_root / text)):
            return None
        path = project_root / path
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return None


def is_noted(view: View) -> bool:
    """Whether it is written down that a view is in use, which once in a while is enough."""
    return time.time_ns() - view.used_ns < USE_NS


async def touch(db: Database, view: View, scope: Scope = LOCAL) -> None:
    """Note that a view was used, for the collector. A store that cannot be written collects nothing either."""
    with suppress(SophiaError):
        async with db.write(scope) as tx:
            now = {"id": view.id, "repo": view.repo_id, "now": time.time_ns()}
            await tx.run("UPDATE views SET used_ns = :now WHERE id = :id", now)
            await tx.run("UPDATE repos SET used_ns = :now WHERE id = :repo", now)


def free_name(root: Path, taken: Sequence[str]) -> str:
    """A name for a folder that no other view has: its own, with its parent's, or with a number."""
    used = set(taken)
    base = root.name or "root"
    for name in (base, f"{root.parent.name}/{base}" if root.parent.name else base):
        if name not in used:
            return name
    number = 2
    while f"{base}-{number}" in used:
        number += 1
    return f"{base}-{number}"


def _match(text: str, ref: str, views: Sequence[View], project_root: Path | None) -> View | None:
    by_name = [view for view in views if text in (view.name, view.label)]
    path = as_path(text, project_root)
    if not by_name and path is not None:
        # A path that does not exist lies in no repository: most such are names as hosts write them, owner/name.
        there = os.path.exists(path)
        holding = [
            view
            for view in views
            if view.root and (_holds(view.root, path) if there else view.root == str(path))
        ]
        innermost = max((view.root for view in holding), key=len, default="")
        if not _lies_apart(path, Path(innermost)):
            by_name = [view for view in holding if view.root == innermost]
    if not by_name:
        by_name = [view for view in views if view.repo == text]
    if not ref:
        return next((view for view in by_name if view.on_disk), by_name[0] if by_name else None)
    repos = {view.repo_id for view in by_name}
    same = [view for view in views if view.repo_id in repos and view.ref == ref]
    return next(
        (view for view in same if view.root in {v.root for v in by_name}), same[0] if same else None
    )


def _holds(root: str, path: Path) -> bool:
    return str(path) == root or str(path).startswith(root.rstrip("/") + "/")


def _lies_apart(path: Path, root: Path) -> bool:
    """Whether a path below ``root`` is in a repository of its own, which the tree of ``root`` leaves out."""
    between = [place for place in (path, *path.parents) if root in place.parents]
    return any(os.path.lexists(place / ".git") for place in between)


def _missing(text: str, views: Sequence[View], project_root: Path | None) -> View:
    base, ref = split(views, text, project_root)
    path = as_path(base, project_root)
    known = _match(base, "", views, project_root)
    if ref and known is not None:
        raise NotIndexed(
            f"{ref!r} of {known.name} is not indexed",
            why="a branch, tag or commit is indexed when it is first asked for",
            next=call_of("index_repo", path=f"{known.root}@{ref}"),
        )
    if path is not None and os.path.isdir(path):
        raise NotIndexed(
            f"{path} is not indexed",
            why="no view of it exists yet",
            next=call_of("index_repo", path=str(path)),
        )
    names = [view.label for view in views]
    near = _near(text, views, project_root)
    raise NotFound(
        f"no repository named {text!r}",
        why=f"indexed: {', '.join(names[:12]) or 'none'}",
        next=f"use {near!r}" if near else "give a name from sophia://repos or the path of a folder",
    )


def _near(text: str, views: Sequence[View], project_root: Path | None) -> str:
    """What may be meant by a text that names no repository: the project, or the only one there is, where a ref alone
    is said, else the nearest name, with the ref. Empty where nothing comes near."""
    if near := get_close_matches(text, [view.label for view in views], 1, 0.4):
        return near[0]
    said, ref = (text[: text.rindex("@")], text[text.rindex("@") :]) if "@" in text else (text, "")
    trees = list(dict.fromkeys(view.name for view in views if view.on_disk))
    if not said:
        own = _match(str(project_root), "", views, None) if project_root else None
        known = {own.name if own.on_disk else own.repo} if own is not None else trees
        found = list(known) if len(known) == 1 else []
    else:
        holding = [name for name in trees if said.casefold() in name.casefold()]
        found = get_close_matches(said, trees, 1, 0.4) or sorted(holding, key=len)
    return f"{found[0]}{ref}" if found else ""
