"""How many tokens of a vocabulary make up a run of bytes? Without a dictionary of 200,000 entries.

A count needs the ranks of few pieces. The tokens stay the bytes they are shipped as, and are found by
their checksums, which numpy computes for all of them at once: three megabytes and some milliseconds,
where the tables of an encoder take eighty and half a second.
"""

from __future__ import annotations

from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

_BUCKET_BITS = 17
_SHIFT = 32 - _BUCKET_BITS
_POLYNOMIAL = 0xEDB88320
"""The reversed polynomial of CRC-32, as zlib computes it."""


class Vocabulary:
    """Tokens in the order of their ranks: ``lengths`` has one byte for each, ``tokens`` is all of them
    in a row."""

    def __init__(self, lengths: bytes, tokens: bytes) -> None:
        sizes = np.frombuffer(lengths, np.uint8).astype(np.int64)
        edges = np.concatenate([[0], np.cumsum(sizes)])
        raw = np.frombuffer(tokens, np.uint8)
        sums = _checksums(raw, edges[:-1], sizes)
        order = np.argsort(sums, kind="stable")
        self._tokens = tokens
        self._edges = edges.astype(np.uint32).data
        self._ranks = order.astype(np.uint32).data
        self._sums = sums[order].data
        borders = np.arange((1 << _BUCKET_BITS) + 1, dtype=np.uint64) << np.uint64(_SHIFT)
        self._first = np.searchsorted(sums[order], borders).astype(np.uint32).data
        self._of_two = _of_two(raw, edges[:-1], sizes)

    def rank(self, piece: bytes) -> int:
        """The rank of a token, or -1."""
        code = crc32(piece)
        bucket, sums = code >> _SHIFT, self._sums
        for place in range(self._first[bucket], self._first[bucket + 1]):
            if sums[place] == code:
                rank = self._ranks[place]
                if self._tokens[self._edges[rank] : self._edges[rank + 1]] == piece:
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


def _of_two(raw: NDArray[np.uint8], starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> memoryview:
    """The rank of each token of two bytes by these bytes: the first unions of every piece are such."""
    ranks = np.flatnonzero(sizes == 2)
    found = np.full(1 << 16, _NONE, np.uint32)
    at = starts[ranks]
    found[raw[at].astype(np.int64) << 8 | raw[at + 1]] = ranks
    return found.data


def _checksums(
    raw: NDArray[np.uint8], starts: NDArray[np.int64], sizes: NDArray[np.int64]
) -> NDArray[np.uint32]:
    """The CRC-32 of each token, one byte of all of them after the other."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(_POLYNOMIAL), table >> 1).astype(np.uint32)
    longest_first = np.argsort(-sizes, kind="stable")
    starts, sizes = starts[longest_first], -sizes[longest_first]
    sums = np.full(len(sizes), 0xFFFFFFFF, np.uint32)
    for place in range(-int(sizes[0]) if len(sizes) else 0):
        left = int(np.searchsorted(sizes, -place))  # tokens that have a byte at this place
        some = sums[:left]
        sums[:left] = table[(some ^ raw[starts[:left] + place]) & 0xFF] ^ some >> 8
    found = np.empty_like(sums)
    found[longest_first] = ~sums
    return found
