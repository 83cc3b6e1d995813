"""How else is a word written? As the other English does, ``colour`` and ``color``, or without the slip of a finger:
``retrieve`` for ``retreive``.

Code is written in one English, most often, and neither has the stem of the other; and a slip is nowhere in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from sophia_mcp import words
from sophia_mcp.search.question.query import Query

_VERB = "e|ed|es|er|ers|ing"
_PAIRS = (
    ("our", "or", "[a-z]{2,}", "[a-z]{0,6}"),
    ("is", "iz", "[a-z]{3,}", f"{_VERB}|able|ations?"),
    ("ys", "yz", "[a-z]{3,}", _VERB),
    ("tre", "ter", "[a-z]{2,}", "s?"),
    ("tred", "tered", "[a-z]{2,}", ""),
    ("ogue", "og", "[a-z]{3,}", "s?"),
    ("ll", "l", "[a-z]{4,}", "ed|er|ers|ing|ations?"),
    ("ence", "ense", "[a-z]{3,}", "[ds]?"),
    ("gement", "gment", "[a-z]{3,}", "s?"),
    ("grey", "gray", "[a-z]*", "[a-z]*"),
)
"""What one writes for what the other does, what stands before that at least, and what may follow."""
_FORMS = tuple(
    (re.compile(rf"({before})(?:{written})({behind})"), rf"\1{other}\2")
    for british, american, before, behind in _PAIRS
    for written, other in ((british, american), (american, british))
)

_USUAL, _UNUSUAL = 15_000, 25_000
"""Places in the vocabulary up to which a word is meant, and from which on it may be a slip."""
_SLIP, _LONG_SLIP, _LONGEST_SLIP = 5, 8, 24
"""Letters of a word that may be a slip, of one in which a letter may stand for another, as short ones are like many, and
of the longest that is looked at: each letter makes fifty others of a word."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

Place = Callable[[str], int | None]
"""Where a word stands in a vocabulary, the usual ones first; None for one that is not in it."""

_RARER = 10
"""The other spelling is meant where it stands in so many times as many chunks: one comment makes no usage."""


def others(word: str) -> Iterator[str]:
    """What may be the other spelling of a lower-case word; most are no words at all."""
    for form, written in _FORMS:
        if found := form.fullmatch(word):
            yield found.expand(written)


def meant(word: str, place: Place) -> Iterator[str]:
    """The usual words of which this one may be a slip: with two letters changed about, one too many, too few or, in a
    long word, another. The first letter is right."""
    if not _SLIP <= len(word) <= _LONGEST_SLIP or not (word.isascii() and word.isalpha()):
        return
    if (place(word) or _UNUSUAL) < _UNUSUAL:
        return
    found = set[str]()
    for at in range(1, len(word) + 1):
        before, rest = word[:at], word[at:]
        found |= {before + rest[1:], before + rest[1::-1] + rest[2:]}
        found |= {before + letter + rest for letter in _LETTERS}
        if len(word) >= _LONG_SLIP:
            found |= {before + letter + rest[1:] for letter in _LETTERS}
    for other in sorted(found - {word}):
        there = place(other)
        if there is not None and there < _USUAL:
            yield other


def doubtful(query: Query, place: Place) -> dict[str, list[str]]:
    """The words of a question that may be spelt otherwise, and how."""
    said = sorted(word for word in set(words.IDENTIFIER.findall(query.text)) if word[1:].islower())
    found: dict[str, list[str]] = {}
    for word in said:
        slips = meant(word, place) if word.islower() else ()  # with a capital it is a name
        if known := [*others(word.casefold()), *slips]:
            found[word.casefold()] = known
    return found


def respelt(query: Query, spellings: dict[str, list[str]], counts: dict[str, int]) -> Query:
    """The question as the repository writes its words; ``counts``: how many chunks have a stem."""

    def count(word: str) -> int:
        return counts.get(words.stem(word), 0)

    def is_meant(word: str, other: str) -> bool:
        # What is written here is no slip, however rare it is.
        return count(other) > _RARER * count(word) and (not count(word) or other in others(word))

    usual = {word: max(known, key=count) for word, known in spellings.items()}
    found = {word: other for word, other in usual.items() if is_meant(word, other)}
    if not found:
        return query
    text = words.IDENTIFIER.sub(lambda word: found.get(word[0].casefold(), word[0]), query.text)
    return replace(query, text=text, respelt=tuple(found.items()))


def said(query: Query) -> tuple[str, ...]:
    """What is noted of a question whose words are spelt otherwise here."""
    told = ", ".join(f"{word} is spelt {other}" for word, other in query.respelt)
    return (f"{told} here",) if told else ()
