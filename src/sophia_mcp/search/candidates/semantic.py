"""Which chunks mean what the question means, and where that cannot be told, why?"""

from __future__ import annotations

from dataclasses import dataclass

import anyio
import numpy as np
from numpy.typing import NDArray

from sophia_mcp.embed.providers import Embedder
from sophia_mcp.errors import BudgetExceeded, ProviderError
from sophia_mcp.index.distant import covered
from sophia_mcp.index.views import View
from sophia_mcp.search.view.atlas import Atlas, Mask
from sophia_mcp.security.text import call_of, counted, plain_line
from sophia_mcp.store.database import Transaction
from sophia_mcp.store.vectors import VectorIndex

Rows = NDArray[np.float32]

_ALONE = "words, symbols and paths answer alone"


class Meaning:
    """What one question means. The embedder is asked once for a text; where it cannot answer, or has not
    seen all files yet, ``lack`` says so for the person who reads the answer."""

    def __init__(self, embedder: Embedder, other: Meaning | None = None) -> None:
        self._embedder = embedder
        # The vector of a text, or why there is none.
        self._known: dict[str, Rows | str] = {} if other is None else other._known
        self._asking: anyio.Lock = anyio.Lock() if other is None else other._asking
        self._refused = ""
        self.lack = ""

    def elsewhere(self) -> Meaning:
        """The same question to another view."""
        return Meaning(self._embedder, self)

    @property
    def model(self) -> str:
        """The id of the model."""
        return self._embedder.model.id

    async def of(self, text: str) -> Rows | None:
        """The vector of a text; None where only words can answer."""
        async with self._asking:
            if text not in self._known:
                try:
                    self._known[text] = await self._embedder.query(text)
                except (ProviderError, BudgetExceeded) as problem:
                    self._known[text] = plain_line(f"meaning is left out, {_ALONE}: {problem}")
        found = self._known[text]
        if isinstance(found, str):
            self._refused = found
            return None
        return found

    async def reaches(self, tx: Transaction, view: View, vector: Rows | None) -> bool:
        """Whether a vector can be compared with those of a view. Those of a model beyond this machine come
        after the words."""
        if vector is None:
            self.lack = self._refused
            return False
        if self._embedder.model.local:
            return True
        files, held, dimensions = await covered(tx, view.id, self.model)
        again = f"next: {call_of('index_repo', path=view.place)}"
        if held and dimensions != len(vector):
            self.lack = (
                f"meaning is left out, {_ALONE}: the endpoint answers vectors of {len(vector)} dimensions, "
                f"and the index holds {dimensions}; {again}"
            )
            return False
        if held < files:
            self.lack = f"meaning covers {held} of {counted(files, 'file')} yet; for the others {_ALONE}; {again}"
        return True


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
    meaning: Meaning,
    vector: Rows | None,
    limit: int,
    allowed: Mask | None,
) -> Semantic:
    """The nearest ``limit`` chunks among the allowed files; none where the question has no vector."""
    if not await meaning.reaches(tx, atlas.view, vector) or vector is None:
        return nothing()
    norm = float(np.linalg.norm(vector))
    if norm < 1e-9:
        return nothing(len(vector))
    unit = (vector / norm).astype(np.float32)
    places = None
    if allowed is not None or not atlas.whole:
        places = atlas.placements if allowed is None else atlas.placements[allowed]
    near = await vectors.search(tx, atlas.view.repo_id, meaning.model, unit, limit, places)
    return Semantic(near.ids, near.scores, near.mean, max(near.deviation, 1e-6), unit)
