"""Which steps bring a store file to this version, and whether this version may open it at all."""

from __future__ import annotations

from dataclasses import dataclass


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
