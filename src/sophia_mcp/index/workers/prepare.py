"""What is written about one file? Everything that costs thought, worked out in a worker process.

Reads the file as safely as it can be read, then decodes, hashes, parses, splits its words, packs
its edges, compresses its text and embeds its chunks. The parent process only stores the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import zstandard
from numpy.typing import NDArray

from sophia_mcp.index.disk.decode import decode
from sophia_mcp.index.disk.refused import refused_content
from sophia_mcp.index.disk.stamp import Stamp
from sophia_mcp.index.languages.detect import language_of
from sophia_mcp.index.parsing import packed, parse
from sophia_mcp.index.parsing.chunk import lines_of, short
from sophia_mcp.index.parsing.passages import passages, without_suffix
from sophia_mcp.index.workers.messages import (
    Encoder,
    Gone,
    Outcome,
    Place,
    Prepared,
    Refused,
    Task,
    Unchanged,
    refuse,
)
from sophia_mcp.index.workers.reading import blob_hash, read_file
from sophia_mcp.types import Chunk, Parsed, Passage
from sophia_mcp.words import Split, joined_terms, split, split_passages

IDENTIFIER_CHARACTERS = 128


class ModelFailed(Exception):
    """An encoder could not encode; the message says why."""


class Cut(NamedTuple):
    """A file cut into chunks: all of its rows but words and vectors, and what these are made from."""

    file: Prepared
    chunks: Sequence[Chunk]
    passages: Sequence[Passage]


class _Understood(NamedTuple):
    """What a file says wherever it is, and the text of each of its chunks."""

    file: Prepared
    chunks: Sequence[Chunk]
    bodies: Sequence[str]


class Preparer:
    """Prepares files of one place; keeps what is worth keeping between files."""

    def __init__(self, place: Place, encoder: Encoder | None) -> None:
        self._root = Path(place.root)
        self._limit = place.max_bytes
        self._objects = _objects(place.gitdir) if place.gitdir else None
        self._encoder = encoder
        self._zstd = zstandard.ZstdCompressor(level=3)
        self._last: tuple[object, _Understood] | None = None

    def cut(self, task: Task) -> Outcome | Cut:
        """The outcome for one file, but for its words and vectors. Raises only where the code is wrong."""
        read = self._read_object(task) if task.blob else read_file(self._root, task, self._limit)
        if not isinstance(read, tuple) or isinstance(read, (Refused, Gone)):
            return read
        raw, stamp = read
        name = blob_hash(raw)
        if name == task.known:
            return Unchanged(task.path, stamp, name)
        reason = refused_content(task.path, raw)
        if reason:
            return Refused(task.path, stamp, reason, name)
        return self._parse(task, raw, stamp, name)

    def finish(self, files: Sequence[Outcome | Cut]) -> list[Outcome]:
        """The outcomes with words and vectors. Those of many files together are made in two thirds of the
        time: files of a folder say the same again, and small arrays cost as much as large ones."""
        several = [each for each in files if isinstance(each, Cut)]
        passages = tuple(chain.from_iterable(each.passages for each in several))
        scales, rows = self._embed(passages)
        words = _words(several, passages)
        finished: list[Outcome] = []
        start = 0
        for each in files:
            if isinstance(each, Cut):
                own = slice(start, start + len(each.passages))
                start = own.stop
                finished.append(
                    each.file._replace(
                        words=words[own], scales=scales[own].tobytes(), rows=rows[own].tobytes()
                    )
                )
            else:
                finished.append(each)
        return finished

    def _read_object(self, task: Task) -> tuple[bytes, Stamp] | Refused:
        raw = self._objects(task.blob, self._limit) if self._objects is not None else None
        if raw is None:
            return refuse(task, "the object is missing or too large")
        return raw, task.stamp

    def _parse(self, task: Task, raw: bytes, stamp: Stamp, name: str) -> Cut:
        language = language_of(task.path, raw)
        asked = (name, language, task.lines)
        if self._last is None or self._last[0] != asked:
            self._last = asked, self._understand(task, raw, stamp, name, language)
        file, chunks, bodies = self._last[1]  # copies follow one another
        said = passages(task.path, [chunk.context for chunk in chunks], bodies)
        return Cut(file._replace(path=task.path, stamp=stamp), chunks, said)

    def _understand(
        self, task: Task, raw: bytes, stamp: Stamp, name: str, language: str | None
    ) -> _Understood:
        decoded = decode(raw)
        text = decoded.text
        if task.lines:
            parsed = replace(parse.parse(text, None), language=language or "", fallback=task.lines)
        else:
            parsed = parse.parse(text, language)
        lines = short(lines_of(text))
        bodies = ["\n".join(lines[chunk.start_line - 1 : chunk.end_line]) for chunk in parsed.chunks]
        file = Prepared(
            task.path,
            stamp,
            name,
            len(lines) - (1 if lines and not lines[-1] else 0),
            decoded.encoding,
            parsed.language,
            parsed.fallback,
            self._zstd.compress(text.encode("utf-8", "replace")),
            [_chunk_row(chunk) for chunk in parsed.chunks],
            _symbol_rows(parsed),
            packed.pack(parsed, self._zstd)
            if parsed.references or parsed.imports or parsed.fields
            else b"",
            words=[],
            scales=b"",
            rows=b"",
        )
        return _Understood(file, parsed.chunks, bodies)

    def _embed(self, passages: Sequence[Passage]) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        """Scales and rows; none where there is no encoder."""
        if self._encoder is None or not passages:
            return np.zeros(0, "<f4"), np.zeros(0, np.int8)
        try:
            rows, scales = self._encoder.encode(passages)
        except MemoryError:
            raise
        except Exception as problem:  # somebody else's model: the file is not to blame
            raise ModelFailed(str(problem) or type(problem).__name__) from problem
        return scales.astype("<f4", copy=False), rows.astype(np.int8, copy=False)


def _objects(gitdir: str) -> Callable[[str, int], bytes | None]:
    """Reads an object of a repository by its id, unless it is missing or has more than so many bytes."""
    # A third of what a worker imports; only those of commits need it.
    from sophia_mcp.index.disk.git import open_objects, read_object  # noqa: PLC0415

    return partial(read_object, open_objects(gitdir))


class _Terms:
    """The terms of every identifier that was met, joined by spaces, worked out once."""

    def __init__(self) -> None:
        self._identifiers: list[str] = []
        self._lines: list[str] = []

    def of(self, texts: Split) -> list[str]:
        """The terms of each text, in order."""
        if texts.identifiers is not self._identifiers:
            self._identifiers, self._lines = texts.identifiers, []
        new = self._identifiers[len(self._lines) :]
        self._lines += [joined_terms(each) if len(each) <= IDENTIFIER_CHARACTERS else "" for each in new]
        return texts.replaced(list(map(self._lines.__getitem__, texts.different)))


_TERMS = _Terms()


def _words(
    files: Sequence[Cut], passages: tuple[Passage, ...]
) -> list[tuple[str, str, str, str, str, str]]:
    """The fields of every chunk, file after file."""
    bodies = iter(_TERMS.of(split_passages(passages))[: len(passages)])
    fields: list[str] = []
    for file, chunks, _ in files:
        place = without_suffix(file.path)
        fields += [place, place.rpartition("/")[2]]
        for chunk in chunks:
            fields += [" ".join(chunk.names), " ".join(chunk.context), chunk.doc]
    terms = iter(_TERMS.of(split(fields)))
    found: list[tuple[str, str, str, str, str, str]] = []
    for _, chunks, _ in files:
        whole, stem = next(terms), next(terms)
        found += [(whole, stem, next(terms), next(terms), next(terms), next(bodies)) for _ in chunks]
    return found


def _chunk_row(chunk: Chunk) -> tuple[int, int, int, str, str, str, str, str]:
    return (
        chunk.ordinal,
        chunk.start_line,
        chunk.end_line,
        chunk.kind,
        chunk.symbol,
        "\n".join(chunk.context),
        "\n".join(chunk.names),
        chunk.signature,
    )


def _symbol_rows(parsed: Parsed) -> list[tuple[int, str, str, str, str, int, int, str]]:
    return [
        (number, s.name, s.name.casefold(), s.container, s.kind, s.start_line, s.end_line, s.signature)
        for number, s in enumerate(parsed.symbols)
    ]
