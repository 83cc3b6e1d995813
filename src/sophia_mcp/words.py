"""How text becomes words: identifiers in any script are split at case, digit and underscore borders.

One pass serves the lexical index, the embedder, path features and memory, so that all of them
agree on what a word is. Everything here is pure and cached.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import count, groupby
from struct import pack
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from snowballstemmer import stemmer

from sophia_mcp.types import Passage

IDENTIFIER = re.compile(r"[^\W\d]\w*")
"""A run of word characters that does not begin with a digit (Unicode)."""

RUNS_MOST = 100_000
"""Runs remembered before the memory starts over."""

AT_ONCE = 16
"""Texts that are split at once: the runs of all chunks of a batch of files do not fit into a processor's cache."""

_BORDER = "\x01"
_BREAKS = bytes(code for code in range(128) if not (chr(code).isalnum() or chr(code) == "_"))
_TO_SPACES = bytes.maketrans(_BREAKS, b" " * len(_BREAKS))
_BUT_BORDERS = bytearray(_TO_SPACES)
_BUT_BORDERS[ord(_BORDER)] = ord(_BORDER)

_ASCII_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_PORTER = stemmer("porter")
_PORTER.maxCacheSize = 0  # it takes six times as long to clean its own memory as to find a stem
_MARK = "="

STOP_WORDS = frozenset(
    "a an and are as at be by can do does for from has have how i if in into is it its of on or so "
    "that the to this was we were what when where which who why will with you your".split()
)
"""English function words that carry no meaning in a question about code."""


def runs(text: str) -> list[str]:
    """What stands between breaks, in order: each holds one identifier, behind digits perhaps, or none.

    The identifiers of all runs are those of the text. A table finds runs four times as fast as the
    pattern finds identifiers, and whoever remembers what a run comes to asks the pattern once for each.
    """
    if text.isascii():
        return text.encode("ascii").translate(_TO_SPACES).decode("ascii").split()
    return IDENTIFIER.findall(text)


def identifiers(run: str) -> list[str]:
    """The identifier that a run holds, if any: the run itself unless it begins with a digit."""
    return IDENTIFIER.findall(run) if run[0].isdecimal() else [run]


class _Met(dict[str, int]):
    """The runs that were met, each with its number, and the ``identifiers`` they hold, in this order."""

    def __init__(self) -> None:
        super().__init__()
        self.identifiers: list[str] = []

    def __missing__(self, run: str) -> int:
        self.identifiers += identifiers(run) or [""]
        self[run] = number = len(self)
        return number

    def start_over(self) -> None:
        self.clear()
        self.identifiers = []


_MET = _Met()
_ONE_AT_A_TIME = Lock()


class Split(NamedTuple):
    """Several texts as their runs. ``identifiers`` are those of all runs that were met so far ("" for a run
    that holds none): the list grows, and is another one after it became too long. ``different`` holds
    the numbers among them of the runs of these texts, each once, and ``places`` is where each run stands
    among the different ones, text after text. Before each text stands a border, whose place is 0."""

    identifiers: list[str]
    different: list[int]
    places: NDArray[np.int64]

    def replaced(self, words: Sequence[str]) -> list[str]:
        """The texts with ``words`` in place of their different runs, joined by spaces."""
        known = np.array([_BORDER, *words[1:]], object)
        return " ".join(known.take(self.places).tolist()).split(_BORDER)[1:]


def split(texts: Sequence[str]) -> Split:
    """Texts that belong together, such as the chunks of a file. A file says the same again and again: what
    comes of a run is then looked up once, and not at each of its places."""
    numbers: dict[str, int] = defaultdict(count().__next__)
    places = bytearray()
    for start in range(0, len(texts), AT_ONCE):
        every = _bordered(texts[start : start + AT_ONCE])
        # numpy takes three times as long for each number that it is given by itself.
        places += pack(f"{len(every)}q", *map(numbers.__getitem__, every))
    with _ONE_AT_A_TIME:
        if len(_MET) > RUNS_MOST:
            _MET.start_over()
        different = list(map(_MET.__getitem__, numbers))
        return Split(_MET.identifiers, different, np.frombuffer(places, np.int64))


def _bordered(texts: Sequence[str]) -> list[str]:
    """The runs of all texts, and a border before those of each."""
    every: list[str] = []
    for plain, some in groupby(texts, _is_plain):
        if plain:
            whole = f"{_BORDER} " + f" {_BORDER} ".join(some)
            every += whole.encode("ascii").translate(_BUT_BORDERS).decode("ascii").split()
        else:
            every += [run for text in some for run in (_BORDER, *runs(text))]
    return every


def _is_plain(text: str) -> bool:
    return text.isascii() and _BORDER not in text


@lru_cache(1)
def split_passages(passages: tuple[Passage, ...]) -> Split:
    """The texts of passages, then their headers. The last ones are remembered: an index splits the chunks of
    a file for their words and for their vectors. The lists are shared; nobody changes them."""
    return split([each.text for each in passages] + [" ".join(each.header) for each in passages])


@lru_cache(1 << 13)
def parts(identifier: str) -> tuple[str, ...]:
    """``getHTTPServer_v2`` → ``("get", "http", "server", "v", "2")``; other scripts split by case."""
    if identifier.isascii():
        bare = identifier.replace("_", "")
        if bare.isalpha() and (bare.islower() or bare.isupper() or identifier.istitle()):
            return tuple(identifier.lower().replace("_", " ").split())
        return tuple(" ".join(_ASCII_PART.findall(identifier)).lower().split())
    return tuple(part for piece in identifier.split("_") if piece for part in _unicode_parts(piece))


def _unicode_parts(piece: str) -> list[str]:
    found: list[str] = []
    start = 0
    for i in range(1, len(piece)):
        before, here = piece[i - 1], piece[i]
        after = piece[i + 1] if i + 1 < len(piece) else ""
        border = (
            (here.isupper() and before.islower())
            or (here.isupper() and before.isupper() and after.islower())
            or (here.isdigit() != before.isdigit())
        )
        if border:
            found.append(piece[start:i].casefold())
            start = i
    found.append(piece[start:].casefold())
    return found


@lru_cache(1 << 14)
def stem(word: str) -> str:
    """The Porter stem of a word of more than three letters, else the word itself."""
    return _PORTER.stemWord(word) if len(word) > 3 and word.isascii() else word


def joined_terms(identifier: str) -> str:
    """Lexical terms of one identifier, joined by spaces: its stemmed parts and, when it has several, the
    whole identifier marked with ``=``."""
    split = parts(identifier)
    if len(split) == 1:
        return stem(split[0])
    whole = f" {_MARK}{identifier.lower().strip('_')}" if split else ""
    return " ".join(map(stem, split)) + whole


@lru_cache(1 << 13)
def terms(identifier: str) -> tuple[str, ...]:
    """The same, one by one."""
    return tuple(joined_terms(identifier).split())


def text_terms(text: str) -> list[str]:
    """All lexical terms of a text, in order, repeats kept."""
    return [term for identifier in IDENTIFIER.findall(text) for term in terms(identifier)]


def query_terms(text: str) -> list[str]:
    """Unique lexical terms of a question without function words, unless nothing else is left."""
    unique = list(dict.fromkeys(text_terms(text)))
    stops = {stem(word) for word in STOP_WORDS}
    return [term for term in unique if term not in stops] or unique


def words(text: str) -> list[str]:
    """Lower-case parts of every identifier of a text, unstemmed, in order, repeats kept."""
    return [part for identifier in IDENTIFIER.findall(text) for part in parts(identifier)]
