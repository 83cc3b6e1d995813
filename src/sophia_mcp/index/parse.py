"""What does one file say? Chunks, definitions, references and imports, from its text alone.

Pure and iterative. Files that no grammar reads are cut by lines, and the result says why.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence

from tree_sitter import Node

from sophia_mcp.index import chunk, symbols
from sophia_mcp.index.grammars import SlowParse, reader
from sophia_mcp.index.languages import LANGUAGES
from sophia_mcp.index.languages.detect import language_of
from sophia_mcp.index.languages.record import Language
from sophia_mcp.types import Parsed

__all__ = ["PARSE_BYTES", "VERSION", "language_of", "parse"]

PARSE_BYTES = 512 * 1024
"""A larger file is cut by lines: parsers of hostile input take more memory than their input."""

VERSION = f"1+{importlib.metadata.version('tree-sitter-language-pack')}"
"""Grows with every change of what ``parse`` answers; blobs of another version are redone."""


def parse(text: str, path: str, language: str | None) -> Parsed:
    """All that syntax says about a file.

    ``language`` is what ``language_of`` said. Never raises on any text: what cannot be parsed
    is cut by lines with the reason in ``fallback``.
    """
    record = LANGUAGES.get(language or "")
    if record is None:
        return _by_lines(text, language or "", "no grammar for this file")
    source = text.encode("utf-8", "replace")
    if len(source) > PARSE_BYTES:
        return _by_lines(text, record.name, f"larger than {PARSE_BYTES // 1024} kB")
    try:
        return _by_syntax(text, source, record)
    except SlowParse:
        return _by_lines(text, record.name, "syntax took too long to read")
    except LookupError:
        return _by_lines(text, record.name, f"grammar {record.grammar} is not installed")


def _by_syntax(text: str, source: bytes, record: Language) -> Parsed:
    loaded = reader(record)
    root = loaded.tree(source).root_node
    captures = loaded.captures(root)
    rows = symbols.Rows(source)
    found = symbols.definitions(captures, record, rows)
    if not found and root.is_error:
        return _by_lines(text, record.name, "syntax errors throughout")
    attached, notes = _notes(captures, rows)
    chunks = chunk.by_syntax(chunk.Lines(text), found, root, rows, attached, notes)
    return Parsed(record.name, chunks, symbols.symbols(found))


def _notes(
    captures: Mapping[str, Sequence[Node]], rows: symbols.Rows
) -> tuple[set[int], list[tuple[int, int, str]]]:
    """Rows that belong to the definition below them, and the comment and docstring texts."""
    attached: set[int] = set()
    notes: list[tuple[int, int, str]] = []
    source, row_of, starts = rows.source, rows.row, rows.starts
    for capture in ("comment", "lead", "above"):
        for node in captures.get(capture, ()):
            start, end = node.byte_range
            first = row_of(start)
            last = (
                first if first + 1 < len(starts) and end <= starts[first + 1] else rows.last(start, end)
            )
            line = starts[first]
            if line == start or not source[line:start].strip():
                attached.update(range(first, last + 1))
            if capture == "comment":
                notes.append((first, last, source[start:end].decode("utf-8", "replace")))
    for node in captures.get("doc", ()):
        start, end = node.byte_range
        notes.append(
            (row_of(start), rows.last(start, end), source[start:end].decode("utf-8", "replace"))
        )
    notes.sort(key=lambda note: note[0])
    return attached, notes


def _by_lines(text: str, language: str, reason: str) -> Parsed:
    return Parsed(language, chunk.by_lines(chunk.Lines(text)), fallback=reason)
