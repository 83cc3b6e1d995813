"""Which lines of a file belong together? Chunks narrowed to whole definitions and the gaps between.

A chunk is what the index ranks; an answer shows less: one function, one method, the head of a
class, one section. Containers are opened, functions stay whole with the comments above them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sophia_mcp.types import Chunk, Kind, Symbol

_COMMENT = re.compile(
    r"\s*(?:#(?!\s*(?:include|define|if|ifdef|ifndef|endif|else|pragma)\b)|//|/\*|\*|--|;|%|\"\"\"|'''|<!--|\{-)"
)
_ATTACHED = re.compile(r"\s*(?:@|#\[|\[[A-Z]\w*|template\s*<|export\s*$)")
_TRIPLE = re.compile(r'"""|\'\'\'')
_LONGEST_ABOVE = 30
_OPENED_FROM = 70
"""A function longer than this many lines is opened: its inner definitions become spans of their own."""


@dataclass(frozen=True, slots=True)
class Span:
    """Lines of a file. ``name`` is the last segment of the definition they belong to (or empty),
    ``home`` its first and last line with the comment above, ``line`` where it begins below that;
    ``begins``: that line is among these.
    ``file`` and ``chunk`` place a span among the candidates of a question; -1 where there is none."""

    start: int
    end: int
    kind: Kind
    name: str = ""
    container: str = ""
    signature: str = ""
    home: tuple[int, int] = (0, 0)
    begins: bool = False
    line: int = 0
    file: int = -1
    chunk: int = -1

    def at(self, file: int, chunk: int) -> Span:
        """The same lines as part of a candidate file and chunk."""
        return Span(
            self.start, self.end, self.kind, self.name, self.container, self.signature, self.home,
            self.begins, self.line, file, chunk,
        )  # fmt: skip

    @property
    def loose(self) -> bool:
        return not self.name

    @property
    def symbol(self) -> str:
        """The qualified name, or empty."""
        return f"{self.container}.{self.name}" if self.container and self.name else self.name


@dataclass(frozen=True, slots=True)
class Unit:
    """A definition that stands for itself. Comments and decorators above it, down to line ``floor``,
    belong to it."""

    symbol: Symbol
    floor: int


def units(symbols: Sequence[Symbol]) -> list[Unit]:
    """The definitions whose lines stand for themselves, outer ones first: everything but what lies
    inside a function short enough to be shown whole."""
    found: list[Unit] = []
    stack: list[tuple[Symbol, bool]] = []
    last_end = 0
    for symbol in sorted(symbols, key=lambda item: (item.start_line, -item.end_line)):
        while stack and stack[-1][0].end_line < symbol.start_line:
            stack.pop()
        closed = bool(stack) and stack[-1][1]
        floor = stack[-1][0].start_line if stack else 0
        function = symbol.kind in ("function", "method")
        stack.append(
            (symbol, closed or (function and symbol.end_line - symbol.start_line < _OPENED_FROM))
        )
        if closed:
            continue
        found.append(Unit(symbol, max(floor, last_end if last_end < symbol.start_line else floor)))
        if function:
            last_end = max(last_end, symbol.end_line)
    return found


def _above(lines: Sequence[str], unit: Unit) -> int:
    """The first line of the comment and decorator block that ends just above a definition."""
    start = first = unit.symbol.start_line
    while first - 1 > unit.floor and start - first < _LONGEST_ABOVE and first - 2 < len(lines):
        line = lines[first - 2]
        if not line.strip() or not (_COMMENT.match(line) or _ATTACHED.match(line)):
            break
        first -= 1
    return first


def cut(chunk: Chunk, lines: Sequence[str], held: Sequence[Unit]) -> list[Span]:
    """The spans of one chunk, in order, blank ends removed; at least one unless the chunk is blank."""
    first, last = chunk.start_line, min(chunk.end_line, len(lines))
    owner: list[tuple[Unit, int] | None] = [None] * max(last - first + 1, 0)
    for unit in held:
        symbol = unit.symbol
        if symbol.start_line - _LONGEST_ABOVE > last:
            break
        if symbol.end_line < first:
            continue
        begin, end = max(_above(lines, unit), first), min(symbol.end_line, last)
        if begin <= end:
            owner[begin - first : end - first + 1] = [(unit, begin)] * (end - begin + 1)
    spans: list[Span] = []
    begin = 0
    for i in range(1, len(owner) + 1):
        if i == len(owner) or owner[i] is not owner[begin]:
            span = _span(chunk, lines, owner[begin], first + begin, first + i - 1)
            if span:
                spans.append(span)
            begin = i
    return spans


def _span(
    chunk: Chunk,
    lines: Sequence[str],
    owner: tuple[Unit, int] | None,
    start: int,
    end: int,
) -> Span | None:
    while start <= end and not lines[start - 1].strip(" \t\r{}()[];,"):
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    if start > end:
        return None
    if owner is None:
        kind: Kind = chunk.kind if chunk.kind in ("doc", "config") else "text"
        return Span(start, end, kind)
    symbol, first = owner[0].symbol, owner[1]
    return Span(
        start,
        end,
        symbol.kind,
        symbol.name,
        symbol.container,
        symbol.signature,
        (min(first, symbol.start_line), symbol.end_line),
        start <= symbol.start_line <= end,
        symbol.start_line,
    )


def comment_lines(lines: Sequence[str]) -> list[bool]:
    """Which lines are comments or docstrings, judged by their first characters."""
    starts = _COMMENT.match
    if not any('"""' in line or "'''" in line for line in lines):
        return [starts(line) is not None for line in lines]
    marks: list[bool] = []
    quoted = ""
    for line in lines:
        bare = line.strip()
        triples = _TRIPLE.findall(bare)
        if quoted:
            marks.append(True)
            if quoted in triples:
                quoted = ""
            continue
        marks.append(bool(_COMMENT.match(line)))
        if len(triples) == 1 and not bare.endswith("="):
            quoted = triples[0]
            marks[-1] = marks[-1] or bare.startswith(triples[0])
    return marks
