"""On which line of today does a frame stand, when the text it speaks of may be an older one?

First: which text is it? In the right one the line lies in the function that the frame names, shows the
code that the trace shows, mentions what was called there, and has something at its column. Then: where
has that line gone? Its function is looked for first, then the line in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pygit2
from pygit2.enums import DiffOption

from sophia_mcp.search.question.trace import Frame
from sophia_mcp.types import Symbol

_MENTIONED = re.compile(r"\b\w+(?:Error|Exception)\b")
_ACTS = re.compile(r"[(\[]|\b(?:raise|throw|panic|assert|return|await|yield)\b")


@dataclass(frozen=True, slots=True)
class Version:
    """One text of a file and the definitions in it."""

    lines: Sequence[str]
    symbols: Sequence[Symbol]

    def line(self, number: int) -> str:
        """A line without its indentation; empty where there is none."""
        return self.lines[number - 1].strip() if 0 < number <= len(self.lines) else ""

    def span(self, symbol: Symbol) -> list[str]:
        """The lines of a definition, without their indentation."""
        return [line.strip() for line in self.lines[symbol.start_line - 1 : symbol.end_line]]

    def homes(self, frame: Frame) -> list[Symbol]:
        """The functions a frame may lie in, by name."""
        return [symbol for symbol in self.symbols if frame.function and symbol.name == frame.function]


def spoken_of(frames: Sequence[Frame], versions: Sequence[Version], text: str = "") -> int:
    """Which version (its place in ``versions``) some frames of one file speak of; the first of equals.
    ``text`` is the whole trace, for the errors it names."""
    errors = frozenset(_MENTIONED.findall(text))
    marks = [sum(_mark(frame, version, errors) for frame in frames) for version in versions]
    return marks.index(max(marks))


def _mark(frame: Frame, version: Version, errors: frozenset[str]) -> float:
    """How well one frame agrees with a text."""
    if not frame.line:
        return 0.0
    line = version.line(frame.line)
    if not line:
        return -2.0
    mark = 0.5 if _ACTS.search(line) else 0.0
    homes = version.homes(frame)
    if homes:
        mark += 2.0 if any(home.start_line <= frame.line <= home.end_line for home in homes) else -1.0
    if frame.code:
        mark += 6.0 if line == frame.code else -1.0
    if frame.callee:
        mark += 2.0 if _names(line, frame.callee) else -0.5
    elif any(error in line for error in errors):
        mark += 1.0
    if frame.column:
        mark += 1.5 if _begins(version.lines[frame.line - 1], frame.column) else -1.0
    return mark


def _names(line: str, name: str) -> bool:
    return re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", line) is not None


def _begins(line: str, column: int) -> bool:
    """Whether a word or a call begins at a column (1-based)."""
    here, before = line[column - 1 : column], line[column - 2 : column - 1] if column > 1 else ""
    if here.isalnum() or here in ("_", "$", "@"):
        return not (before.isalnum() or before in ("_", "$"))
    return here != "" and here in ".?[(!"


def settle(frame: Frame, today: Version, then: Version | None = None) -> int:
    """Today's line of a frame (1-based) that speaks of the text ``then`` (None: of today's)."""
    if then is not None:
        return _followed(frame, then, today)
    homes = today.homes(frame)
    if frame.code and today.line(frame.line) != frame.code:
        same = _same(frame.code, homes, today)
        if same:
            return min(same, key=lambda number: abs(number - frame.line))
    inside = [home for home in homes if home.start_line <= frame.line <= home.end_line]
    if inside or not homes:
        return min(max(frame.line, 1), max(len(today.lines), 1))
    nearest = min(homes, key=lambda home: abs(home.start_line - frame.line))
    calls = [
        number
        for number in range(nearest.start_line + 1, nearest.end_line + 1)
        if frame.callee and _names(today.line(number), frame.callee)
    ]
    return calls[0] if calls else nearest.start_line


def _same(code: str, homes: Sequence[Symbol], version: Version) -> list[int]:
    """Lines that say ``code``: in the functions named, else anywhere."""
    spans = [(home.start_line, home.end_line) for home in homes]
    for first, last in (*spans, (1, len(version.lines))):
        same = [number for number in range(first, last + 1) if version.line(number) == code]
        if same:
            return same
    return []


def _followed(frame: Frame, then: Version, today: Version) -> int:
    """Where a line of an older text stands: in the function it was in, the same of several equal ones."""
    line = min(max(frame.line, 1), len(then.lines))
    old = _home(then, line)
    code = then.line(line)
    new = _kin(old, code, then, today) if old is not None else None
    first, last = (old.start_line, old.end_line) if old and new else (1, len(then.lines))
    begin, end = (new.start_line, new.end_line) if new else (1, len(today.lines))
    before = [number for number in range(first, last + 1) if then.line(number) == code]
    after = [number for number in range(begin, end + 1) if today.line(number) == code]
    if code and len(before) == len(after):
        return after[before.index(line)]
    left = then.span(old) if old and new else [text.strip() for text in then.lines]
    right = today.span(new) if new else [text.strip() for text in today.lines]
    return begin + _moved(left, right, line - first)


def _moved(left: Sequence[str], right: Sequence[str], place: int) -> int:
    """Where a line of a text stands in a later one, both counted from 0: by git's differences, as those of
    difflib take most of a minute for a long file of much the same lines."""
    before, after = ("\n".join((*lines, "")).encode() for lines in (left, right))
    patch = pygit2.Patch.create_from(before, after, flag=DiffOption.FORCE_TEXT, context_lines=0)
    shift = 0
    for hunk in patch.hunks:
        # A side without lines names the line before it.
        old, new = hunk.old_start - (hunk.old_lines > 0), hunk.new_start - (hunk.new_lines > 0)
        if place < old:
            break
        if place < old + hunk.old_lines:
            shift = min(new - old, new + max(hunk.new_lines - 1, 0) - place)
            break
        shift = new + hunk.new_lines - old - hunk.old_lines
    return min(place + shift, len(right) - 1)


def _home(version: Version, line: int) -> Symbol | None:
    """The innermost definition around a line that is more than the line."""
    around = [
        s for s in version.symbols if s.start_line <= line <= s.end_line and s.end_line > s.start_line
    ]
    return min(around, key=lambda symbol: symbol.end_line - symbol.start_line, default=None)


def _kin(old: Symbol, code: str, then: Version, today: Version) -> Symbol | None:
    """The definition that an older one has become: of its name, and of its container where there is one.
    Of several (overloads, clauses) the only one that still says ``code``, else the one in the same place."""
    for same in (_sisters, _namesakes):
        before, after = same(old, then), same(old, today)
        if after:
            saying = [one for one in after if code in today.span(one)]
            return saying[0] if len(saying) == 1 else after[min(before.index(old), len(after) - 1)]
    return None


def _sisters(old: Symbol, version: Version) -> list[Symbol]:
    return [one for one in _namesakes(old, version) if one.container == old.container]


def _namesakes(old: Symbol, version: Version) -> list[Symbol]:
    return [one for one in version.symbols if one.name == old.name and one.kind == old.kind]
