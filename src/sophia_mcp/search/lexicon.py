"""Which number stands for a word, and which direction does it point to?

Spans are compared with a question word by word. Words are numbered as they are met, so that a span
becomes an array, and their vectors are fetched once from the static embedder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sophia_mcp import words
from sophia_mcp.search.spans import comment_lines

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
"""Words to rows, one per word; a row of zeros stands for an unknown word."""

_MOST_IDENTIFIERS = 300_000
_MOST_SPANS = 8_000
"""Spans whose words are remembered: about 16 MB."""


class Lexicon:
    """Numbers for words and stems, with vectors for words; grows with use, and starts over when it
    holds more identifiers than a large repository has."""

    def __init__(self, encode: Encode | None = None) -> None:
        self._encode = encode
        self._reset()

    def _reset(self) -> None:
        self._of_identifier: dict[str, tuple[int, ...]] = {}
        self._of_word: dict[str, int] = {}
        self._of_stem: dict[str, int] = {}
        self._words: list[str] = []
        self._stems: list[int] = []
        self._rows = np.zeros((0, 1), np.float32)
        self._stem_array = np.zeros(0, np.int32)
        self._read: dict[tuple[int, int, int], tuple[list[int], list[int]]] = {}

    def make_room(self) -> None:
        """Start over when full. Call between questions only: numbers change."""
        if len(self._of_identifier) > _MOST_IDENTIFIERS:
            self._reset()
        if len(self._read) > _MOST_SPANS:
            self._read.clear()

    def identifier(self, text: str) -> tuple[int, ...]:
        """The numbers of an identifier's words."""
        found = self._of_identifier.get(text)
        if found is None:
            found = self._of_identifier[text] = tuple(self.word(part) for part in words.parts(text))
        return found

    def word(self, text: str) -> int:
        """The number of one lower-case word."""
        number = self._of_word.get(text)
        if number is None:
            number = self._of_word[text] = len(self._words)
            self._words.append(text)
            self._stems.append(self.stem(words.stem(text)))
        return number

    def stem(self, text: str) -> int:
        """The number of one stem."""
        return self._of_stem.setdefault(text, len(self._of_stem))

    def text(self, text: str) -> list[int]:
        """The numbers of all words of a text, in order."""
        of = self.identifier
        return [number for found in words.IDENTIFIER.findall(text) for number in of(found)]

    def span(self, key: tuple[int, int, int], lines: Sequence[str]) -> tuple[list[int], list[int]]:
        """The words of a span and those of its comment lines; ``key`` is (blob, first, last line)."""
        held = self._read.get(key)
        if held is None:
            numbers = [self.text(line) for line in lines]
            spoken = [
                n for line, mark in zip(numbers, comment_lines(lines), strict=True) if mark for n in line
            ]
            held = self._read[key] = ([n for line in numbers for n in line], spoken)
        return held

    def stems(self) -> NDArray[np.int32]:
        """The stem of every numbered word."""
        if len(self._stem_array) < len(self._stems):
            self._stem_array = np.array(self._stems, np.int32)
        return self._stem_array

    def vectors(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Raw vectors of the given words: (count, dimensions); one column of zeros without a model."""
        if self._encode is None:
            return np.zeros((len(numbers), 1), np.float32)
        missing = self._words[len(self._rows) :]
        if missing:
            rows = np.asarray(self._encode(missing), np.float32)
            self._rows = rows if not len(self._rows) else np.concatenate([self._rows, rows])
        return self._rows[numbers]
