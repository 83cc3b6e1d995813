"""Which lines match this regular expression? Linear time, exact counts, and a statement of what was
searched.

Literals that every match must contain narrow the files through trigrams; the texts themselves
decide. Files without trigrams yet are looked at directly, files outside the index are read from disk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import re2

from sophia_mcp.errors import BadQuery, NotFound, OutsideRoots, TooLarge
from sophia_mcp.index.disk.decode import decode, is_binary
from sophia_mcp.search.engine import Candidate, Outcome, Question
from sophia_mcp.search.text.literals import required
from sophia_mcp.search.view.atlas import Atlas
from sophia_mcp.search.view.outline import enclosing, qualified
from sophia_mcp.security.paths import read_inside
from sophia_mcp.security.text import counted
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import Kind, Symbol

_BATCH = 32
"""Files read at once: the texts of more take no less time and more memory."""
_MATCHES_MOST = 100_000
"""Matches looked at, empty ones too; beyond, the answer says "at least"."""
_READ_MOST = 6 << 20
"""Bytes that are soon read."""
_OPENING = 4096
"""To open a file takes as long as to read so many bytes of it."""
_LAID_OUT = 4
"""Of the spans from the best on, how many times as many as may be shown are made: some fall away."""

_TOGETHER = 3
"""Matches at most this many lines apart are shown as one span."""
_TALLEST = 20
"""Lines of a span."""
_MEMORY = 8 << 20
_BY_LINE = "(?m)"
"""``^`` and ``$`` stand at the ends of lines."""

_OUTSIDE_MOST = 64
ALSO = "also in files outside the index"
"""Begins the note that names them."""

_REPEATING = ("test", "document")
"""Roles of files that say again what the code says."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The matches in a file: by the line on which any begins, ascending, how many do and the last line that
    they reach. ``looked_at`` counts the empty ones that do not count, too."""

    file: int
    found: Mapping[int, tuple[int, int]]
    looked_at: int = 0

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(count for count, _ in self.found.values())

    @property
    def lines(self) -> tuple[int, ...]:
        """Lines that match, ascending: of a long match the first ones."""
        every = (
            line
            for first, (_, last) in self.found.items()
            for line in range(first, min(last, first + _TALLEST - 1) + 1)
        )
        return tuple(sorted(set(every)))


def compile(pattern: str) -> Any:
    """A linear-time automaton. Raises BadQuery with RE2's own words."""
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    options.never_nl = False
    re2.purge()  # it keeps the last 128 patterns, each with an automaton of up to _MEMORY bytes
    try:
        return re2.compile(f"{_BY_LINE}{pattern}".encode(), options)
    except UnicodeEncodeError:
        raise BadQuery(
            "the regular expression cannot be used: it holds half a character",
            why="no text has a surrogate that stands alone",
            next="send the whole character, or `.` for it",
        ) from None
    except re2.error as problem:
        said = problem.args[0] if problem.args else problem
        said = said.decode() if isinstance(said, bytes) else str(said)
        unknown = "perl operator" in said or "escape sequence" in said
        raise BadQuery(
            f"the regular expression cannot be used: {said.replace(_BY_LINE, '', 1)}",
            why="linear-time syntax (RE2) has no look-around and no back-references"
            if unknown
            else "it is not a regular expression as it stands",
            next='rewrite it, or search the words with mode="text"',
        ) from None


def usable(pattern: str) -> bool:
    """Whether the text is a regular expression at all."""
    try:
        compile(pattern)
    except BadQuery:
        return False
    return True


async def find(question: Question, tx: Transaction) -> Outcome:
    """Every matching line, best files first, with the exact number of matches."""
    text = question.query.text
    pattern = compile(text)
    files, direct = await may_match(question, tx, text)
    matches, capped = await matching(question, tx, text, files)
    total = sum(item.count for item in matches)
    candidates = await _lines(question, tx, matches)
    notes = [_statement(question, len(matches), total, capped, direct)]
    notes += await outside(question, tx, pattern)
    if not total:
        return Outcome((), 0, (f"not here: no line matches {text!r}", *notes))
    return Outcome(tuple(candidates), total, tuple(notes))


async def matching(
    question: Question, tx: Transaction, text: str, files: Sequence[int]
) -> tuple[list[Matches], bool]:
    """Those of the files that a pattern matches where the kinds let it, best first, and whether there are more
    matches than are counted."""
    matches, capped = await _scan(question, tx, compile(text), files)
    if kinds := question.filter.kinds:
        held = await _symbols(question, tx, matches)
        matches = [_of_kinds(item, held[item.file], kinds) for item in matches]
        matches = [item for item in matches if item.found]
    atlas = question.atlas
    matches.sort(
        key=lambda item: (
            sum(atlas.has(role, item.file) for role in _REPEATING),
            -min(item.count, 3),
            atlas.paths[item.file],
        )
    )
    return matches, capped


async def _lines(question: Question, tx: Transaction, matches: Sequence[Matches]) -> list[Candidate]:
    """As many spans of matching lines as may be shown, and some more."""
    shown: list[tuple[Matches, list[tuple[int, int]]]] = []
    left = question.reach * _LAID_OUT
    for item in matches:
        shown.append((item, _clusters(item.lines)))
        left -= len(shown[-1][1])
        if left <= 0:
            break
    symbols = await _symbols(question, tx, [item for item, _ in shown])
    candidates: list[Candidate] = []
    for item, spans in shown:
        for place, (first, last) in enumerate(spans):
            home = enclosing(symbols[item.file], first)
            candidates.append(
                Candidate(
                    item.file,
                    first,
                    last,
                    qualified(home) if home else "",
                    home.kind if home else "text",
                    1.0 / (1 + len(candidates)),
                    f"{item.count} matches in file" if item.count > 1 and not place else "matches",
                    focus=first,
                )
            )
    return candidates


async def _symbols(
    question: Question, tx: Transaction, matches: Sequence[Matches]
) -> dict[int, tuple[Symbol, ...]]:
    """The definitions of the files that match."""
    files = [item.file for item in matches]
    blobs = question.atlas.blobs[files].tolist() if files else []
    held = await question.engine.content.symbols(tx, blobs)
    return {file: held[blob] for file, blob in zip(files, blobs, strict=True)}


def _of_kinds(item: Matches, held: tuple[Symbol, ...], kinds: Set[Kind]) -> Matches:
    """The matches that begin in a definition of these kinds."""

    def kind(line: int) -> Kind:
        home = enclosing(held, line)
        return home.kind if home else "text"

    return replace(item, found={line: said for line, said in item.found.items() if kind(line) in kinds})


async def may_match(question: Question, tx: Transaction, text: str) -> tuple[list[int], int]:
    """Files that the filters let answer and a pattern may match, and how many have no trigrams yet."""
    atlas, allowed = question.atlas, question.filter.allowed
    every = np.ones(len(atlas.paths), bool) if allowed is None else allowed
    direct = every & ~atlas.trigram
    chosen = every
    plan = required(text)
    if plan is not None:
        narrowed = await question.engine.trigrams.candidates(tx, atlas.view.repo_id, plan)
        if narrowed is not None:
            places = atlas.positions(np.array(narrowed, np.int64))
            named = np.zeros(len(atlas.paths), bool)
            named[places[places >= 0]] = True
            chosen = (named & every) | direct
    return np.flatnonzero(chosen).tolist(), int(direct.sum())


def repeats(atlas: Atlas, file: int) -> bool:
    """Whether a file only says again what the code says."""
    return any(atlas.has(role, file) for role in _REPEATING)


def soon_read(question: Question, files: Sequence[int]) -> Sequence[int]:
    """As many of these files, from the first on, as are read in less time than the rest of an answer takes."""
    if not files:
        return files
    cost = np.cumsum(question.atlas.sizes[files] + _OPENING)
    return files[: int(np.searchsorted(cost, _READ_MOST, "right"))]


async def _scan(
    question: Question, tx: Transaction, pattern: Any, files: Sequence[int]
) -> tuple[list[Matches], bool]:
    found: list[Matches] = []
    left = _MATCHES_MOST
    blobs = question.atlas.blobs
    for start in range(0, len(files), _BATCH):
        batch = files[start : start + _BATCH]
        bodies = await question.engine.content.bodies(tx, blobs[batch].tolist())
        for file in batch:
            item = scan(file, bodies[int(blobs[file])], pattern, left)
            left -= item.looked_at
            if item.found:
                found.append(item)
            if left < 0:
                return found, True
    return found, False


def scan(file: int, body: bytes, pattern: Any, most: int = _MATCHES_MOST) -> Matches:
    """All matches in one text (UTF-8), but no more than one behind ``most``; an empty match counts where it
    stands, once a line."""
    if pattern.search(body) is None:
        return Matches(file, {})
    found: dict[int, tuple[int, int]] = {}
    at = looked_at = 0
    line = 1
    for match in pattern.finditer(body):
        looked_at += 1
        if looked_at > most:
            break
        start, end = match.span()
        line += body.count(b"\n", at, start)
        at = start
        count, last = found.get(line, (0, line))
        if start == end and (count or (start == len(body) and body.endswith(b"\n"))):
            continue
        reached = line + body.count(b"\n", start, max(end - 1, start))
        found[line] = (count + 1, max(last, reached))
    return Matches(file, found, looked_at)


def _clusters(lines: Sequence[int]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for line in lines:
        if spans and line - spans[-1][1] <= _TOGETHER and line - spans[-1][0] < _TALLEST:
            spans[-1] = (spans[-1][0], line)
        else:
            spans.append((line, line))
    return spans


def _statement(question: Question, files: int, total: int, capped: bool, direct: int) -> str:
    """What was counted, and whether that is everything."""
    atlas, view = question.atlas, question.view
    searched = (
        len(atlas.paths) if question.filter.allowed is None else int(question.filter.allowed.sum())
    )
    bound = "at least " if capped else ""
    said = f"{bound}{counted(total, 'match')} in {files} of {counted(searched, 'file')}"
    if capped:
        return f"{said}; counting stopped there"
    if view.state != "ready":
        return f"{said}; not complete: {len(atlas.paths)} of {view.files_total} files are indexed"
    scanned = f" ({direct} read without trigrams)" if direct else ""
    return f"{said}; complete for the indexed files{scanned}"


async def outside(
    question: Question, tx: Transaction, pattern: Any, most: int = _OUTSIDE_MOST
) -> list[str]:
    """Matches in files that the index left out for their size or origin, ``most`` of them read from disk, and how many
    others there are."""
    view, request = question.view, question.request
    if not view.on_disk or request.paths or request.languages or request.kinds or request.scope != "all":
        return []
    rows = await tx.rows(
        "SELECT path, reason FROM skips WHERE view_id = :view ORDER BY path", {"view": view.id}
    )
    readable = [
        str(path)
        for path, reason in rows
        if not str(path).endswith("/") and not any(word in str(reason) for word in _UNSEEN)
    ]
    found: list[str] = []
    for path in readable[:most]:
        count = _outside_count(Path(view.root), path, pattern)
        if count:
            found.append(f"{path} ({count})")
    notes = [f"{ALSO}: {', '.join(found[:8])}"] if found else []
    if unread := len(rows) - min(len(readable), most):
        notes.append(f"{unread} skipped files and folders were not searched")
    return notes


_UNSEEN = (
    "secret",
    "binary",
    "symlink",
    "link",
    "device",
    "special",
    "submodule",
    "ignored",
    "unreadable",
)


def _outside_count(root: Path, path: str, pattern: Any) -> int:
    try:
        raw = read_inside(root, path, 4 << 20)
    except (NotFound, OutsideRoots, TooLarge):
        return 0
    if is_binary(raw[:8192]):
        return 0
    return scan(0, decode(raw).text.encode("utf-8", "replace"), pattern).count
