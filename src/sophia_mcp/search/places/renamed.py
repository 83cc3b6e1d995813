"""What is a file called now that stood at another path once? The index knows what it has seen there, git the rest."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import anyio.to_thread
import pygit2
from pygit2.enums import FileMode

from sophia_mcp.errors import SophiaError
from sophia_mcp.index.disk.decode import decode
from sophia_mcp.index.disk.git import BROKEN, Unreadable, blob_at, open_checkout, read_object
from sophia_mcp.search.engine import Question
from sophia_mcp.search.places.settle import Version, settle
from sophia_mcp.search.question.trace import Frame, match_path
from sophia_mcp.search.view import filters
from sophia_mcp.security.paths import read_inside
from sophia_mcp.store.database import Transaction

_NAMES = 60
"""Definitions by which a renamed file is known again."""
_COMMITS_MOST = 2000
"""Commits that are looked at for a path, the latest first, each with its first parent."""
_PATIENCE = 0.25
"""Seconds after which git is asked no more: what is in a repository may take any time to look through."""
_ALIKE = 0.5
"""Of the lines of two texts as many are in both where one has become the other, as git has it."""
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
        then = await _text(question, tx, old[0])
        for file in await successors(question, tx, old_path, old):
            today = await _text(question, tx, int(question.atlas.blobs[file]))
            if _alike(_told(then.lines), _told(today.lines)) >= _ALIKE:
                return Renamed(question.atlas.paths[file], then)
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
    """What the commits since, and the work that is not committed, have made of a path. Blocking."""
    view, until = question.view, time.monotonic() + _PATIENCE

    def look() -> None:
        if time.monotonic() > until:
            raise Unreadable("it takes too long to look through")

    try:
        checkout = open_checkout(Path(view.root)) if view.root else None
        if checkout is None:
            return None
        repository = checkout.repository
        since = _since(_first_parents(repository, view.commit or checkout.head()[0]), path, look)
        then = _version(repository, since[-1], path) if since else None
        while since and path not in question.atlas.position:
            before = since.pop()
            if since and _holds(since[-1], path):
                continue
            look()
            if since:
                added = _added(repository, before.tree, since[-1].tree, look)
            elif view.on_disk:
                added = _uncommitted(question, before.tree, path, look)
            else:
                added = {}
            path = _became(before, path, _version(repository, before, path), added, look)
            if not path:
                return None
        return Renamed(path, then) if then is not None else None
    except (Unreadable, *BROKEN):
        return None


def _since(commits: Iterator[pygit2.Commit], path: str, look: Callable[[], None]) -> list[pygit2.Commit]:
    """The commits from the latest to the first that holds a file; empty where none does."""
    seen: list[pygit2.Commit] = []
    for commit in commits:
        look()
        seen.append(commit)
        if _holds(commit, path):
            return seen
    return []


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
    return Version(_lines(raw), ())


def _lines(raw: bytes | None) -> Sequence[str]:
    return decode(raw or b"").text.split("\n")


@dataclass(frozen=True, slots=True)
class _Added:
    """A file that a change brought: the id of its bytes (empty: not known to git), and what reads them."""

    blob: str
    read: Callable[[], bytes | None]


def _added(
    repository: pygit2.Repository, before: pygit2.Tree, after: pygit2.Tree, look: Callable[[], None]
) -> dict[str, _Added]:
    """The files of a tree at whose paths another has nothing."""
    found: dict[str, _Added] = {}
    waiting: list[tuple[str, pygit2.Tree | None, pygit2.Tree]] = [("", before, after)]
    while waiting:
        prefix, old, new = waiting.pop()
        held = {entry.name: entry for entry in old or ()}
        for entry in new:
            look()
            was, path = held.get(entry.name), f"{prefix}{entry.name}"
            if was is not None and was.id == entry.id:
                continue
            if isinstance(entry, pygit2.Tree):
                waiting.append((f"{path}/", was if isinstance(was, pygit2.Tree) else None, entry))
            elif was is None and entry.filemode in (FileMode.BLOB, FileMode.BLOB_EXECUTABLE):
                blob = str(entry.id)
                found[path] = _Added(blob, partial(read_object, repository, blob, _LARGEST))
    return found


def _uncommitted(
    question: Question, head: pygit2.Tree, path: str, look: Callable[[], None]
) -> dict[str, _Added]:
    """The indexed files that a commit does not have and that a file of it may have become."""
    stem, ending = _parts(path)

    @cache
    def names(folder: str) -> frozenset[str | None]:
        with suppress(KeyError):
            below = head[folder] if folder else head
            if isinstance(below, pygit2.Tree):
                return frozenset(entry.name for entry in below)
        return frozenset()

    found: dict[str, _Added] = {}
    for one in question.atlas.paths:
        look()
        folder, _, name = one.rpartition("/")
        is_near = name.endswith(ending) or name.startswith(f"{stem}.")
        if is_near and name not in names(folder):
            found[one] = _Added("", partial(read_inside, Path(question.view.root), one, _LARGEST))
    return found


def _became(
    before: pygit2.Commit,
    path: str,
    then: Version,
    added: Mapping[str, _Added],
    look: Callable[[], None],
) -> str:
    """Which of the files that a change brought has the text of one: its very bytes, else most of its lines, those
    of its name first. Empty where none has."""
    told, blob = _told(then.lines), str(before.tree[path].id)
    if not told:
        return ""
    same = [one for one, file in added.items() if file.blob == blob]
    stem, ending = _parts(path)
    named = [one for one in added if _parts(one)[0] == stem]
    others = [one for one in added if _parts(one)[0] != stem and _parts(one)[1] == ending]
    if same:
        return next((one for one in same if one in named), same[0])
    for group in (named, others):
        alike: dict[str, float] = {}
        for one in group:
            look()
            try:
                alike[one] = _alike(told, _told(_lines(added[one].read())))
            except SophiaError:  # gone since, or larger than is read
                continue
        best = max(alike, key=alike.__getitem__, default="")
        if best and alike[best] >= _ALIKE:
            return best
    return ""


def _told(lines: Sequence[str]) -> Counter[str]:
    """The lines of a text that say anything, however far they are indented, and how often it has them."""
    return Counter(filter(None, map(str.strip, lines)))


def _alike(left: Counter[str], right: Counter[str]) -> float:
    return (left & right).total() / max(left.total(), right.total(), 1)


def _parts(path: str) -> tuple[str, str]:
    """The name of a file without its ending, and that."""
    stem, dot, ending = path.rpartition("/")[2].rpartition(".")
    return stem or ending, dot + ending
