"""Which pairs of questions mean the same, and which differ in the one word that matters?

All are made by rule from the questions on real code in ``benchmarks/relevance/questions``, so that
nobody chose the pairs by how they come out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

QUESTIONS = Path(__file__).resolve().parents[1] / "relevance" / "questions"

OTHER_WORDS = {
    "many": "numerous", "small": "little", "find": "locate", "remove": "delete", "begin": "start",
    "show": "display", "several": "multiple", "choose": "select", "build": "construct", "check": "verify",
    "wait": "pause", "keep": "retain", "turn": "convert", "split": "divide", "join": "combine",
    "stop": "halt", "large": "big", "whole": "entire", "text": "string", "send": "transmit",
    "decide": "determine", "write": "store", "reads": "loads", "fails": "breaks", "needs": "requires",
    "each": "every", "make": "create", "get": "fetch", "given": "supplied", "long": "lengthy",
}  # fmt: skip
"""Words with one of nearly the same meaning."""

OPPOSITES = {
    "first": "last", "before": "after", "open": "close", "read": "write", "add": "remove", "min": "max",
    "smallest": "largest", "start": "stop", "up": "down", "into": "out of", "with": "without",
    "all": "no", "always": "never", "new": "old", "left": "right", "old": "new", "small": "large",
    "large": "small", "when": "unless", "if": "unless", "only": "not only", "can": "cannot",
    "longer": "shorter", "more": "fewer", "next": "previous", "higher": "lower", "encode": "decode",
    "is": "is not", "are": "are not", "may": "may not", "must": "must not", "has": "has not",
}  # fmt: skip
"""Words whose opposite asks for something else."""

SAME_WAYS = (
    ("opening", "Explain how this is done here: {q}", "Please tell me how this is done here: {q}"),
    ("asking", "Where in this code is the following done: {q}?", "Which part of this code does the following: {q}?"),
    ("politeness", "{q}", "could you show me the place for this: {q}, thanks"),
    ("form", "Where does it {q}?", "I am looking for the code that does this: {q}"),
)  # fmt: skip
"""The same question put in two ways."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two questions. ``same``: one answer serves both."""

    kind: str
    same: bool
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on real code, with its package and the first file that answers it."""

    text: str
    package: str
    path: str


def asked() -> list[Asked]:
    """Every question in words; a name or an error message alone has no paraphrase."""
    found = []
    for file in sorted(QUESTIONS.rglob("*.toml")):
        table = tomllib.loads(file.read_text("utf-8"))
        for entry in table["questions"]:
            if len(entry["text"].split()) >= 6 and entry.get("targets"):
                found.append(Asked(entry["text"].strip(), table["package"], entry["targets"][0]["path"]))
    return found


def pairs() -> list[Pair]:
    """All pairs, in a fixed order."""
    known = asked()
    made: list[Pair] = []
    for number, one in enumerate(known):
        made += _same(one)
        made += _different(one, known[(number + 7) % len(known)], number)
    return made


def _same(one: Asked) -> Iterator[Pair]:
    for kind, first, second in SAME_WAYS:
        yield Pair(kind, True, first.format(q=one.text), second.format(q=one.text))
    swapped = _swapped(one.text, OTHER_WORDS, 3)
    if swapped is not None:
        yield Pair("synonyms", True, one.text, swapped)
    head, mark, rest = one.text.partition(", ")
    if mark and len(rest.split()) > 2:
        yield Pair("order", True, one.text, f"{rest}, {head}")


def _different(one: Asked, other: Asked, number: int) -> Iterator[Pair]:
    swapped = _swapped(one.text, OPPOSITES, 1)
    if swapped is not None:
        yield Pair("opposite", False, one.text, swapped)
    q = one.text
    yield Pair("negation", False, f"Which callers do this: {q}?", f"Which callers do not do this: {q}?")
    low, high = number % 7 + 2, number % 7 + 3
    yield Pair("version", False, f"In version {low}.1, {q}", f"In version {high}.1, {q}")
    yield Pair("number", False, f"{q}, for at most {low} callers", f"{q}, for at most {high} callers")
    if one.package != other.package:
        yield Pair("name", False, f"In {one.package}: {q}", f"In {other.package}: {q}")
    if one.path != other.path:
        yield Pair("path", False, f"Review {one.path}: {q}", f"Review {other.path}: {q}")


def _swapped(text: str, words: dict[str, str], most: int) -> str | None:
    """The text with up to ``most`` words replaced, the first ones; None where it has none."""
    count = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal count
        found = words.get(match[0].lower())
        if found is None or count >= most:
            return match[0]
        count += 1
        return found

    swapped = re.sub(r"[A-Za-z]+", replace, text)
    return swapped if count else None
