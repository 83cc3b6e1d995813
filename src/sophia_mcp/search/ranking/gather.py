"""Which chunks and files may answer a question, and what speaks for each of them?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sophia_mcp.index.schema import CHUNKS_PER_BLOB
from sophia_mcp.ops.together import both
from sophia_mcp.search.candidates import evidence, lexical, semantic
from sophia_mcp.search.candidates.evidence import Evidence, Values
from sophia_mcp.search.engine import Question
from sophia_mcp.search.places import symbols
from sophia_mcp.store.database import Transaction
from sophia_mcp.store.vectors import Likeness

CANDIDATES = 200
"""Chunks taken by words, and as many by meaning."""

FILES_MOST = 64
"""Candidate files whose features are computed."""

_SURE = 40
"""The first so many files by meaning: of those nineteen in twenty are candidates in the end."""


async def gather(question: Question, tx: Transaction, vector: Values | None) -> Evidence | None:
    """Candidates by words, meaning, symbols and paths with all that is known about them; None where there are none.
    ``vector`` is the embedded question, None for words alone."""
    engine, atlas, query, allowed = (
        question.engine,
        question.atlas,
        question.query,
        question.filter.allowed,
    )

    async def by_meaning() -> tuple[semantic.Semantic, Mapping[int, Likeness]]:
        meaning = question.meaning
        near = await semantic.search(tx, engine.vectors, atlas, meaning, vector, CANDIDATES, allowed)
        nearest = dict.fromkeys((near.ids // CHUNKS_PER_BLOB).tolist())
        return near, await _likeness(question, tx, near, [*nearest][:_SURE])

    # The store's thread looks for the words while another one scans the vectors, and this one compares the files
    # that will be among the candidates whatever the words say.
    (near, likeness), lex = await both(
        by_meaning, lambda: lexical.search(tx, engine.text, atlas, query.text, CANDIDATES, allowed)
    )
    defines, mentions = await _defining(question, tx)
    score: dict[int, float] = {}
    for ids, values in ((lex.ids, lex.scores), (near.ids, near.scores - near.mean)):
        shares = values / max(float(np.max(values, initial=0)), 1e-9)
        places = atlas.positions(ids // CHUNKS_PER_BLOB)
        for file, share in zip(places.tolist(), shares.tolist(), strict=True):
            if file >= 0:
                score[file] = max(score.get(file, 0.0), share)
    for file in (*defines, *mentions):
        score[file] = 2.0
    if not score:
        return None
    files = sorted(score, key=lambda file: -score[file])[:FILES_MOST]
    others = [each for each in atlas.placements[files].tolist() if each not in likeness]
    # The store's thread looks for the names while this one compares the other files.
    names, more = await both(
        lambda: _named(question, tx, lex, near, set(files)),
        lambda: _likeness(question, tx, near, others),
    )
    return evidence.gather(
        query, atlas, lex, near, {**likeness, **more}, files, names, defines, frozenset(mentions)
    )


async def _likeness(
    question: Question, tx: Transaction, near: semantic.Semantic, placements: Sequence[int]
) -> Mapping[int, Likeness]:
    """What the chunks of these placements have in common with the question; nothing where it has no vector."""
    if not near.vector.any():
        return {}
    repo, model = question.atlas.view.repo_id, question.meaning.model
    return await question.engine.vectors.likeness(tx, repo, model, near.vector, placements)


async def _defining(question: Question, tx: Transaction) -> tuple[dict[int, float], set[int]]:
    """Files that define the identifier asked for, and files that define names the question quotes."""
    query, atlas, allowed = question.query, question.atlas, question.filter.allowed
    defines: dict[int, float] = {}
    mentions: set[int] = set()
    if query.kind == "identifier":
        for item in await symbols.definitions(tx, atlas, query.name, query.container, allowed):
            defines[item.file] = max(defines.get(item.file, 0.0), 1.0 if item.exact else 0.8)
        if any(value == 1.0 for value in defines.values()):
            defines = {file: value for file, value in defines.items() if value == 1.0}
    else:
        for name in query.identifiers[:6]:
            for item in (await symbols.definitions(tx, atlas, name.rsplit(".", 1)[-1], "", allowed))[
                :40
            ]:
                mentions.add(item.file)
    return dict(list(defines.items())[:100]), mentions


async def _named(
    question: Question, tx: Transaction, lex: lexical.Lexical, near: semantic.Semantic, files: set[int]
) -> dict[int, float]:
    """For each found chunk the idf share of the question in the names it defines."""
    atlas = question.atlas
    ids = evidence.distinct(np.concatenate([lex.ids, near.ids]))
    places = atlas.positions(ids // CHUNKS_PER_BLOB)
    asked = np.zeros(len(atlas.paths) + 1, bool)  # the last one stands for what the view does not show
    asked[list(files)] = True
    kept = asked[places]
    blobs, chunks = atlas.blobs[places[kept]].tolist(), ids[kept].tolist()
    keys = {chunk: (blob, chunk % CHUNKS_PER_BLOB) for blob, chunk in zip(blobs, chunks, strict=True)}
    pieces = await question.engine.content.pieces(tx, keys.values())
    named = {chunk: pieces[key].names.replace("\n", " ") for chunk, key in keys.items() if key in pieces}
    if not named:
        return {}
    lexicon = question.engine.lexicon
    numbers, first = lexicon.lines(list(named.values()))
    owner = np.repeat(np.arange(len(named)), np.diff(first))
    stems = lexicon.stems()[numbers]
    shares = np.zeros(len(named), np.float32)
    for term, weight in lex.weights.items():
        shares[evidence.distinct(owner[stems == lexicon.stem(term)])] += weight
    shares /= sum(lex.weights.values()) + 1e-6
    return dict(zip(named, shares.tolist(), strict=True))
