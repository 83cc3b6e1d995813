"""What speaks for each file? The candidates of one question, with everything known about them.

Pure: it receives what the searches found and lays it out as arrays over the chunks and the files
of the candidates, for the features to read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.index.schema import CHUNKS_PER_BLOB
from sophia_mcp.search.candidates.lexical import Lexical
from sophia_mcp.search.candidates.semantic import Semantic
from sophia_mcp.search.question.query import Query
from sophia_mcp.search.view.atlas import Atlas, PathWords, path_roles, path_words
from sophia_mcp.store.vectors import Likeness

Values = NDArray[np.float32]

_ALIKE_FROM = 4
"""Letters from which on a beginning counts as the whole word."""


def as_values(values: Any) -> Values:
    """Any numeric array as float32."""
    return np.asarray(values, np.float32)


def unit(rows: Values) -> Values:
    """The direction of each row; zeros stay zeros."""
    return as_values(rows / np.maximum(norms(rows), 1e-9)[:, None])


def norms(rows: Values) -> Values:
    """The length of each row, in a quarter of the time of ``np.linalg.norm``."""
    return as_values(np.sqrt(np.einsum("ij,ij->i", rows, rows)))


def distinct(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The different values, ascending. (``np.unique`` imports masked arrays on its first call.)"""
    ordered = np.sort(values)
    return ordered[_firsts(ordered)]


def tallied(values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The different values, ascending, and how often each occurs."""
    ordered = np.sort(values)
    starts = np.flatnonzero(_firsts(ordered))
    return ordered[starts], np.diff(starts, append=len(ordered))


def _firsts(ordered: NDArray[np.int64]) -> NDArray[np.bool_]:
    firsts = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=firsts[1:])
    return firsts


@dataclass(frozen=True)
class Evidence:
    """Arrays over the chunks of the candidate files, file after file in the order of ``files``.

    known    the words of the question that occur anywhere in the repository
    files    positions in the atlas                    starts   first chunk of each file
    owner    candidate file of each chunk              ordinal  number of the chunk in its blob
    lex      BM25 over the best BM25 of the question   cosine   raw cosine with the question
    meaning  (cosine - mean) / (best - mean)           names    idf share of the question in defined names
    defines  1 exact, .8 otherwise: the file defines the identifier asked for
    mentions 1: the file defines a code name that occurs inside the question
    """

    query: Query
    atlas: Atlas
    weights: Mapping[str, float]
    known: frozenset[str]
    files: NDArray[np.int64]
    starts: NDArray[np.int64]
    owner: NDArray[np.int64]
    ordinal: NDArray[np.int64]
    lex: Values
    cosine: Values
    meaning: Values
    names: Values
    defines: Values
    mentions: Values
    mean: float
    deviation: float
    file_meaning: Values

    @property
    def total_weight(self) -> float:
        """Sum of the idf of the question's words (never zero)."""
        return sum(self.weights.values()) + 1e-6

    @cached_property
    def paths(self) -> list[PathWords]:
        """The words of each file's path."""
        paths = self.atlas.paths
        return [path_words(paths[file]) for file in self.files.tolist()]

    @cached_property
    def in_stems(self) -> list[tuple[set[str], int]]:
        """For each file: the terms of the question that its name says, and how many of its own words
        the question says."""
        # Words that are alike begin with the same letters.
        begun: dict[str, list[str]] = {}
        for term in self.weights:
            begun.setdefault(term[:_ALIKE_FROM], []).append(term)
        found = []
        for said_by_path in self.paths:
            said: set[str] = set()
            parts = 0
            for part in set(said_by_path.stem):
                like = [term for term in begun.get(part[:_ALIKE_FROM], ()) if alike(term, part)]
                said.update(like)
                parts += bool(like)
            found.append((said, parts))
        return found

    @cached_property
    def roles(self) -> NDArray[np.int64]:
        """The roles that each file's path tells, as bits."""
        paths = self.atlas.paths
        return np.array([path_roles(paths[file]) for file in self.files.tolist()], np.int64)

    def best(self, values: Values) -> Values:
        """The largest value of each file."""
        return np.maximum.reduceat(values, self.starts).astype(np.float32)

    def second(self, values: Values) -> Values:
        """The second largest value of each file; 0 when it has one chunk."""
        best = np.maximum.reduceat(values, self.starts)
        is_best = values == best[self.owner]
        below = np.maximum.reduceat(np.where(is_best, -np.inf, values), self.starts)
        seconds = np.where(np.add.reduceat(is_best, self.starts, dtype=np.int64) > 1, best, below)
        seconds[np.diff(self.starts, append=len(values)) == 1] = 0
        return as_values(seconds)

    def sums(self, values: Values) -> Values:
        """The sum of each file."""
        return np.add.reduceat(values, self.starts).astype(np.float32)


def alike(left: str, right: str) -> bool:
    """Equal stems, or one begins with the other and has four letters at least."""
    return left == right or (
        (len(left) >= _ALIKE_FROM and right.startswith(left))
        or (len(right) >= _ALIKE_FROM and left.startswith(right))
    )


def gather(
    query: Query,
    atlas: Atlas,
    lexical: Lexical,
    semantic: Semantic,
    likeness: Mapping[int, Likeness],
    files: Sequence[int],
    names: Mapping[int, float],
    defines: Mapping[int, float],
    mentions: frozenset[int],
) -> Evidence:
    """Lay out the evidence for candidate ``files`` (atlas positions, at least one).

    ``likeness`` maps placements to what their unit vectors have in common with the question, ``names`` chunk
    ids to the share of the question in the names they define.
    """
    held = np.array(sorted(files), np.int64)
    counts = np.maximum(atlas.counts[held], 1)
    starts = np.append(0, np.cumsum(counts)[:-1]).astype(np.int64)
    owner = np.repeat(np.arange(len(held)), counts)
    ordinal = np.arange(len(owner)) - starts[owner]
    chunk_ids = atlas.placements[held][owner] * CHUNKS_PER_BLOB + ordinal
    lex = _scatter(
        chunk_ids, lexical.ids, lexical.scores / max(float(np.max(lexical.scores, initial=0)), 1e-9)
    )
    cosine = np.full(len(owner), semantic.mean, np.float32)
    file_cosine = np.full(len(held), semantic.mean, np.float32)
    if semantic.vector.any():
        _cosines(atlas, held, starts, counts, likeness, semantic, cosine, file_cosine)
    top = max(float(np.max(cosine, initial=semantic.mean)), semantic.mean + 1e-6)
    named = _scatter(
        chunk_ids, np.fromiter(names, np.int64, len(names)), as_values(list(names.values()))
    )
    best_file = max(float(file_cosine.max()), semantic.mean + 1e-6)
    return Evidence(
        query=query,
        atlas=atlas,
        weights=lexical.weights,
        known=lexical.known,
        files=held,
        starts=starts,
        owner=owner,
        ordinal=ordinal,
        lex=lex,
        cosine=cosine,
        meaning=((cosine - semantic.mean) / (top - semantic.mean)).astype(np.float32),
        names=named,
        defines=np.array([defines.get(int(file), 0.0) for file in held], np.float32),
        mentions=np.array([int(file) in mentions for file in held], np.float32),
        mean=semantic.mean,
        deviation=semantic.deviation,
        file_meaning=((file_cosine - semantic.mean) / (best_file - semantic.mean)).astype(np.float32),
    )


def _scatter(chunk_ids: NDArray[np.int64], found: NDArray[np.int64], scores: Values) -> Values:
    values = np.zeros(len(chunk_ids), np.float32)
    if len(found):
        order = np.argsort(found)
        at = np.searchsorted(found[order], chunk_ids).clip(0, len(found) - 1)
        hit = found[order][at] == chunk_ids
        values[hit] = scores[order][at[hit]]
    return values


def _cosines(
    atlas: Atlas,
    held: NDArray[np.int64],
    starts: NDArray[np.int64],
    counts: NDArray[np.int64],
    likeness: Mapping[int, Likeness],
    semantic: Semantic,
    cosine: Values,
    file_cosine: Values,
) -> None:
    """Fill in cosines of chunks, and of files: the direction of the sum of their chunks."""
    placements = enumerate(atlas.placements[held].tolist())
    met = [(i, likeness[placement]) for i, placement in placements if placement in likeness]
    if not met:
        return
    for i, (products, _) in met:
        length = min(len(products), int(counts[i]))
        cosine[starts[i] : starts[i] + length] = products[:length]
    whole = np.stack([whole for _, (_, whole) in met])
    norms = np.maximum(np.linalg.norm(whole, axis=1), 1e-9)
    file_cosine[[i for i, _ in met]] = whole @ semantic.vector / norms
