"""How are the rows of one repository held in memory, and scanned?

Rows live in arrays that grow; a changed placement's old rows are marked dead and squeezed out
when they become many. Sign bits answer which rows may be near, int8 rows how near they are
(asymmetric re-scoring, as in FAISS's ``IndexRefine``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sophia_mcp.store.vectors import ROWS_PER_PLACEMENT
from sophia_mcp.store.vectors._table import Stored

EXACT_ROWS = 30_000
"""Up to this many rows every cosine is computed."""

RESIDENT_ROWS = 200_000
"""Above this many rows the int8 rows stay in the table."""

SAMPLE = 2048
_DEAD_SHARE = 0.25

Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]


def packed_signs(rows: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Sign bits of each row, padded to whole 64-bit words: uint64 (words, count)."""
    bits = np.packbits(rows > 0, axis=1)
    words = -(-bits.shape[1] // 8)
    padded = np.zeros((len(bits), words * 8), np.uint8)
    padded[:, : bits.shape[1]] = bits
    return np.ascontiguousarray(padded.view(np.uint64).T)


def cosines(rows: npt.NDArray[np.int8], query: Float32) -> Float32:
    """Cosine of each int8 row with a unit query; scales cancel out. A zero row scores 0."""
    floats = rows.astype(np.float32)
    norms = np.sqrt(np.einsum("ij,ij->i", floats, floats))
    scores: Float32 = np.divide(floats @ query, np.maximum(norms, 1e-9), dtype=np.float32)
    return scores


@dataclass(slots=True)
class Arrays:
    """Rows of one repository under one model, in the order they came."""

    dimensions: int
    ids: Int64 = field(default_factory=lambda: np.empty(0, np.int64))
    alive: npt.NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    signs: npt.NDArray[np.uint64] = field(init=False)
    rows: npt.NDArray[np.int8] | None = field(init=False)
    count: int = 0
    dead: int = 0
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.signs = np.empty((-(-self.dimensions // 64), 0), np.uint64)
        self.rows = np.empty((0, self.dimensions), np.int8)

    @property
    def nbytes(self) -> int:
        rows = 0 if self.rows is None else self.rows.nbytes
        return self.ids.nbytes + self.alive.nbytes + self.signs.nbytes + rows

    def add(self, stored: Sequence[Stored]) -> None:
        """Append placements that are not held."""
        stored = [each for each in stored if each.count]
        if not stored:
            return
        fresh = np.frombuffer(b"".join(each.rows for each in stored), np.int8).reshape(
            -1, self.dimensions
        )
        counts = np.array([each.count for each in stored], np.int64)
        places = np.array([each.placement for each in stored], np.int64)
        starts = np.cumsum(counts) - counts
        ordinals = np.arange(len(fresh)) - np.repeat(starts, counts)
        first, end = self.count, self.count + len(fresh)
        self._grow(end)
        self.ids[first:end] = np.repeat(places * ROWS_PER_PLACEMENT, counts) + ordinals
        self.alive[first:end] = True
        self.signs[:, first:end] = packed_signs(fresh)
        if self.rows is not None:
            self.rows[first:end] = fresh
        self.count = end
        for place, start, count in zip(places.tolist(), starts.tolist(), counts.tolist(), strict=True):
            self.spans[place] = (first + start, first + start + count)

    def remove(self, placements: Sequence[int]) -> None:
        """Forget placements; unknown ones do no harm."""
        for placement in placements:
            first, end = self.spans.pop(placement, (0, 0))
            self.alive[first:end] = False
            self.dead += end - first
        if self.dead > _DEAD_SHARE * self.count:
            self._squeeze()

    def chosen(self, placements: Int64 | None) -> Int64 | None:
        """Positions of the living rows of these placements, ascending. None: all rows live and
        all are chosen."""
        if placements is None:
            return None if self.dead == 0 else np.flatnonzero(self.alive[: self.count])
        wanted = set(placements.tolist())
        if self.dead == 0 and len(wanted) >= len(self.spans) and wanted.issuperset(self.spans):
            return None
        spans = [self.spans[each] for each in sorted(wanted) if each in self.spans]
        if not spans:
            return np.empty(0, np.int64)
        starts, ends = np.array(spans, np.int64).T
        counts = ends - starts
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.sort(np.repeat(starts, counts) + offsets)

    def distances(self, query: Float32, chosen: Int64 | None) -> npt.NDArray[np.uint16]:
        """How many signs of each chosen row differ from the query's."""
        asked = packed_signs(query[None, :])[:, 0]
        total = np.zeros(self.count if chosen is None else len(chosen), np.uint16)
        for word, bits in zip(asked, self.signs, strict=True):
            row = bits[: self.count] if chosen is None else bits[chosen]
            total += np.bitwise_count(row ^ word)
        return total

    def _grow(self, needed: int) -> None:
        if self.rows is not None and needed > RESIDENT_ROWS:
            self.rows = None
        if needed <= len(self.ids):
            return
        room = needed if not len(self.ids) else max(needed, len(self.ids) * 5 // 4)
        self.ids = _enlarged(self.ids, (room,))
        self.alive = _enlarged(self.alive, (room,))
        self.signs = _enlarged(self.signs, (len(self.signs), room))
        if self.rows is not None:
            self.rows = _enlarged(self.rows, (room, self.dimensions))

    def _squeeze(self) -> None:
        keep = np.flatnonzero(self.alive[: self.count])
        moved = np.cumsum(self.alive[: self.count]) - 1
        self.ids, self.signs = self.ids[keep], np.ascontiguousarray(self.signs[:, keep])
        if self.rows is not None:
            self.rows = self.rows[keep]
        self.spans = {
            place: (int(moved[first]), int(moved[first]) + end - first)
            for place, (first, end) in self.spans.items()
        }
        self.alive = np.ones(len(keep), np.bool_)
        self.count, self.dead = len(keep), 0


def _enlarged(array: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    larger = np.zeros(shape, array.dtype)
    larger[tuple(slice(0, size) for size in array.shape)] = array
    return larger
