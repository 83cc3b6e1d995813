"""What does the table of vectors hold for a repository and a model?"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sophia_mcp.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Generation:
    """Which state of a repository something was derived from. The time of creation tells a repository from a later
    one under the same id; ``thinned`` is the number of the last state that took vectors away."""

    created_ns: int
    number: int
    thinned: int

    def serves(self, now: Generation) -> bool:
        """Whether what was derived from this state holds all that ``now`` has. (Of an older snapshot it may hold more.)"""
        return self.created_ns == now.created_ns and self.number >= now.number

    def lost(self, now: Generation) -> bool:
        """Whether something was taken away since."""
        return now.thinned > self.number


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


async def generation(tx: Transaction, repo: int) -> Generation | None:
    """The repository's current state, or None when there is no such repository."""
    found = await tx.rows(
        "SELECT created_ns, generation, thinned FROM repos WHERE id = :repo", {"repo": repo}
    )
    return Generation(*found[0]) if found else None


async def unchanged(tx: Transaction, repo: int, model: str, since: int) -> set[int]:
    """The placements whose rows are still those of that generation."""
    found = await tx.rows(
        "SELECT placement_id FROM vectors WHERE model = :model AND repo_id = :repo AND generation <= :since",
        {"model": model, "repo": repo, "since": since},
    )
    return {placement for (placement,) in found}


async def total(tx: Transaction, repo: int, model: str) -> int:
    """How many rows there are in all."""
    [(rows,)] = await tx.rows(
        "SELECT COALESCE(SUM(count), 0) FROM vectors WHERE model = :model AND repo_id = :repo",
        {"model": model, "repo": repo},
    )
    return int(rows)


async def rows_since(
    tx: Transaction, repo: int, model: str, after: int, limit: int
) -> AsyncIterator[list[Stored]]:
    """The placements that came or changed after a generation, in the order in which they did, so many at a time."""
    last = (after, _LAST)
    while True:
        found = await tx.rows(
            "SELECT generation, placement_id, scales, rows FROM vectors WHERE model = :model AND repo_id = :repo"
            " AND (generation, placement_id) > (:after, :placement) AND count > 0"
            " ORDER BY generation, placement_id LIMIT :limit",
            {"model": model, "repo": repo, "after": last[0], "placement": last[1], "limit": limit},
        )
        if found:
            yield [Stored(*row) for _, *row in found]
        if len(found) < limit:
            return
        last = found[-1][0], found[-1][1]


_LAST = (1 << 63) - 1
"""Above the id of every placement."""


async def these_rows(tx: Transaction, repo: int, model: str, placements: Sequence[int]) -> list[Stored]:
    """Rows of these placements, those that exist."""
    found = await tx.rows(
        "SELECT placement_id, scales, rows FROM vectors WHERE model = :model AND repo_id = :repo"
        " AND placement_id IN (SELECT value FROM json_each(:placements)) AND count > 0",
        {"model": model, "repo": repo, "placements": json.dumps([int(each) for each in placements])},
    )
    return [Stored(*row) for row in found]
