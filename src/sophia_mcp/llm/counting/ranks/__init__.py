"""The o200k vocabulary as shipped: tokens in rank order, lengths apart from bytes, compressed.

Layout of ``o200k.bin`` after decompression: a little-endian uint32 count, then ``count`` bytes of
token lengths, then all token bytes in rank order. ``scripts/build_ranks`` writes it.
"""

from __future__ import annotations

import struct
from importlib.resources import files
from itertools import accumulate, pairwise

import zstandard

LONGEST = 255
"""A token length is stored in one byte."""


def pack(ranks: dict[bytes, int]) -> bytes:
    """The shipped form of a vocabulary whose ranks count up from 0 without gaps."""
    tokens = sorted(ranks, key=ranks.__getitem__)
    if [ranks[token] for token in tokens] != list(range(len(tokens))):
        raise ValueError("ranks must count up from 0 without gaps")
    if max(map(len, tokens)) > LONGEST:
        raise ValueError(f"a token is longer than {LONGEST} bytes")
    raw = struct.pack("<I", len(tokens)) + bytes(map(len, tokens)) + b"".join(tokens)
    return zstandard.ZstdCompressor(level=19).compress(raw)


def unpack(packed: bytes) -> dict[bytes, int]:
    """Token bytes to rank."""
    raw = zstandard.ZstdDecompressor().decompress(packed)
    (count,) = struct.unpack_from("<I", raw)
    ends = accumulate(raw[4 : 4 + count], initial=4 + count)
    return {raw[start:end]: rank for rank, (start, end) in enumerate(pairwise(ends))}


def shipped() -> tuple[bytes, bytes]:
    """The lengths of the shipped o200k tokens, one byte each, and their bytes, both in rank order."""
    raw = zstandard.ZstdDecompressor().decompress(_packed())
    (count,) = struct.unpack_from("<I", raw)
    return raw[4 : 4 + count], raw[4 + count :]


def load() -> dict[bytes, int]:
    """The shipped o200k ranks."""
    return unpack(_packed())


def _packed() -> bytes:
    return files(__name__).joinpath("o200k.bin").read_bytes()
