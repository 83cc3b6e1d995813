"""How are the edges of a file kept? References, imports and fields, packed so that a name is found without
reading the rows."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

import zstandard

from sophia_mcp.types import Field, Import, Parsed, Reference

_ROWS = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False)


@dataclass(frozen=True, slots=True)
class Edges:
    """What ``pack`` keeps of a parsed file."""

    references: tuple[Reference, ...]
    imports: tuple[Import, ...]
    fields: tuple[Field, ...] = ()


_UNUSED = Edges((), ())


def pack(parsed: Parsed, compressor: zstandard.ZstdCompressor | None = None) -> bytes:
    """References, imports and fields as zstd of JSON rows. Who packs many brings a compressor."""
    text = _ROWS.encode((parsed.references, parsed.imports, parsed.fields))
    return (compressor or zstandard.ZstdCompressor(level=3)).compress(text.encode())


def unpack(packed: bytes) -> Edges:
    """The opposite of ``pack``. Raises ValueError or zstandard.ZstdError on damaged bytes."""
    # What an older parser packed has no fields; it is asked until all is read again.
    references, imports, *fields = json.loads(zstandard.decompress(packed))
    return Edges(
        tuple(Reference(*row) for row in references),
        tuple(Import(*row) for row in imports),
        tuple(Field(*row) for rows in fields for row in rows),
    )


def named(text: bytes) -> Counter[str]:
    """How often each name is called, made or extended in what ``pack`` compressed."""
    references, *_ = json.loads(text)
    return Counter(row[0] for row in references)


def spelling(name: str, *, part: bool) -> bytes:
    """How a name stands in what ``pack`` compressed; ``part``: it may be only a part of a text there."""
    written = json.dumps(name, ensure_ascii=False)
    return (written[1:-1] if part else written).encode("utf-8", "replace")


def uses(text: bytes, name: str, spelt: bytes) -> Edges:
    """The references to one name in what ``pack`` compressed, and the imports beside them; nothing where
    its ``spelling`` does not stand, which is told without reading the rows."""
    if spelt not in text:
        return _UNUSED
    references, imports, *_ = json.loads(text)
    return Edges(
        tuple(Reference(*row) for row in references if row[0] == name),
        tuple(Import(*row) for row in imports),
    )
