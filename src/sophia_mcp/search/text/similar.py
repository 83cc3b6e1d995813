"""What looks like this code? Near duplicates by shared words in order, then neighbours by meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from typing import Any

from sophia_mcp import words
from sophia_mcp.index.schema import split_id
from sophia_mcp.search.candidates import lexical, semantic
from sophia_mcp.search.engine import Candidate, Outcome, Question
from sophia_mcp.search.places import locate
from sophia_mcp.search.places.missed import missing
from sophia_mcp.search.question.call import call
from sophia_mcp.search.question.query import Query
from sophia_mcp.search.view.content import Text
from sophia_mcp.search.view.outline import enclosing
from sophia_mcp.search.view.spans import Span, cut, reached
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import Symbol

_CHUNKS = 60
_SHINGLE = 3
_MOST_TERMS = 24
_LEAST = 0.25
"""Below this likeness nothing is listed. Of 787 functions of six lines and more, from twelve packages in
six languages, 0.6 % had anything as much alike in another package of their language (18 % alike: 5 %),
while 98 % of their edited copies were."""

_HELD = 0.8
"""A span that holds so much of the code that was sent is listed too, however much longer it is: 99 of 100
excerpts of one line, and all of three, are held by nothing in another package."""

_FEWEST = 4
"""Words and runs of words that an excerpt has."""

_OF_SHAPE = 0.5
"""Weight of the shape beside the words: copies keep it when every name is another."""

_RUN = 8
"""Tokens of a run of shape."""

_TOKEN = re.compile(r"[^\W\d]\w*|\d[\w.]*|\"[^\"\n]*\"|'[^'\n]*'|[^\w\s]")


async def find(question: Question, tx: Transaction) -> Outcome:
    """Spans most like the code at ``path:line``, or like the code that was sent."""
    query, own, code = question.query, (-1, 0, 0), question.query.text
    if query.kind in ("lines", "path") and (files := locate.files(question, query.path)):
        blob = int(question.atlas.blobs[files[0]])
        text = (await question.engine.content.texts(tx, [blob]))[blob]
        if not 0 < query.start <= text.height:
            return _no_lines(question, files[0], text.height)
        home = enclosing((await question.engine.content.symbols(tx, [blob]))[blob], query.start)
        own = (files[0], *_lines(query, home, text.height))
        code = text.span(*own[1:])
    elif query.kind == "lines":
        return await missing(question, tx)
    chunks = await _near(question, tx, code)
    candidates, notes = await _compare(question, tx, code, own, chunks)
    return Outcome(tuple(candidates), len(candidates), notes)


def _lines(query: Query, home: Symbol | None, length: int) -> tuple[int, int]:
    """The lines of a file that are asked about: those named, else the definition around the one named."""
    if query.end:
        return query.start, query.end
    if home is not None:
        return home.start_line, home.end_line
    return max(query.start - 8, 1), min(query.start + 8, length)


def _no_lines(question: Question, file: int, length: int) -> Outcome:
    path = question.atlas.paths[file]
    said = f"not here: similar needs lines of a file, and {path} has {length}"
    following = call(question.request, f"{path}:1-{min(length, 40)}", mode="similar")
    return Outcome((), 0, (said, f"next: {following}"))


async def _near(question: Question, tx: Transaction, code: str) -> list[int]:
    """Chunks that share rare words with the code, and chunks near it in meaning."""
    engine, atlas, allowed = question.engine, question.atlas, question.filter.allowed
    terms = list(dict.fromkeys(words.text_terms(code)))
    counts = await engine.text.frequencies(tx, atlas.view.repo_id, terms[:200])
    # The rarest words that more than one chunk has tell copies apart.
    known = [term for term in terms if counts.documents.get(term, 0)]
    rare = sorted(known, key=lambda term: counts.documents[term])[:_MOST_TERMS]
    keep = lexical.keeps(atlas, allowed)
    found = await engine.text.search(tx, atlas.view.repo_id, rare, _CHUNKS, keep) if rare else []
    ids = [chunk for chunk, _ in found]
    meaning = question.meaning
    vector = await meaning.of(code)
    near = await semantic.search(tx, engine.vectors, atlas, meaning, vector, _CHUNKS, allowed)
    return list(dict.fromkeys([*ids, *near.ids.tolist()]))


async def _compare(
    question: Question, tx: Transaction, code: str, own: tuple[int, int, int], chunks: Sequence[int]
) -> tuple[list[Candidate], tuple[str, ...]]:
    atlas, content = question.atlas, question.engine.content
    places = [(atlas.index[p], ordinal) for p, ordinal in map(split_id, chunks) if p in atlas.index]
    blobs = atlas.blobs[[file for file, _ in places]].tolist() if places else []
    texts = await content.texts(tx, blobs)
    keys = [(int(atlas.blobs[file]), ordinal) for file, ordinal in places]
    pieces = await content.pieces(tx, keys)
    units = await content.units(tx, pieces)
    wanted, form = shingles(code), shape(code)
    excerpt = own[0] < 0 and len(wanted) >= _FEWEST
    scored: list[tuple[float, float, Span]] = []
    for (file, _), (blob, ordinal) in zip(places, keys, strict=True):
        text: Text = texts[blob]
        if (blob, ordinal) not in pieces:
            continue
        piece = pieces[blob, ordinal]
        for span in cut(piece, reached(piece, text.lines), units[blob, ordinal]):
            if question.filter.kinds and span.kind not in question.filter.kinds:
                continue
            if file == own[0] and span.start <= own[2] and own[1] <= span.end:
                continue
            other = text.span(span.start, span.end)
            terms, runs = shingles(other), shape(other)
            alike = likeness(wanted, terms)
            alike += _OF_SHAPE * (likeness(form, runs) - alike)
            held = min(share(wanted, terms), share(form, runs)) if excerpt else 0.0
            scored.append((alike, held, span.at(file, 0)))
    scored.sort(key=lambda item: -max(item[0], _LEAST * (item[1] >= _HELD)))
    shown: dict[int, list[Span]] = {}
    candidates: list[Candidate] = []
    for score, held, span in scored:
        same = shown.setdefault(span.file, [])
        if any(other.start <= span.end and span.start <= other.end for other in same):
            continue
        if score < _LEAST and held < _HELD:
            break
        reason = f"{int(score * 100)} % alike"
        if score < _LEAST:
            score, reason = _LEAST, f"holds {int(held * 100)} % of it"
        candidates.append(
            Candidate(
                span.file,
                span.start,
                span.end,
                span.symbol,
                span.kind,
                score,
                reason,
                span.whole,
                span.start,
            )
        )
        same.append(span)
    return candidates, _said(question, [(item[0], item[2]) for item in scored], len(candidates))


def _said(question: Question, scored: Sequence[tuple[float, Span]], listed: int) -> tuple[str, ...]:
    """What was left out, and how near it came."""
    floor = f"{_LEAST:.0%}".replace("%", " %")
    if listed:
        weaker = sum(alike < _LEAST for alike, _ in scored)
        return (f"what is less than {floor} alike is left out, as unrelated code is",) if weaker else ()
    note = "not here: nothing else in this repository is like that code"
    if scored:
        alike, span = max(scored, key=lambda item: item[0])
        place = f"{question.atlas.paths[span.file]}:{span.start}-{span.end}"
        note += (
            f"; the nearest, {place}, is {int(alike * 100)} % alike, and unrelated code is up to {floor}"
        )
    return (note,)


def shingles(code: str) -> set[tuple[str, ...]]:
    """Runs of three words in order, and single words: names may differ between copies."""
    run = [term for term in words.text_terms(code) if not term.startswith("=")]
    return {tuple(run[i : i + _SHINGLE]) for i in range(len(run) - _SHINGLE + 1)} | {
        (word,) for word in run
    }


def shape(code: str) -> set[tuple[str | int, ...]]:
    """Runs of tokens in which a name is how far back it was mentioned before, or 0, so that a copy
    with other names throughout has the same runs (the prev encoding of B. Baker, 1995)."""
    tokens = _TOKEN.findall(code)
    last: dict[str, int] = {}
    coded: list[str | int] = []
    for place, token in enumerate(tokens):
        first = token[0]
        if first.isalpha() or first == "_":
            back = place - last.get(token, place)
            coded.append(back if back <= _RUN else 0)
            last[token] = place
        else:
            coded.append("0" if first.isdigit() else first)
    return set(zip(*(coded[start:] for start in range(_RUN)), strict=False))


def share(part: Set[Any], whole: Set[Any]) -> float:
    """How much of ``part`` is in ``whole``; all of nothing."""
    return len(part & whole) / len(part) if part else 1.0


def likeness(left: Set[Any], right: Set[Any]) -> float:
    """Jaccard, leaning to containment so that a copy inside a longer function counts."""
    shared = len(left & right)
    if not shared:
        return 0.0
    union = shared / len(left | right)
    contained = shared / max(min(len(left), len(right)), 12)
    return 0.7 * union + 0.3 * min(contained, 1.0)
