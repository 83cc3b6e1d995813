"""Which spans answer a question in words, or one about an identifier?

Files are ranked, then the spans of the best files and of the best chunks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sophia_mcp.ops.together import both
from sophia_mcp.search.candidates import evidence
from sophia_mcp.search.candidates.evidence import Evidence, Values
from sophia_mcp.search.candidates.lexicon import Lexicon, Read
from sophia_mcp.search.engine import Candidate, Outcome, Question
from sophia_mcp.search.ranking import absent, features, ranker, spanfeatures
from sophia_mcp.search.ranking.gather import gather
from sophia_mcp.search.ranking.reasons import focuses, why
from sophia_mcp.search.ranking.scene import Scene, bag_of_rows, sorted_out
from sophia_mcp.search.view.content import Text
from sophia_mcp.search.view.spans import Piece, Unit, cut, reached
from sophia_mcp.store.database import Transaction


class Cuts(NamedTuple):
    """Which chunks are cut into spans: the best of all for their own sake, and of each of the best files so many
    of its best, whether or not a search found them."""

    chunks: int
    lent: tuple[int, ...]


PROMISING = Cuts(40, (5, 5, 3, 3, 3, 2, 2, 2, *[1] * 12))
NAMED = Cuts(24, (3, 3, 2, 2, *[1] * 8))
"""For a name, whose definition is found as such: 97 development questions are answered as with twice as many."""

_TABLES = {"identifier": "symbol", "path": "symbol", "error": "error"}
"""Which weights a kind of question is ranked with; all others with those for words."""

SIBLINGS_MOST = 8
"""Further spans of one file."""

SIBLINGS_DEARER = 0.5
"""The price of a span grows with this power of how many of its file are taken: the first sibling says most
about whether the file is the right one."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """The ranked spans of a question with all that ranked them, for packing and for fitting."""

    evidence: Evidence
    file_matrix: Values
    scene: Scene | None
    span_matrix: Values
    span_scores: Values


async def find(question: Question, tx: Transaction, vector: Values | None) -> Outcome:
    """The spans that answer best. ``vector`` is the embedded question, None for words alone."""
    is_name = question.query.kind == "identifier"
    ranked = await rank(question, tx, vector, every=not is_name)
    if ranked is None or ranked.scene is None:
        return Outcome((), 0, facts=absent.nothing(question.query))
    told = absent.of_name if is_name else absent.facts
    facts = told(ranked.scene, ranked.span_matrix, ranked.span_scores)
    chosen = choose(ranked, question.reach, once=question.request.detail == "signatures")
    return Outcome(tuple(chosen), len(chosen), facts=facts)


async def rank(
    question: Question, tx: Transaction, vector: Values | None, *, every: bool = True
) -> Ranked | None:
    """Everything that a question's answer is chosen from; None when there is no candidate. Where not
    ``every`` feature of a span is wanted, those without a weight stay 0."""
    found = await gather(question, tx, vector)
    if found is None:
        return None
    weights = ranker.ranker(_TABLES.get(question.query.kind, "words"))
    matrix = features.matrix(found)
    scores = matrix @ ranker.vector(weights.file, features.FILE)
    inherited = matrix @ ranker.vector(weights.inherited, features.FILE)
    scene = await _scene(question, tx, found, _promising(found, scores), inherited)
    if scene is None:
        return Ranked(found, matrix, None, np.zeros((0, 0), np.float32), np.zeros(0, np.float32))
    counted = [name for name, weight in weights.span.items() if weight]
    wanted = spanfeatures.SPAN if every else (*counted, *spanfeatures.TOLD)
    span_matrix = spanfeatures.matrix(scene, wanted)
    span_scores = span_matrix @ ranker.vector(weights.span, spanfeatures.SPAN)
    return Ranked(found, matrix, scene, span_matrix, span_scores)


async def _scene(
    question: Question, tx: Transaction, found: Evidence, chosen: Sequence[int], inherited: Values
) -> Scene | None:
    """Cut the chosen chunks into spans and lay out their words; None where there are none."""
    atlas, content = question.atlas, question.engine.content
    files = evidence.distinct(found.files[found.owner[chosen]])
    blobs = atlas.blobs[files].tolist()
    lexicon = question.engine.lexicon
    lexicon.make_room()
    keys = [_key(found, number) for number in chosen]
    pieces: dict[tuple[int, int], Piece] = {}
    units: dict[tuple[int, int], Sequence[Unit]] = {}
    asked: set[tuple[int, int]] = set()

    async def definitions() -> None:
        while unread := [key for key in keys if key not in asked and lexicon.chunk(key) is None]:
            asked.update(unread)
            cold = await content.pieces(tx, unread)
            pieces.update(cold)
            units.update(await content.units(tx, cold))

    # The store's thread looks for the definitions while this one unpacks the texts.
    texts, _ = await both(lambda: content.texts(tx, blobs), definitions)
    await definitions()  # another question may have made the lexicon forget while this one waited
    read = _read(lexicon, list(zip(chosen, keys, strict=True)), texts, pieces, units)
    wanted = question.filter.kinds
    if wanted:
        read = [(number, known.only(wanted)) for number, known in read]
    if not any(known.spans for _, known in read):
        return None
    return layout(question, found, inherited, read, texts)


def _promising(found: Evidence, scores: Values) -> list[int]:
    """Chunks to cut: the best by their own words and meaning plus the standing of their file, and the best
    of each leading file."""
    standing = np.maximum(scores - scores.max(), -12)[found.owner]
    own = found.lex + found.meaning + 0.5 * found.names + 0.1 * standing
    own += 4.0 * (found.defines[found.owner] > 0) * (found.lex > 0)
    order = np.argsort(-own, kind="stable")
    cuts = NAMED if found.query.kind == "identifier" else PROMISING
    chosen = dict.fromkeys(order[: cuts.chunks].tolist())
    for lent, file in zip(cuts.lent, np.argsort(-scores, kind="stable").tolist(), strict=False):
        start = int(found.starts[file])
        end = int(found.starts[file + 1]) if file + 1 < len(found.starts) else len(found.owner)
        best = start + np.argsort(-own[start:end], kind="stable")[:lent]
        chosen.update(dict.fromkeys(best.tolist()))
    return list(chosen)


def _key(found: Evidence, number: int) -> tuple[int, int]:
    """The blob and ordinal of a candidate chunk."""
    file = found.files[found.owner[number]]
    return int(found.atlas.blobs[file]), int(found.ordinal[number])


def _read(
    lexicon: Lexicon,
    chosen: Sequence[tuple[int, tuple[int, int]]],
    texts: Mapping[int, Text],
    pieces: Mapping[tuple[int, int], Piece],
    units: Mapping[tuple[int, int], Sequence[Unit]],
) -> list[tuple[int, Read]]:
    """What was read of each of the chosen chunks. ``pieces`` and ``units`` hold what is not remembered by
    the lexicon."""
    known = {key: held for _, key in chosen if (held := lexicon.chunk(key)) is not None}
    new = []
    for key, piece in pieces.items():
        if key[0] in texts and key not in known:
            near = reached(piece, texts[key[0]].lines)
            new.append((key, cut(piece, near, units[key]), piece.start_line, near))
    known |= lexicon.read(new)
    return [(number, known[key]) for number, key in chosen if key in known]


def layout(
    question: Question,
    found: Evidence,
    inherited: Values,
    read: Sequence[tuple[int, Read]],
    texts: Mapping[int, Text],
) -> Scene:
    """The spans of candidate chunks, one at least, with their words as arrays. ``inherited`` is what each candidate
    file gives to its spans."""
    lexicon, atlas = question.engine.lexicon, question.atlas
    held = found.files[found.owner[[number for number, _ in read]]].tolist()
    spans = [
        span.at(file, number)
        for file, (number, known) in zip(held, read, strict=True)
        for span in known.spans
    ]
    files = {file: place for place, file in enumerate(dict.fromkeys(held))}
    paths, first = lexicon.paths([atlas.paths[file] for file in files])
    return Scene(
        evidence=found,
        lexicon=lexicon,
        spans=spans,
        texts={file: texts[int(atlas.blobs[file])].lines for file in files},
        inherited=(inherited - inherited.max())[found.owner[[span.chunk for span in spans]]],
        paths=bag_of_rows(paths, first, [files[span.file] for span in spans]),
        **sorted_out([known.words for _, known in read])._asdict(),
    )


def choose(ranked: Ranked, worded: int, *, once: bool = False) -> list[Candidate]:
    """The spans as they are `arranged`, of each definition ``once`` the best. Only the first ``worded`` carry
    their reason and the line that matters: the others are not shown on this page."""
    scene = ranked.scene
    if scene is None:
        return []
    places = [(span.file, span.start, span.end) for span in scene.spans]
    taken = arranged(places, ranked.span_scores, scene.evidence.query.kind)
    if once:
        first: dict[tuple[int, int], tuple[float, int]] = {}
        for item in taken:
            span = scene.spans[item[1]]
            first.setdefault((span.file, span.line or -span.start), item)
        taken = list(first.values())
    shown = [i for _, i in taken[:worded]]
    lines = dict(zip(shown, focuses(scene, ranked.span_matrix, shown), strict=True))
    return [_candidate(ranked, scene, i, score, lines.get(i)) for score, i in taken]


def arranged(
    places: Sequence[tuple[int, int, int]], scores: Values, kind: str
) -> list[tuple[float, int]]:
    """Spans (file, first and last line) best first, none overlapping: the score of each, and its number. A
    file's best span is favoured over its siblings: these cost ``order.sibling``, and more the more of the file
    are taken."""
    price = ranker.tables()["order"]["sibling"][_TABLES.get(kind, "words")]
    taken: list[tuple[float, int]] = []
    beside: dict[int, list[tuple[int, int]]] = {}
    for i in np.argsort(-scores, kind="stable").tolist():
        file, start, end = places[i]
        held = beside.setdefault(file, [])
        if len(held) > SIBLINGS_MOST or any(a <= end and start <= b for a, b in held):
            continue
        taken.append((float(scores[i]) - price * len(held) ** SIBLINGS_DEARER, i))
        held.append((start, end))
    return sorted(taken, key=lambda item: -item[0])


def _candidate(ranked: Ranked, scene: Scene, i: int, score: float, line: int | None) -> Candidate:
    """Span ``i``; ``line`` is the one that matters, None for a span that is not shown on this page."""
    span = scene.spans[i]
    return Candidate(
        span.file,
        span.start,
        span.end,
        span.symbol,
        span.kind,
        score,
        "" if line is None else why(scene, ranked.span_matrix, i),
        span.whole,
        span.start if line is None else line,
        span.line or span.start,
    )
