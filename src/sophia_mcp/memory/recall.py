"""Which memories answer a question? Words and meaning together, weighed by what is left of each memory.

Relevance is the share of the question's words that a memory has, each counted by how rare it is, and
the cosine of their vectors. Frequencies are summed over the spaces asked, so that a memory's place does
not change its score.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
import numpy as np

from sophia_mcp.errors import BadQuery
from sophia_mcp.memory import rows
from sophia_mcp.memory.anchors import verdicts
from sophia_mcp.memory.finder import Vector
from sophia_mcp.memory.repos import Space
from sophia_mcp.memory.rows import Kept
from sophia_mcp.memory.shelf import Shelf
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import Anchor, Memo, MemoryKind, MemoryTier
from sophia_mcp.words import query_terms, text_terms

WORDS, MEANING = 0.55, 0.45
"""What each counts for in relevance."""

FETCHED = 40
"""Candidates by words and by meaning from each space, at least."""

LEAST_WORDS = 0.15
LEAST_COSINE = 0.24
"""A memory with less of both is not an answer: of two questions about different projects, four pairs in a
hundred have a higher cosine. Above it, a memory must also stand out by ``OUTSTANDING`` deviations from the
memories of its space."""

OUTSTANDING = 3.0

Readable = Callable[[], Awaitable[Callable[[Path], bool]]]
"""Whether a folder may be read; asked only where a memory is anchored in another repository."""


async def _nothing_else() -> Callable[[Path], bool]:
    return lambda path: False


@dataclass(frozen=True, slots=True)
class Query:
    """One question to memory. ``text`` None lists. ``root`` is the caller's tree of ``home``, the space of
    its repository; other folders are read only where
    ``readable`` says so."""

    text: str | None
    spaces: tuple[Space, ...]
    kinds: tuple[MemoryKind, ...] = ()
    tiers: tuple[MemoryTier, ...] = ()
    limit: int = 8
    cursor: str | None = None
    home: int = 0
    root: Path | None = None
    readable: Readable = _nothing_else


@dataclass(frozen=True, slots=True)
class Recalled:
    """The memories found, best first, of ``total`` in all. ``numbers`` are theirs, for the next page."""

    memos: tuple[Memo, ...]
    total: int
    numbers: tuple[int, ...] = ()
    before: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


async def recall(shelf: Shelf, query: Query) -> Recalled:
    """Answer a question, or list. Raises BadQuery for a cursor of another question."""
    shown = read_cursor(query)
    if query.text is None or not query.text.strip():
        kept, total, notes = await _list(shelf, query, shown)
        scores: dict[int, float] = {}
    else:
        kept, total, scores, notes = await _find(shelf, query, query.text, shown)
    memos = await _judged(shelf, query, kept, scores)
    return Recalled(tuple(memos), total - len(shown), tuple(each.number for each in kept), shown, notes)


async def _list(
    shelf: Shelf, query: Query, shown: tuple[int, ...]
) -> tuple[list[Kept], int, tuple[str, ...]]:
    ids, now = [space.id for space in query.spaces], shelf.clock()
    async with shelf.db.read(shelf.scope) as tx:
        kept = await rows.listed(
            tx, ids, now, kinds=query.kinds, tiers=query.tiers, skip=shown, limit=query.limit
        )
        counted = await rows.counted(tx, ids, now, query.kinds)
    total = sum(count for _, _, tier, count in counted if not query.tiers or tier in query.tiers)
    return kept, total, ()


async def _find(
    shelf: Shelf, query: Query, text: str, shown: tuple[int, ...]
) -> tuple[list[Kept], int, dict[int, float], tuple[str, ...]]:
    now = shelf.clock()
    async with shelf.db.read(shelf.scope) as tx:
        one = await rows.one(tx, text.strip()) if text.strip().startswith("m-") else None
        if one is not None and not one.forgotten_ns and one.space in {s.id for s in query.spaces}:
            return [one], 1 + len(shown), {}, ()
        found = await _candidates(shelf, tx, query, text)
        kept = await rows.by_number(tx, found.cosines, now)
    scored: list[tuple[float, int]] = []
    for number, each in kept.items():
        worded = found.worded(each.memo.text)
        cosine = found.cosines[number]
        if worded < LEAST_WORDS and cosine < found.least.get(each.space, LEAST_COSINE):
            continue
        relevance = WORDS * worded + MEANING * max(cosine, 0.0)
        scored.append((relevance * shelf.lifetimes.weight(each.memo, now), number))
    scored.sort(key=lambda item: (-item[0], -item[1]))
    page = [(score, number) for score, number in scored if number not in shown][: query.limit]
    scores = {number: score for score, number in page}
    return [kept[number] for _, number in page], len(scored), scores, found.notes


@dataclass(frozen=True, slots=True)
class _Found:
    """Candidates by number with their cosines, the least cosine that counts in each space, and how much
    each term of the question tells."""

    cosines: dict[int, float]
    least: dict[int, float]
    telling: dict[str, float]
    notes: tuple[str, ...]

    def worded(self, text: str) -> float:
        """The share of the question's words, by what they tell, that the text has."""
        whole = sum(self.telling.values())
        if not whole:
            return 0.0
        terms = set(text_terms(text))
        return sum(value for term, value in self.telling.items() if term in terms) / whole


async def _candidates(shelf: Shelf, tx: Transaction, query: Query, text: str) -> _Found:
    terms = query_terms(text)[:64]
    vector = shelf.finder.query(text)
    wanted = max(FETCHED, 4 * query.limit + len(read_cursor(query)))
    cosines: dict[int, float] = {}
    least: dict[int, float] = {}
    documents: dict[str, int] = dict.fromkeys(terms, 0)
    sorts = (query.kinds, query.tiers)
    total, notes = 0, []
    for space in query.spaces:
        near = await shelf.finder.near(tx, space.id, vector, wanted, sorts)
        cosines |= dict(zip(near.ids.tolist(), near.scores.tolist(), strict=True))
        many = len(near.ids) >= FETCHED
        least[space.id] = max(LEAST_COSINE, near.mean + OUTSTANDING * near.deviation if many else 0.0)
        if shelf.finder.overfull(tx, space.id):
            notes.append(f"{space.scope} holds too many memories to be searched by meaning; words only")
        if terms:
            frequencies = await shelf.finder.frequencies(tx, space.id, terms)
            worded = await shelf.finder.worded(tx, space.id, frequencies, wanted, sorts)
            missing = [number for number in worded if number not in cosines]
            cosines |= await _cosines(tx, vector, missing)
            total += frequencies.total
            for term, count in frequencies.documents.items():
                documents[term] += count
    telling = {
        term: math.log(1 + (total - count + 0.5) / (count + 0.5)) for term, count in documents.items()
    }
    return _Found(cosines, least, telling, tuple(notes))


async def _cosines(tx: Transaction, vector: Vector, numbers: Collection[int]) -> dict[int, float]:
    """Of memories that only words found."""
    if not numbers:
        return {}
    among = ", ".join(str(int(number)) for number in numbers)
    found = await tx.rows(
        "SELECT number, row FROM memory_vectors WHERE workspace = :workspace"  # noqa: S608
        f" AND number IN ({among})"
    )
    norm = float(np.linalg.norm(vector)) or 1.0
    cosines = dict.fromkeys(numbers, 0.0)
    for number, row in found:
        held = np.frombuffer(row, np.int8).astype(np.float32)
        if len(held) == len(vector):
            length = float(np.linalg.norm(held)) or 1.0
            cosines[number] = float(held @ vector) / (norm * length)
    return cosines


async def _judged(
    shelf: Shelf, query: Query, kept: Sequence[Kept], scores: dict[int, float]
) -> list[Memo]:
    """The memories with verdicts of their anchors."""
    async with shelf.db.read(shelf.scope) as tx:
        pins = await rows.pins(tx, [each.memo.id for each in kept])
    memos = []
    for each in kept:
        anchors: list[Anchor] = []
        if held := pins.get(each.memo.id):
            root = await _root(query, each, Path(held[0].root))
            anchors = await verdicts(root, held, shelf.find)
        memos.append(rows.judged(each, anchors, round(scores.get(each.number, 0.0), 4)))
    return memos


async def _root(query: Query, kept: Kept, root: Path) -> Path | None:
    """The tree to check against: the caller's own of the same repository, else the one it was anchored
    in where that may be read."""
    if query.root is not None and kept.space == query.home:
        return query.root
    allowed = (await query.readable())(root)
    return root if allowed and await anyio.to_thread.run_sync(os.path.isdir, root) else None


def write_cursor(query: Query, recalled: Recalled, shown: int) -> str | None:
    """The token of the page after the first ``shown`` memories; None where nothing is left."""
    if shown >= recalled.total:
        return None
    numbers = (*recalled.before, *recalled.numbers[:shown])
    return f"{_question(query)}-" + ".".join(f"{number:x}" for number in numbers)


def read_cursor(query: Query) -> tuple[int, ...]:
    """The memories that earlier pages showed. Raises BadQuery."""
    if not query.cursor:
        return ()
    mark, _, rest = query.cursor.partition("-")
    try:
        numbers = tuple(int(part, 16) for part in rest.split(".") if part)
    except ValueError:
        numbers, mark = (), ""
    if mark != _question(query):
        raise BadQuery(
            "the cursor is damaged or belongs to another question",
            why="query, scope, repository and kinds must be those of the page before",
            next="ask again without cursor",
        )
    return numbers


def _question(query: Query) -> str:
    asked = (query.text, [space.id for space in query.spaces], sorted(query.kinds), sorted(query.tiers))
    return f"{zlib.crc32(repr(asked).encode()):08x}"
