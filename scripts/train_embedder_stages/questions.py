"""Which questions does a package ask of itself, line by line?

The first sentence of a comment is removed from the source and asks for the definition that it stood
on, inside its own package as the haystack. These questions fit and measure ranking; their packages
are kept out of the embedder's training, so that a fit does not see an embedder that knows the answer.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from sophia_mcp.words import stem, words

from .archives import Package, members
from .definitions import definitions, language_of
from .excluded import is_measured, is_poor
from .licences import judge
from .mine import Sentence, documented, usable, walk

PER_PACKAGE = 28
PER_FILE = 3
MAX_LINES = 150
CONTAINER_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Question:
    """``query`` asks for the lines (1-based, inclusive) of ``path`` in the tree written beside it."""

    query: str
    path: str
    start_line: int
    end_line: int
    name: str
    language: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    sentence: Sentence
    path: str
    start: int
    end: int
    name: str
    language: str
    container: bool


def write_questions(package: Package, folder: Path, seed: int) -> int:
    """Write ``folder/<package>.json`` and the tree without the sentences; the number of questions."""
    verdict = judge(package)
    if not verdict.licence or is_measured(package.name):
        return 0
    sources: dict[str, list[str]] = {}
    candidates: list[_Candidate] = []
    for path, content in members(package):
        if (
            len(content) < 1_000_000
            and language_of(path, content)
            and verdict.allows(path)
            and not _foreign(path)
        ):
            try:
                sources[path] = content.decode("utf-8").split("\n")
            except UnicodeDecodeError:
                continue
            if usable(path, content):
                candidates += _candidates(path, content, sources[path])
    chosen = _choose(candidates, random.Random(f"{seed} {package.key}"))
    if len(chosen) < 8:
        return 0
    root = folder / "trees" / package.key
    questions = []
    for path, lines in sources.items():
        mine = [candidate for candidate in chosen if candidate.path == path]
        gone, changed = _without(lines, [candidate.sentence for candidate in mine])
        for candidate in mine:
            shift = sum(line < candidate.start for line in gone)
            inside = sum(candidate.start <= line <= candidate.end for line in gone)
            start = candidate.start - shift + 1
            end = candidate.end - shift - inside + 1
            questions.append(
                Question(candidate.sentence.text, path, start, end, candidate.name, candidate.language)
            )
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(changed), encoding="utf-8")
    record = {"root": str(root), "package": package.name, "questions": [asdict(q) for q in questions]}
    (folder / f"{package.key}.json").write_text(json.dumps(record, indent=1, ensure_ascii=False))
    return len(questions)


def _foreign(path: str) -> bool:
    return is_measured(path) or bool(
        re.search(r"(^|/)(node_modules|_?vendor(ed)?|third[_-]?party|dist|min|umd|cjs)/", path)
    )


def _candidates(path: str, content: bytes, lines: list[str]) -> list[_Candidate]:
    language = language_of(path, content)
    assert language
    found = []
    for definition, _ in walk(definitions(content, language)):
        sentence, body = documented(lines, definition, language)
        length = definition.end - definition.start + 1
        if sentence is None or is_poor(path) or not 4 <= length <= MAX_LINES or len(body) < 4:
            continue
        asked = {stem(word) for word in words(sentence.text)}
        named = [stem(word) for word in words(definition.name.rsplit(".", 1)[-1])]
        if len(words(sentence.text)) < 4 or not named:
            continue
        if sum(word in asked for word in named) / len(named) > 0.5:
            continue
        found.append(
            _Candidate(
                sentence,
                path,
                definition.start,
                definition.end,
                definition.name,
                language,
                definition.container,
            )
        )
    return found


def _choose(candidates: list[_Candidate], rng: random.Random) -> list[_Candidate]:
    """A spread of candidates whose sentence occurs once in the package."""
    often = Counter(candidate.sentence.text.lower() for candidate in candidates)
    pool = [candidate for candidate in candidates if often[candidate.sentence.text.lower()] == 1]
    rng.shuffle(pool)
    chosen: list[_Candidate] = []
    files: Counter[str] = Counter()
    containers = 0
    for candidate in pool:
        if files[candidate.path] >= PER_FILE or len(chosen) >= PER_PACKAGE:
            continue
        if candidate.container and containers >= PER_PACKAGE * CONTAINER_SHARE:
            continue
        files[candidate.path] += 1
        containers += candidate.container
        chosen.append(candidate)
    return chosen


def _without(lines: list[str], sentences: list[Sentence]) -> tuple[set[int], list[str]]:
    """The line numbers that went and the lines that remain; comment delimiters stay balanced."""
    gone: set[int] = set()
    kept = list(lines)
    for sentence in sentences:
        block = [lines[i] for i in sentence.lines]
        first, last = sentence.lines[0], sentence.lines[-1]
        opens = re.match(
            r"(\s*(?:@\w+\s+)?(?:~[sS])?(?:[rRuUbB]{0,2}(?:\"\"\"|'''|\")|/\*+|\{-\|?))", block[0]
        )
        closes = re.search(r"(\"\"\"|'''|(?<!\\)\"|\*/|-\})\s*$", block[-1])
        one_mark = opens and len(block) == 1 and closes and closes.start() < opens.end()
        if opens and closes and not one_mark:
            gone.update(sentence.lines)
        else:
            gone.update(sentence.lines)
            if opens:
                gone.discard(first)
                kept[first] = opens[1]
            elif closes and not re.match(r"\s*(//|#|--)", block[-1]):
                gone.discard(last)
                kept[last] = closes[1]
    return gone, [line for i, line in enumerate(kept) if i not in gone]
