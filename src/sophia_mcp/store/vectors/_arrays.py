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

from sophia_mcp.store.vectors import ROWS_PER_PLACEMENT, Likeness
from sophia_mcp.store.vectors._scoring import Float32, Int64, cosines, lengths, likeness
from sophia_mcp.store.vectors._table import Stored

EXACT_ROWS = 30_000
"""Up to this many rows every cosine is computed."""

RESIDENT_ROWS = 200_000
"""Above this many rows the int8 rows stay in the table."""

_DEAD_SHARE = 0.25
QUERY_BITS = 3
_TOP = (1 << QUERY_BITS) - 1
_DENSE_SHARE = 0.3  # of more rows than this, scanning all is cheaper than gathering some
_MOST_SHARE = 0.7  # the same for cosines
_BLOCK = 1 << 13  # rows whose temporary arrays fit a processor's cache


def packed(bits: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Rows of zeros and non-zeros as whole 64-bit words: uint64 (words, count)."""
    squeezed = np.packbits(bits, axis=1)
    padded = np.zeros((len(bits), -(-squeezed.shape[1] // 8) * 8), np.uint8)
    padded[:, : squeezed.shape[1]] = squeezed
    return np.ascontiguousarray(padded.view(np.uint64).T)


@dataclass(slots=True)
class Arrays:
    """Rows of one repository under one model, in the order they came."""

    dimensions: int
    ids: Int64 = field(default_factory=lambda: np.empty(0, np.int64))
    alive: npt.NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    scales: Float32 = field(default_factory=lambda: np.empty(0, np.float32))
    lengths: Float32 = field(default_factory=lambda: np.empty(0, np.float32))
    negative: npt.NDArray[np.uint64] = field(init=False)
    rows: npt.NDArray[np.int8] | None = field(init=False)
    count: int = 0
    dead: int = 0
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)
    _view: tuple[int, Int64 | None] | None = None  # the placements asked for last, and their rows

    def __post_init__(self) -> None:
        self.negative = np.empty((-(-self.dimensions // 64), 0), np.uint64)
        self.rows = np.empty((0, self.dimensions), np.int8)

    @property
    def nbytes(self) -> int:
        """Memory in use."""
        per_row = self.ids.itemsize + self.alive.itemsize + self.scales.itemsize
        per_row += len(self.negative) * self.negative.itemsize
        if self.rows is not None:
            per_row += self.lengths.itemsize + self.dimensions
        return self.count * per_row

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
        self.make_room(end)
        self._view = None
        self.ids[first:end] = np.repeat(places * ROWS_PER_PLACEMENT, counts) + ordinals
        self.alive[first:end] = True
        self.scales[first:end] = np.frombuffer(b"".join(each.scales for each in stored), "<f4")
        self.negative[:, first:end] = packed(fresh.view(np.uint8) >> 7)
        if self.rows is not None:
            self.rows[first:end] = fresh
            self.lengths[first:end] = 0
        self.count = end
        for place, start, count in zip(places.tolist(), starts.tolist(), counts.tolist(), strict=True):
            self.spans[place] = (first + start, first + start + count)

    def remove(self, placements: Sequence[int]) -> None:
        """Forget placements; unknown ones do no harm."""
        self._view = None
        for placement in placements:
            if (span := self.spans.pop(placement, None)) is not None:
                self.alive[slice(*span)] = False
                self.dead += span[1] - span[0]
        if self.dead > _DEAD_SHARE * self.count:
            self._squeeze()

    def likeness(self, query: Float32, placements: Sequence[int]) -> dict[int, Likeness]:
        """See ``VectorIndex.likeness``; needs resident rows."""
        assert self.rows is not None
        spans = {place: slice(*self.spans[place]) for place in placements if place in self.spans}
        most = max((span.stop - span.start for span in spans.values()), default=0)
        floats = np.empty((most, self.dimensions), np.float32)  # stays in the processor's cache
        return {
            place: likeness(self.rows[span], self.scales[span], query, floats[: span.stop - span.start])
            for place, span in spans.items()
        }

    def cosines(self, query: Float32, chosen: Int64 | None) -> Float32:
        """Cosine of each row, or of each chosen one, with a unit query; needs resident rows."""
        assert self.rows is not None
        rows = self.rows[: self.count]
        if chosen is not None and len(chosen) > _MOST_SHARE * self.count:
            self._measure(None)
            return cosines(rows, self.lengths, query)[chosen]
        self._measure(chosen)
        return cosines(rows, self.lengths, query, chosen)

    def _measure(self, chosen: Int64 | None) -> None:
        """Work out the lengths of rows that were not asked for before, which are noted as 0: of a hundred thousand,
        a question scores four thousand."""
        assert self.rows is not None
        if chosen is None:
            new = np.flatnonzero(self.lengths[: self.count] == 0)
        else:
            new = chosen[self.lengths[chosen] == 0]
        if len(new):
            self.lengths[new] = lengths(self.rows[new])

    def chosen(self, placements: Int64 | None) -> Int64 | None:
        """Positions of the living rows of these placements, ascending. None: all rows live and
        all are chosen."""
        if placements is None:
            return None if self.dead == 0 else np.flatnonzero(self.alive[: self.count])
        asked = hash(placements.tobytes())
        if self._view is None or self._view[0] != asked:
            self._view = asked, self._rows_of(set(placements.tolist()))
        return self._view[1]

    def _rows_of(self, wanted: set[int]) -> Int64 | None:
        if self.dead == 0 and len(wanted) >= len(self.spans) and wanted.issuperset(self.spans):
            return None
        spans = [self.spans[each] for each in sorted(wanted) if each in self.spans]
        if not spans:
            return np.empty(0, np.int64)
        starts, ends = np.array(spans, np.int64).T
        counts = ends - starts
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        rows: Int64 = np.repeat(starts, counts) + offsets
        rows.sort()
        return rows

    def estimates(self, query: Float32, chosen: Int64 | None) -> npt.NDArray[Any]:
        """How near each chosen row is, by its signs alone: larger is nearer. The query keeps
        ``QUERY_BITS`` bits of each dimension (as in RaBitQ), which costs two more counts of bits
        and lets a third of the candidates do."""
        reach = float(np.abs(query).max()) or 1.0
        levels = np.round((query / reach + 1.0) * (_TOP / 2)).astype(np.uint8)
        planes = [packed(levels[None, :] >> bit & 1)[:, 0] for bit in range(QUERY_BITS)]
        if chosen is not None and len(chosen) > _DENSE_SHARE * self.count:
            return self._weighed(planes, None)[chosen]
        return self._weighed(planes, chosen)

    def _weighed(self, planes: list[npt.NDArray[np.uint64]], chosen: Int64 | None) -> npt.NDArray[Any]:
        """In how many dimensions a row has not the sign that a plane asks for, each plane weighing twice the
        one below: but for what all rows share, the sum of the levels with the signs of the row."""
        count = self.count if chosen is None else len(chosen)
        most = self.dimensions * _TOP
        found = np.zeros(count, np.uint16 if most < 1 << 16 else np.int64)
        differing, bits = np.empty(_BLOCK, np.uint64), np.empty(_BLOCK, np.uint8)
        for first in range(0, count, _BLOCK):
            part = slice(first, min(first + _BLOCK, count))
            signs = self.negative[:, part] if chosen is None else self.negative[:, chosen[part]]
            weighed, size = found[part], signs.shape[1]
            for plane in reversed(planes):
                np.add(weighed, weighed, out=weighed)
                for asked, word in zip(plane, signs, strict=True):
                    np.bitwise_xor(word, asked, out=differing[:size])
                    np.bitwise_count(differing[:size], out=bits[:size])
                    np.add(weighed, bits[:size], out=weighed)
        return found

    def make_room(self, needed: int) -> None:
        """Let so many rows be held in all; to say so before they come saves copies of what is held."""
        if self.rows is not None and needed > RESIDENT_ROWS:
            self.rows = None
        if needed <= len(self.ids):
            return
        # In proportion: one page of a large array that is written may cost two megabytes, and there are those
        # of each repository. More than the dead make until they are squeezed out.
        room = needed * 3 // 2
        self.ids = _enlarged(self.ids, (room,))
        self.alive = _enlarged(self.alive, (room,))
        self.scales = _enlarged(self.scales, (room,))
        self.negative = _enlarged(self.negative, (len(self.negative), room))
        if self.rows is not None:
            self.rows = _enlarged(self.rows, (room, self.dimensions))
            self.lengths = _enlarged(self.lengths, (room,))

    def _squeeze(self) -> None:
        keep = np.flatnonzero(self.alive[: self.count])
        moved = np.cumsum(self.alive[: self.count]) - 1
        self.ids, self.scales = self.ids[keep], self.scales[keep]
        self.negative = np.ascontiguousarray(self.negative[:, keep])
        if self.rows is not None:
            self.rows, self.lengths = self.rows[keep], self.lengths[keep]
        self.spans = {
            place: (int(moved[first]), int(moved[first]) + end - first)
            for place, (first, end) in self.spans.items()
        }
        self.alive = np.ones(len(keep), np.bool_)
        self.count, self.dead = len(keep), 0


def _enlarged(array: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    larger = np.empty(shape, array.dtype)
    larger[tuple(slice(0, size) for size in array.shape)] = array
    return larger
