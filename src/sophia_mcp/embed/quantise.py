"""How does a vector fit into a quarter of its bytes? One int8 per dimension and one scale per row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.embed.providers import LocalEmbedder, Vectors
from sophia_mcp.errors import BadArgument
from sophia_mcp.types import Passage

LEVELS = 127


class Quantised(NamedTuple):
    """``rows`` is (n, dimensions) int8, ``scales`` (n,) float32; a vector is ``rows * scales``, off by at
    most half a step."""

    rows: NDArray[np.int8]
    scales: NDArray[np.float32]


def quantise(vectors: Vectors) -> Quantised:
    """Each row by its own largest value. A zero row has scale 0. Raises BadArgument when not finite."""
    if not np.isfinite(vectors).all():
        raise BadArgument("vectors that are not finite cannot be quantised", next="check the model")
    scales = (np.abs(vectors).max(axis=1, initial=0.0) / LEVELS).astype(np.float32)
    steps = np.where(scales > 0, scales, 1)[:, None]
    return Quantised(np.rint(vectors / steps).clip(-LEVELS, LEVELS).astype(np.int8), scales)


class QuantisedEncoder:
    """A local embedder that answers in int8 rows and scales: what the index stores."""

    def __init__(self, embedder: LocalEmbedder) -> None:
        self._embedder = embedder

    def encode(self, passages: Sequence[Passage]) -> Quantised:
        """Quantised vectors of the passages, in order."""
        return quantise(self._embedder.encode(passages))
