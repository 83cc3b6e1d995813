"""Which memories of a space mean nearly this, or hold these words?

Words are the text index's, one table for each space. Vectors are held in memory; each question first
takes up what changed since the last one, whoever changed it, by the count of changes of the space.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import anyio
import anyio.to_thread
import numpy as np
import numpy.typing as npt

from sophia_mcp.embed.providers import LocalEmbedder
from sophia_mcp.embed.quantise import quantise
from sophia_mcp.store.database import Transaction
from sophia_mcp.store.nearest import Rows
from sophia_mcp.store.text import Frequencies, TextIndex, TextRow
from sophia_mcp.store.vectors import Nearest
from sophia_mcp.types import Passage
from sophia_mcp.words import text_terms

POSTINGS = 4_000
"""Words choose candidates, and what they are worth is computed from their texts. So only the rarest terms
are searched for whose rows together stay below this, or where there are no rare ones ``FEW``, which tell
one memory from another only together: at 100,000 memories that takes 4 or 12 ms, and all terms 36 or 56."""

FEW = 5

COMMON = 100
"""Rows from which on a term's count is kept; counting such a term reads all of them."""

_ALIKE = 0.01  # share of memories that may come or go before counts are taken anew
_BATCH = 5_000

Vector = npt.NDArray[np.float32]

Sorts = tuple[Collection[str], Collection[str]]
"""Kinds and tiers that are asked for; empty: all."""


@dataclass(slots=True)
class _Held:
    """One space in memory, as of its ``changed``. ``kinds`` are kind and tier of the living, by number;
    ``common`` how many had each common term when ``counted`` were living."""

    turn: anyio.Lock = field(default_factory=anyio.Lock)
    changed: int = 0
    rows: Rows = field(default_factory=Rows)
    kinds: dict[int, tuple[str, str]] = field(default_factory=dict)
    common: dict[str, int] = field(default_factory=dict)
    counted: int = 0

    def keeps(self, sorts: Sorts) -> Callable[[int], bool]:
        """Whether a number is of these sorts."""
        kinds, tiers = sorts

        def keep(number: int) -> bool:
            kind, tier = self.kinds.get(number, ("", ""))
            return bool(kind) and (not kinds or kind in kinds) and (not tiers or tier in tiers)

        return keep


@dataclass(slots=True)
class Finder:
    """Words and vectors of all spaces."""

    text: TextIndex
    embedder: LocalEmbedder
    _held: dict[tuple[str, int], _Held] = field(default_factory=dict)

    def vector(self, text: str) -> Vector:
        """Of a memory's text, as it is kept."""
        row: Vector = self.embedder.encode([Passage((), text)])[0]
        return row

    def query(self, text: str) -> Vector:
        """Of a question."""
        return self.embedder.encode_query(text)

    async def add(self, tx: Transaction, space: int, number: int, text: str) -> None:
        """Make a memory's words found."""
        await self.text.add(
            tx, space, [TextRow(number, ("", "", "", "", "", " ".join(text_terms(text))))]
        )

    async def remove(self, tx: Transaction, space: int, numbers: Sequence[int]) -> None:
        """Its words are not found any more."""
        await self.text.remove(tx, space, numbers)

    async def put(self, tx: Transaction, number: int, vector: Vector) -> None:
        """Keep the vector of a memory."""
        from_rows = quantise(vector[None])
        await tx.run(
            "INSERT INTO memory_vectors (workspace, number, model, scale, row)"
            " VALUES (:workspace, :number, :model, :scale, :row) ON CONFLICT (workspace, number)"
            " DO UPDATE SET model = excluded.model, scale = excluded.scale, row = excluded.row",
            {
                "number": number,
                "model": self.embedder.model.id,
                "scale": float(from_rows.scales[0]),
                "row": from_rows.rows[0].tobytes(),
            },
        )

    async def near(
        self, tx: Transaction, space: int, query: Vector, k: int, sorts: Sorts = ((), ())
    ) -> Nearest:
        """The nearest memories of a space, of these sorts where given; ``ids`` are their numbers."""
        held = await self._refreshed(tx, space)
        among = None
        if any(sorts):
            among = np.array(list(filter(held.keeps(sorts), held.kinds)), np.int64)
        async with held.turn:
            return await anyio.to_thread.run_sync(held.rows.search, query, k, among)

    async def worded(
        self,
        tx: Transaction,
        space: int,
        counted: Frequencies,
        k: int,
        sorts: Sorts = ((), ()),
    ) -> list[int]:
        """Memories with any of the terms, the best first. ``counted`` says how many have each."""
        keep = (await self._refreshed(tx, space)).keeps(sorts) if any(sorts) else None
        rare = Frequencies(counted.total, dict(_rarest(counted.documents)))
        found = await self.text.search(tx, space, list(rare.documents), k, keep, rare, together=True)
        return [number for number, _ in found]

    async def frequencies(self, tx: Transaction, space: int, terms: Sequence[str]) -> Frequencies:
        """How many memories have each term, of how many; nearly so for common terms."""
        held = await self._refreshed(tx, space)
        living = len(held.kinds)
        if abs(living - held.counted) > _ALIKE * held.counted:
            held.common, held.counted = {}, living
        known = {term: held.common[term] for term in terms if term in held.common}
        missing = [term for term in terms if term not in known]
        found = await self.text.frequencies(tx, space, missing) if missing else Frequencies(living, {})
        held.common |= {term: count for term, count in found.documents.items() if count >= COMMON}
        return Frequencies(living, known | found.documents)

    def overfull(self, tx: Transaction, space: int) -> bool:
        """Whether the space, asked just now, has more memories than are searched by meaning."""
        held = self._held.get((tx.scope.workspace, space))
        return held is not None and held.rows.overfull

    async def _refreshed(self, tx: Transaction, space: int) -> _Held:
        held = self._held.setdefault((tx.scope.workspace, space), _Held())
        async with held.turn:
            await self._take_up(tx, space, held)
        return held

    async def _take_up(self, tx: Transaction, space: int, held: _Held) -> None:
        """What changed since. A transaction older than what is held changes nothing."""
        rows = await tx.rows(
            "SELECT changed FROM memory_spaces WHERE workspace = :workspace AND id = :space",
            {"space": space},
        )
        if not rows or rows[0][0] <= held.changed:
            return
        changed, after = held.changed + 1, 0
        while True:
            changes = await tx.rows(
                "SELECT m.number, m.kind, m.tier, m.forgotten_ns, m.text, v.model, v.scale, v.row, m.changed"
                " FROM memories m"
                " LEFT JOIN memory_vectors v ON v.workspace = m.workspace AND v.number = m.number"
                " WHERE m.workspace = :workspace AND m.space = :space AND m.changed >= :changed"
                " AND (m.changed > :changed OR m.number > :after) ORDER BY m.changed, m.number LIMIT :most",
                {"space": space, "changed": changed, "after": after, "most": _BATCH},
            )
            if changes:
                self._replace(held, changes)
            if len(changes) < _BATCH:
                break
            after, changed = changes[-1][0], changes[-1][-1]
        held.changed = rows[0][0]

    def _replace(self, held: _Held, changes: Sequence[tuple[object, ...]]) -> None:
        came: list[tuple[int, float, bytes]] = []
        for number, kind, tier, forgotten, text, model, scale, row, _ in changes:
            held.kinds.pop(number, None)  # type: ignore[call-overload]
            if forgotten:
                continue
            held.kinds[number] = (str(kind), str(tier))  # type: ignore[index]
            if model != self.embedder.model.id:
                made = quantise(self.vector(str(text))[None])
                scale, row = float(made.scales[0]), made.rows[0].tobytes()
            came.append((number, scale, row))  # type: ignore[arg-type]
        held.rows.replace([number for number, *_ in changes], came)  # type: ignore[misc]


def _rarest(documents: Mapping[str, int]) -> list[tuple[str, int]]:
    ordered = sorted(documents.items(), key=lambda item: (item[1], item[0]))
    if sum(count for _, count in ordered[:2]) > POSTINGS:
        return ordered[:FEW]
    rows = accumulate(count for _, count in ordered)
    return [each for each, sum_ in zip(ordered, rows, strict=True) if sum_ <= POSTINGS]
