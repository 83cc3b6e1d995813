"""What does the table of vectors hold for a repository and a model?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sophia_mcp.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Generation:
    """Which state of a repository something was derived from. The time of creation tells a
    repository from a later one under the same id."""

    created_ns: int
    number: int


@dataclass(frozen=True, slots=True)
class Stored:
    """The rows of one placement, as stored."""

    placement: int
    scales: bytes
    rows: bytes

    @property
    def count(self) -> int:
        return len(self.scales) // 4

    def int8(self) -> npt.NDArray[np.int8]:
        """int8 (count, dimensions)."""
        return np.frombuffer(self.rows, np.int8).reshape(self.count, -1)

    def float32(self) -> npt.NDArray[np.float32]:
        """The vectors these rows stand for, float32 (count, dimensions)."""
        scales = np.frombuffer(self.scales, "<f4")[:, None]
        vectors: npt.NDArray[np.float32] = np.multiply(self.int8(), scales, dtype=np.float32)
        return vectors


async def generation(tx: Transaction, repo: int) -> Generation | None:
    """The repository's current state, or None when there is no such repository."""
    found = await tx.rows("SELECT created_ns, generation FROM repos WHERE id = :repo", {"repo": repo})
    return Generation(*found[0]) if found else None


async def fingerprints(tx: Transaction, repo: int, model: str) -> dict[int, bytes]:
    """The scales of every placement: a cheap way to see which placements came, went or changed.
    An index of the table holds them, so the rows themselves are not read."""
    found = await tx.rows(
        "SELECT placement_id, scales FROM vectors WHERE model = :model AND repo_id = :repo",
        {"model": model, "repo": repo},
    )
    return {placement: scales for placement, scales in found if scales}


async def all_rows(tx: Transaction, repo: int, model: str, after: int, limit: int) -> list[Stored]:
    """The next placements with an id above ``after``, ascending."""
    found = await tx.rows(
        "SELECT placement_id, scales, rows FROM vectors WHERE model = :model AND repo_id = :repo"
        " AND placement_id > :after AND count > 0 ORDER BY placement_id LIMIT :limit",
        {"model": model, "repo": repo, "after": after, "limit": limit},
    )
    return [Stored(*row) for row in found]


async def these_rows(tx: Transaction, repo: int, model: str, placements: Sequence[int]) -> list[Stored]:
    """Rows of these placements, those that exist."""
    found = await tx.rows(
        "SELECT placement_id, scales, rows FROM vectors WHERE model = :model AND repo_id = :repo"
        " AND placement_id IN (SELECT value FROM json_each(:placements)) AND count > 0",
        {"model": model, "repo": repo, "placements": json.dumps([int(each) for each in placements])},
    )
    return [Stored(*row) for row in found]
