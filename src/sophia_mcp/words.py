"""How text becomes words: identifiers in any script are split at case, digit and underscore borders.

One pass serves the lexical index, the embedder, path features and memory, so that all of them
agree on what a word is. Everything here is pure and cached.
"""

from __future__ import annotations

import re
from functools import lru_cache

from snowballstemmer import stemmer

IDENTIFIER = re.compile(r"[^\W\d]\w*")
"""A run of word characters that does not begin with a digit (Unicode)."""

_ASCII_BREAKS = bytes(code for code in range(128) if not (chr(code).isalnum() or chr(code) == "_"))
_TO_SPACES = bytes.maketrans(_ASCII_BREAKS, b" " * len(_ASCII_BREAKS))
_RUNS_KEPT = 512

_ASCII_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_PORTER = stemmer("porter")
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


recent_runs = lru_cache(_RUNS_KEPT)(runs)
"""The same, remembered for the last texts: an index splits the text of a chunk for its words and for
its vector. The list is shared; nobody changes it."""


@lru_cache(1 << 16)
def parts(identifier: str) -> tuple[str, ...]:
    """``getHTTPServer_v2`` → ``("get", "http", "server", "v", "2")``; other scripts split by case."""
    if identifier.isascii():
        if identifier.isalpha() and identifier.islower():
            return (identifier,)
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


@lru_cache(1 << 16)
def stem(word: str) -> str:
    """The Porter stem of a word of more than three letters, else the word itself."""
    return _PORTER.stemWord(word) if len(word) > 3 and word.isascii() else word


@lru_cache(1 << 16)
def terms(identifier: str) -> tuple[str, ...]:
    """Lexical terms of one identifier: its stemmed parts and, when it has several, the whole
    identifier marked with ``=``."""
    split = parts(identifier)
    stems = tuple(map(stem, split))
    if len(split) > 1:
        return (*stems, _MARK + identifier.lower().strip("_"))
    return stems


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
