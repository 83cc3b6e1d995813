"""How many tokens of a vocabulary make up a run of bytes? Without a dictionary of 200,000 entries.

A count needs the ranks of few pieces. The tokens stay the bytes they are shipped as, and are found by
a hash of their first and last eight bytes that numpy computes for all of them at once: three megabytes
and some milliseconds, where the tables of an encoder take eighty and half a second.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_MASK = (1 << 64) - 1
_HEAD, _TAIL, _LENGTH = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
"""Odd numbers without pattern, for mixing."""
_BUCKET_BITS = 18
_SHIFT = 64 - _BUCKET_BITS


class Vocabulary:
    """Tokens in the order of their ranks: ``lengths`` has one byte for each, ``tokens`` is all of them
    in a row."""

    def __init__(self, lengths: bytes, tokens: bytes) -> None:
        sizes = np.frombuffer(lengths, np.uint8).astype(np.int64)
        edges = np.concatenate([[0], np.cumsum(sizes)])
        padded = np.frombuffer(tokens + bytes(8), np.uint8)
        head = _word(padded, edges[:-1], sizes)
        tail = _word(padded, np.maximum(edges[1:] - 8, edges[:-1]), sizes)
        mixed = (
            head * np.uint64(_HEAD)
            ^ tail * np.uint64(_TAIL)
            ^ sizes.astype(np.uint64) * np.uint64(_LENGTH)
        )
        buckets = (mixed >> np.uint64(_SHIFT)).astype(np.int64)
        counts = np.bincount(buckets, minlength=1 << _BUCKET_BITS)
        self._tokens = tokens
        self._edges = edges.astype(np.uint32).data
        self._ranks = np.argsort(buckets, kind="stable").astype(np.uint32).data
        self._first = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32).data
        self._of_two = _of_two(padded, edges[:-1], sizes)

    def rank(self, piece: bytes) -> int:
        """The rank of a token, or -1."""
        mixed = (
            int.from_bytes(piece[:8], "little") * _HEAD
            ^ int.from_bytes(piece[-8:], "little") * _TAIL
            ^ len(piece) * _LENGTH
        )
        bucket = (mixed & _MASK) >> _SHIFT
        edges = self._edges
        for place in range(self._first[bucket], self._first[bucket + 1]):
            rank = self._ranks[place]
            if self._tokens[edges[rank] : edges[rank + 1]] == piece:
                return rank
        return -1

    def count(self, piece: bytes) -> int:
        """How many tokens byte pair encoding leaves of a piece: the neighbours whose union has the
        lowest rank are merged, the first of equals, until none has a rank. Every single byte has one.

        Takes time that grows with the square of the length: for short pieces only.
        """
        if len(piece) < 2 or self.rank(piece) >= 0:
            return min(len(piece), 1)
        edges = list(range(len(piece) + 1))
        of_two = self._of_two
        unions = [of_two[left << 8 | right] for left, right in pairwise(piece)]
        while unions and (lowest := min(unions)) < _NONE:
            at = unions.index(lowest)
            del edges[at + 1], unions[at]
            if at < len(unions):
                unions[at] = self._union(piece, edges, at)
            if at:
                unions[at - 1] = self._union(piece, edges, at - 1)
        return len(edges) - 1

    def _union(self, piece: bytes, edges: list[int], at: int) -> int:
        rank = self.rank(piece[edges[at] : edges[at + 2]])
        return _NONE if rank < 0 else rank


_NONE = (1 << 32) - 1
"""Above every rank."""


def _of_two(
    padded: NDArray[np.uint8], starts: NDArray[np.int64], sizes: NDArray[np.int64]
) -> memoryview:
    """The rank of each token of two bytes by these bytes: the first unions of every piece are such."""
    ranks = np.flatnonzero(sizes == 2)
    found = np.full(1 << 16, _NONE, np.uint32)
    at = starts[ranks]
    found[padded[at].astype(np.int64) << 8 | padded[at + 1]] = ranks
    return found.data


def _word(
    padded: NDArray[np.uint8], starts: NDArray[np.int64], sizes: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Up to eight bytes from each start as one little-endian number."""
    rows = padded[starts[:, None] + np.arange(8)]
    rows[np.arange(8) >= sizes[:, None]] = 0
    words: NDArray[np.uint64] = rows.view("<u8")[:, 0]
    return words
