"""What does one file say? Chunks, definitions, references and imports, from its text alone.

Pure and iterative. Files that no grammar reads are cut by lines, and the result says why.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter, itemgetter

from tree_sitter import Node

from sophia_mcp.index.languages import LANGUAGES, conflicts
from sophia_mcp.index.languages.detect import NOTEBOOK, PROSE
from sophia_mcp.index.languages.hazards import open_types
from sophia_mcp.index.languages.record import Language
from sophia_mcp.index.parsing import chunk, documents, edges, symbols
from sophia_mcp.index.parsing.grammars import Unreadable, reader
from sophia_mcp.index.parsing.mended import ASTRAY, MEND_SECONDS, mended
from sophia_mcp.types import Field, Import, Kind, Parsed, Reference

PARSE_BYTES = 512 * 1024
"""A larger file is cut by lines: parsers of hostile input take more memory than their input."""

_NOTES = (("comment", True, True), ("lead", True, False), ("above", True, False), ("doc", False, True))
"""Captures that stay with the definition below them, and those whose text is documentation."""


def parse(text: str, language: str | None) -> Parsed:
    """All that syntax says about a file.

    ``language`` is what ``language_of`` said. Never raises on any text: what cannot be parsed
    is cut by lines with the reason in ``fallback``.
    """
    if language in PROSE:
        return documents.prose(text, language)
    record = LANGUAGES.get("json" if language == NOTEBOOK else language or "")
    if record is None:
        return _by_lines(text, language or "", "no grammar for this file")
    if open_types(text) or (record.hazard is not None and record.hazard(text)):
        return _by_lines(text, record.name, "nested too deeply for its grammar", record.kind)
    source = text.encode("utf-8", "replace")
    if not source.endswith(b"\n"):
        source += b"\n"  # several grammars read the last line only with its end
    if len(source) > PARSE_BYTES:
        return _by_lines(text, record.name, f"larger than {PARSE_BYTES // 1024} kB")
    try:
        if language == NOTEBOOK and (cells := documents.notebook(text, parse)) is not None:
            return cells
        return _by_syntax(text, source, record)
    except Unreadable as error:
        return _by_lines(text, record.name, str(error), record.kind)
    except LookupError:
        return _by_lines(text, record.name, f"grammar {record.grammar} is not installed")


@dataclass(frozen=True, slots=True)
class _Read:
    """A syntax tree with what is captured in it, and the definitions."""

    root: Node
    sources: list[symbols.Captured]
    found: list[symbols.Definition]


def _by_syntax(text: str, source: bytes, record: Language) -> Parsed:
    rows = symbols.Rows(source)
    own = conflicts.own(source)
    plain = record.plain(own) if record.plain else own
    begun = time.thread_time()
    read = _read(plain, own, record, rows)
    if record.name in ASTRAY and read.root.has_error and time.thread_time() < begun + MEND_SECONDS / 2:
        with suppress(Unreadable):
            again = _read(mended(plain, reader(record), record.name), own, record, rows)
            read = max(read, again, key=lambda each: len(each.found))
    if not read.found and read.root.is_error:
        return _by_lines(text, record.name, "syntax errors throughout", record.kind)
    attached, notes = _notes(read.sources, rows)
    chunks = chunk.by_syntax(
        chunk.Lines(text), read.found, read.root, rows, attached, notes, record.kind
    )
    references, imports, fields = _edges(read.sources, read.found, rows)
    return Parsed(record.name, chunks, symbols.symbols(read.found), references, imports, fields=fields)


def _read(plain: bytes, own: bytes, record: Language, rows: symbols.Rows) -> _Read:
    """What is read of a source that is ``plain`` to its grammar, its scripts from what the file has of its ``own``."""
    loaded = reader(record)
    root = loaded.tree(plain).root_node
    captures = loaded.captures(root)
    sources: list[symbols.Captured] = [(captures, record)]
    if record.script and "script" in captures:
        sources.append(_script(captures["script"], own, LANGUAGES[record.script]))
    return _Read(root, sources, symbols.definitions(sources, root, rows))


def _edges(
    sources: Sequence[symbols.Captured], found: Sequence[symbols.Definition], rows: symbols.Rows
) -> tuple[tuple[Reference, ...], tuple[Import, ...], tuple[Field, ...]]:
    references: list[Reference] = []
    imports: list[Import] = []
    fields: list[Field] = []
    for captures, language in sources:
        if language.references:
            used, held = edges.references(captures, language, found, rows)
            references += used
            fields += held
            imports += edges.imports(captures, language, rows)
    return tuple(references), tuple(imports), tuple(fields)


def _script(regions: Sequence[Node], source: bytes, language: Language) -> symbols.Captured:
    """The scripts inside a page, read by their own grammar at their own place."""
    loaded = reader(language)
    places = [node.range for node in sorted(regions, key=attrgetter("start_byte"))]
    return loaded.captures(loaded.tree(source, places).root_node), language


def _notes(
    sources: Sequence[symbols.Captured], rows: symbols.Rows
) -> tuple[set[int], list[tuple[int, int, str]]]:
    """Rows that belong to the definition below them, and the comment and docstring texts."""
    attached: set[int] = set()
    notes: list[tuple[int, int, str]] = []
    source, row_of, starts = rows.source, rows.row, rows.starts
    for captures, _ in sources:
        for capture, attaches, speaks in _NOTES:
            for start, end in sorted(node.byte_range for node in captures.get(capture, ())):
                first = row_of(start)
                one = first + 1 == len(starts) or end <= starts[first + 1]
                last = first if one else rows.last(start, end)
                line = starts[first]
                if attaches and (line == start or not source[line:start].strip()):
                    attached.update(range(first, last + 1))
                if speaks:
                    notes.append((first, last, source[start:end].decode("utf-8", "replace")))
    notes.sort(key=itemgetter(0))
    return attached, notes


def _by_lines(text: str, language: str, reason: str, kind: Kind = "text") -> Parsed:
    return Parsed(language, chunk.by_lines(chunk.Lines(text), kind), fallback=reason)
