"""What is in this repository, most central first? Outlines of files, folders and the whole.

Files are ranked by how much others use what they define: PageRank over name references, as in
Brin and Page (1998), kept for one generation of a view.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.errors import NotFound
from sophia_mcp.index.views import View
from sophia_mcp.ops.memory import give_back
from sophia_mcp.search.candidates.semantic import Meaning
from sophia_mcp.search.engine import Candidate, Engine, Outcome, Question
from sophia_mcp.search.places import locate, missed, place, symbols
from sophia_mcp.search.question.query import Query
from sophia_mcp.search.view import filters
from sophia_mcp.search.view.atlas import Atlas
from sophia_mcp.search.view.atlases import Atlases
from sophia_mcp.search.view.content import Content, ids
from sophia_mcp.search.view.outline import outline_of
from sophia_mcp.security.text import counted, plain, plain_line
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import LOCAL, Request, Symbol

_FILES_MOST = 3000
"""Files whose references are read for the ranking; further ones rank by their size alone."""

_COMMON = 6
"""A name that more files define than this says nothing about which is meant."""

_NAME_LEAST = 3
"""Letters of a name that says which definition is meant."""

_BATCH = 100
_DAMPING = 0.85
_ROUNDS = 30
_SHOWN_FILES = 60
"""Files of a map at least; further pages reach further."""

_SHOWN_SYMBOLS = 8

Ranks = NDArray[np.float64]
Pairs = NDArray[np.int64]
_Kept = OrderedDict[tuple[int, int, str], Ranks]
_ranks: WeakKeyDictionary[Atlases, _Kept] = WeakKeyDictionary()
"""By the engine's own atlases: views of two stores in one process may have the same number."""


async def find(question: Question, tx: Transaction) -> Outcome:
    """The outline of a file, a folder or the whole repository."""
    wanted = question.query.text.strip()
    if wanted in (".", "/", "*", "", "repo", "repository") or wanted == question.view.label:
        return await _map(question, tx, "")
    files = locate.files(question, wanted)
    if files:
        as_path = Query(wanted, "path", path=wanted)
        whole = await place.whole(_with(question, as_path), tx)
        if whole is not None:
            return whole
    folder = locate.folder(question, wanted)
    if folder is not None:
        return await _map(question, tx, folder)
    if wanted == question.view.name or " " in wanted:
        return await _map(question, tx, "")
    return await _members(question, tx) or await missed.missing(
        _with(question, Query(wanted, "path", path=wanted)), tx
    )


async def _members(question: Question, tx: Transaction) -> Outcome | None:
    """The outlines of the definitions that have the name asked for; None when there is none."""
    atlas, query, content = question.atlas, question.query, question.engine.content
    found = await symbols.spelt(tx, atlas, query.name, query.container, question.filter.allowed)
    found = [one for one in found if one.exact] or found
    candidates = []
    for item in found[: question.reach + 1]:  # one more, so that the answer can go on
        blob, whole = int(atlas.blobs[item.file]), symbols.as_candidate(item, 1.0)
        text = (await content.texts(tx, [blob]))[blob]
        inner = [
            symbol
            for symbol in (await content.symbols(tx, [blob]))[blob]
            if whole.start <= symbol.start_line and symbol.end_line <= whole.end
        ]
        candidates.append(replace(whole, text=outline_of(tuple(inner), text)))
    return Outcome(tuple(candidates), len(found)) if found else None


def _with(question: Question, query: Query) -> Question:
    return replace(question, query=query)


async def outline(engine: Engine, view: View, where: str = "", max_tokens: int = 2000) -> str:
    """The ranked map of a folder or of everything as text of at most ``max_tokens``."""
    async with engine.database.read(LOCAL) as tx:
        atlas = await engine.atlases.of(tx, view)
        request = Request(where or ".", mode="outline", max_tokens=max_tokens)
        query = Query(where or ".", "words")
        chosen, meaning = filters.build(atlas, request), Meaning(engine.embedder)
        question = Question(engine, view, atlas, request, query, chosen, meaning)
        outcome = await find(question, tx)
    if not outcome.candidates:
        raise NotFound(
            f"nothing is indexed at {where or view.label!r}", next="ask for a folder of the repository"
        )
    lines: list[str] = []
    spent = 0
    for item in outcome.candidates:
        text = f"{plain_line(atlas.paths[item.file])}\n" + "".join(
            f"  {line}\n" for line in plain(item.text or "").split("\n") if line
        )
        cost = engine.count_tokens(text) + 1
        if spent + cost > max_tokens - 12:
            break
        spent += cost
        lines.append(text)
    if left := outcome.total - len(lines):
        lines.append(f"… {left} more files\n")
    return "".join(lines)


async def _map(question: Question, tx: Transaction, folder: str) -> Outcome:
    atlas = question.atlas
    ranks = await rank(question.engine, tx, atlas)
    there = [i for i, path in enumerate(atlas.paths) if not folder or path.startswith(folder + "/")]
    inside = locate.passing(question, there)
    if there and not inside:
        return missed.filtered(question, there)
    inside.sort(key=lambda i: (-ranks[i], atlas.paths[i]))
    chosen = inside[: max(_SHOWN_FILES, question.reach + 1)]  # one more, so that the answer can go on
    defined = await question.engine.content.symbols(tx, atlas.blobs[chosen].tolist() if chosen else [])
    texts = await question.engine.content.texts(tx, atlas.blobs[chosen].tolist() if chosen else [])
    candidates = []
    for number, file in enumerate(chosen, 1):
        blob = int(atlas.blobs[file])
        text = texts[blob]
        outer = _outer(defined[blob])
        shown = outline_of(outer, text, _SHOWN_SYMBOLS) if outer else ""
        candidates.append(
            Candidate(
                file,
                1,
                text.height,
                "",
                "text",
                float(ranks[file]),
                f"{number} of {len(inside)} by use",
                (1, text.height),
                1,
                text=shown,
            )
        )
    said = f"{counted(len(inside), 'file')} in {folder or question.view.label}, most used first"
    return Outcome(tuple(candidates), len(inside), (said,))


def _outer(symbols: Sequence[Symbol]) -> tuple[Symbol, ...]:
    """What a map shows of a file: outer definitions, public ones first, classes with their members
    where there is room."""
    outer = [
        symbol
        for symbol in symbols
        if not symbol.container and symbol.kind in ("class", "function", "doc")
    ]
    public = [symbol for symbol in outer if not symbol.name.startswith("_")] or outer
    longest = sorted(public, key=lambda symbol: symbol.start_line - symbol.end_line)[:_SHOWN_SYMBOLS]
    return tuple(sorted(longest, key=lambda symbol: symbol.start_line))


async def rank(engine: Engine, tx: Transaction, atlas: Atlas) -> Ranks:
    """How central each file is, summing to 1; kept for one generation and stage of the view."""
    key = (atlas.view.id, atlas.view.generation, atlas.view.stage)
    kept = _ranks.setdefault(engine.atlases, OrderedDict())
    if key not in kept:
        kept[key] = await _ranks_of(engine.content, tx, atlas)
        while len(kept) > 8:
            kept.popitem(last=False)
        give_back()
    return kept[key]


async def _ranks_of(content: Content, tx: Transaction, atlas: Atlas) -> Ranks:
    defined = await _defined(tx, atlas)
    found = [links(used, defined) async for used in _used(content, tx, atlas, defined[:, 0])]
    linked = np.concatenate([pairs for pairs, _ in found]), np.concatenate([each for _, each in found])
    return pagerank(linked, _start(atlas))


def _worth_reading(atlas: Atlas) -> list[int]:
    tests = atlas.role("test")
    order = sorted(range(len(atlas.paths)), key=lambda i: (bool(tests[i]), -int(atlas.sizes[i])))
    return order[:_FILES_MOST]


def _start(atlas: Atlas) -> Ranks:
    """Where the walk begins again: code before tests, documents and configuration."""
    weight = np.ones(len(atlas.paths))
    for role, factor in (
        ("test", 0.2),
        ("document", 0.3),
        ("config", 0.2),
        ("vendored", 0.2),
        ("example", 0.3),
    ):
        weight[atlas.role(role)] *= factor
    return np.asarray(weight / max(float(weight.sum()), 1e-9))


async def _defined(tx: Transaction, atlas: Atlas) -> Pairs:
    """Rows of name and file of the names that few files define, by name. Names are told apart by their hash:
    a hundred thousand of them would take more than all that a map is made from."""
    found = [np.zeros((0, 2), np.int64)]
    blobs = list(atlas.by_blob)
    for start in range(0, len(blobs), _BATCH):
        rows = await tx.rows(
            f"SELECT DISTINCT name, blob_id FROM symbols WHERE blob_id IN ({ids(blobs[start : start + _BATCH])})"  # noqa: S608
            f" AND kind IN ('function', 'class', 'method') AND length(name) >= {_NAME_LEAST}"
        )
        pairs = [(hash(name), file) for name, blob in rows for file in atlas.by_blob[int(blob)]]
        found.append(np.array(pairs, np.int64).reshape(-1, 2))
    defined = np.concatenate(found)
    found.clear()  # all of them at once are most of what a map takes
    defined = defined[np.argsort(defined[:, 0])]
    first = np.flatnonzero(np.diff(defined[:, 0], prepend=~defined[:1, 0]))
    files = np.diff(first, append=len(defined))
    return defined[np.repeat(files <= _COMMON, files)]


async def _used(content: Content, tx: Transaction, atlas: Atlas, names: Pairs) -> AsyncIterator[Pairs]:
    """Rows of file, name and how often it says that name, of these names, for the files that are worth reading and
    their copies: some files at a time, and none at last."""
    read = {int(atlas.blobs[file]) for file in _worth_reading(atlas)}
    found = [np.zeros((0, 3), np.int64)]
    async for blob, said in content.named(tx, sorted(read)):
        rows = np.array([(hash(name), times) for name, times in said.items()], np.int64).reshape(-1, 2)
        rows = rows[np.searchsorted(names, rows[:, 0]) < np.searchsorted(names, rows[:, 0], "right")]
        found += [np.insert(rows, 0, file, 1) for file in atlas.by_blob[blob]]
        if len(found) > _BATCH:
            yield np.concatenate(found)
            del found[1:]
    yield np.concatenate(found)


def links(used: Pairs, defined: Pairs) -> tuple[Pairs, Ranks]:
    """Links from a using file to each defining file, (links, 2), with their weights; many uses of one name
    count little more. ``used`` holds rows of file, name and times, ``defined`` of name and file, by name."""
    file, name, times = used.T
    first = np.searchsorted(defined[:, 0], name, "left")
    targets = np.searchsorted(defined[:, 0], name, "right") - first
    use = np.repeat(np.arange(len(used)), targets)
    target = defined[np.arange(len(use)) - np.repeat(np.cumsum(targets) - targets - first, targets), 1]
    own = np.zeros(len(used), bool)  # what a file defines itself it need not have from elsewhere
    own[use[target == file[use]]] = True
    kept = ~own[use]
    use, target = use[kept], target[kept]
    span = int(target.max(initial=0)) + 1
    pairs, link = np.unique(file[use] * span + target, return_inverse=True)
    weights = np.bincount(link, weights=np.sqrt(times[use]) / targets[use], minlength=len(pairs))
    return np.stack(np.divmod(pairs, span), 1), weights.astype(np.float64)


def pagerank(linked: tuple[Pairs, Ranks], start: Ranks) -> Ranks:
    """The stationary distribution of a walk over the links that starts again with 1 - 0.85."""
    (source, target), values = linked[0].T, linked[1]
    ranks, count = start, len(start)
    out = np.bincount(source, weights=values, minlength=count)
    share = values / out[source]
    for _ in range(_ROUNDS):
        flow = np.bincount(target, weights=ranks[source] * share, minlength=count)
        ranks = (1 - _DAMPING) * start + _DAMPING * (flow + ranks[out == 0].sum() * start)
    return ranks
