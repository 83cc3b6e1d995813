"""How do bags of words become vectors, fast and in numpy alone?

A passage is the sum of its words' vectors weighted by ``1 + ln(count)``, plus ``header_weight`` times
the words of its header: where code stands says as much as what it does. Runs of word characters are
split once and remembered as numbers of words, the vectors of the first words met (the frequent ones) are
kept, and the sums are one small matrix product per batch.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.types import Passage
from sophia_mcp.words import identifiers, parts, recent_runs, runs

Rows = NDArray[np.float32]
Numbers = NDArray[np.intp]

BATCH = 96
"""Passages per matrix product: enough to be fast, few enough to stay in cache."""

MAX_RUNS = 200_000
"""Runs remembered before the memory starts over."""

KEPT_VECTORS = 16_384
"""Words whose vectors are kept: 16 MB of 256 dimensions. What is met early is met often."""

_COUNTS = 1 << 12
_WEIGHTS = np.concatenate([[0], 1 + np.log(np.arange(1, _COUNTS, dtype=np.float32))]).astype(np.float32)
"""The weight of a word that stands so often in a passage."""


class _Memory(dict[str, int]):
    """What is remembered: the number of each run, the words of each run, and the numbers of words."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._numbers: dict[str, int] = {}
        self._of_runs = array("q")
        self._ends = array("q", [0])

    def read(self, found: Sequence[Sequence[str]]) -> tuple[Numbers, Numbers]:
        """Numbers of the words of several lists of runs, one after the other, and how many words each
        list has."""
        sizes = np.fromiter(map(len, found), np.intp, len(found))
        count = int(sizes.sum())
        numbers = np.fromiter(map(self.__getitem__, chain.from_iterable(found)), np.intp, count)
        ends = np.frombuffer(self._ends, np.int64)
        starts, lengths = ends[numbers], ends[numbers + 1] - ends[numbers]
        after = np.cumsum(lengths)
        total = int(after[-1]) if count else 0
        places = np.arange(total) + np.repeat(starts - after + lengths, lengths)
        words = np.frombuffer(self._of_runs, np.int64)[places] if total else places
        borders = np.concatenate([[0], after])[np.concatenate([[0], np.cumsum(sizes)])]
        return words, np.diff(borders)

    def __missing__(self, run: str) -> int:
        for identifier in identifiers(run):
            for word in parts(identifier):
                number = self._numbers.get(word)
                if number is None:
                    number = self._numbers[word] = len(self.words)
                    self.words.append(word)
                self._of_runs.append(number)
        self[run] = number = len(self)
        self._ends.append(len(self._of_runs))
        return number


class Bags:
    """Sums of word vectors. ``word_vectors`` maps words to raw rows, (count, dimensions)."""

    def __init__(
        self, word_vectors: Callable[[Sequence[str]], Rows], dimensions: int, header_weight: float
    ) -> None:
        self._word_vectors = word_vectors
        self._dimensions = dimensions
        self._header_weight = header_weight
        self._forget()

    def _forget(self) -> None:
        self._memory = _Memory()
        self._kept: Rows = np.zeros((0, self._dimensions), np.float32)
        self._filled = 0
        self._columns = np.zeros(0, np.intp)

    def passages(self, passages: Sequence[Passage]) -> Rows:
        """Raw sums, (len(passages), dimensions)."""
        sums = np.zeros((len(passages), self._dimensions), np.float32)
        for start in range(0, len(passages), BATCH):
            if len(self._memory) > MAX_RUNS:
                self._forget()
            some = passages[start : start + BATCH]
            headers = {header: runs(" ".join(header)) for header in {each.header for each in some}}
            bodies = [recent_runs(passage.text) for passage in some]
            sums[start : start + len(some)] = self._sum(bodies, [headers[each.header] for each in some])
        return sums

    def query(self, text: str) -> Rows:
        """The raw plain sum of a question's words, (dimensions,)."""
        found, _ = self._memory.read([runs(text)])
        if not len(found):
            return np.zeros(self._dimensions, np.float32)
        sums: Rows = self._word_vectors([self._memory.words[number] for number in found]).sum(axis=0)
        return sums

    def _sum(self, bodies: Sequence[Sequence[str]], headers: Sequence[Sequence[str]]) -> Rows:
        count = len(bodies)
        words, sizes = self._memory.read([*bodies, *headers])
        if not len(words):
            return np.zeros((count, self._dimensions), np.float32)
        known, columns = self._narrow(words)
        width, body = len(known), int(sizes[:count].sum())
        numbers = np.arange(count) * width
        at_body = np.repeat(numbers, sizes[:count]) + columns[:body]
        at_head = np.repeat(numbers, sizes[count:]) + columns[body:]
        counts = np.bincount(at_body, minlength=count * width)
        weights = _WEIGHTS.take(counts, mode="clip")
        weights += self._header_weight * np.bincount(at_head, minlength=count * width)
        sums: Rows = weights.reshape(count, width) @ self._vectors(known)
        return sums

    def _narrow(self, words: Numbers) -> tuple[Numbers, Numbers]:
        """The different words, ascending, and the place of each word among them."""
        size = len(self._memory.words)
        if len(self._columns) < size:
            self._columns = np.zeros(2 * size, np.intp)
        present = np.zeros(size, np.bool_)
        present[words] = True
        known = np.flatnonzero(present)
        self._columns[known] = np.arange(len(known))
        return known, self._columns[words]

    def _vectors(self, known: Numbers) -> Rows:
        """Raw vectors of words, from what is kept as far as that goes; ``known`` is ascending."""
        words = self._memory.words
        wanted = min(len(words), KEPT_VECTORS)
        if self._filled < wanted:
            if wanted > len(self._kept):
                kept = np.empty((min(2 * wanted, KEPT_VECTORS), self._dimensions), np.float32)
                kept[: self._filled] = self._kept[: self._filled]
                self._kept = kept
            self._kept[self._filled : wanted] = self._word_vectors(words[self._filled : wanted])
            self._filled = wanted
        middle = int(np.searchsorted(known, wanted))
        frequent = self._kept.take(known[:middle], axis=0)
        if middle == len(known):
            return frequent
        return np.concatenate([frequent, self._word_vectors([words[n] for n in known[middle:]])])
