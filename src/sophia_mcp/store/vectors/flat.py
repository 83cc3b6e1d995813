"""How does numpy find the nearest rows without any index on disk?

Small repositories are compared row by row. In larger ones sign bits choose candidates, which are
scored by their int8 rows. Measured on 100k vectors of 256 dimensions: see docs/extend/vector-indexes.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import numpy as np
from numpy.typing import NDArray

from sophia_mcp.store.database import Transaction
from sophia_mcp.store.vectors import NOTHING, Likeness, Nearest
from sophia_mcp.store.vectors._arrays import EXACT_ROWS, Arrays
from sophia_mcp.store.vectors._scoring import (
    Float32,
    Int64,
    direction,
    likeness_stored,
    nearest,
    nearest_stored,
    sample,
)
from sophia_mcp.store.vectors._table import Generation, generation, rows_since, total, unchanged

CANDIDATES = 2000
"""Rows re-scored at least; one in ``CANDIDATE_SHARE`` in large repositories."""

CANDIDATE_SHARE = 100
CANDIDATES_READ = 800
"""Rows re-scored when each has to be read from the table."""

SAMPLE_READ = 256

HELD_BYTES = 160 << 20
"""Memory for all repositories together; the one unused longest is dropped first."""

_LOAD = 1000


@dataclass(slots=True)
class _Held:
    """What is in memory of one repository under one model, and its bytes. ``turn`` guards all of it."""

    turn: anyio.Lock = field(default_factory=anyio.Lock)
    arrays: Arrays | None = None
    size: int = 0
    at: Generation | None = None
    read: Transaction | None = None  # whose snapshot the arrays hold: it needs no second look


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
            unit = direction(query)
            if arrays is None or unit is None or k <= 0:
                return NOTHING
            self._drop_unused(held)
            if arrays.rows is not None:
                return await anyio.to_thread.run_sync(_resident, arrays, unit, k, placements)
            candidates, sampled = await anyio.to_thread.run_sync(_shortlist, arrays, unit, k, placements)
            return await nearest_stored(tx, repo, model, unit, k, candidates, sampled)

    async def likeness(
        self, tx: Transaction, repo: int, model: str, query: Float32, placements: Sequence[int]
    ) -> dict[int, Likeness]:
        held = self._held.get((repo, model))
        if held is not None:
            async with held.turn:
                await _refresh(held, tx, repo, model)
                if held.arrays is not None and held.arrays.rows is not None:
                    return held.arrays.likeness(query, placements)
        return await likeness_stored(tx, repo, model, query, placements)

    async def close(self) -> None:
        self._held.clear()

    def forget(self, repo: int) -> None:
        for key in [key for key in self._held if key[0] == repo]:
            del self._held[key]

    def _drop_unused(self, current: _Held) -> None:
        # Asked with every search, of all repositories: what each takes is not counted again here.
        total = sum([each.size for each in self._held.values()])
        if total <= HELD_BYTES:
            return
        for key, each in list(self._held.items()):
            if total <= HELD_BYTES or each is current:
                return
            if each.size:  # else it is being loaded just now
                del self._held[key]
                total -= each.size


async def _refresh(held: _Held, tx: Transaction, repo: int, model: str) -> None:
    """Bring the arrays to the transaction's generation, touching only what changed. An older
    snapshot than the arrays' own is served from the newer arrays."""
    if held.read is tx:
        return
    now = await generation(tx, repo)
    if now is None or (held.at is not None and held.at.created_ns != now.created_ns):
        held.arrays, held.at, held.size = None, None, 0
    if now is not None and not (held.at is not None and held.at.serves(now)):
        await _catch_up(held, tx, repo, model, now)
    held.read = tx


async def _catch_up(held: _Held, tx: Transaction, repo: int, model: str, now: Generation) -> None:
    arrays, at = held.arrays, held.at
    if arrays is not None and at is not None and at.lost(now):
        arrays.remove(list(arrays.spans.keys() - await unchanged(tx, repo, model, at.number)))
    # Where none of the rows is left, a model that answers other dimensions may have taken the name.
    if arrays is None or at is None or not arrays.spans:
        arrays, after, held.at = None, -1, None
    else:
        after = at.number
    async for batch in rows_since(tx, repo, model, after, _LOAD):
        if arrays is None:
            arrays = held.arrays = Arrays(batch[0].int8().shape[1])
            arrays.make_room(await total(tx, repo, model))
        # Changed ones, and those that came before a refresh was cancelled.
        arrays.remove([each.placement for each in batch])
        arrays.add(batch)
    held.arrays, held.at = arrays, now
    held.size = arrays.nbytes if arrays is not None else 0


def _resident(arrays: Arrays, query: Float32, k: int, placements: Int64 | None) -> Nearest:
    chosen = arrays.chosen(placements)
    count = arrays.count if chosen is None else len(chosen)
    if count == 0:
        return NOTHING
    if count <= EXACT_ROWS:
        scores = arrays.cosines(query, chosen)
        ids = arrays.ids[:count] if chosen is None else arrays.ids[chosen]
        return nearest(ids, scores, scores, k)
    candidates = _candidates(arrays, query, max(CANDIDATES, 10 * k, count // CANDIDATE_SHARE), chosen)
    sampled = sample(count) if chosen is None else chosen[sample(count)]
    return nearest(
        arrays.ids[candidates], arrays.cosines(query, candidates), arrays.cosines(query, sampled), k
    )


def _candidates(arrays: Arrays, query: Float32, most: int, chosen: Int64 | None) -> Int64:
    estimates = arrays.estimates(query, chosen)
    count = len(estimates)
    best = _largest(estimates, most) if most < count else np.arange(count)
    return best if chosen is None else chosen[best]


def _largest(values: NDArray[Any], most: int) -> Int64:
    """Where so many of the largest values stand, and as many again that equal the least of them; ascending. (To find
    that one first takes an eighth of the time of ``np.argpartition``.)"""
    least = np.partition(values, len(values) - most)[len(values) - most]
    larger, equal = np.flatnonzero(values > least), np.flatnonzero(values == least)
    return np.sort(np.concatenate([larger, equal[:most]]))


def _shortlist(arrays: Arrays, query: Float32, k: int, placements: Int64 | None) -> tuple[Int64, Int64]:
    """Ids of rows to score and of rows to take mean and deviation from."""
    chosen = arrays.chosen(placements)
    count = arrays.count if chosen is None else len(chosen)
    if count == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    positions = sample(count, SAMPLE_READ)
    sampled = positions if chosen is None else chosen[positions]
    candidates = _candidates(arrays, query, max(CANDIDATES_READ, 4 * k), chosen)
    return arrays.ids[candidates], arrays.ids[sampled]


INDEX = Flat
