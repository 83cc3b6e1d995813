"""Which number stands for a word, and which direction does it point to?

Spans are compared with a question word by word. Words are numbered as they are met, so that a span
becomes an array, and their vectors are fetched once from the static embedder.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import compress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sophia_mcp import words
from sophia_mcp.search.spans import Span, comment_lines

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
"""Words to rows, one per word; a row of zeros stands for an unknown word."""

_FIND = words.IDENTIFIER.findall
_MOST_IDENTIFIERS = 120_000
"""Identifiers whose words are remembered: about 30 MB."""

_MOST_VECTORS = 16_000
"""Words whose vectors are kept: the first ones met, which are the usual ones (a kilobyte each; memory
that was never written costs nothing). Those of all others are asked for again."""

_MOST_CHUNKS = 2_000
"""Chunks whose words are remembered: about 10 MB."""


class Words(NamedTuple):
    """Word numbers of one span, each int32 and never empty (-1: no word): all its lines, its comment
    lines, its signature, its own name, the names around it."""

    body: NDArray[np.int32]
    comments: NDArray[np.int32]
    heads: NDArray[np.int32]
    names: NDArray[np.int32]
    homes: NDArray[np.int32]


class Read(NamedTuple):
    """The spans of a chunk (their file and chunk numbers unset) and the words of each."""

    spans: tuple[Span, ...]
    words: tuple[Words, ...]


class _Numbered(dict[str, bytes]):
    """The word numbers of each identifier met so far, as the bytes of int32: bytes are joined without
    making a Python number of each."""

    def __init__(self, word: Callable[[str], int]) -> None:
        super().__init__()
        self._word = word

    def __missing__(self, identifier: str) -> bytes:
        # Remembered here: the cache of ``parts`` would hold it once more.
        numbers = array("i", map(self._word, words.parts.__wrapped__(identifier))).tobytes()
        self[identifier] = numbers
        return numbers


class Lexicon:
    """Numbers for words and stems, with vectors for words; grows with use, and starts over when it
    holds more identifiers than a large repository has."""

    def __init__(self, encode: Encode | None = None) -> None:
        self._encode = encode
        self._reset()

    def _reset(self) -> None:
        self._of_identifier = _Numbered(self.word)
        self._of_word: dict[str, int] = {}
        self._of_stem: dict[str, int] = {}
        self._words: list[str] = []
        self._stems: list[int] = []
        self._rows = np.empty((0, 1), np.float32)
        self._encoded = 0
        self._stem_array = np.zeros(0, np.int32)
        self._read: dict[tuple[int, int], Read] = {}

    def make_room(self) -> None:
        """Start over when full. Call between questions only: numbers change."""
        if len(self._of_identifier) > _MOST_IDENTIFIERS:
            self._reset()
        if len(self._read) > _MOST_CHUNKS:
            self._read.clear()

    def word(self, text: str) -> int:
        """The number of one lower-case word."""
        number = self._of_word.get(text)
        if number is None:
            number = self._of_word[text] = len(self._words)
            self._words.append(text)
            self._stems.append(self.stem(words.stem(text)))
        return number

    def stem_of(self, number: int) -> int:
        """The stem of a numbered word."""
        return self._stems[number]

    def stem(self, text: str) -> int:
        """The number of one stem."""
        return self._of_stem.setdefault(text, len(self._of_stem))

    def text(self, text: str) -> list[int]:
        """The numbers of all words of a text, in order."""
        found: list[int] = np.frombuffer(self._numbers(text), np.int32).tolist()
        return found

    def path(self, path: str) -> NDArray[np.int32]:
        """The words of a path without its extension."""
        return _filled(self._numbers(path.rsplit(".", 1)[0]))

    def chunk(self, key: tuple[int, int]) -> Read | None:
        """What was read of a chunk, if it still is remembered; ``key`` is (blob, ordinal)."""
        return self._read.get(key)

    def read(self, key: tuple[int, int], spans: Sequence[Span], lines: Sequence[str]) -> Read:
        """Read the words of a chunk's spans and remember them."""
        held = self._read[key] = Read(tuple(spans), tuple(self._words_of(span, lines) for span in spans))
        return held

    def _words_of(self, span: Span, lines: Sequence[str]) -> Words:
        shown = lines[span.start - 1 : span.end]
        body = _filled(self._numbers("\n".join(shown)))
        spoken = list(compress(shown, comment_lines(shown)))
        return Words(
            body,
            body if len(spoken) == len(shown) else _filled(self._numbers("\n".join(spoken))),
            _filled(self._numbers(span.signature)),
            _filled(self._numbers(span.name)),
            _filled(self._numbers(span.container)),
        )

    def _numbers(self, text: str) -> bytes:
        return b"".join(map(self._of_identifier.__getitem__, _FIND(text)))

    def stems(self) -> NDArray[np.int32]:
        """The stem of every numbered word."""
        if len(self._stem_array) < len(self._stems):
            self._stem_array = np.array(self._stems, np.int32)
        return self._stem_array

    def vectors(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Raw vectors of the given words: (count, dimensions); one column of zeros without a model."""
        if self._encode is None:
            return np.zeros((len(numbers), 1), np.float32)
        missing = self._words[self._encoded : _MOST_VECTORS]
        if missing:
            rows = np.asarray(self._encode(missing), np.float32)
            if not len(self._rows):
                self._rows = np.empty((_MOST_VECTORS, rows.shape[1]), np.float32)
            self._rows[self._encoded : self._encoded + len(rows)] = rows
            self._encoded += len(rows)
        rare = np.flatnonzero(numbers >= self._encoded)
        if not len(rare):
            return self._rows[numbers]
        found: NDArray[np.float32] = self._rows[np.where(numbers < self._encoded, numbers, 0)]
        found[rare] = self._encode([self._words[number] for number in numbers[rare].tolist()])
        return found


_NO_WORD = np.array((-1,), np.int32)


def _filled(numbers: bytes) -> NDArray[np.int32]:
    return np.frombuffer(numbers, np.int32) if numbers else _NO_WORD
