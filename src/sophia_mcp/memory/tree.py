"""What does the tree on disk hold right now? Read by path, by content and by name, never from an index
alone: an anchor's verdict must be true of the files themselves."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sophia_mcp.errors import NotFound, OutsideRoots, TooLarge
from sophia_mcp.index.disk.decode import decode, is_binary
from sophia_mcp.index.languages.detect import language_of
from sophia_mcp.index.parsing.parse import parse
from sophia_mcp.index.workers.reading import blob_hash
from sophia_mcp.security.paths import read_inside
from sophia_mcp.security.secrets import is_secret_file
from sophia_mcp.types import Symbol

READ_BYTES = 4 << 20
MOST_FILES = 100_000
"""Entries looked at when something moved; a larger tree is searched this far."""

_MOST_NAMED = 40
_SKIPPED = frozenset(
    ".git .hg .svn node_modules .venv venv __pycache__ .tox .mypy_cache .pytest_cache .ruff_cache target dist build".split()
)


@dataclass(frozen=True)
class File:
    """One text file as it is now."""

    path: str
    raw: bytes

    @cached_property
    def hash(self) -> str:
        """Git's id of its bytes."""
        return blob_hash(self.raw)

    @cached_property
    def lines(self) -> list[str]:
        """Its lines without their ends; none where it is binary."""
        return [] if is_binary(self.raw) else decode(self.raw).text.split("\n")

    @cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        """Its definitions, by syntax."""
        if is_binary(self.raw):
            return ()
        return parse("\n".join(self.lines), language_of(self.path, self.raw)).symbols

    def named(self, symbol: str) -> list[Symbol]:
        """Definitions of a name, or of ``container.name``, in order."""
        container, _, name = symbol.replace("::", ".").rpartition(".")
        return [
            each
            for each in self.symbols
            if each.name == name
            and (not container or f".{each.container}".replace("::", ".").endswith(f".{container}"))
        ]


@dataclass
class Tree:
    """The files below a root, for the time of one question: what was read once is not read again."""

    root: Path
    _files: dict[str, File | None] = field(default_factory=dict)
    _listed: list[tuple[str, int]] | None = None

    def file(self, path: str) -> File | None:
        """The file at a relative path; None where there is none that may be read."""
        if path not in self._files:
            self._files[path] = self._read(path)
        return self._files[path]

    def _read(self, path: str) -> File | None:
        if is_secret_file(path) is not None:
            return None
        try:
            return File(path, read_inside(self.root, path, READ_BYTES))
        except (NotFound, OutsideRoots, TooLarge):
            return None

    def listed(self) -> list[tuple[str, int]]:
        """(path, size) of every file, without the folders that tools make."""
        if self._listed is None:
            self._listed = list(_walk(self.root))
        return self._listed

    def same(self, hash: str, size: int, name: str) -> str | None:
        """Where a file of this content is; one of the same name first."""
        alike = [path for path, found in self.listed() if found == size]
        alike.sort(key=lambda path: (path.rpartition("/")[2] != name, path))
        for path in alike:
            file = self.file(path)
            if file is not None and file.hash == hash:
                return path
        return None

    def called(self, name: str) -> list[str]:
        """Paths whose last part is this name."""
        return [path for path, _ in self.listed() if path.rpartition("/")[2] == name][:_MOST_NAMED]

    def holding(self, symbol: str) -> list[str]:
        """Paths of files whose text has the last part of a symbol's name as a word."""
        word = re.compile(rb"(?<!\w)" + re.escape(re.split(r"[.:]+", symbol)[-1].encode()) + rb"(?!\w)")
        found = []
        for path, size in self.listed():
            if size > READ_BYTES or language_of(path, b"") is None:
                continue
            file = self._read(path)
            if file is not None and word.search(file.raw):
                self._files[path] = file
                found.append(path)
                if len(found) == _MOST_NAMED:
                    break
        return found


def _walk(root: Path) -> Iterator[tuple[str, int]]:
    stack, seen = [""], 0
    while stack:
        prefix = stack.pop()
        try:
            entries = sorted(os.scandir(root / prefix), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            seen += 1
            if seen > MOST_FILES:
                return
            try:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in _SKIPPED:
                        stack.append(f"{prefix}{entry.name}/")
                elif entry.is_file(follow_symlinks=False):
                    yield f"{prefix}{entry.name}", entry.stat(follow_symlinks=False).st_size
            except OSError:
                continue
