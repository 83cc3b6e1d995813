"""Which lines of a file belong together? Chunks narrowed to whole definitions and the gaps between.

A chunk is what the index ranks; an answer shows less: one function, one method, the head of a
class, one section. Containers are opened, functions stay whole with the comments above them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, get_args

from sophia_mcp.types import Kind

_COMMENT = re.compile(
    r"\s*(?:#(?!\s*(?:include|define|if|ifdef|ifndef|endif|else|pragma)\b)|//|/\*|\*|--|;|%|\"\"\"|'''|<!--|\{-)"
)
_MARKS = frozenset("#/*-;%\"'<{")
"""The first characters of comments."""

_ATTACHED = re.compile(r"\s*(?:@|#\[|\[[A-Z]\w*|template\s*<|export\s*$)")
_TRIPLE = re.compile(r'"""|\'\'\'')
_KINDS: dict[Kind, Kind] = {kind: kind for kind in get_args(Kind)}
"""Each kind as one string: the store tells it as another with every row, and spans are remembered."""
_LONGEST_ABOVE = 30
REACH = _LONGEST_ABOVE + 1
"""Definitions that end or begin further away than so many lines do not matter to a chunk."""
_OPENED_FROM = 70
"""A function longer than this many lines is opened: its inner definitions become spans of their own."""


class Span(NamedTuple):
    """Lines of a file. ``name`` is the last segment of the definition they belong to (or empty),
    ``top`` and ``bottom`` its first and last line with the comment above, ``line`` where it begins below that.
    ``file`` and ``chunk`` place a span among the candidates of a question; -1 where there is none. (A question
    makes hundreds, and thousands of units: a frozen dataclass takes three times as long to make.)"""

    start: int
    end: int
    kind: Kind
    name: str = ""
    container: str = ""
    signature: str = ""
    top: int = 0
    bottom: int = 0
    line: int = 0
    file: int = -1
    chunk: int = -1

    def at(self, file: int, chunk: int) -> Span:
        """The same lines as part of a candidate file and chunk."""
        return Span(*self[:-2], file, chunk)

    @property
    def whole(self) -> tuple[int, int]:
        """First and last line of the definition they belong to, or their own."""
        return (self.top, self.bottom) if self.top else (self.start, self.end)

    @property
    def begins(self) -> bool:
        """Whether the line where that definition begins is among these."""
        return self.start <= self.line <= self.end

    @property
    def loose(self) -> bool:
        return not self.name

    @property
    def symbol(self) -> str:
        """The qualified name, or empty."""
        return f"{self.container}.{self.name}" if self.container and self.name else self.name


class Piece(NamedTuple):
    """Where a chunk stands in its file, and the names it defines, each on a line."""

    start_line: int
    end_line: int
    kind: Kind
    names: str = ""


class Unit(NamedTuple):
    """A definition that stands for itself. Comments and decorators above it, down to line ``floor``,
    belong to it."""

    name: str
    kind: Kind
    start_line: int
    end_line: int
    container: str
    signature: str
    floor: int


def units(definitions: Iterable[tuple[str, Kind, int, int, str, str]]) -> list[Unit]:
    """The definitions whose lines stand for themselves: everything but what lies inside a function
    short enough to be shown whole. They come (name, kind, first and last line, container, signature)
    and go in the order of their first lines, outer ones first."""
    found: list[Unit] = []
    stack: list[tuple[int, int, bool]] = []
    last_end = 0
    for name, kind, start, end, container, signature in definitions:
        while stack and stack[-1][1] < start:
            stack.pop()
        floor, _, closed = stack[-1] if stack else (0, 0, False)
        function = kind in ("function", "method")
        stack.append((start, end, closed or (function and end - start < _OPENED_FROM)))
        if closed:
            continue
        lowest = max(floor, last_end) if last_end < start else floor
        found.append(Unit(name, _KINDS[kind], start, end, container, signature, lowest))
        if function:
            last_end = max(last_end, end)
    return found


def _above(lines: Sequence[str], unit: Unit, lowest: int) -> int:
    """The first line of the comment and decorator block that ends just above a definition; ``lines``
    begin with the ``lowest`` one that matters."""
    start = first = unit.start_line
    floor = max(unit.floor, lowest - 1)
    while first - 1 > floor and start - first < _LONGEST_ABOVE and first - 1 - lowest < len(lines):
        line = lines[first - 1 - lowest]
        if not line.strip() or not (_COMMENT.match(line) or _ATTACHED.match(line)):
            break
        first -= 1
    return first


def reached(chunk: Piece, lines: Sequence[str]) -> Sequence[str]:
    """The lines of a file from the first of a chunk on as far as they matter to it."""
    return lines[chunk.start_line - 1 : chunk.end_line + REACH]


def cut(chunk: Piece, near: Sequence[str], held: Sequence[Unit]) -> list[Span]:
    """The spans of one chunk, in order, blank ends removed; at least one unless the chunk is blank.
    ``near`` are the lines that it `reached`, ``held`` the units of its file that are in its reach at least."""
    first = chunk.start_line
    last = min(chunk.end_line, first - 1 + len(near))
    owner: list[tuple[Unit, int] | None] = [None] * max(last - first + 1, 0)
    for unit in held:
        if unit.start_line - _LONGEST_ABOVE > last:
            break
        if unit.end_line < first:
            continue
        begin = max(_above(near, unit, first), first) if unit.start_line > first else first
        end = min(unit.end_line, last)
        if begin <= end:
            owner[begin - first : end - first + 1] = [(unit, begin)] * (end - begin + 1)
    spans: list[Span] = []
    begin = 0
    for i in range(1, len(owner) + 1):
        if i == len(owner) or owner[i] is not owner[begin]:
            span = _span(chunk, near, owner[begin], first + begin, first + i - 1)
            if span:
                spans.append(span)
            begin = i
    return spans


def _span(
    chunk: Piece,
    lines: Sequence[str],
    owner: tuple[Unit, int] | None,
    start: int,
    end: int,
) -> Span | None:
    """The span of lines ``start`` to ``end``; ``lines`` begin with the first of the chunk."""
    lowest = chunk.start_line
    while start <= end and not lines[start - lowest].strip(" \t\r{}()[];,"):
        start += 1
    while end > start and not lines[end - lowest].strip():
        end -= 1
    if start > end:
        return None
    if owner is None:
        kind: Kind = chunk.kind if chunk.kind in ("doc", "config") else "text"
        return Span(start, end, kind)
    unit, first = owner
    return Span(
        start,
        end,
        unit.kind,
        unit.name,
        unit.container,
        unit.signature,
        min(first, unit.start_line),
        unit.end_line,
        unit.start_line,
    )


def comment_lines(lines: Sequence[str]) -> list[bool]:
    """Which lines are comments or docstrings, judged by their first characters."""
    starts = _COMMENT.match
    whole = "\n".join(lines)
    marks = [line.lstrip()[:1] in _MARKS and starts(line) is not None for line in lines]
    if '"""' not in whole and "'''" not in whole:
        return marks
    quoted = ""
    for place, line in enumerate(lines):
        triples = _TRIPLE.findall(line) if '"""' in line or "'''" in line else ()
        if quoted:
            marks[place] = True
            if quoted in triples:
                quoted = ""
        elif len(triples) == 1:
            bare = line.strip()
            if not bare.endswith("="):
                quoted = triples[0]
                marks[place] = marks[place] or bare.startswith(quoted)
    return marks
