"""How does numpy find the nearest rows without any index on disk?

Small repositories are compared row by row. In larger ones sign bits choose candidates, which are
scored by their int8 rows. Measured on 100k vectors of 256 dimensions: see docs/extend/vector-indexes.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.to_thread
import numpy as np

from sophia_mcp.store.database import Transaction
from sophia_mcp.store.vectors import NOTHING, ROWS_PER_PLACEMENT, Nearest
from sophia_mcp.store.vectors._arrays import (
    EXACT_ROWS,
    SAMPLE,
    Arrays,
    Float32,
    Int64,
    cosines,
)
from sophia_mcp.store.vectors._table import (
    Generation,
    Stored,
    all_rows,
    fingerprints,
    generation,
    these_rows,
)

CANDIDATES = 2000
"""Rows re-scored at least; one in ``CANDIDATE_SHARE`` in large repositories."""

CANDIDATE_SHARE = 100
CANDIDATES_READ = 400
"""Rows re-scored when each has to be read from the table."""

HELD_BYTES = 160 << 20
"""Memory for all repositories together; the one unused longest is dropped first."""

_LOAD = 4000


@dataclass(slots=True)
class _Held:
    """What is in memory of one repository under one model. ``turn`` guards all of it."""

    turn: anyio.Lock = field(default_factory=anyio.Lock)
    arrays: Arrays | None = None
    at: Generation | None = None
    scales: dict[int, int] = field(default_factory=dict)


class Flat:
    """``VectorIndex`` in numpy. See the module's docstring."""

    def __init__(self, _folder: Path | None = None) -> None:
        self._held: dict[tuple[int, str], _Held] = {}

    async def search(
        self,
        tx: Transaction,
        repo: int,
        model: str,
        query: Float32,
        k: int,
        placements: Int64 | None,
    ) -> Nearest:
        held = self._held.pop((repo, model), None) or _Held()
        self._held[repo, model] = held  # most recently used last
        async with held.turn:
            await _refresh(held, tx, repo, model)
            arrays = held.arrays
            norm = float(np.linalg.norm(query))
            if arrays is None or k <= 0 or not np.isfinite(norm) or norm == 0.0:
                return NOTHING
            self._drop_unused((repo, model))
            unit = (np.asarray(query, np.float32) / np.float32(norm)).astype(np.float32)
            if arrays.rows is not None:
                return await anyio.to_thread.run_sync(_resident, arrays, unit, k, placements)
            shortlist = await anyio.to_thread.run_sync(_shortlist, arrays, unit, k, placements)
            return await _read_and_score(tx, repo, model, arrays, unit, k, shortlist)

    async def rows(
        self, tx: Transaction, repo: int, model: str, placements: Sequence[int]
    ) -> dict[int, Float32]:
        found = await these_rows(tx, repo, model, placements)
        return {each.placement: each.float32() for each in found}

    def forget(self, repo: int) -> None:
        for key in [key for key in self._held if key[0] == repo]:
            del self._held[key]

    def _drop_unused(self, current: tuple[int, str]) -> None:
        sizes = {key: each.arrays.nbytes for key, each in self._held.items() if each.arrays is not None}
        total = sum(sizes.values())
        for key, size in sizes.items():
            if total <= HELD_BYTES or key == current:
                return
            del self._held[key]
            total -= size


async def _refresh(held: _Held, tx: Transaction, repo: int, model: str) -> None:
    """Bring the arrays to the transaction's generation, touching only what changed. An older
    snapshot than the arrays' own is served from the newer arrays."""
    now = await generation(tx, repo)
    if now is None or (held.at is not None and held.at.created_ns != now.created_ns):
        held.arrays, held.at, held.scales = None, None, {}
    if now is None or (held.at is not None and now.number <= held.at.number):
        return
    if held.arrays is None:
        await _load(held, tx, repo, model)
    else:
        stored = await fingerprints(tx, repo, model)
        marks = {place: hash(scales) for place, scales in stored.items()}
        gone = [place for place, mark in held.scales.items() if marks.get(place) != mark]
        came = [place for place, mark in marks.items() if held.scales.get(place) != mark]
        held.arrays.remove(gone)
        for i in range(0, len(came), _LOAD):
            held.arrays.add(await these_rows(tx, repo, model, came[i : i + _LOAD]))
        held.scales = marks
    held.at = now


async def _load(held: _Held, tx: Transaction, repo: int, model: str) -> None:
    after = -1
    held.scales = {}
    while batch := await all_rows(tx, repo, model, after, _LOAD):
        if held.arrays is None:
            held.arrays = Arrays(batch[0].int8().shape[1])
        held.arrays.add(batch)
        held.scales.update((each.placement, hash(each.scales)) for each in batch)
        after = batch[-1].placement


def _sample(count: int) -> Int64:
    """Positions spread over ``count`` rows, the same for the same count."""
    if count <= SAMPLE:
        return np.arange(count)
    return np.random.default_rng(count).integers(0, count, SAMPLE)


def _top(values: Float32, ids: Int64, k: int) -> tuple[Int64, Float32]:
    """The ``k`` largest values with their ids, equal values by id."""
    if k < len(values):
        nearest = np.argpartition(-values, k - 1)[:k]
        values, ids = values[nearest], ids[nearest]
    order = np.lexsort((ids, -values))
    return ids[order], values[order]


def _nearest(ids: Int64, scores: Float32, seen: Float32, k: int) -> Nearest:
    ids, scores = _top(scores, ids, k)
    return Nearest(ids, scores, float(seen.mean()), float(seen.std()) or 1.0)


def _resident(arrays: Arrays, query: Float32, k: int, placements: Int64 | None) -> Nearest:
    rows = arrays.rows
    assert rows is not None
    chosen = arrays.chosen(placements)
    count = arrays.count if chosen is None else len(chosen)
    if count == 0:
        return NOTHING
    if count <= EXACT_ROWS:
        scores = cosines(rows[: arrays.count], query, chosen)
        ids = arrays.ids[:count] if chosen is None else arrays.ids[chosen]
        return _nearest(ids, scores, scores, k)
    candidates = _candidates(arrays, query, max(CANDIDATES, 10 * k, count // CANDIDATE_SHARE), chosen)
    sampled = _sample(count) if chosen is None else chosen[_sample(count)]
    return _nearest(
        arrays.ids[candidates], cosines(rows, query, candidates), cosines(rows, query, sampled), k
    )


def _candidates(arrays: Arrays, query: Float32, most: int, chosen: Int64 | None) -> Int64:
    estimates = arrays.estimates(query, chosen)
    count = len(estimates)
    nearest = (
        np.argpartition(estimates, count - most)[count - most :] if most < count else np.arange(count)
    )
    return np.sort(nearest if chosen is None else chosen[nearest])


def _shortlist(arrays: Arrays, query: Float32, k: int, placements: Int64 | None) -> tuple[Int64, Int64]:
    """Positions to score and positions to take mean and deviation from."""
    chosen = arrays.chosen(placements)
    count = arrays.count if chosen is None else len(chosen)
    if count == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    sampled = _sample(count)[: SAMPLE // 8]
    return (
        _candidates(arrays, query, max(CANDIDATES_READ, 4 * k), chosen),
        sampled if chosen is None else chosen[sampled],
    )


async def _read_and_score(
    tx: Transaction,
    repo: int,
    model: str,
    arrays: Arrays,
    query: Float32,
    k: int,
    shortlist: tuple[Int64, Int64],
) -> Nearest:
    ids = [arrays.ids[positions] for positions in shortlist]
    if not len(ids[0]):
        return NOTHING
    places = np.unique(np.concatenate(ids) // ROWS_PER_PLACEMENT).tolist()
    stored: dict[int, Stored] = {
        each.placement: each for each in await these_rows(tx, repo, model, places)
    }

    def score(wanted: Int64) -> tuple[Int64, Float32]:
        known = [
            (id_, stored[place].int8()[ordinal])
            for id_ in wanted.tolist()
            for place, ordinal in [divmod(id_, ROWS_PER_PLACEMENT)]
            if place in stored and ordinal < stored[place].count
        ]
        if not known:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        return np.array([id_ for id_, _ in known]), cosines(np.stack([row for _, row in known]), query)

    found, scores = await anyio.to_thread.run_sync(score, ids[0])
    _, seen = await anyio.to_thread.run_sync(score, ids[1])
    return _nearest(found, scores, seen if len(seen) else scores, k) if len(found) else NOTHING


INDEX = Flat
