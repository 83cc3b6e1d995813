"""Was this content embedded before? Vectors are kept by model and content, wherever it stands."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from sophia_mcp.embed.providers import Embedder, Model, Vectors
from sophia_mcp.store.cache import Cache
from sophia_mcp.types import Passage, Scope


class KeyValue(Protocol):
    """Where bytes are kept by key; the store has one. It may forget anything at any time."""

    async def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """The values that are there; missing keys are missing."""
        ...

    async def put_many(self, values: Mapping[str, bytes]) -> None:
        """Keep these values."""
        ...


class InStore:
    """The store's cache, for one scope."""

    def __init__(self, cache: Cache, scope: Scope) -> None:
        self._cache, self._scope = cache, scope

    async def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        return await self._cache.get_many(self._scope, keys)

    async def put_many(self, values: Mapping[str, bytes]) -> None:
        await self._cache.put_many(self._scope, values)


def key(model: str, passage: Passage) -> str:
    """The same for the same model, header and text, and for nothing else."""
    digest = hashlib.sha256()
    for part in (model, *passage.header, passage.text):
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "big"))
        digest.update(raw)
    return f"embed:{digest.hexdigest()}"


class Cached:
    """An embedder that asks the one inside only for what was never embedded. Equal passages of one
    call are embedded once. Questions are not kept."""

    def __init__(self, inside: Embedder, kept: KeyValue) -> None:
        self._inside = inside
        self._kept = kept

    @property
    def model(self) -> Model:
        return self._inside.model

    async def documents(self, passages: Sequence[Passage]) -> Vectors:
        keys = [key(self.model.id, passage) for passage in passages]
        found = {
            name: row
            for name, raw in (await self._kept.get_many(list(dict.fromkeys(keys)))).items()
            if (row := self._row(raw)) is not None
        }
        missing = {
            name: passage for name, passage in zip(keys, passages, strict=True) if name not in found
        }
        if missing:
            found |= await self._asked(missing)
            # Only now is it sure how long they are: another model may answer under the same name.
            size = self.model.dimensions
            others = {
                name: passage
                for name, passage in zip(keys, passages, strict=True)
                if size and len(found[name]) != size
            }
            found |= await self._asked(others) if others else {}
        if not keys:
            return np.zeros((0, self.model.dimensions), np.float32)
        return np.stack([found[name] for name in keys])

    async def _asked(self, missing: Mapping[str, Passage]) -> dict[str, Vectors]:
        """Vectors of passages by key, from the embedder inside; they are kept."""
        fresh = await self._inside.documents(list(missing.values()))
        new = dict(zip(missing, fresh, strict=True))
        await self._kept.put_many({name: row.astype("<f4").tobytes() for name, row in new.items()})
        return new

    async def query(self, text: str) -> Vectors:
        return await self._inside.query(text)

    def _row(self, raw: bytes) -> Vectors | None:
        """None for bytes that are not a vector of this model: they are embedded again."""
        if not raw or len(raw) % 4 or (self.model.dimensions and len(raw) != 4 * self.model.dimensions):
            return None
        row = np.frombuffer(raw, "<f4").astype(np.float32)
        return row if np.isfinite(row).all() else None
