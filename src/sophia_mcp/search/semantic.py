"""Which chunks mean what the question means?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.search.atlas import Atlas, Mask
from sophia_mcp.store.database import Transaction
from sophia_mcp.store.vectors import VectorIndex

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Semantic:
    """Chunk ids with cosines, descending, and the mean and deviation of all cosines searched.
    ``vector`` is the question's, of length 1; all zero when nothing could be embedded."""

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    mean: float
    deviation: float
    vector: Rows


def nothing(dimensions: int = 1) -> Semantic:
    """No meaning was searched."""
    return Semantic(
        np.zeros(0, np.int64), np.zeros(0, np.float32), 0.0, 1.0, np.zeros(dimensions, np.float32)
    )


async def search(
    tx: Transaction,
    vectors: VectorIndex,
    atlas: Atlas,
    model: str,
    vector: Rows,
    limit: int,
    allowed: Mask | None,
) -> Semantic:
    """The nearest ``limit`` chunks among the allowed files."""
    norm = float(np.linalg.norm(vector))
    if norm < 1e-9:
        return nothing(len(vector))
    unit = (vector / norm).astype(np.float32)
    places = None
    if allowed is not None or not atlas.whole:
        places = atlas.placements if allowed is None else atlas.placements[allowed]
    near = await vectors.search(tx, atlas.view.repo_id, model, unit, limit, places)
    return Semantic(near.ids, near.scores, near.mean, max(near.deviation, 1e-6), unit)
