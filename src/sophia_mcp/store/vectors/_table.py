"""What does the table of vectors hold for a repository and a model?"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sophia_mcp.store.database import Transaction
from sophia_mcp.store.vectors import ROWS_PER_PLACEMENT

Int64 = npt.NDArray[np.int64]

_FACTORS = np.frombuffer(os.urandom(8 * ROWS_PER_PLACEMENT), np.uint64)
"""One for each row of a placement, drawn by each process: sums of scales by them tell placements apart."""


@dataclass(frozen=True, slots=True)
class Marks:
    """A number for all scales of each placement together; ``placements`` ascend, and have so many ``rows`` in all.
    Ten thousand are read, made and compared in four milliseconds, where a dictionary of the scales took twelve."""

    placements: Int64
    numbers: npt.NDArray[np.uint64]
    rows: int

    def differing(self, later: Marks) -> tuple[list[int], list[int]]:
        """Placements that went or changed since, and those that came or changed."""
        return self._unlike(later).tolist(), later._unlike(self).tolist()

    def _unlike(self, other: Marks) -> Int64:
        if not len(other.placements):
            return self.placements
        at = np.searchsorted(other.placements, self.placements).clip(0, len(other.placements) - 1)
        same = (other.placements[at] == self.placements) & (other.numbers[at] == self.numbers)
        unlike: Int64 = self.placements[~same]
        return unlike


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


async def marks(tx: Transaction, repo: int, model: str) -> Marks:
    """What tells the stored placements of today from those of another day, read in one row."""
    [(placements, lengths, scales)] = await tx.rows(
        "SELECT json_group_array(placement_id), json_group_array(LENGTH(scales)),"
        " CAST(group_concat(scales, '') AS BLOB) FROM (SELECT placement_id, scales FROM vectors"
        " WHERE model = :model AND repo_id = :repo AND LENGTH(scales) > 0 ORDER BY placement_id)",
        {"model": model, "repo": repo},
    )
    counts = np.array(json.loads(lengths), np.int64) // 4
    starts = np.cumsum(counts) - counts
    ordinals = np.arange(counts.sum()) - np.repeat(starts, counts)
    weighed = np.frombuffer(scales or b"", "<u4").astype(np.uint64) * _FACTORS[ordinals]
    numbers = np.add.reduceat(weighed, starts) if len(counts) else weighed
    return Marks(np.array(json.loads(placements), np.int64), numbers, int(counts.sum()))


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
