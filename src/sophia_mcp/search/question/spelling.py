"""How does the other English write a word? ``colour`` and ``color``, ``initialise`` and ``initialize``.

Both are words of a question; code is written in one of them, most often, and neither has the stem of the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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

_RARER = 10
"""The other spelling is meant where it stands in so many times as many chunks: one comment makes no usage."""


def others(word: str) -> Iterator[str]:
    """What may be the other spelling of a lower-case word; most are no words at all."""
    for form, written in _FORMS:
        if found := form.fullmatch(word):
            yield found.expand(written)


def doubtful(query: Query) -> dict[str, list[str]]:
    """The words of a question that may be spelt otherwise, and how."""
    said = {word.casefold() for word in words.IDENTIFIER.findall(query.text) if word[1:].islower()}
    return {word: list(others(word)) for word in sorted(said) if any(others(word))}


def respelt(query: Query, spellings: dict[str, list[str]], counts: dict[str, int]) -> Query:
    """The question as the repository writes its words; ``counts``: how many chunks have a stem."""

    def count(word: str) -> int:
        return counts.get(words.stem(word), 0)

    usual = {word: max(known, key=count) for word, known in spellings.items()}
    found = {word: other for word, other in usual.items() if count(other) > _RARER * count(word)}
    if not found:
        return query
    text = words.IDENTIFIER.sub(lambda word: found.get(word[0].casefold(), word[0]), query.text)
    return replace(query, text=text, respelt=tuple(found.items()))


def said(query: Query) -> tuple[str, ...]:
    """What is noted of a question whose words are spelt otherwise here."""
    told = ", ".join(f"{word} is spelt {other}" for word, other in query.respelt)
    return (f"{told} here",) if told else ()
