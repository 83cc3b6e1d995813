"""Which steps bring a store file to this version, and whether this version may open it at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

RECORDS = """
CREATE TABLE IF NOT EXISTS migrations (
  package TEXT NOT NULL,
  number INTEGER NOT NULL,
  oldest_reader INTEGER NOT NULL,
  oldest_writer INTEGER NOT NULL,
  PRIMARY KEY (package, number)
)
"""
"""What the file remembers of every step, written in the step's own transaction."""


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered change of a package's tables, run in a transaction of its own.

    ``oldest_reader`` and ``oldest_writer`` are the lowest step numbers whose code may still read
    or write a file that has this step, because programs of different versions share one file.
    """

    number: int
    sql: str
    oldest_reader: int
    oldest_writer: int


@dataclass(frozen=True, slots=True)
class Migrations:
    """The ordered steps of one package, numbered from 1 without gaps."""

    package: str
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if [step.number for step in self.steps] != list(range(1, len(self.steps) + 1)):
            raise ValueError(f"the steps of {self.package} are not numbered from 1 without gaps")


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a file is: the newest step it has, and what its newer steps forbid this program."""

    newest: int
    refuses_reading: bool
    refuses_writing: bool


def standing(package: Migrations, records: Iterable[Sequence[Any]]) -> Standing:
    """Compare a file's records (number, oldest reader, oldest writer) with this program's steps."""
    known = len(package.steps)
    newest, reader, writer = 0, 0, 0
    for number, oldest_reader, oldest_writer in records:
        newest = max(newest, number)
        reader = max(reader, oldest_reader)
        writer = max(writer, oldest_writer)
    ahead = newest > known
    return Standing(newest, ahead and reader > known, ahead and writer > known)
