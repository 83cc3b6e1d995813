"""What is asked, about which packages, and which lines answer it?"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

QUESTIONS = Path(__file__).parent / "questions"
HALVES = ("dev", "unseen")
KINDS = ("behaviour", "architecture", "symbol", "error", "absent")
SOURCES = ("pip", "npm", "apt-source", "apt-binary")


@dataclass(frozen=True, slots=True)
class Target:
    """Lines that answer a question; `path` is relative to the package's folder, lines count from 1."""

    path: str
    start_line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Question:
    """One question. An absent one has no target, and its terms occur nowhere in the package."""

    id: str
    kind: str
    text: str
    targets: tuple[Target, ...]
    absent_terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Package:
    """One release of one package, where to get it, and what is asked about it.

    `root` is the folder inside the archive that becomes the package's folder; `drop` lists folders
    and files of it that are left out: built code, prose that repeats the source, what `notes` names.
    """

    package: str
    half: str
    language: str
    source: str
    name: str
    version: str
    archive: str
    sha256: str
    root: str
    drop: tuple[str, ...]
    notes: str
    questions: tuple[Question, ...]


def load(half: str | None = None) -> list[Package]:
    """Every package of one half, or of both, ordered by half and name.

    Raises ValueError when a file breaks the format.
    """
    halves = HALVES if half is None else (half,)
    return [read(file) for each in halves for file in sorted((QUESTIONS / each).glob("*.toml"))]


def read(file: Path) -> Package:
    """Read one package's file. Raises ValueError naming the file and what is wrong with it."""
    with file.open("rb") as handle:
        table = tomllib.load(handle)
    try:
        questions = tuple(_question(entry) for entry in table.pop("questions"))
        package = Package(**{**table, "drop": tuple(table["drop"]), "questions": questions})
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file.name}: {error}") from error
    for value, allowed in ((package.half, HALVES), (package.source, SOURCES)):
        if value not in allowed:
            raise ValueError(f"{file.name}: {value!r} is none of {', '.join(allowed)}")
    if (package.half, package.package) != (file.parent.name, file.stem):
        raise ValueError(f"{file.name}: half and package differ from the file's place and name")
    return package


def _question(entry: dict[str, Any]) -> Question:
    if entry["kind"] not in KINDS:
        raise ValueError(f"{entry['id']}: kind {entry['kind']!r} is none of {', '.join(KINDS)}")
    targets = tuple(Target(**target) for target in entry.get("targets", ()))
    for target in targets:
        path = PurePosixPath(target.path)
        if path.is_absolute() or ".." in path.parts or not 1 <= target.start_line <= target.end_line:
            raise ValueError(f"{entry['id']}: {target} is no span inside the package")
    terms = tuple(entry.get("absent_terms", ()))
    if (entry["kind"] == "absent") != (not targets) or bool(targets) == bool(terms):
        raise ValueError(f"{entry['id']}: a question has targets, or is absent and has absent_terms")
    return Question(entry["id"], entry["kind"], entry["text"], targets, terms)
