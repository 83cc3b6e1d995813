"""Which vectors of a repository are nearest to this one?

The truth is the table ``vectors`` of the index: one row per placement with int8 rows and a
float32 scale for each. Every file of this folder derives an index from it, which may be dropped
and rebuilt at any time. An index refreshes itself when ``repos.generation`` has moved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from sophia_mcp.registry import Folder
from sophia_mcp.store.database import Transaction

ROWS_PER_PLACEMENT = 4096
"""The id of a row is ``placement * 4096 + ordinal``; it equals the id of the chunk it stands for."""


@dataclass(frozen=True, slots=True)
class Nearest:
    """The ``k`` rows nearest to a query, best first. ``scores`` are cosines; ``mean`` and
    ``deviation`` are those of the cosines of all rows searched, or of a sample of them."""

    ids: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    mean: float
    deviation: float


class Likeness(NamedTuple):
    """How near each row of a placement is to a query (the product of both, float32), and the sum of its rows."""

    products: npt.NDArray[np.float32]
    whole: npt.NDArray[np.float32]


class VectorIndex(Protocol):
    """Vectors of every repository and model, searched one repository and model at a time."""

    async def search(
        self,
        tx: Transaction,
        repo: int,
        model: str,
        query: npt.NDArray[np.float32],
        k: int,
        placements: npt.NDArray[np.int64] | None,
    ) -> Nearest:
        """The ``k`` nearest rows among these placements, or with None in the whole repository."""
        ...

    async def likeness(
        self,
        tx: Transaction,
        repo: int,
        model: str,
        query: npt.NDArray[np.float32],
        placements: Sequence[int],
    ) -> dict[int, Likeness]:
        """What the rows of these placements have in common with a query of their dimensions; unknown placements are
        missing."""
        ...

    def forget(self, repo: int) -> None:
        """Drop what was derived for a repository. The table is not touched."""
        ...

    async def close(self) -> None:
        """Let go of files and memory. Safe to call twice."""
        ...


NOTHING = Nearest(np.empty(0, np.int64), np.empty(0, np.float32), 0.0, 1.0)
"""The answer where there is nothing to search."""

INDEXES: Folder[Callable[[Path], VectorIndex]] = Folder(
    __name__, "INDEX", group="sophia_mcp.store.vectors"
)
"""Each file's ``INDEX`` makes one index; it is given a folder in which it may keep derived files."""
