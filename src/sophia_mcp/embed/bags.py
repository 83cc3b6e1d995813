"""How do bags of words become vectors, fast and in numpy alone?

A passage is the sum of its words' vectors weighted by ``1 + ln(count)``, plus ``header_weight`` times
the words of its header: where code stands says as much as what it does. A word in turn is the sum of some
rows of a table. What was met is remembered as numbers, identifiers as those of words and words as those of
rows, and the sums are one small matrix product per batch.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, chain
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.types import Passage
from sophia_mcp.words import Split, parts, split, split_passages

Rows = NDArray[np.float32]
Numbers = NDArray[np.intp]

BATCH = 96
"""Passages per matrix product: enough to be fast, few enough to stay in cache."""

_COUNTS = 1 << 12
_WEIGHTS = np.concatenate([[0], 1 + np.log(np.arange(1, _COUNTS, dtype=np.float32))]).astype(np.float32)
"""The weight of a word that stands so often in a passage."""


class _Lists:
    """Many short lists of numbers, each known by its place."""

    def __init__(self) -> None:
        self._items = array("q")
        self._ends = array("q", [0])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, items: Iterable[int], lengths: Iterable[int]) -> None:
        """The items of more lists, one list after the other, and how many each has."""
        self._items.extend(items)
        self._ends.extend(accumulate(lengths, initial=self._ends.pop()))

    def read(self, places: Numbers) -> tuple[Numbers, Numbers]:
        """The same of the lists at these places."""
        ends = np.frombuffer(self._ends, np.int64)
        starts = ends[places]
        lengths = ends[places + 1] - starts
        after = lengths.cumsum()
        if not len(after) or not after[-1]:
            return np.zeros(0, np.intp), lengths
        here = np.arange(after[-1]) + (starts - after + lengths).repeat(lengths)
        return np.frombuffer(self._items, np.int64)[here], lengths


class _Memory(dict[str, int]):
    """What is remembered: a number for each word, the words of each identifier that was met, and the rows of
    each word."""

    def __init__(self, identifiers: list[str], rows_of: Callable[[str], Sequence[int]]) -> None:
        super().__init__()
        self.identifiers = identifiers
        self.words = _Lists()
        self.rows = _Lists()
        self._rows_of = rows_of
        self._new: list[str] = []

    def __missing__(self, word: str) -> int:
        self._new.append(word)
        self[word] = number = len(self)
        return number

    def learn(self) -> None:
        """Take in what was met since the last time."""
        met = list(map(parts, self.identifiers[len(self.words) :]))
        self.words.add(map(self.__getitem__, chain.from_iterable(met)), map(len, met))
        rows = list(map(self._rows_of, self._new))
        self.rows.add(chain.from_iterable(rows), map(len, rows))
        self._new.clear()


class Bags:
    """Sums of word vectors. ``rows_of`` names the rows of a table that make up a word, none for an unknown
    one; ``weighed`` takes such rows and weights (count, len(rows)), and adds up (count, dimensions)."""

    def __init__(
        self,
        rows_of: Callable[[str], Sequence[int]],
        weighed: Callable[[Numbers, Rows], Rows],
        dimensions: int,
        header_weight: float,
    ) -> None:
        self._rows_of, self._weighed = rows_of, weighed
        self._dimensions = dimensions
        self._header_weights = np.arange(_COUNTS, dtype=np.float32) * np.float32(header_weight)
        self._memory = _Memory([], rows_of)
        self._columns = np.zeros(0, np.intp)
        self._one_at_a_time = Lock()

    def passages(self, passages: Sequence[Passage]) -> Rows:
        """Raw sums, (len(passages), dimensions)."""
        count = len(passages)
        sums = np.zeros((count, self._dimensions), np.float32)
        with self._one_at_a_time:
            words, borders = self._read(split_passages(tuple(passages)))
            bodies, headers = borders[: count + 1], borders[count:]
            for start in range(0, count, BATCH):
                some = slice(start, start + BATCH + 1)
                sums[start : start + BATCH] = self._sum(words, bodies[some], headers[some])
        return sums

    def query(self, text: str) -> Rows:
        """The raw plain sum of a question's words, (dimensions,)."""
        with self._one_at_a_time:
            words, _ = self._read(split([text]))
            rows, _ = self._memory.rows.read(words)
        sums: Rows = self._weighed(rows, np.ones((1, len(rows)), np.float32))[0]
        return sums

    def _read(self, texts: Split) -> tuple[Numbers, Numbers]:
        """The numbers of all words, text after text, and where each text begins among them and the last ends."""
        if texts.identifiers is not self._memory.identifiers:
            self._memory = _Memory(texts.identifiers, self._rows_of)
        self._memory.learn()
        runs = np.fromiter(texts.different, np.intp, len(texts.different))
        words, lengths = self._memory.words.read(runs.take(texts.places))
        after = np.concatenate([[0], lengths.cumsum()])
        return words, np.append(after[np.flatnonzero(texts.places == 0)], len(words))

    def _sum(self, words: Numbers, bodies: Numbers, headers: Numbers) -> Rows:
        """The sums of some passages, by where their texts and headers begin and end among the words."""
        count = len(bodies) - 1
        said = np.concatenate([words[bodies[0] : bodies[-1]], words[headers[0] : headers[-1]]])
        if not len(said):
            return np.zeros((count, self._dimensions), np.float32)
        known, columns = self._narrow(said)
        width, body = len(known), bodies[-1] - bodies[0]
        order = np.arange(count)
        at_body = columns[:body] * count + order.repeat(np.diff(bodies))
        at_head = columns[body:] * count + order.repeat(np.diff(headers))
        # A passage has few of all words: only its own are weighed.
        weights = np.zeros(width * count, np.float32)
        weights[at_body] = _WEIGHTS.take(np.bincount(at_body).take(at_body), mode="clip")
        weights[at_head] += self._header_weights.take(np.bincount(at_head).take(at_head), mode="clip")
        rows, lengths = self._memory.rows.read(known)
        return self._weighed(rows, weights.reshape(width, count).repeat(lengths, axis=0).T)

    def _narrow(self, words: Numbers) -> tuple[Numbers, Numbers]:
        """The different words, and the place of each word among them."""
        if len(self._columns) < len(self._memory):
            self._columns = np.zeros(2 * len(self._memory), np.intp)
        order = np.arange(len(words))
        self._columns[words] = order
        known = words[self._columns[words] == order]  # where it stands last
        self._columns[known] = order[: len(known)]
        return known, self._columns[words]
