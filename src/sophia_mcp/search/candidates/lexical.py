"""Which chunks share words with the question, and how rare is each word here?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sophia_mcp import words
from sophia_mcp.index.schema import CHUNKS_PER_BLOB
from sophia_mcp.search.view.atlas import Atlas, Mask
from sophia_mcp.store.database import Transaction
from sophia_mcp.store.text import Frequencies, TextSearch

_MOST_KNOWN = 8_000
"""Terms whose frequencies are kept: about a megabyte."""


@dataclass(frozen=True, slots=True)
class Lexical:
    """Chunk ids with their BM25 scores, descending; ``weights`` holds the idf of each plain stem of
    the question in this repository, ``known`` the stems that occur here at all."""

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    weights: dict[str, float] = field(default_factory=dict)
    known: frozenset[str] = frozenset()


def keeps(atlas: Atlas, allowed: Mask | None) -> Callable[[int], bool] | None:
    """A test of chunk ids for searches, or None when every chunk of the repository may answer."""
    if allowed is None and atlas.whole:
        return None
    held = atlas.held if allowed is None else frozenset(atlas.placements[allowed].tolist())
    return lambda chunk: chunk // CHUNKS_PER_BLOB in held


async def frequencies(
    tx: Transaction, text: TextSearch, atlas: Atlas, terms: Sequence[str]
) -> Frequencies:
    """Document frequencies of these terms, each counted once for a map: that of a frequent one takes half a millisecond."""
    known = atlas.frequencies
    held = {term: known[term] for term in ("", *terms) if term in known}
    missing = [term for term in ("", *terms) if term not in held]
    if missing:
        found = await text.frequencies(tx, atlas.view.repo_id, missing)
        counted = {**dict.fromkeys(missing, 0), **found.documents, "": found.total}
        if len(known) > _MOST_KNOWN:
            known.clear()
        known.update(counted)
        held |= counted
    return Frequencies(held[""], {term: held[term] for term in terms if held[term]})


async def search(
    tx: Transaction, text: TextSearch, atlas: Atlas, question: str, limit: int, allowed: Mask | None
) -> Lexical:
    """The best ``limit`` chunks by words, and the weights of the question's words."""
    repo = atlas.view.repo_id
    terms = words.query_terms(question)[:64]
    if not terms:
        return Lexical(np.zeros(0, np.int64), np.zeros(0, np.float32))
    counts = await frequencies(tx, text, atlas, terms)
    shown = atlas.counts if allowed is None else atlas.counts[allowed]
    share = int(shown.sum()) / max(counts.total, 1)
    found = await text.search(tx, repo, terms, limit, keeps(atlas, allowed), counts, share)
    plain = [term for term in terms if not term.startswith("=")]
    weights = {term: math.log(1 + counts.total / (1 + counts.documents.get(term, 0))) for term in plain}
    return Lexical(
        np.array([chunk for chunk, _ in found], np.int64),
        np.array([max(score, 0.0) for _, score in found], np.float32),
        weights,
        frozenset(term for term in plain if counts.documents.get(term, 0)),
    )
