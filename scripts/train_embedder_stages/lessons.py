"""How do pairs become rows of the table? Package by package, in as many processes as there are; what several
packages ask in the same words is learned from the first."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.embed.pieces import Pieces
from sophia_mcp.words import words

from .mine import Pair

MAX_CODE = 1500


@dataclass(frozen=True, slots=True)
class Bags:
    """Ragged lists of rows: list ``i`` is ``rows[starts[i]:starts[i + 1]]`` with the same weights."""

    rows: NDArray[np.int32]
    weights: NDArray[np.float32]
    starts: NDArray[np.int64]

    def take(self, chosen: NDArray[np.int64]) -> Bags:
        """The chosen lists, in that order."""
        lengths = self.starts[chosen + 1] - self.starts[chosen]
        starts = _starts(lengths)
        index = np.arange(int(starts[-1])) - np.repeat(starts[:-1] - self.starts[chosen], lengths)
        return Bags(self.rows[index], self.weights[index], starts)


@dataclass(frozen=True, slots=True)
class Lessons:
    """Pairs as rows. ``packages`` numbers the package of each; ``asked`` tells its question, ``same`` its
    code: several sentences ask for one, and none of them is wrong for another."""

    queries: Bags
    codes: Bags
    headers: Bags
    packages: NDArray[np.int64]
    asked: NDArray[np.int64]
    same: NDArray[np.int64]

    def take(self, chosen: NDArray[np.int64]) -> Lessons:
        """The chosen lessons, in that order."""
        return Lessons(
            self.queries.take(chosen),
            self.codes.take(chosen),
            self.headers.take(chosen),
            self.packages[chosen],
            self.asked[chosen],
            self.same[chosen],
        )


def tokenise(package: int, pairs: Iterable[Pair], pieces: Pieces) -> Lessons:
    """The lessons of one package."""
    queries: list[list[tuple[int, float]]] = []
    codes: list[list[tuple[int, float]]] = []
    headers: list[list[tuple[int, float]]] = []
    asked: list[int] = []
    same: list[int] = []
    for pair in pairs:
        query = [(row, 1.0) for word in words(pair.query) for row in pieces.rows(word)]
        code = Counter(words(pair.code[:MAX_CODE]))
        if len(query) < 3 or len(code) < 5:
            continue
        queries.append(query)
        codes.append([(row, 1 + np.log(n)) for word, n in code.items() for row in pieces.rows(word)])
        headers.append(
            [(row, 1.0) for name in pair.header for word in words(name) for row in pieces.rows(word)]
        )
        asked.append(_number(pair.query.lower()))
        same.append(_number(pair.code))
    return Lessons(
        _bags(queries),
        _bags(codes),
        _bags(headers),
        np.full(len(asked), package, np.int64),
        np.array(asked, np.int64),
        np.array(same, np.int64),
    )


def together(parts: Sequence[Lessons]) -> Lessons:
    """The lessons of all packages, each question once."""
    every = Lessons(
        _joined([part.queries for part in parts]),
        _joined([part.codes for part in parts]),
        _joined([part.headers for part in parts]),
        np.concatenate([part.packages for part in parts]),
        np.concatenate([part.asked for part in parts]),
        np.concatenate([part.same for part in parts]),
    )
    _, first = np.unique(every.asked, return_index=True)
    return every.take(np.sort(first))


def _bags(lists: Sequence[Sequence[tuple[int, float]]]) -> Bags:
    return Bags(
        np.array([row for row, _ in chain.from_iterable(lists)], np.int32),
        np.array([weight for _, weight in chain.from_iterable(lists)], np.float32),
        _starts(np.array([len(entry) for entry in lists], np.int64)),
    )


def _joined(parts: Sequence[Bags]) -> Bags:
    return Bags(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.weights for part in parts]),
        _starts(np.concatenate([np.diff(part.starts) for part in parts])),
    )


def _starts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    starts = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    return starts


def _number(text: str) -> int:
    """The same for the same text, in whichever process."""
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
