"""What all embedders have in common whose vectors are sums of word vectors: our own, hashing, model2vec."""

from __future__ import annotations

from collections.abc import Sequence

from sophia_mcp.embed.bags import Bags
from sophia_mcp.embed.providers import Model, Vectors, normalised
from sophia_mcp.types import Passage


class Summed:
    """An embedder over ``bags``, with an event loop and without."""

    def __init__(self, model: Model, bags: Bags) -> None:
        self._model, self._bags = model, bags

    @property
    def model(self) -> Model:
        return self._model

    def encode(self, passages: Sequence[Passage]) -> Vectors:
        return normalised(self._bags.passages(passages), self._model.id)

    def encode_query(self, text: str) -> Vectors:
        row: Vectors = normalised(self._bags.query(text)[None], self._model.id)[0]
        return row

    async def documents(self, passages: Sequence[Passage]) -> Vectors:
        return self.encode(passages)

    async def query(self, text: str) -> Vectors:
        return self.encode_query(text)
