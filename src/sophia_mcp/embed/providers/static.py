"""Our own model: a table of word vectors trained on permissively licensed packages, in the wheel.

The table is int8 with a scale per row and is mapped, not read: processes share its pages. It comes from
``scripts/train_embedder``; ``weights/SOURCES.toml`` lists every package that it learned from.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.embed.bags import Bags
from sophia_mcp.embed.pieces import Pieces
from sophia_mcp.embed.providers import Model, Provider, Vectors
from sophia_mcp.embed.providers._summed import Summed
from sophia_mcp.errors import BadSetting
from sophia_mcp.registry import refuse_unknown

WEIGHTS = Path(__file__).resolve().parents[1] / "weights"


class StaticEmbedder(Summed):
    """Sums of word vectors from the table in ``folder``."""

    def __init__(self, folder: Path) -> None:
        try:
            about = tomllib.loads((folder / "model.toml").read_text("utf-8"))
            vocabulary = (folder / "vocabulary.txt").read_text("utf-8").split("\n")
            table = np.load(folder / "table.npy", mmap_mode="r", allow_pickle=False)
            self._table: NDArray[np.int8] = table.view(np.ndarray)  # the subclass is slow to index
            self._scales = np.load(folder / "scales.npy", allow_pickle=False).astype(np.float32)
        except (OSError, ValueError) as error:
            raise BadSetting(
                f"the embedding model in {folder} cannot be read",
                why=str(error),
                next="install the package again, or train it with scripts/train_embedder",
            ) from error
        if not len(vocabulary) == len(self._table) == len(self._scales):
            raise BadSetting(
                f"the embedding model in {folder} does not fit together",
                why=f"{len(vocabulary)} words, {len(self._table)} rows, {len(self._scales)} scales",
                next="install the package again, or train it with scripts/train_embedder",
            )
        self._pieces = Pieces(vocabulary)
        dimensions = int(self._table.shape[1])
        super().__init__(
            Model(str(about["id"]), dimensions, local=True),
            Bags(self._pieces.cut, self._weighed, dimensions, float(about["header_weight"])),
        )

    def encode_words(self, words: Sequence[str]) -> Vectors:
        """Raw vectors of single lower-case words, (count, dimensions); an unknown word is zero.
        The length of a raw vector says how much the word tells."""
        rows = [self._pieces.rows(word) for word in words]
        first = np.fromiter((some[0] if some else 0 for some in rows), np.int64, len(rows))
        vectors: Vectors = self._raw(first)
        several = [place for place, some in enumerate(rows) if len(some) > 1]
        if several:
            starts = np.cumsum([0, *(len(rows[place]) for place in several[:-1])])
            flat = np.array([row for place in several for row in rows[place]], np.int64)
            vectors[several] = np.add.reduceat(self._raw(flat), starts, axis=0)
        vectors[[place for place, some in enumerate(rows) if not some]] = 0
        return vectors

    def place(self, word: str) -> int | None:
        """Where a lower-case word stands in the vocabulary, the usual ones first; None for one that it lacks."""
        return self._pieces.place(word)

    def _raw(self, rows: NDArray[np.int64]) -> Vectors:
        vectors: Vectors = np.multiply(self._table[rows], self._scales[rows][:, None], dtype=np.float32)
        return vectors

    def _weighed(self, rows: NDArray[np.intp], weights: Vectors) -> Vectors:
        sums: Vectors = (weights * self._scales[rows]) @ self._table.take(rows, axis=0).astype(
            np.float32
        )
        return sums


@lru_cache(4)
def _opened(folder: Path) -> StaticEmbedder:
    return StaticEmbedder(folder)


def own() -> StaticEmbedder:
    """The model in the package."""
    return _opened(WEIGHTS)


def _open(options: Mapping[str, object]) -> StaticEmbedder:
    refuse_unknown(options, ("folder",), "the embedder static")
    folder = options.get("folder")
    return _opened(Path(str(folder))) if folder else own()


PROVIDER = Provider("our own code model, in the package, instant", local=True, open=_open)
