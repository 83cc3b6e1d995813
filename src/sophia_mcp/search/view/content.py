"""What does a blob say? Text, chunks, symbols and edges of blobs, kept while they are in use.

A blob never changes, so what was read stays true; the caches are bounded by size only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, overload

import numpy as np
import zstandard

from sophia_mcp.index.parsing import packed
from sophia_mcp.index.parsing.packed import Edges
from sophia_mcp.index.schema import CHUNKS_PER_BLOB
from sophia_mcp.search.view.held import Held
from sophia_mcp.search.view.spans import REACH, Piece, Unit, units
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import Kind, Symbol

T = TypeVar("T")

_MAX_TEXT = 4 << 20
"""No stored text is longer (files over 1 MB are not indexed; decoding may grow them)."""


class Lines(Sequence[str]):
    """The lines of a UTF-8 text without their ends, cut out when they are asked for: a question reads a
    few lines of large files."""

    __slots__ = ("_raw", "_starts")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        (breaks,) = (np.frombuffer(raw, np.uint8) == ord("\n")).nonzero()
        starts = np.zeros(len(breaks) + 2, np.int32)
        starts[1:-1], starts[-1] = breaks, len(raw)
        starts[1:] += 1
        self._starts = starts.data

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            first, last, step = place.indices(len(self))
            if step != 1:
                return list(self)[place]
            if first >= last:
                return []
            return self.joined(first, last).split("\n")
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        place %= len(self)
        return self._raw[self._starts[place] : self._starts[place + 1] - 1].decode()

    def __iter__(self) -> Iterator[str]:
        return iter(self[:])

    def joined(self, first: int, last: int) -> str:
        """Lines ``first`` to ``last`` (from 0, without the last) as one text."""
        first, last = max(first, 0), min(last, len(self))
        return self._raw[self._starts[first] : self._starts[last] - 1].decode() if first < last else ""


@dataclass(frozen=True, slots=True)
class Text:
    """The decoded text of a blob, by lines without their ends, and how many bytes it has."""

    lines: Lines
    length: int

    @property
    def height(self) -> int:
        """How many lines there are to be shown: behind the end of the last one no other begins."""
        last = len(self.lines)
        return last - (last > 1 and not self.lines[-1])

    def span(self, start: int, end: int) -> str:
        """Lines ``start`` to ``end``, 1-based and inclusive."""
        return self.lines.joined(start - 1, end)


def ids(values: Iterable[int]) -> str:
    """Integers as an SQL list; only integers can pass."""
    return ",".join(str(int(value)) for value in values) or "NULL"


class Content:
    """Reads blobs in batches through the caches. One instance serves an engine."""

    def __init__(self) -> None:
        self._texts: Held[int, Text] = Held(4 << 20, lambda text: text.length + 64)
        self._pieces: Held[int, Piece] = Held(1 << 19, lambda piece: len(piece.names) + 64)
        self._symbols: Held[int, tuple[Symbol, ...]] = Held(6_000, lambda symbols: len(symbols) + 1)
        self._edges: Held[int, Edges] = Held(
            6_000, lambda found: len(found.references) + len(found.imports) + 1
        )

    async def texts(self, tx: Transaction, blobs: Sequence[int]) -> dict[int, Text]:
        """Texts of the given blobs."""

        async def read(missing: Sequence[int]) -> dict[int, Text]:
            rows = await tx.rows(
                f"SELECT id, text FROM blobs WHERE workspace = :workspace AND id IN ({ids(missing)})"  # noqa: S608
            )
            unpack = zstandard.ZstdDecompressor().decompress
            return {
                blob: Text(Lines(raw), len(raw))
                for blob, packed in rows
                for raw in (unpack(packed, max_output_size=_MAX_TEXT),)
            }

        return await _through(self._texts, blobs, read)

    async def bodies(self, tx: Transaction, blobs: Sequence[int]) -> dict[int, bytes]:
        """Texts of the given blobs as UTF-8, read past the cache: for scans of very many."""
        rows = await tx.rows(
            f"SELECT id, text FROM blobs WHERE workspace = :workspace AND id IN ({ids(set(blobs))})"  # noqa: S608
        )
        unpack = zstandard.ZstdDecompressor().decompress
        return {blob: unpack(packed, max_output_size=_MAX_TEXT) for blob, packed in rows}

    async def pieces(
        self, tx: Transaction, keys: Iterable[tuple[int, int]]
    ) -> dict[tuple[int, int], Piece]:
        """Where single chunks stand, by (blob, ordinal), with the names they define; unknown ones
        are absent."""
        found: dict[tuple[int, int], Piece] = {}
        missing: list[tuple[int, int]] = []
        for key in keys:
            held = self._pieces.get(key[0] * CHUNKS_PER_BLOB + key[1])
            if held is None:
                missing.append(key)
            else:
                found[key] = held
        for start in range(0, len(missing), _BATCH):
            pairs = ",".join(
                f"({int(blob)},{int(ordinal)})" for blob, ordinal in missing[start : start + _BATCH]
            )
            rows = await tx.rows(
                "SELECT blob_id, ordinal, start_line, end_line, kind, names FROM chunks"  # noqa: S608
                f" WHERE (blob_id, ordinal) IN (VALUES {pairs})"
            )
            for blob, ordinal, first, last, kind, names in rows:
                piece = found[blob, ordinal] = Piece(first, last, kind, names)
                self._pieces.put(blob * CHUNKS_PER_BLOB + ordinal, piece)
        return found

    async def units(
        self, tx: Transaction, pieces: Mapping[tuple[int, int], Piece]
    ) -> dict[tuple[int, int], Sequence[Unit]]:
        """The definitions that stand for themselves in or around these chunks, as ``cut`` wants them."""
        near: dict[tuple[int, int], list[tuple[str, Kind, int, int, str, str]]]
        near = {key: [] for key in pieces}
        asked = list(pieces.items())
        for start in range(0, len(asked), _BATCH):
            ranges = ",".join(
                f"({int(blob)},{int(ordinal)},{piece.start_line - REACH},{piece.end_line + REACH})"
                for (blob, ordinal), piece in asked[start : start + _BATCH]
            )
            rows = await tx.rows(
                f"WITH near (blob, ordinal, low, high) AS (VALUES {ranges})"  # noqa: S608
                " SELECT blob, ordinal, name, kind, start_line, end_line, container, signature"
                " FROM near CROSS JOIN symbols"
                " WHERE blob_id = blob AND end_line >= low AND start_line <= high"
                " ORDER BY blob, ordinal, start_line, end_line DESC, position"
            )
            for blob, ordinal, *values in rows:
                near[blob, ordinal].append(tuple(values))
        return {key: units(definitions) for key, definitions in near.items()}

    async def symbols(self, tx: Transaction, blobs: Sequence[int]) -> dict[int, tuple[Symbol, ...]]:
        """Definitions of the given blobs in file order."""

        async def read(missing: Sequence[int]) -> dict[int, tuple[Symbol, ...]]:
            rows = await tx.rows(
                "SELECT blob_id, name, kind, start_line, end_line, container, signature"  # noqa: S608
                f" FROM symbols WHERE blob_id IN ({ids(missing)}) ORDER BY blob_id, position"
            )
            found: dict[int, list[Symbol]] = {blob: [] for blob in missing}
            for blob, *values in rows:
                found[blob].append(Symbol(*values))
            return {blob: tuple(symbols) for blob, symbols in found.items()}

        return await _through(self._symbols, blobs, read)

    async def edges(self, tx: Transaction, blobs: Sequence[int]) -> dict[int, Edges]:
        """References and imports of the given blobs; blobs whose edges are not stored yet are absent."""

        async def read(missing: Sequence[int]) -> dict[int, Edges]:
            rows = await tx.rows(
                f"SELECT blob_id, packed FROM edges WHERE blob_id IN ({ids(missing)})"  # noqa: S608
            )
            return {blob: packed.unpack(row) for blob, row in rows}

        return await _through(self._edges, blobs, read)

    async def uses(
        self, tx: Transaction, blobs: Sequence[int], name: str, *, modules: bool
    ) -> dict[int, Edges]:
        """The references to a name with the imports beside them, as ``packed.uses`` tells them; ``modules``: a
        module may be called by it. Read past the cache, for very many blobs."""
        spelt = packed.spelling(name, part=modules)
        found: dict[int, Edges] = {}
        async for blob, text in _packed(tx, blobs):
            found[blob] = packed.uses(text, name, spelt)
        return found

    async def named(
        self, tx: Transaction, blobs: Sequence[int]
    ) -> AsyncIterator[tuple[int, Counter[str]]]:
        """Each blob with how often it names what. Read past the cache, one after the other, for very many."""
        async for blob, text in _packed(tx, blobs):
            yield blob, packed.named(text)


_BATCH = 400


async def _packed(tx: Transaction, blobs: Sequence[int]) -> AsyncIterator[tuple[int, bytes]]:
    """Each blob with its edges as they were before they were compressed."""
    unpack = zstandard.ZstdDecompressor().decompress
    for start in range(0, len(blobs), _BATCH):
        rows = await tx.rows(
            f"SELECT blob_id, packed FROM edges WHERE blob_id IN ({ids(blobs[start : start + _BATCH])})"  # noqa: S608
        )
        for blob, row in rows:
            yield blob, unpack(row)


async def _through(
    held: Held[int, T], blobs: Sequence[int], read: Callable[[Sequence[int]], Awaitable[dict[int, T]]]
) -> dict[int, T]:
    found: dict[int, T] = {}
    missing: list[int] = []
    for blob in dict.fromkeys(map(int, blobs)):
        item = held.get(blob)
        if item is None:
            missing.append(blob)
        else:
            found[blob] = item
    for start in range(0, len(missing), _BATCH):
        for blob, item in (await read(missing[start : start + _BATCH])).items():
            held.put(blob, item)
            found[blob] = item
    return found
