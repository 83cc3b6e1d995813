"""Deterministic vectors without weights, for tests: each word points in a direction of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.embed.bags import Bags
from sophia_mcp.embed.providers import Model, Provider, Vectors
from sophia_mcp.embed.providers._summed import Summed
from sophia_mcp.errors import BadSetting
from sophia_mcp.registry import refuse_unknown

DIMENSIONS = 64
MAX_DIMENSIONS = 512


class HashingEmbedder(Summed):
    """Texts that share words are similar, and nothing else is."""

    def __init__(self, dimensions: int = DIMENSIONS) -> None:
        self._rows: dict[str, int] = {}
        super().__init__(
            Model(f"hashing-{dimensions}", dimensions, local=True),
            Bags(self._row, self._weighed, dimensions, header_weight=1.0),
        )

    def _row(self, word: str) -> tuple[int]:
        return (self._rows.setdefault(word, len(self._rows)),)

    def _weighed(self, rows: NDArray[np.intp], weights: Vectors) -> Vectors:
        if not len(rows):
            return np.zeros((len(weights), self._model.dimensions), np.float32)
        words = list(self._rows)
        sums: Vectors = weights @ np.stack(
            [_direction(words[row], self._model.dimensions) for row in rows]
        )
        return sums


@lru_cache(1 << 14)
def _direction(word: str, dimensions: int) -> Vectors:
    """A row of ±1."""
    digest = hashlib.shake_128(word.encode("utf-8", "surrogatepass")).digest(dimensions // 8)
    bits = np.unpackbits(np.frombuffer(digest, np.uint8))
    return bits.astype(np.float32) * 2 - 1


def _open(options: Mapping[str, object]) -> HashingEmbedder:
    refuse_unknown(options, ("dimensions",), "the embedder hashing")
    dimensions = options.get("dimensions") or DIMENSIONS
    if not isinstance(dimensions, int) or dimensions % 8 or not 8 <= dimensions <= MAX_DIMENSIONS:
        raise BadSetting(
            f"the embedder hashing cannot have {dimensions!r} dimensions",
            why=f"it takes multiples of 8 up to {MAX_DIMENSIONS}",
            next=f"leave it out for {DIMENSIONS}",
        )
    return HashingEmbedder(dimensions)


PROVIDER = Provider("deterministic, without weights, for tests", local=True, open=_open)
