"""Do two texts say the same? Pure, and careful: what differs in a number, a negation or a name is not
a duplicate, however alike the rest is."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

from sophia_mcp.words import STOP_WORDS, stem, text_terms

NEAR_COSINE = 0.5
"""Texts less alike than this are not compared word by word."""

NEAR_SHARE = 0.65
"""Of the longer text's terms the shorter one must hold this share, and have none of its own."""

Likeness = Literal["same", "near", "rival", "other"]
"""``rival``: about the same, with another number, negation or name; one of them may be outdated."""

_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,:]\d+)*")
_CODE = re.compile(
    r"`([^`\n]+)`|\b(\w+(?:[._/:-]\w+)+|[a-z]+[A-Z]\w*|\w*_\w+)\b|(?<!\S)(--?[a-zA-Z][\w-]*)"
)
_DENIES = re.compile(
    r"(?i)\b(?:not|never|no|none|cannot|without|avoid|don't|doesn't|isn't|aren't|won't|can't|shouldn't|mustn't"
    r"|instead|nor|neither|except|unless|stop|false)\b"
)
_SPACES = re.compile(r"\s+")
_STOPS = frozenset(stem(word) for word in STOP_WORDS)
_DENYING = frozenset(
    stem(word)
    for word in "not never no none cannot without avoid don doesn isn aren won shouldn mustn instead nor neither".split()
)


def digest(text: str) -> str:
    """The same for texts that differ in case, spaces and final punctuation only."""
    plain = _SPACES.sub(" ", text.strip()).casefold().rstrip(" .!;,")
    return hashlib.blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Gist:
    """What a text is compared by."""

    terms: frozenset[str]
    numbers: frozenset[str]
    code: frozenset[str]
    denies: bool


def gist(text: str) -> Gist:
    """The gist of a text."""
    code = frozenset(match.casefold() for groups in _CODE.findall(text) for match in groups if match)
    return Gist(
        frozenset(text_terms(text)) - _STOPS - _DENYING,
        frozenset(_NUMBER.findall(text)),
        code,
        _DENIES.search(text) is not None,
    )


def likeness(old: str, new: str, cosine: float) -> Likeness:
    """How ``new`` stands to ``old``, given the cosine of their vectors."""
    if digest(old) == digest(new):
        return "same"
    if cosine < NEAR_COSINE:
        return "other"
    a, b = gist(old), gist(new)
    if not a.terms or not b.terms:
        return "other"
    left, right = _unmatched(a.terms, b.terms), _unmatched(b.terms, a.terms)
    longer = max(len(a.terms), len(b.terms))
    common = (longer - max(len(left), len(right))) / longer
    if common < NEAR_SHARE:
        return "other"
    agree = a.numbers == b.numbers and a.denies == b.denies and a.code == b.code
    if agree and not (left and right):
        return "near"
    return "rival"


def holds_more(old: str, new: str) -> bool:
    """Whether ``new``, a near duplicate, says all of ``old`` and something besides."""
    a, b = gist(old).terms, gist(new).terms
    return bool(_unmatched(b, a)) and not _unmatched(a, b)


def _unmatched(these: frozenset[str], those: frozenset[str]) -> frozenset[str]:
    """Terms without a partner on the other side; a shortened word (auth, repo) is one."""
    return frozenset(
        term
        for term in these - those
        if not (
            len(term) >= 4
            and any(len(o) >= 4 and (o.startswith(term) or term.startswith(o)) for o in those)
        )
    )
