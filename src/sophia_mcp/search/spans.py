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
    """Lines of a candidate file. ``chunk`` indexes the evidence; ``name`` is the last segment of the
    definition it belongs to (or empty), ``home`` the definition's own first and last line;
    ``begins``: the definition begins here; ``loose``: it belongs to no definition."""

    file: int
    chunk: int
    start: int
    end: int
    kind: Kind
    name: str = ""
    container: str = ""
    signature: str = ""
    home: tuple[int, int] = (0, 0)
    begins: bool = False

    @property
    def loose(self) -> bool:
        return not self.name

    @property
    def symbol(self) -> str:
        """The qualified name, or empty."""
        return f"{self.container}.{self.name}" if self.container and self.name else self.name


@dataclass(frozen=True, slots=True)
class Unit:
    """A definition with the comments and decorators above it."""

    start: int
    end: int
    symbol: Symbol


def units(symbols: Sequence[Symbol], lines: Sequence[str]) -> list[Unit]:
    """The definitions whose lines stand for themselves, outer ones first: everything but what lies
    inside a function short enough to be shown whole."""
    found: list[Unit] = []
    stack: list[tuple[Symbol, bool]] = []
    last_end = 0
    for symbol in sorted(symbols, key=lambda item: (item.start_line, -item.end_line)):
        while stack and stack[-1][0].end_line < symbol.start_line:
            stack.pop()
        closed = bool(stack) and stack[-1][1]
        inside = bool(stack)
        function = symbol.kind in ("function", "method")
        stack.append(
            (symbol, closed or (function and symbol.end_line - symbol.start_line < _OPENED_FROM))
        )
        if closed:
            continue
        floor = stack[-2][0].start_line if inside else 0
        start = _above(
            lines, symbol.start_line, max(floor, last_end if last_end < symbol.start_line else floor)
        )
        found.append(Unit(start, symbol.end_line, symbol))
        if function:
            last_end = max(last_end, symbol.end_line)
    return found


def _above(lines: Sequence[str], start: int, floor: int) -> int:
    """The first line of the comment and decorator block that ends just above ``start``."""
    first = start
    while first - 1 > floor and start - first < _LONGEST_ABOVE and first - 2 < len(lines):
        line = lines[first - 2]
        if not line.strip() or not (_COMMENT.match(line) or _ATTACHED.match(line)):
            break
        first -= 1
    return first


def cut(file: int, number: int, chunk: Chunk, lines: Sequence[str], held: Sequence[Unit]) -> list[Span]:
    """The spans of one chunk, in order, blank ends removed; at least one unless the chunk is blank."""
    first, last = chunk.start_line, min(chunk.end_line, len(lines))
    owner: list[Unit | None] = [None] * max(last - first + 1, 0)
    for unit in held:
        for line in range(max(unit.start, first), min(unit.end, last) + 1):
            owner[line - first] = unit
    spans: list[Span] = []
    begin = 0
    for i in range(1, len(owner) + 1):
        if i == len(owner) or owner[i] is not owner[begin]:
            span = _span(file, number, chunk, lines, owner[begin], first + begin, first + i - 1)
            if span:
                spans.append(span)
            begin = i
    return spans


def _span(
    file: int, number: int, chunk: Chunk, lines: Sequence[str], unit: Unit | None, start: int, end: int
) -> Span | None:
    while start <= end and not lines[start - 1].strip(" \t\r{}()[];,"):
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    if start > end:
        return None
    if unit is None:
        kind: Kind = chunk.kind if chunk.kind in ("doc", "config") else "text"
        return Span(file, number, start, end, kind)
    symbol = unit.symbol
    return Span(
        file,
        number,
        start,
        end,
        symbol.kind,
        symbol.name,
        symbol.container,
        symbol.signature,
        (unit.start, unit.end),
        start <= symbol.start_line <= end,
    )


def comment_lines(lines: Sequence[str]) -> list[bool]:
    """Which lines are comments or docstrings, judged by their first characters."""
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
