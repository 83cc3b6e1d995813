"""Which of the rows held in memory are nearest to a query, when rows come and go one by one?

For owners of small vectors with a table of their own. Search of an index goes through
``sophia_mcp.store.vectors``, whose arrays and scoring this uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sophia_mcp.store.vectors import NOTHING, ROWS_PER_PLACEMENT, Nearest
from sophia_mcp.store.vectors._arrays import EXACT_ROWS, Arrays
from sophia_mcp.store.vectors._scoring import direction, nearest, sample
from sophia_mcp.store.vectors._table import Stored

_CANDIDATES = 400


@dataclass(slots=True)
class Rows:
    """int8 rows of one model by number. Not for use by two threads at once."""

    _arrays: Arrays | None = None

    def replace(self, gone: Sequence[int], came: Sequence[tuple[int, float, bytes]]) -> None:
        """Forget ``gone`` and put in ``came``: (number, scale, int8 row). Unknown numbers do no harm."""
        if self._arrays is None:
            if not came:
                return
            self._arrays = Arrays(len(came[0][2]))
        self._arrays.remove(gone)
        self._arrays.add(
            [Stored(number, np.float32(scale).tobytes(), row) for number, scale, row in came]
        )

    @property
    def overfull(self) -> bool:
        """Whether there are more rows than are held; then none is found."""
        return self._arrays is not None and self._arrays.rows is None

    def search(
        self, query: npt.NDArray[np.float32], k: int, among: npt.NDArray[np.int64] | None = None
    ) -> Nearest:
        """The ``k`` rows nearest to a query, among these numbers where given; ``ids`` are numbers."""
        arrays, unit = self._arrays, direction(query)
        if arrays is None or arrays.rows is None or unit is None or k <= 0:
            return NOTHING
        chosen = arrays.chosen(among)
        count = arrays.count if chosen is None else len(chosen)
        if count == 0:
            return NOTHING
        if count <= EXACT_ROWS // 4:
            held = np.arange(count) if chosen is None else chosen
            scores = arrays.cosines(unit, held)
            return nearest(arrays.ids[held] // ROWS_PER_PLACEMENT, scores, scores, k)
        estimates = arrays.estimates(unit, chosen)
        most = min(max(_CANDIDATES, 10 * k), count)
        best = (
            np.argpartition(estimates, count - most)[count - most :]
            if most < count
            else np.arange(count)
        )
        near = np.sort(best if chosen is None else chosen[best])
        seen = sample(count, 512) if chosen is None else chosen[sample(count, 512)]
        return nearest(
            arrays.ids[near] // ROWS_PER_PLACEMENT,
            arrays.cosines(unit, near),
            arrays.cosines(unit, seen),
            k,
        )
