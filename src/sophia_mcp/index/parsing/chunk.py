"""Where is a file cut? Along its definitions, whole where they fit, at statements where not.

The procedure follows structure-aware chunking as in cAST (Zhang et al. 2025): large nodes are
opened, small neighbours merged. Sizes are characters, a line counting its newline and at most
LINE_CHARS. Every line that is not blank belongs to exactly one chunk.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from tree_sitter import Node

from sophia_mcp.index.parsing.symbols import SIGNATURE_CHARS, Definition, Rows
from sophia_mcp.index.schema import CHUNKS_PER_BLOB
from sophia_mcp.types import Chunk, Kind

TARGET, MOST, SMALL = 1200, 1800, 300
"""Merged up to TARGET; a definition stays whole up to MOST; below SMALL a neighbour is joined
whoever owns it. Measured on the relevance questions."""

LINE_CHARS = 2000
"""Longer lines are cut for indexing: nobody reads them, and they drown the words beside them."""

DOC_CHARS = 4000


@dataclass(slots=True)
class _Span:
    """Rows ``start`` to ``end`` under ``owner``; ``whole`` are the definitions it covers entirely."""

    start: int
    end: int
    owner: int
    whole: tuple[int, ...] = ()
    header: bool = False


class Lines:
    """The lines of a text with their sizes."""

    def __init__(self, text: str) -> None:
        self.text = lines_of(text)
        lengths = list(map(len, self.text))
        if max(lengths) > LINE_CHARS:
            lengths = [min(length, LINE_CHARS) for length in lengths]
        self._sums = list(accumulate([length + 1 for length in lengths], initial=0))

    def size(self, start: int, end: int) -> int:
        return self._sums[end + 1] - self._sums[start]

    def blank(self, row: int) -> bool:
        return not self.text[row] or self.text[row].isspace()

    def trim(self, start: int, end: int) -> tuple[int, int]:
        """The same rows without blank ones at either end; start > end when all are blank."""
        while start <= end and self.blank(start):
            start += 1
        while end > start and self.blank(end):
            end -= 1
        return start, end


@lru_cache(1)
def lines_of(text: str) -> Sequence[str]:
    """The lines of a text. The last ones are remembered: who cuts a file into chunks reads their lines next."""
    return text.split("\n")


def short(lines: Sequence[str]) -> Sequence[str]:
    """Lines as words and vectors see them: each cut at LINE_CHARS."""
    if max(map(len, lines), default=0) > LINE_CHARS:
        return [line[:LINE_CHARS] for line in lines]
    return lines


def by_syntax(
    lines: Lines,
    found: Sequence[Definition],
    root: Node,
    rows: Rows,
    attached: set[int],
    notes: Sequence[tuple[int, int, str]],
    kind: Kind = "text",
) -> tuple[Chunk, ...]:
    """Chunks of a parsed file. ``attached`` are rows that belong to what follows (comments,
    decorators); ``notes`` are comment and docstring texts as (first row, last row, text);
    ``kind`` is that of chunks outside every definition."""
    spans = _Cutter(lines, found, root, rows, attached).spans()
    spans = _merge(_solid(spans, lines), lines)
    return _chunks(_limit(spans), found, notes, kind)


def by_lines(lines: Lines, kind: Kind = "text", size: int = TARGET) -> tuple[Chunk, ...]:
    """Chunks of about ``size`` characters that end at blank lines where one is near."""
    ends = blocks(lines, 0, len(lines.text) - 1, size)
    spans = _limit(_solid([_Span(start, end, -1) for start, end in ends], lines))
    return tuple(Chunk(i, s.start + 1, s.end + 1, kind) for i, s in enumerate(spans))


def blocks(lines: Lines, start: int, end: int, size: int = TARGET) -> list[tuple[int, int]]:
    """Rows cut into pieces of at most ``size`` characters (single longer lines apart), at the last
    blank line past half of it where there is one."""
    found: list[tuple[int, int]] = []
    first, border = start, -1
    for row in range(start, end + 1):
        if row > first and lines.size(first, row) > size:
            last = border if border >= first else row - 1
            found.append((first, last))
            first, border = last + 1, -1
        if lines.blank(row) and lines.size(first, row) * 2 > size:
            border = row
    if first <= end:
        found.append((first, end))
    return found


class _Cutter:
    def __init__(
        self, lines: Lines, found: Sequence[Definition], root: Node, rows: Rows, attached: set[int]
    ) -> None:
        self.lines, self.found, self.root = lines, found, root
        self.rows, self.attached = rows, attached
        self.children: dict[int, list[int]] = {}
        for i, definition in enumerate(found):
            self.children.setdefault(definition.parent, []).append(i)

    def spans(self) -> list[_Span]:
        """Spans in order. Opening is iterative: nesting may be as deep as the file is long."""
        done: list[_Span] = []
        todo: list[tuple[_Span, int]] = [(_Span(0, len(self.lines.text) - 1, -1), -1)]
        while todo:
            span, node = todo.pop()
            if node == -1 or (
                span.whole and self.lines.size(span.start, span.end) > MOST and node in self.children
            ):
                todo.extend(reversed(self._open(span, node)))
            elif self.lines.size(span.start, span.end) <= MOST:
                done.append(span)
            else:
                done.extend(self._split(span))
        return done

    def _open(self, span: _Span, owner: int) -> list[tuple[_Span, int]]:
        """What stands directly inside a definition (or the file): members and the gaps between."""
        parts: list[tuple[_Span, int]] = []
        at, header = span.start, owner >= 0
        for child in self.children.get(owner, ()):
            definition = self.found[child]
            start, end = definition.start_row, min(definition.end_row, span.end)
            if end < at or start > span.end:
                continue
            start = at if start <= at else self._lead(start, at)
            if start > at:
                parts.append((_Span(at, start - 1, owner, (), header), -2))
                header = False
            parts.append((_Span(start, end, owner, (child,)), child))
            at, header = end + 1, False
        if at <= span.end:
            parts.append((_Span(at, span.end, owner), -2))
        return parts

    def _lead(self, row: int, low: int) -> int:
        while row - 1 >= low and row - 1 in self.attached:
            row -= 1
        return row

    def _split(self, span: _Span) -> list[_Span]:
        """A long leaf or gap at the borders of its statements, packed up to TARGET; a statement
        longer than MOST at lines."""
        owner = span.whole[0] if span.whole else span.owner
        node = self.found[owner].node if owner >= 0 else self.root
        size, start, last = self.lines.size, span.start, span.start
        cuts = {self._lead(row, span.start) for row in self._borders(node, span)}
        ends: list[tuple[int, int]] = []
        for cut in (*sorted(cuts), span.end + 1):
            if cut > start and size(start, cut - 1) > TARGET:
                if last > start:
                    ends.append((start, last - 1))
                    start = last
                if cut > start and size(start, cut - 1) > MOST:
                    ends += blocks(self.lines, start, cut - 1)
                    start = cut
            last = cut
        if start <= span.end:
            ends.append((start, span.end))
        return [_Span(first, end, owner, (), span.header) for first, end in ends]

    def _borders(self, node: Node, span: _Span) -> set[int]:
        """Rows on which a statement begins; only those that are too long are looked into."""
        cuts: set[int] = set()
        todo = [node]
        size, row, leads = self.lines.size, self.rows.row, self.rows.leads
        first_byte = self.rows.starts[span.start]
        stops = [*self.rows.starts[1:], len(self.rows.source)]
        last_byte = stops[span.end]
        while todo:
            for child in todo.pop().named_children:
                start, end = child.byte_range
                if end <= first_byte or start >= last_byte:
                    continue
                first = row(start)
                if first > span.start and first not in cuts and leads(start):
                    cuts.add(first)
                if (
                    end > stops[first]
                    and size(max(first, span.start), min(row(end - 1), span.end)) > TARGET
                ):
                    todo.append(child)
        return cuts


def _solid(spans: Iterable[_Span], lines: Lines) -> list[_Span]:
    """The spans that hold text, without blank lines at their ends."""
    kept: list[_Span] = []
    for span in spans:
        span.start, span.end = lines.trim(span.start, span.end)
        if span.start <= span.end and not lines.blank(span.start):
            kept.append(span)
    return kept


def _merge(spans: Sequence[_Span], lines: Lines) -> list[_Span]:
    merged: list[_Span] = []
    for span in spans:
        if merged and _joins(merged[-1], span, lines):
            last = merged[-1]
            larger = (
                last if lines.size(last.start, last.end) >= lines.size(span.start, span.end) else span
            )
            whole = last.whole + span.whole
            merged[-1] = _Span(last.start, span.end, larger.owner, whole, last.header and span.header)
        else:
            merged.append(span)
    return merged


def _joins(a: _Span, b: _Span, lines: Lines) -> bool:
    if lines.size(a.start, b.end) > TARGET:
        return False
    if min(lines.size(a.start, a.end), lines.size(b.start, b.end)) < SMALL:
        return True
    return a.owner == b.owner and a.header == b.header


def _limit(spans: list[_Span]) -> list[_Span]:
    """At most CHUNKS_PER_BLOB spans: neighbours are joined evenly when there are more."""
    group = -(-len(spans) // CHUNKS_PER_BLOB)
    if group <= 1:
        return spans
    return [
        _Span(part[0].start, part[-1].end, part[0].owner)
        for part in (spans[i : i + group] for i in range(0, len(spans), group))
    ]


def _chunks(
    spans: Sequence[_Span],
    found: Sequence[Definition],
    notes: Sequence[tuple[int, int, str]],
    default: Kind,
) -> tuple[Chunk, ...]:
    """Chunks with what they define and say. Definitions and notes are read once, in order."""
    starts = sorted(range(len(found)), key=lambda i: found[i].start_row)
    texts = _notes_by_span(spans, notes)
    chunks: list[Chunk] = []
    at = 0
    for ordinal, span in enumerate(spans):
        names: dict[str, None] = {}
        while at < len(starts) and found[starts[at]].start_row <= span.end:
            names[found[starts[at]].name] = None
            at += 1
        whole = [found[i] for i in span.whole]
        owner = found[span.owner] if span.owner >= 0 else None
        subject = whole[0] if len(whole) == 1 else owner
        kind = subject.kind if subject else max(whole, key=_length).kind if whole else default
        signatures = (
            [d.signature for d in whole] if len(whole) > 1 else [subject.signature if subject else ""]
        )
        chunks.append(
            Chunk(
                ordinal,
                span.start + 1,
                span.end + 1,
                kind,
                subject.qualified if subject else "",
                _chain(span.owner, found),
                tuple(names),
                "\n".join(signatures)[:SIGNATURE_CHARS],
                texts[ordinal],
            )
        )
    return tuple(chunks)


def _length(definition: Definition) -> int:
    return definition.end_row - definition.start_row


def _chain(owner: int, found: Sequence[Definition]) -> tuple[str, ...]:
    names: list[str] = []
    while owner >= 0 and len(names) < 32:
        names.append(found[owner].name)
        owner = found[owner].parent
    return tuple(reversed(names))


def _notes_by_span(spans: Sequence[_Span], notes: Sequence[tuple[int, int, str]]) -> list[str]:
    raw: list[list[str]] = [[] for _ in spans]
    at = 0
    for first, last, text in notes:
        while at < len(spans) and spans[at].end < first:
            at += 1
        if at == len(spans):
            break
        if last <= spans[at].end:
            raw[at].append(text)
            continue
        here = at
        for row, line in enumerate(text.split("\n"), first):
            while here < len(spans) and spans[here].end < row:
                here += 1
            if here < len(spans):
                raw[here].append(line)
    return ["\n".join(part)[:DOC_CHARS] for part in raw]
