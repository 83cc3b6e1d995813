"""How near are chosen rows to a query, and what is usual among all?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import anyio.to_thread
import numpy as np
import numpy.typing as npt

from sophia_mcp.store.database import Transaction
from sophia_mcp.store.vectors import NOTHING, ROWS_PER_PLACEMENT, Likeness, Nearest
from sophia_mcp.store.vectors._table import Stored, these_rows

SAMPLE = 2048
"""Rows from which mean and deviation are taken where not every row is scored."""

Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]


def direction(query: Float32) -> Float32 | None:
    """The query at unit length, or None when it points nowhere."""
    norm = float(np.linalg.norm(query))
    if not np.isfinite(norm) or norm == 0.0:
        return None
    return (np.asarray(query, np.float32) / np.float32(norm)).astype(np.float32)


_BLOCK = 1024
"""Rows that stay in the processor's cache, and below the size at which BLAS wakes its threads."""


def lengths(rows: npt.NDArray[np.int8]) -> Float32:
    """The length of each int8 row, never quite zero."""
    found = np.empty(len(rows), np.float32)
    for first in range(0, len(rows), _BLOCK):
        floats = rows[first : first + _BLOCK].astype(np.float32)
        np.einsum("ij,ij->i", floats, floats, out=found[first : first + _BLOCK])
    return np.maximum(np.sqrt(found), np.float32(1e-9))


def cosines(
    rows: npt.NDArray[np.int8], lengths: Float32, query: Float32, chosen: Int64 | None = None
) -> Float32:
    """Cosine of each (chosen) int8 row with a unit query; scales cancel out. A zero row scores 0."""
    count = len(rows) if chosen is None else len(chosen)
    scores = np.empty(count, np.float32)
    floats = np.empty((min(count, _BLOCK), rows.shape[1]), np.float32)
    for first in range(0, count, _BLOCK):
        part = slice(first, min(first + _BLOCK, count))
        block = floats[: part.stop - first]
        block[...] = rows[part] if chosen is None else rows[chosen[part]]
        np.dot(block, query, out=scores[part])
    return scores / (lengths[:count] if chosen is None else lengths[chosen])


@lru_cache(8)
def sample(count: int, most: int = SAMPLE) -> Int64:
    """Positions spread over ``count`` rows, the same for the same count. Not to be written to."""
    if count <= most:
        return np.arange(count)
    return np.random.default_rng(count).integers(0, count, most)


def nearest(ids: Int64, scores: Float32, seen: Float32, k: int) -> Nearest:
    """The ``k`` best of scored rows, equal ones by id. ``seen`` are the scores to take mean and
    deviation from."""
    if not len(ids):
        return NOTHING
    if k < len(scores):
        best = np.argpartition(-scores, k - 1)[:k]
        scores, ids = scores[best], ids[best]
    order = np.lexsort((ids, -scores))
    return Nearest(ids[order], scores[order], float(seen.mean()), float(seen.std()) or 1.0)


def likeness(rows: npt.NDArray[np.int8], scales: Float32, query: Float32, floats: Float32) -> Likeness:
    """What int8 rows with a scale each have in common with a query; their vectors are put into ``floats``."""
    floats[...] = rows
    floats *= scales[:, None]
    return Likeness(floats @ query, np.add.reduce(floats))


async def likeness_stored(
    tx: Transaction, repo: int, model: str, query: Float32, placements: Sequence[int]
) -> dict[int, Likeness]:
    """The likeness of placements whose rows are read from the table."""
    found = [(each, each.int8()) for each in await these_rows(tx, repo, model, placements)]
    return {
        each.placement: likeness(
            rows, np.frombuffer(each.scales, "<f4"), query, np.empty(rows.shape, np.float32)
        )
        for each, rows in found
    }


async def nearest_stored(
    tx: Transaction, repo: int, model: str, query: Float32, k: int, candidates: Int64, sampled: Int64
) -> Nearest:
    """Read candidate rows and sampled rows (by their ids) from the table, and score them."""
    places = np.unique(np.concatenate((candidates, sampled)) // ROWS_PER_PLACEMENT).tolist()
    stored = {each.placement: each for each in await these_rows(tx, repo, model, places)}

    def score() -> Nearest:
        ids, scores = _scores(stored, candidates, query)
        _, seen = _scores(stored, sampled, query)
        return nearest(ids, scores, seen if len(seen) else scores, k)

    return await anyio.to_thread.run_sync(score)


def _scores(stored: dict[int, Stored], wanted: Int64, query: Float32) -> tuple[Int64, Float32]:
    """Scores of the wanted rows that the table still has."""
    rows = {place: each.int8() for place, each in stored.items()}
    known = [
        (id_, rows[place][ordinal])
        for id_ in wanted.tolist()
        for place, ordinal in [divmod(id_, ROWS_PER_PLACEMENT)]
        if place in rows and ordinal < len(rows[place])
    ]
    if not known:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    held = np.stack([row for _, row in known])
    return np.array([id_ for id_, _ in known]), cosines(held, lengths(held), query)
