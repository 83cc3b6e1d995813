"""Which files can contain these literals at all?

A file is a candidate when it has every trigram of a literal, in any letter case. Candidates are a
superset; the caller looks at the text itself. Files are kept in segments that are written once, as in
Lucene: what is added becomes a segment, small segments are put together, and a file that is removed
is crossed out until its segment is written again.

Which files of a segment have a trigram is told for each quarter of it: by their places, a byte each, or
by a bit for every file where that is shorter. Neighbouring trigrams share a row. Building this from sorted
numbers takes a fourth of what it takes FTS5 to keep trigrams as words, in as many bytes.
"""

from __future__ import annotations

import json
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.store.database import Transaction
from sophia_mcp.store.tables import exists

Grams = NDArray[np.uint32]
"""The different trigrams of a text, each a number of three times seven bits."""

TRIGRAMS_MOST = 24
"""Trigrams asked for per conjunction; leaving some out only widens the candidates."""

ALTERNATIVES_MOST = 64

FILES_MOST = 1024
"""Files of a segment: more are found a little faster, and are put together in more memory."""

_QUARTER = 256
_BITMAP = _QUARTER // 8
_PLACE_BITS = 10
"""A trigram and a place among FILES_MOST files are one number; its lowest byte is the place in a quarter."""

_BITS = [1 << place for place in range(_QUARTER)]

_LOW_BITS = 11
"""A row holds what differs in so many bits of trigram and quarter."""

_ROW_BITS = 12
"""What is left of them, and numbers the rows of a segment."""

_FEW = (8, 64, 512)
"""Segments with fewer files than this are put together, _TOGETHER of them at a time."""

_TOGETHER = 8
_AT_ONCE = 8
"""Segments read at once by a question: all of their rows are 12 MB."""

_GONE = -1
"""Stands for a file that was removed."""

_FOLDED = bytes(range(128)).lower() + bytes(128)
"""What a byte of UTF-8 is in a trigram: 0 for what no trigram has."""

_SAME_LETTER = {"\u017f": "s", "\u212a": "k"}
"""Letters beyond ASCII that equal an ASCII one in another case."""

_Keys = NDArray[Any]
"""Trigrams with a place each, ascending."""


class TrigramIndex(Protocol):
    """Trigrams of every repository's files."""

    async def add(self, tx: Transaction, repo: int, rows: Iterable[tuple[int, Grams]]) -> None:
        """Add files as (id, ``grams`` of its text) whose ids are not in the index yet."""
        ...

    async def remove(self, tx: Transaction, repo: int, ids: Sequence[int] | None) -> None:
        """Remove these files, or with None all of the repository. Unknown ids do no harm."""
        ...

    async def candidates(
        self, tx: Transaction, repo: int, any_of: Sequence[Sequence[str]]
    ) -> list[int] | None:
        """Ids of files, ascending, that may contain every literal of at least one conjunction.
        None: the literals cannot narrow the search, so every file must be looked at."""
        ...


class SegmentedTrigrams:
    """``TrigramIndex`` in segments. A table for each repository holds the rows of a segment at ids from
    ``segment << _ROW_BITS``, and its files, eight bytes for each place, at ``-segment``."""

    async def add(self, tx: Transaction, repo: int, rows: Iterable[tuple[int, Grams]]) -> None:
        table = _table(repo)
        if not await exists(tx, table):
            await tx.run(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, block BLOB NOT NULL)")
        # Generators: the connection's own thread works the rows out.
        await tx.many(_insert(table), _added(rows, await _next(tx, table)))
        await self._put_together(tx, table)

    async def remove(self, tx: Transaction, repo: int, ids: Sequence[int] | None) -> None:
        table = _table(repo)
        if ids is None:
            await tx.run(f"DROP TABLE IF EXISTS {table}")
        elif ids and await exists(tx, table):
            for segment, files in await _segments(tx, table):
                gone = np.isin(files, ids)
                if not gone.any():
                    continue
                files = np.where(gone, _GONE, files)
                if (files == _GONE).all():
                    await _drop(tx, table, segment)
                else:
                    await tx.run(
                        f"UPDATE {table} SET block = :files WHERE id = :id",  # noqa: S608
                        {"files": files.tobytes(), "id": -segment},
                    )

    async def candidates(
        self, tx: Transaction, repo: int, any_of: Sequence[Sequence[str]]
    ) -> list[int] | None:
        conjunctions = [trigrams(literals) for literals in any_of]
        if not conjunctions or not all(conjunctions) or len(conjunctions) > ALTERNATIVES_MOST:
            return None
        table = _table(repo)
        if not await exists(tx, table):
            return []
        asked = [[_number(three) for three in each] for each in conjunctions]
        numbers = sorted({_row(gram) for each in asked for gram in each})
        segments = await _segments(tx, table)
        found: list[int] = []
        for start in range(0, len(segments), _AT_ONCE):
            some = segments[start : start + _AT_ONCE]
            rows: dict[int, bytes] = dict(
                await tx.rows(
                    f"SELECT id, block FROM {table} WHERE id IN (SELECT segment.value + number.value"  # noqa: S608
                    " FROM json_each(:segments) segment, json_each(:numbers) number)",
                    {
                        "segments": json.dumps([segment << _ROW_BITS for segment, _ in some]),
                        "numbers": json.dumps(numbers),
                    },
                )
            )
            for segment, files in some:
                places = 0
                for each in asked:
                    places |= _places_of_all(each, rows, segment << _ROW_BITS)
                if places:
                    bits = np.frombuffer(places.to_bytes(FILES_MOST // 8, "little"), np.uint8)
                    found += files[np.unpackbits(bits, bitorder="little")[: len(files)] == 1].tolist()
        return sorted(id_ for id_ in found if id_ != _GONE)

    async def _put_together(self, tx: Transaction, table: str) -> None:
        """Make one of many small segments, as a question looks at each."""
        sizes: dict[int, list[tuple[int, NDArray[np.int64]]]] = {}
        for segment, files in await _segments(tx, table):
            sizes.setdefault(bisect_right(_FEW, np.count_nonzero(files != _GONE)), []).append(
                (segment, files)
            )
        for size, several in sizes.items():
            if size == len(_FEW) or len(several) < _TOGETHER:
                continue
            chosen = several[: min(len(several), FILES_MOST // _FEW[size])]
            old = [(files, await _rows_of(tx, table, segment)) for segment, files in chosen]
            await tx.many(_insert(table), _joined(old, await _next(tx, table)))
            for segment, _ in chosen:
                await _drop(tx, table, segment)


def trigrams(literals: Sequence[str]) -> list[str]:
    """Distinct trigrams of all literals that may be asked for, evenly thinned to
    ``TRIGRAMS_MOST``. Only ASCII ones: beyond it, what equals what in another letter case
    depends on the engine."""
    found = dict.fromkeys(
        three
        for literal in literals
        for three in (literal[i : i + 3].lower() for i in range(len(literal) - 2))
        if three.isascii() and "\0" not in three
    )
    every = list(found)
    step = max(1, -(-len(every) // TRIGRAMS_MOST))
    return every[::step]


def grams(text: str) -> Grams:
    """Every trigram of a text that may be asked for, once."""
    for letter, ascii_letter in _SAME_LETTER.items():
        text = text.replace(letter, ascii_letter)  # where there is none, ten times as fast as a table
    letters = text.encode("utf-8", "replace").translate(_FOLDED)
    count = len(letters) - 2
    if count < 1:
        return np.zeros(0, np.uint32)
    # A number of four bytes begins at every letter, the three of its trigram lowest.
    found: _Keys = np.ndarray((count,), "<u4", letters + b"\0", strides=(1,)) & 0xFFFFFF
    if 0 in letters:
        none = np.frombuffer(letters, np.uint8) == 0
        found = found[~(none[:-2] | none[1:-1] | none[2:])]
    found.sort()
    found = found[_firsts(found)]
    return ((found & 0x7F) << 14 | found >> 1 & 0x3F80 | found >> 16).astype(np.uint32, copy=False)


def _number(three: str) -> int:
    first, second, third = three.encode("ascii")
    return first << 14 | second << 7 | third


def _row(gram: int) -> int:
    """In which row of a segment a trigram stands."""
    return gram << 2 >> _LOW_BITS


def _firsts(values: _Keys) -> NDArray[np.bool_]:
    """Which of these ascending values differ from the one before."""
    new = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return new


def _added(rows: Iterable[tuple[int, Grams]], segment: int) -> Iterator[tuple[int, bytes]]:
    """The rows of new segments, from this number on."""
    part: list[tuple[int, Grams]] = []
    for row in rows:
        part.append(row)
        if len(part) == FILES_MOST:
            yield from _written(segment, *_keys(part))
            part, segment = [], segment + 1
    if part:
        yield from _written(segment, *_keys(part))


def _keys(part: Sequence[tuple[int, Grams]]) -> tuple[list[int], _Keys]:
    keys: _Keys = np.concatenate([found for _, found in part]) << _PLACE_BITS
    keys |= np.arange(len(part), dtype=np.uint32).repeat([len(found) for _, found in part])
    return [id_ for id_, _ in part], keys


def _joined(
    old: Sequence[tuple[NDArray[np.int64], Sequence[tuple[int, bytes]]]], segment: int
) -> Iterator[tuple[int, bytes]]:
    """The rows of a segment with the files that are left of others."""
    ids: list[int] = []
    every: list[_Keys] = []
    for files, rows in old:
        left = files != _GONE
        places = (np.cumsum(left) + (len(ids) - 1)).astype(np.uint32)
        ids += files[left].tolist()
        keys = _read(rows)
        place = keys & (FILES_MOST - 1)
        keys = keys >> _PLACE_BITS << _PLACE_BITS | places[place]
        every.append(keys[left[place]])
    yield from _written(segment, ids, np.concatenate(every))


def _written(segment: int, ids: Sequence[int], keys: _Keys) -> Iterator[tuple[int, bytes]]:
    """The rows of one segment. Each has its number of units, as a unit is a trigram and a quarter; then their
    low bits, two bytes each; how many bytes tell of their files, one each; and those bytes."""
    yield -segment, np.array(ids, "<i8").tobytes()
    keys.sort()
    units, places = keys >> 8, keys.astype(np.uint8)
    first = np.flatnonzero(_firsts(units))
    counts = np.diff(first, append=len(keys))
    units = units[first]
    many = counts >= _BITMAP
    sizes = np.where(many, _BITMAP, counts)
    listed = ~many.repeat(counts)
    bits = np.zeros((np.count_nonzero(many), _QUARTER), np.bool_)
    bits[np.arange(len(bits)).repeat(counts[many]), places[~listed]] = True
    told = np.empty(sizes.sum(), np.uint8)
    apart = many.repeat(sizes)
    told[apart] = np.packbits(bits, axis=1, bitorder="little").ravel()
    told[~apart] = places[listed]
    rows = units >> _LOW_BITS
    borders = [*np.flatnonzero(_firsts(rows)).tolist(), len(units)]
    ends = [0, *sizes.cumsum().tolist()]
    low = (units & (1 << _LOW_BITS) - 1).astype("<u2")
    sizes = sizes.astype(np.uint8)
    for start, end in pairwise(borders):
        head = (end - start).to_bytes(2, "little")
        parts = low[start:end], sizes[start:end], told[ends[start] : ends[end]]
        yield segment << _ROW_BITS | int(rows[start]), head + b"".join(p.tobytes() for p in parts)


def _read(rows: Sequence[tuple[int, bytes]]) -> _Keys:
    """What ``_written`` wrote, in any order."""
    units, sizes, told = [np.zeros(0, np.uint32)], [np.zeros(0, np.uint8)], [np.zeros(0, np.uint8)]
    for id_, block in rows:
        count = int.from_bytes(block[:2], "little")
        high = (id_ & (1 << _ROW_BITS) - 1) << _LOW_BITS
        units.append(np.frombuffer(block, "<u2", count, 2) | np.uint32(high))
        sizes.append(np.frombuffer(block, np.uint8, count, 2 + 2 * count))
        told.append(np.frombuffer(block, np.uint8, -1, 2 + 3 * count))
    unit, size, tells = np.concatenate(units) << 8, np.concatenate(sizes), np.concatenate(told)
    many = size == _BITMAP
    apart = many.repeat(size)
    bits = np.unpackbits(tells[apart].reshape(-1, _BITMAP), axis=1, bitorder="little")
    row, place = np.nonzero(bits)
    listed = unit[~many].repeat(size[~many]) | tells[~apart]
    return np.concatenate([unit[many][row] | place.astype(np.uint32), listed])


def _places_of_all(asked: Sequence[int], rows: dict[int, bytes], base: int) -> int:
    """A bit for each place of a segment whose file has all of these trigrams."""
    places = -1
    for gram in asked:
        block = rows.get(base | _row(gram))
        places &= _places(block, gram << 2 & (1 << _LOW_BITS) - 1) if block is not None else 0
        if not places:
            break
    return places


def _places(block: bytes, low: int) -> int:
    """A bit for each place whose file has the trigram with these low bits."""
    count = int.from_bytes(block[:2], "little")
    units: tuple[int, ...] = struct.unpack_from(f"<{count}H", block, 2)
    sizes = block[2 + 2 * count : 2 + 3 * count]
    unit = bisect_left(units, low)
    at = 2 + 3 * count + sum(sizes[:unit])
    places = 0
    while unit < count and units[unit] < low + FILES_MOST // _QUARTER:
        told = block[at : at + sizes[unit]]
        at += len(told)
        bits = (
            int.from_bytes(told, "little") if len(told) == _BITMAP else sum(map(_BITS.__getitem__, told))
        )
        places |= bits << _QUARTER * (units[unit] - low)
        unit += 1
    return places


async def _segments(tx: Transaction, table: str) -> list[tuple[int, NDArray[np.int64]]]:
    """Every segment with the id of the file at each of its places."""
    rows = await tx.rows(f"SELECT -id, block FROM {table} WHERE id < 0 ORDER BY id DESC")  # noqa: S608
    return [(segment, np.frombuffer(files, "<i8")) for segment, files in rows]


async def _rows_of(tx: Transaction, table: str, segment: int) -> list[tuple[int, bytes]]:
    return await tx.rows(
        f"SELECT id, block FROM {table} WHERE id >= :first AND id < :end",  # noqa: S608
        {"first": segment << _ROW_BITS, "end": segment + 1 << _ROW_BITS},
    )


async def _drop(tx: Transaction, table: str, segment: int) -> None:
    await tx.run(
        f"DELETE FROM {table} WHERE id = :files OR (id >= :first AND id < :end)",  # noqa: S608
        {"files": -segment, "first": segment << _ROW_BITS, "end": segment + 1 << _ROW_BITS},
    )


async def _next(tx: Transaction, table: str) -> int:
    """The number of the next segment."""
    rows = await tx.rows(f"SELECT coalesce(-min(id), 0) FROM {table} WHERE id < 0")  # noqa: S608
    return int(rows[0][0]) + 1


def _insert(table: str) -> str:
    return f"INSERT INTO {table} (id, block) VALUES (?, ?)"  # noqa: S608


def _table(repo: int) -> str:
    return f"trigram_segments_{int(repo)}"
