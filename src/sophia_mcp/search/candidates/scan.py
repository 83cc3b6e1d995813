"""Where does each word of these lines begin, and which number tells it from all others?

The words of ``sophia_mcp.words``, found by arithmetic on the bytes of all lines at once: a question
reads tens of thousands of them. A word's number is made of its letters, eight at a time, so that no word
is cut out of the text unless it is new.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]

_FACTOR = np.uint64(secrets.randbits(64) | 1)
"""Drawn by each process, so that no repository can hold words made to be taken for words of others. Odd, so
that what it multiplies can be told from it: no two words of eight letters or fewer have one number."""

_EIGHT = 8
_LOWERED = np.uint64(0x2020202020202020)
_FIRST = np.array([(1 << 8 * letters) - 1 for letters in range(_EIGHT + 1)], np.uint64)
"""Which bits of eight bytes are those of so many letters."""
_FOLDED = np.uint64(29)

_OTHER, _LOWER, _UPPER, _DIGIT, _MARK = range(5)
_BEGINS, _PASSED, _ENDS = 1, 2, 4


def _kinds() -> bytes:
    kinds = np.zeros(256, np.uint8)
    kinds[ord("a") : ord("z") + 1] = _LOWER
    kinds[ord("A") : ord("Z") + 1] = _UPPER
    kinds[ord("0") : ord("9") + 1] = _DIGIT
    kinds[ord("_")] = _MARK
    return kinds.tobytes()


def _begins(before: int, here: int, after: int) -> int:
    """Whether a word begins at a character of this kind between two others. ``_PASSED``: digits that no
    identifier begins with."""
    if here == _LOWER:
        return _BEGINS * (before not in (_LOWER, _UPPER))
    if here == _UPPER:
        return _BEGINS * (before != _UPPER or after == _LOWER)
    if here == _DIGIT:
        return _PASSED if before == _OTHER else _BEGINS * (before != _DIGIT)
    return 0


def _ends(before: int, here: int, after: int) -> int:
    """Whether a word ends before a character of this kind between two others."""
    outside = here in (_OTHER, _MARK)
    return _ENDS * (before not in (_OTHER, _MARK) and (outside or _begins(before, here, after) > 0))


_KIND = _kinds()
_MARKS = bytes(_begins(*kinds) | _ends(*kinds) for kinds in product(range(5), repeat=3)).ljust(256)


@dataclass(frozen=True, slots=True)
class Found:
    """The words of some lines in a row. ``first`` has one entry more than there are lines: line i holds
    the words ``first[i]`` to ``first[i + 1]``. ``starts`` and ``ends`` are places in ``text``."""

    text: str
    hashes: Hashes
    first: Places
    starts: Places
    ends: Places

    def word(self, place: int) -> str:
        """One word, in lower case."""
        return self.text[self.starts[place] : self.ends[place]].lower()


def scan(lines: Sequence[str]) -> Found:
    """The words of ASCII lines, none of which holds a line break."""
    text = "\n".join(("", *lines, " " * _EIGHT))  # a character before and after each line
    encoded = text.encode("ascii")
    raw = np.frombuffer(encoded, np.uint8)
    # A table of bytes is looked up in a third of the time of an array.
    kinds = np.frombuffer(encoded.translate(_KIND), np.uint8)
    around = kinds[:-2] * 25 + kinds[1:-1] * 5 + kinds[2:]
    marks = np.frombuffer(around.tobytes().translate(_MARKS), np.uint8)
    # Of truths they are found four times as fast as of numbers.
    (starts,) = (marks & (_BEGINS | _PASSED) > 0).nonzero()
    (ends,) = (marks & _ENDS > 0).nonzero()
    (breaks,) = (raw == ord("\n")).nonzero()
    counted = marks[starts] & _BEGINS > 0
    starts, ends = starts[counted] + 1, ends[counted] + 1
    hashes = _hashed(encoded, starts, ends - starts)
    return Found(text, hashes, starts.searchsorted(breaks), starts, ends)


def _hashed(text: bytes, starts: Places, lengths: Places) -> Hashes:
    """The number of each word, behind which there are eight bytes at least."""
    eights: Hashes = np.ndarray(len(text) - _EIGHT + 1, "<u8", text, strides=(1,))
    hashes = ((eights[starts] | _LOWERED) & _FIRST.take(lengths, mode="clip")) * _FACTOR
    at = _EIGHT
    while len(longer := (lengths > at).nonzero()[0]):
        part = (eights[starts[longer] + at] | _LOWERED) & _FIRST.take(lengths[longer] - at, mode="clip")
        before = hashes[longer]
        hashes[longer] = ((before ^ before >> _FOLDED) + part) * _FACTOR
        at += _EIGHT
    return hashes
