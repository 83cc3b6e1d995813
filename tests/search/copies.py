"""Code that somebody copied and then changed: where it came from, and where it stands now.

Originals are functions of this project and of the language samples, whose lines were listed by hand.
A copy gets other names, other literals and other comments, and a statement more, one less or two
changed about: what people do to code they take over.
"""

from __future__ import annotations

import ast
import random
import re
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).parents[2]
SAMPLES = TOP / "tests" / "samples"
SOURCE = TOP / "src" / "sophia_mcp"
SHORTEST, LONGEST = 6, 60
"""Lines of a function that is copied."""

RENAMED = 0.4
"""Share of the names in a function that its copy calls otherwise."""

_NAME = re.compile(r"(?<![\w$@#%&\\'\"<-])[A-Za-z_]\w{2,}")
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")
_STRING = re.compile(r"\"([^\"\\\n]{3,})\"")
_COMMENT = re.compile(r"^(\s*)(//+|#+|--+|;+|%+)\s+\S.*$")
_OPENS = re.compile(r"[{(\[:,]\s*$|\b(?:do|then|begin|of|else|=>?)\s*$")
_KEYWORDS = frozenset(
    "abstract and any async await base begin bool boolean break byte case catch char class const contains "
    "continue declare def default defer defn defun del delete dim div double done each elif else elsif end "
    "enum equals except export extends extern false final finally float for foreach from fun func function "
    "global goto guard has if impl implements implicit import inline int integer interface internal into is "
    "its let local long loop match method mod mut mutable namespace never new nil none nonlocal not null of "
    "one open operator option our override package pass private proc procedure program protected pub public "
    "raise readonly real record rec ref register require rescue resume return returns self set shared short "
    "signed sizeof static str string struct sub subroutine super switch template test then this throw throws "
    "trait true try type typedef typename uint union unless unsafe unsigned until use using val var variant "
    "virtual void volatile when where while with yield cls lambda assert memory view payable emit event "
    "address uint256 stored select insert update create table integer varchar echo shift unset foldl cond".split()
)
_VERBS = "load fetch build store apply check merge split count parse send mark pick drop scan".split()
_NOUNS = "order route token batch stock field group entry shape level record event label queue".split()
_HEADS = {"php": "<?php\n\n", "go": "package extra\n\n", "solidity": "pragma solidity ^0.8.0;\n\n"}
_WRAPPED = {
    "java": "class Extra {{\n{}\n}}\n",
    "csharp": "class Extra\n{{\n{}\n}}\n",
    "solidity": "contract Extra {{\n{}\n}}\n",
}


@dataclass(frozen=True, slots=True)
class Original:
    """A function as it stands in the tree: its language, file, first and last line, and its lines."""

    language: str
    path: str
    name: str
    start: int
    end: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Planted:
    """A copy of ``original``: its file and its lines there (1-based, inclusive)."""

    original: Original
    path: str
    start: int
    end: int


def sample_files() -> Iterator[Path]:
    """The sample file of each language that has a name of its own."""
    for folder in sorted(SAMPLES.iterdir()):
        yield from (file for file in folder.iterdir() if file.name != "expected.toml" and file.suffix)


def samples() -> Iterator[Original]:
    """Functions of the language samples, by the lines that were listed by hand."""
    for file in sample_files():
        language, lines = file.parent.name, file.read_text().split("\n")
        listed = tomllib.loads((file.parent / "expected.toml").read_text())["definitions"]
        for name, kind, start, end, _ in listed:
            if kind in ("function", "method") and SHORTEST <= end - start + 1 <= LONGEST:
                path = f"samples/{language}/{file.name}"
                yield Original(language, path, name, start, end, tuple(lines[start - 1 : end]))


def functions() -> Iterator[Original]:
    """Functions and methods of this project."""
    for file in sorted(SOURCE.rglob("*.py")):
        text = file.read_text()
        lines = text.split("\n")
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.end_lineno is None:
                continue
            start = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            if SHORTEST <= node.end_lineno - start + 1 <= LONGEST:
                path = file.relative_to(TOP).as_posix()
                yield Original(
                    "python",
                    path,
                    node.name,
                    start,
                    node.end_lineno,
                    tuple(lines[start - 1 : node.end_lineno]),
                )


def edited(original: Original, rng: random.Random) -> list[str]:
    """The copy's lines, from the first column on; Python that still is Python, where a few tries do it."""
    copy: list[str] = []
    for _ in range(20):
        lines = textwrap.dedent("\n".join(original.lines)).split("\n")
        lines = rng.choice([_added, _removed, _swapped])(lines, rng)
        names = _renamed(original, rng)
        copy = [_reworded(_called(line, names), rng) for line in lines]
        if original.language != "python" or _is_python("\n".join(copy)):
            break
    return copy


def _called(line: str, names: dict[str, str]) -> str:
    return _NAME.sub(lambda found: names.get(found.group(), found.group()), line)


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def _renamed(original: Original, rng: random.Random) -> dict[str, str]:
    """Its own name and some of the other names it uses, each the same everywhere."""
    used = dict.fromkeys(_NAME.findall("\n".join(original.lines)))
    free = [name for name in used if name.lower() not in _KEYWORDS]
    chosen = [name for name in free if name == original.name or rng.random() < RENAMED]
    return {name: _like(name, rng) for name in chosen}


def _like(name: str, rng: random.Random) -> str:
    """Another name in the same spelling."""
    parts = [rng.choice(_VERBS), rng.choice(_NOUNS)]
    if name.isupper():
        return "_".join(parts).upper()
    if name[0].isupper():
        return "".join(part.title() for part in parts)
    if "_" in name.strip("_"):
        return "_".join(parts)
    if not name.islower():
        return parts[0] + parts[1].title()
    return parts[1]


def _reworded(line: str, rng: random.Random) -> str:
    """Other numbers, other words in strings, another comment."""
    comment = _COMMENT.match(line)
    if comment:
        return f"{comment[1]}{comment[2]} {rng.choice(_VERBS).title()} the {rng.choice(_NOUNS)} first."
    line = _NUMBER.sub(lambda m: str(int(m.group()) + 1) if int(m.group()) > 1 else m.group(), line)
    return _STRING.sub(lambda m: f'"{_other_words(m.group(1), rng)}"', line)


def _other_words(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    words[rng.randrange(len(words))] = rng.choice(_NOUNS)
    return " ".join(words)


def _inner(lines: list[str]) -> list[int]:
    """Lines below the first and above the last that are whole statements, as far as a look can tell."""
    return [
        i
        for i in range(1, len(lines) - 1)
        if lines[i].strip() and not _OPENS.search(lines[i]) and not _OPENS.search(lines[i - 1])
    ]


def _added(lines: list[str], rng: random.Random) -> list[str]:
    inner = _inner(lines)
    if not inner:
        return lines
    at = rng.choice(inner)
    names = {name: _like(name, rng) for name in _NAME.findall(lines[at]) if name not in _KEYWORDS}
    return [*lines[:at], _called(lines[at], names), *lines[at:]]


def _removed(lines: list[str], rng: random.Random) -> list[str]:
    inner = _inner(lines)
    if not inner:
        return lines
    at = rng.choice(inner)
    return [*lines[:at], *lines[at + 1 :]]


def _swapped(lines: list[str], rng: random.Random) -> list[str]:
    def indent(i: int) -> int:
        return len(lines[i]) - len(lines[i].lstrip())

    inner = set(_inner(lines))
    pairs = [i for i in sorted(inner) if i + 1 in inner and indent(i) == indent(i + 1)]
    if not pairs:
        return _added(lines, rng)
    at = rng.choice(pairs)
    return [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]


def plant(root: Path, originals: list[Original], rng: random.Random) -> list[Planted]:
    """Write an edited copy of each original: those of this project's Python at the end of another of
    its modules, the others into a file of their language, two and two."""
    planted: list[Planted] = []
    modules = sorted((root / "src").rglob("*.py"))
    for number, original in enumerate(originals):
        copy = edited(original, rng)
        if original.path.startswith("src/"):
            place = rng.choice([module for module in modules if module != root / original.path])
            above = place.read_text().rstrip("\n") + "\n\n\n"
            below = "\n"
        else:
            end = original.path.rpartition(".")[2]
            place = root / "extra" / original.language / f"more{number // 2}.{end}"
            place.parent.mkdir(parents=True, exist_ok=True)
            before = place.read_text() if place.exists() else _HEADS.get(original.language, "")
            opening, _, closing = _WRAPPED.get(original.language, "{}\n").format("\0").partition("\0")
            above, below = f"{before}\n{opening}", closing
        start = above.count("\n") + 1
        place.write_text(above + "\n".join(copy) + below)
        path = place.relative_to(root).as_posix()
        planted.append(Planted(original, path, start, start + len(copy) - 1))
    return planted


def chosen(of_samples: int, of_project: int, rng: random.Random) -> list[Original]:
    """So many functions of the samples, spread over the languages, and of this project."""
    by_language: dict[str, list[Original]] = {}
    for one in samples():
        by_language.setdefault(one.language, []).append(one)
    turns = [rng.sample(found, len(found)) for found in by_language.values()]
    rng.shuffle(turns)
    picked: list[Original] = []
    while len(picked) < of_samples:
        picked += [found.pop() for found in turns if found][: of_samples - len(picked)]
    picked.sort(key=lambda one: one.path)
    return picked + rng.sample(list(functions()), of_project)
