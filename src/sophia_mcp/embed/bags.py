"""How do bags of words become vectors, fast and in numpy alone?

A passage is the sum of its words' vectors weighted by ``1 + ln(count)``, plus ``header_weight`` times
the words of its header: where code stands says as much as what it does. Identifiers are split once and
remembered, word vectors are put together from their rows only for the words of a batch, and the sums
are one small matrix product per batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.types import Passage
from sophia_mcp.words import IDENTIFIER, parts

Rows = NDArray[np.float32]

BATCH = 96
"""Passages per matrix product: enough to be fast, few enough to stay in cache."""

MAX_IDENTIFIERS = 200_000
"""Identifiers remembered before the memory starts over."""


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
        self._numbers: dict[str, int] = {}
        self._words: list[str] = []
        self._identifiers: dict[str, tuple[int, ...]] = {}

    def passages(self, passages: Sequence[Passage]) -> Rows:
        """Raw sums, (len(passages), dimensions)."""
        sums = np.zeros((len(passages), self._dimensions), np.float32)
        for start in range(0, len(passages), BATCH):
            if len(self._identifiers) > MAX_IDENTIFIERS:
                self._forget()
            some = passages[start : start + BATCH]
            bodies = [self._read(passage.text) for passage in some]
            known = {
                header: self._read(" ".join(header)) for header in {passage.header for passage in some}
            }
            headers = [known[passage.header] for passage in some]
            sums[start : start + len(some)] = self._sum(bodies, headers)
        return sums

    def query(self, text: str) -> Rows:
        """The raw plain sum of a question's words, (dimensions,)."""
        found = self._read(text)
        if not found:
            return np.zeros(self._dimensions, np.float32)
        sums: Rows = self._word_vectors([self._words[number] for number in found]).sum(axis=0)
        return sums

    def _read(self, text: str) -> list[int]:
        """Numbers of the words of a text, in order."""
        known = self._identifiers
        found = IDENTIFIER.findall(text)
        try:
            return list(chain.from_iterable([known[identifier] for identifier in found]))
        except KeyError:
            for identifier in found:
                if identifier not in known:
                    known[identifier] = tuple(self._number(word) for word in parts(identifier))
            return list(chain.from_iterable([known[identifier] for identifier in found]))

    def _number(self, word: str) -> int:
        number = self._numbers.get(word)
        if number is None:
            number = self._numbers[word] = len(self._words)
            self._words.append(word)
        return number

    def _sum(self, bodies: Sequence[list[int]], headers: Sequence[list[int]]) -> Rows:
        count = len(bodies)
        body = np.fromiter(chain.from_iterable(bodies), np.int64)
        head = np.fromiter(chain.from_iterable(headers), np.int64)
        if not len(body) and not len(head):
            return np.zeros((count, self._dimensions), np.float32)
        known, columns = np.unique(np.concatenate([body, head]), return_inverse=True)
        width = len(known)
        numbers = np.arange(count)
        at_body = np.repeat(numbers, [len(words) for words in bodies]) * width + columns[: len(body)]
        at_head = np.repeat(numbers, [len(words) for words in headers]) * width + columns[len(body) :]
        weights = np.bincount(at_body, minlength=count * width).astype(np.float32)
        present = weights > 0
        weights[present] = 1 + np.log(weights[present])
        weights += self._header_weight * np.bincount(at_head, minlength=count * width)
        vectors = self._word_vectors([self._words[number] for number in known])
        return weights.astype(np.float32).reshape(count, width) @ vectors
