"""Which number stands for a word, and which direction does it point to?

Spans are compared with a question word by word. Words are numbered as they are met, so that a span
becomes an array, and their vectors are fetched once from the static embedder.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Container, Mapping, Sequence
from itertools import compress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sophia_mcp import words
from sophia_mcp.index.parsing.chunk import short
from sophia_mcp.search.candidates.evidence import unit
from sophia_mcp.search.candidates.scan import Found, scan
from sophia_mcp.search.view.held import Held
from sophia_mcp.search.view.spans import Span, comment_lines

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
"""Words to rows, one per word; a row of zeros stands for an unknown word."""

Key = tuple[int, int]
"""A blob and the ordinal of a chunk."""

_MOST_WORDS = 60_000
"""Words that are remembered: about 15 MB."""

_MOST_VECTORS = 12_000
"""Words whose vectors are kept: the first ones met, which are the usual ones (a kilobyte each; memory that was never
written costs nothing). Those of all others are asked for again."""

_SLOT_BITS = 17
"""Of a word's hash, for a table that numpy reads: two thirds of a dictionary's time go into asking for one
word after the other."""

_MOST_READ = 6 << 20
"""Bytes of the chunks whose words are remembered: some 3,000."""


class Words(NamedTuple):
    """The words of some spans in a row: for each span those of all its lines, of its signature, of its own name and of
    the names around it.

    numbers  int32, one for each word, inverted (``~``) in comment lines
    lengths  int32, (spans, 4): how many of each sort
    """

    numbers: NDArray[np.int32]
    lengths: NDArray[np.int32]


class Read(NamedTuple):
    """The spans of a chunk (their file and chunk numbers unset) and their words."""

    spans: tuple[Span, ...]
    words: Words

    def only(self, kinds: Container[str]) -> Read:
        """The spans of these kinds."""
        chosen = np.array([span.kind in kinds for span in self.spans], bool)
        numbers, lengths = self.words
        words = Words(numbers[np.repeat(chosen, lengths.sum(1))], lengths[chosen])
        return Read(tuple(compress(self.spans, chosen)), words)


class Lexicon:
    """Numbers for words and stems, with vectors for words; grows with use, and starts over when it
    holds more words than a large repository has."""

    def __init__(self, encode: Encode | None = None) -> None:
        self._encode = encode
        self._directions: tuple[tuple[str, ...], NDArray[np.float32]] | None = None
        self._reset()

    def _reset(self) -> None:
        self._of_hash: dict[int, int] = {}
        self._slot_hashes = np.zeros(1 << _SLOT_BITS, np.uint64)
        self._slot_numbers = np.full(1 << _SLOT_BITS, -1, np.int32)
        self._of_word: dict[str, int] = {}
        self._of_stem: dict[str, int] = {}
        self._words: list[str] = []
        self._stems = array("i")
        self._rows = np.empty((0, 1), np.float32)
        self._encoded = 0
        self._stem_array = np.zeros(0, np.int32)
        self._read: Held[Key, Read] = Held(_MOST_READ, _bytes_of)

    def make_room(self) -> None:
        """Start over when full. Call between questions only: numbers change."""
        if len(self._words) > _MOST_WORDS:
            self._reset()

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
        """The numbers of all words of a short text, in order."""
        return [self.word(word) for word in words.words(text)]

    def paths(self, paths: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The words of these paths without their extensions in a row, and where each begins in it, as of `lines`."""
        return self.lines([_one_line(path.rsplit(".", 1)[0]) for path in paths])

    def lines(self, lines: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The numbers of all words of these lines in a row, and where each line begins in it; one entry
        more says where the last line ends. Very long lines are read as far as the index reads them."""
        lines = short(lines)
        if all(map(str.isascii, lines)):
            found = scan(lines)
            return self._numbered(found), found.first
        odd = {place: self.text(line) for place, line in enumerate(lines) if not line.isascii()}
        found = scan(["" if place in odd else line for place, line in enumerate(lines)])
        return _spliced(self._numbered(found), found.first, odd)

    def _numbered(self, found: Found) -> NDArray[np.int32]:
        """The number of each word that was found; new words get one."""
        slots = (found.hashes >> np.uint64(64 - _SLOT_BITS)).astype(np.int64)
        numbers = self._slot_numbers.take(slots)
        numbers[self._slot_hashes.take(slots) != found.hashes] = -1
        others = np.flatnonzero(numbers < 0)
        if not len(others):
            return numbers
        known = self._of_hash.get
        # A word stands in many places: it is looked up once, in the order in which words are met.
        codes = found.hashes[others]
        order = np.argsort(codes, kind="stable")
        ordered = codes[order]
        new = np.ones(len(codes), bool)
        np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
        firsts = order[new]
        met = np.argsort(firsts)
        different, places = codes[firsts[met]], others[firsts[met]]
        told = np.array(
            [
                number if (number := known(code)) is not None else self._new(code, found.word(place))
                for code, place in zip(different.tolist(), places.tolist(), strict=True)
            ],
            np.int32,
        )
        by_code = np.empty_like(told)
        by_code[met] = told
        numbers[others[order]] = by_code.repeat(np.diff(np.flatnonzero(new), append=len(codes)))
        # One word of several in a slot stays there; the others are looked up as those that are new.
        self._slot_hashes[slots[places]] = different
        self._slot_numbers[slots[places]] = told
        return numbers

    def _new(self, code: int, word: str) -> int:
        """The number of a word that was not met under this hash."""
        number = self._of_hash[code] = self.word(word)
        return number

    def chunk(self, key: Key) -> Read | None:
        """What was read of a chunk, if it still is remembered."""
        return self._read.get(key)

    def read(self, chunks: Sequence[tuple[Key, Sequence[Span], int, Sequence[str]]]) -> dict[Key, Read]:
        """Read the words of chunks' spans and remember them. The number of a chunk's first line comes with it, and its
        lines from there on."""
        lines: list[str] = []
        comments: list[bool] = []
        lengths: list[int] = []
        for _, spans, first, text in chunks:
            for span in spans:
                shown = text[span.start - first : span.end - first + 1]
                lengths.append(len(shown))
                lines += shown
                lines += map(_one_line, (span.signature, span.name, span.container))
                comments += comment_lines(shown)
                comments += _NO_COMMENTS
        numbers, begins = self.lines(lines)
        numbers ^= -np.repeat(np.frombuffer(bytes(comments), np.int8), np.diff(begins))
        shown_lines = np.array(lengths, np.int64)
        ends = np.cumsum(shown_lines + len(_NO_COMMENTS))
        signatures = ends - len(_NO_COMMENTS)
        edges = begins[np.stack([signatures - shown_lines, signatures, ends - 2, ends - 1, ends], 1)]
        counts = np.diff(edges, axis=1).astype(np.int32)
        after = [0, *edges[:, -1].tolist()]
        row = 0
        found: dict[Key, Read] = {}
        for key, spans, *_ in chunks:
            rows = slice(row, row + len(spans))
            part = slice(after[rows.start], after[rows.stop])
            # Copies: a part would hold on to all that was read with it.
            held = found[key] = Read(tuple(spans), Words(numbers[part].copy(), counts[rows].copy()))
            self._read.put(key, held)
            row = rows.stop
        return found

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
            return self._rows.take(numbers, 0)
        found = self._rows.take(np.where(numbers < self._encoded, numbers, 0), 0)
        found[rare] = self._encode([self._words[number] for number in numbers[rare].tolist()])
        return found

    def directions(self, named: tuple[str, ...]) -> NDArray[np.float32]:
        """Unit vectors of these words: (count, dimensions). They are remembered until others are asked for."""
        if self._directions is None or self._directions[0] != named:
            numbers = np.array([self.word(word) for word in named], np.int64)
            self._directions = named, unit(self.vectors(numbers))
        return self._directions[1]


def _bytes_of(read: Read) -> int:
    return 500 + 400 * len(read.spans) + read.words.numbers.nbytes


_NO_COMMENTS = (False, False, False)
"""A signature, a name and a container are none."""


def _one_line(text: str) -> str:
    return text.replace("\n", " ")


def _spliced(
    numbers: NDArray[np.int32], first: NDArray[np.int64], others: Mapping[int, Sequence[int]]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The numbers with those of ``others``, by line, put where these lines have none yet."""
    lengths = np.diff(first)
    more = [len(each) for each in others.values()]
    lengths[list(others)] = more
    places = first[list(others)].repeat(more)
    added = [number for each in others.values() for number in each]
    return np.insert(numbers, places, added), np.append(0, np.cumsum(lengths))
