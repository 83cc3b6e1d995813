"""What is a file called now that stood at another path once? The index knows what it has seen there, git the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread
import pygit2
from pygit2.enums import DeltaStatus, DiffFind, DiffOption

from sophia_mcp.index.decode import decode
from sophia_mcp.index.git import BROKEN, Unreadable, blob_at, open_checkout, read_object
from sophia_mcp.search import filters
from sophia_mcp.search.engine import Question
from sophia_mcp.search.settle import Version, settle
from sophia_mcp.search.trace import Frame, match_path
from sophia_mcp.store.database import Transaction

_NAMES = 60
"""Definitions by which a renamed file is known again."""
_COMMITS_MOST = 2000
"""Commits that are looked at for a path, the latest first, each with its first parent."""
_HOPS_MOST = 8
"""How often a file may have been renamed."""
_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Renamed:
    """The path of a file in the view, and the text that it had at its old one."""

    path: str
    then: Version


async def find(question: Question, tx: Transaction, written: str) -> Renamed | None:
    """What a path that no file of the view has is called now; None where nothing tells."""
    path = filters.inside(question.view.root, written).strip("/")
    old_path, held = await stored(question, tx, path)
    if held and old_path not in question.atlas.position and f"/{old_path}".endswith(f"/{path}"):
        old = [blob for _, blob in held]
        if files := await successors(question, tx, old_path, old):
            return Renamed(question.atlas.paths[files[0]], await _text(question, tx, old[0]))
    return await anyio.to_thread.run_sync(_by_git, question, path)


async def line_now(question: Question, tx: Transaction, renamed: Renamed, line: int) -> int:
    """Where a line of the text that a file had stands in it now."""
    blob = int(question.atlas.blobs[question.atlas.position[renamed.path]])
    today = await _text(question, tx, blob)
    return settle(Frame(renamed.path, line, "", "", ""), today, renamed.then)


async def _text(question: Question, tx: Transaction, blob: int) -> Version:
    content = question.engine.content
    lines = (await content.texts(tx, [blob]))[blob].lines
    return Version(lines, (await content.symbols(tx, [blob]))[blob])


async def stored(question: Question, tx: Transaction, path: str) -> tuple[str, list[tuple[str, int]]]:
    """The stored path that a written one means, now or once, and the blobs that stood at the paths it may
    mean, with these, the latest first."""
    name = path.rstrip("/").rpartition("/")[2]
    rows = await tx.rows(
        "SELECT path, blob_id FROM placements WHERE repo_id = :repo AND workspace = :workspace"
        " AND (path = :name OR path LIKE :ending ESCAPE '~') ORDER BY id DESC",
        {
            "repo": question.atlas.view.repo_id,
            "name": name,
            "ending": "%/" + re.sub(r"([~%_])", r"~\1", name),
        },
    )
    paths = match_path(path, list(dict.fromkeys(str(row[0]) for row in rows)))
    if not paths:
        return "", []
    shown = [one for one in paths if one in question.atlas.position]
    chosen = (shown or paths)[0]
    return chosen, [(str(held), int(blob)) for held, blob in rows if held in paths]


async def successors(
    question: Question, tx: Transaction, old_path: str, old: Sequence[int]
) -> list[int]:
    """The file of the view that shares the bytes of a file that is gone, or most of its definitions."""
    atlas = question.atlas
    same = [file for blob in old for file in atlas.showing(blob)]
    if same:
        return same[:1]
    held = (await question.engine.content.symbols(tx, old[:1]))[old[0]]
    names = list(dict.fromkeys(symbol.name.casefold() for symbol in held))[:_NAMES]
    if not names:
        return []
    marks = ", ".join(f":n{i}" for i in range(len(names)))
    rows = await tx.rows(
        "SELECT s.blob_id, COUNT(DISTINCT s.folded) FROM symbols s WHERE s.blob_id IN"  # noqa: S608
        " (SELECT blob_id FROM placements p WHERE p.repo_id = :repo AND p.workspace = :workspace)"
        f" AND s.folded IN ({marks}) GROUP BY s.blob_id ORDER BY 2 DESC LIMIT 40",
        {"repo": atlas.view.repo_id, **{f"n{i}": name for i, name in enumerate(names)}},
    )
    ending = old_path.rpartition(".")[2]
    for blob, count in rows:
        files = [file for file in atlas.showing(int(blob)) if atlas.paths[file].endswith("." + ending)]
        if files and int(count) * 2 >= len(names):
            return files[:1]
    return []


def _by_git(question: Question, path: str) -> Renamed | None:
    """What the commit, or the work that is not committed, that took a path away made of it."""
    view = question.view
    try:
        checkout = open_checkout(Path(view.root)) if view.root else None
        if checkout is None:
            return None
        repository = checkout.repository
        commits = list(_first_parents(repository, view.commit or checkout.head()[0]))
        then: Version | None = None
        for _ in range(_HOPS_MOST):
            place = next((i for i, commit in enumerate(commits) if _holds(commit, path)), None)
            if place is None or (place == 0 and not view.on_disk):
                return None
            then = then or _version(repository, commits[place], path)
            path = _became(commits[place], commits[place - 1] if place else None, path)
            if path in question.atlas.position:
                return Renamed(path, then)
    except (Unreadable, *BROKEN):
        pass
    return None


def _first_parents(repository: pygit2.Repository, commit: str) -> Iterator[pygit2.Commit]:
    here = repository[commit].peel(pygit2.Commit) if commit else None
    for _ in range(_COMMITS_MOST):
        if here is None:
            return
        yield here
        # Of a shallow clone the last parents are named, and not there.
        known = here.parent_ids and here.parent_ids[0] in repository
        here = here.parents[0] if known else None


def _holds(commit: pygit2.Commit, path: str) -> bool:
    return bool(path) and path in commit.tree


def _version(repository: pygit2.Repository, commit: pygit2.Commit, path: str) -> Version:
    raw = read_object(repository, blob_at(repository, str(commit.id), path), _LARGEST)
    return Version(decode(raw or b"").text.split("\n"), ())


def _became(before: pygit2.Commit, after: pygit2.Commit | None, path: str) -> str:
    """What one change (None: that of the working tree) called a path; empty where it only took it away."""
    if after is None:
        diff = before.tree.diff_to_workdir(
            DiffOption.INCLUDE_UNTRACKED | DiffOption.RECURSE_UNTRACKED_DIRS, context_lines=0
        )
    else:
        diff = before.tree.diff_to_tree(after.tree, context_lines=0)
    diff.find_similar(DiffFind.FIND_RENAMES | DiffFind.FIND_FOR_UNTRACKED)
    for delta in diff.deltas:
        if delta.status == DeltaStatus.RENAMED and delta.old_file.path == path:
            return delta.new_file.path
    return ""
