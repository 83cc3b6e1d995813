"""Every language record with a sample is held against what a reader listed by hand.

A sample is a folder of ``tests/samples``: one file of real code and ``expected.toml`` beside it, with
its definitions and, for languages whose calls are read, its imports and calls. Known misses stand
there too, each with its reason; one that is found again must be taken off the list.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sophia_mcp.index.languages import LANGUAGES
from sophia_mcp.index.languages.detect import language_of
from sophia_mcp.index.parsing.parse import parse
from sophia_mcp.index.parsing.signs import FOLLOWED
from sophia_mcp.types import Import, Parsed, Reference

SAMPLES = Path(__file__).parents[1] / "samples"
CLASSES = ("same file", "import", "receiver-typed", "name-only")


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample file, what was listed for it, and what the parser says."""

    name: str
    path: Path
    text: str
    expected: dict[str, Any]
    parsed: Parsed


@cache
def sample(name: str) -> Sample:
    folder = SAMPLES / name
    (path,) = (file for file in folder.iterdir() if file.name != "expected.toml")
    text = path.read_text(encoding="utf-8")
    language = language_of(path.name, text.encode()[:2000]) or ""
    expected = tomllib.loads((folder / "expected.toml").read_text(encoding="utf-8"))
    return Sample(name, path, text, expected, parse(text, language))


NAMES = sorted(folder.name for folder in SAMPLES.iterdir() if folder.is_dir())
WITH_CALLS = [
    name
    for name in NAMES
    if "\ncalls = [" in (SAMPLES / name / "expected.toml").read_text(encoding="utf-8")
]


@pytest.mark.requirement("languages.samples")
def test_at_least_forty_languages_have_a_sample() -> None:
    assert len([name for name in NAMES if sample(name).parsed.language in LANGUAGES]) >= 40
    assert len(WITH_CALLS) >= 15


@pytest.mark.requirement("languages.samples")
@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_real_code_read_by_the_grammar_of_its_language(name: str) -> None:
    found = sample(name)
    assert found.text.count("\n") >= 100
    assert found.parsed.language == name
    assert found.parsed.fallback == ""
    assert len(found.expected["definitions"]) >= 10


@pytest.mark.requirement("languages.samples")
@pytest.mark.parametrize("name", NAMES)
def test_the_definitions_found_are_the_ones_listed_by_hand(name: str) -> None:
    """Name, kind, first line, last line and container, each definition once."""
    found = sample(name)
    listed = Counter(tuple(row) for row in found.expected["definitions"])
    seen = Counter((s.name, s.kind, s.start_line, s.end_line, s.container) for s in found.parsed.symbols)
    known = found.expected.get("misses", [])
    assert all(miss["reason"] for miss in known)
    assert sorted((listed - seen).elements()) == sorted(
        tuple(m["listed"]) for m in known if "listed" in m
    )
    assert sorted((seen - listed).elements()) == sorted(tuple(m["found"]) for m in known if "found" in m)


@pytest.mark.requirement("languages.samples")
def test_known_misses_are_few() -> None:
    listed = sum(len(sample(name).expected["definitions"]) for name in NAMES)
    missed = sum("listed" in miss for name in NAMES for miss in sample(name).expected.get("misses", []))
    print(f"{listed} definitions in {len(NAMES)} languages, {missed} known misses")
    assert missed <= listed * 0.01


@pytest.mark.requirement("languages.every_line")
@pytest.mark.parametrize("name", NAMES)
def test_every_line_that_is_not_blank_is_in_exactly_one_chunk(name: str) -> None:
    found = sample(name)
    lines = found.text.split("\n")
    held = Counter(
        number for chunk in found.parsed.chunks for number in range(chunk.start_line, chunk.end_line + 1)
    )
    assert max(held.values()) == 1
    assert max(held) <= len(lines)
    assert [n for n, line in enumerate(lines, 1) if line.strip() and n not in held] == []
    assert [chunk.ordinal for chunk in found.parsed.chunks] == list(range(len(found.parsed.chunks)))


def _share(right: int, all_: int) -> float:
    return right / all_ if all_ else 1.0


@dataclass(slots=True)
class Tally:
    """Right answers of those found and of those listed."""

    right: int = 0
    found: int = 0
    listed: int = 0

    def add(self, listed: Counter[Any], found: Counter[Any]) -> None:
        self.right += sum((listed & found).values())
        self.found += sum(found.values())
        self.listed += sum(listed.values())

    @property
    def precision(self) -> float:
        return _share(self.right, self.found)

    @property
    def recall(self) -> float:
        return _share(self.right, self.listed)

    def __str__(self) -> str:
        return f"precision {self.precision:.3f} ({self.right}/{self.found}), recall {self.recall:.3f} ({self.right}/{self.listed})"


def _calls(parsed: Parsed) -> list[Reference]:
    return [reference for reference in parsed.references if reference.kind == "call"]


@pytest.mark.requirement("languages.edges")
def test_calls_are_found_where_a_reader_finds_them() -> None:
    """A call is its name and line; its caller is the innermost function, method or type around it."""
    sites, callers = Tally(), Tally()
    for name in WITH_CALLS:
        found, own = sample(name), Tally()
        listed, seen = found.expected["calls"], _calls(found.parsed)
        own.add(Counter((row[1], row[2]) for row in listed), Counter((r.name, r.line) for r in seen))
        sites.add(Counter((row[1], row[2]) for row in listed), Counter((r.name, r.line) for r in seen))
        callers.add(
            Counter((row[1], row[2], row[0]) for row in listed),
            Counter((r.name, r.line, r.caller) for r in seen),
        )
        print(f"{name}: {own}")
        assert own.precision >= 0.9, name
        assert own.recall >= 0.9, name
    print(f"calls: {sites}\nwith their callers: {callers}")
    assert sites.precision >= 0.98
    assert sites.recall >= 0.98
    assert callers.precision >= 0.97


@pytest.mark.requirement("languages.edges")
def test_imports_are_found_as_they_are_written() -> None:
    total = Tally()
    for name in WITH_CALLS:
        listed = Counter(tuple(row[:3]) for row in sample(name).expected["imports"])
        total.add(listed, Counter((i.module, i.name, i.alias) for i in sample(name).parsed.imports))
    print(f"imports: {total}")
    assert total.precision >= 0.98
    assert total.recall >= 0.98


@pytest.mark.requirement("languages.edges")
def test_what_the_file_says_of_a_call_proves_where_it_leads() -> None:
    """By class: the file alone proves it, an import names it, the receiver's type is stated, or
    only the name speaks. Whether the named file exists is decided later, by the whole repository."""
    tallies = {kind: Tally() for kind in CLASSES}
    wrong: list[str] = []
    for name in WITH_CALLS:
        found = sample(name)
        own = LANGUAGES[found.parsed.language].own
        seen: dict[str, Counter[tuple[str, int]]] = {kind: Counter() for kind in CLASSES}
        for reference in _calls(found.parsed):
            seen[_class(reference, found.parsed, own)][reference.name, reference.line] += 1
        for kind in CLASSES:
            listed = Counter((row[1], row[2]) for row in found.expected["calls"] if row[3] == kind)
            tallies[kind].add(listed, seen[kind])
            wrong += [f"{name}: {call} is not {kind}" for call in (seen[kind] - listed)]
    for kind, tally in tallies.items():
        print(f"{kind}: {tally}")
    print("\n".join(wrong))
    for kind in CLASSES[:3]:
        assert tallies[kind].precision >= 0.95, kind
        assert tallies[kind].recall >= 0.9, kind


def _class(reference: Reference, parsed: Parsed, own: tuple[str, ...]) -> str:
    """What a reader of this one file can say of a call, from what the parser kept of it."""
    defined = {symbol.name for symbol in parsed.symbols}
    types = {symbol.name for symbol in parsed.symbols if symbol.kind == "class"}
    imported = {_known_as(item) for item in parsed.imports}
    steps = _STEP.split(reference.receiver.lstrip("\\")) if reference.receiver else []
    if not steps:
        if reference.name in defined:
            return "same file"
        return "import" if reference.name in imported else "name-only"
    if reference.receiver in own:
        return "same file" if reference.name in defined else "name-only"
    if steps[-1] in types:
        return "same file"
    if steps[0] in imported:
        return "import"
    typed = reference.receiver_type and not FOLLOWED.search(reference.receiver_type)
    return "receiver-typed" if typed else "name-only"


_STEP = re.compile(r"\?\.|\.|::|->|\\")


def _known_as(item: Import) -> str:
    named = item.name if item.name != "*" else ""
    return item.alias or named or re.split(r"[./\\:]", item.module)[-1]
