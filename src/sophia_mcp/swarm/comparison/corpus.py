"""On which tasks are patterns compared? Small trees with known defects, and some without any.

A task is one TOML file: its files as text, and its seeds, each the one line that is wrong. All of it
was written for this purpose, so no model has been trained on the answers.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sophia_mcp.errors import BadSetting

SHIPPED = Path(__file__).parent / "seeded"
"""The tasks that come with Sophia."""


@dataclass(frozen=True, slots=True)
class Seed:
    """One known defect: the line on which it happens, and what goes wrong there."""

    path: str
    line: int
    text: str
    claim: str


@dataclass(frozen=True, slots=True)
class Case:
    """One small tree. Without seeds nothing is wrong in it, and any finding is a false alarm."""

    id: str
    language: str
    task: str
    files: Mapping[str, str]
    seeds: tuple[Seed, ...]

    def lay(self, folder: Path) -> None:
        """Write the tree into an empty folder."""
        for path, text in self.files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, "utf-8")


def cases(folder: Path = SHIPPED) -> tuple[Case, ...]:
    """Every task of a folder, by name. Raises BadSetting naming the file and what is wrong."""
    found = tuple(_read(file) for file in sorted(folder.glob("*.toml")))
    if not found:
        raise BadSetting(f"{folder} holds no tasks", next="add one TOML file for each task")
    return found


def _read(file: Path) -> Case:
    try:
        values = tomllib.loads(file.read_text("utf-8"))
        files = {entry["path"]: entry["text"].lstrip("\n") for entry in values["files"]}
        seeds = tuple(_seed(entry, files) for entry in values.get("seeds", ()))
        return Case(file.stem, values["language"], values["task"].strip(), files, seeds)
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise BadSetting(
            f"{file} is no task",
            why=f"{type(error).__name__}: {error}",
            next="it needs language, task, files (path, text) and seeds (path, text, claim)",
        ) from error


def _seed(entry: Mapping[str, Any], files: Mapping[str, str]) -> Seed:
    lines = files[entry["path"]].split("\n")
    at = [number for number, line in enumerate(lines, 1) if line.strip() == entry["text"].strip()]
    if len(at) != 1:
        raise ValueError(f"the seed {entry['text']!r} stands on {len(at)} lines, not on one")
    return Seed(entry["path"], at[0], lines[at[0] - 1], entry["claim"])
