"""Which lines of a file may be shown, and how? Without secrets, without what acts, and none too long.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from sophia_mcp.search.question.query import Query
from sophia_mcp.search.reply.clip import Finder, clip, finder
from sophia_mcp.search.view.content import Text
from sophia_mcp.security.secrets import holds_block, is_suspect, mask
from sophia_mcp.security.text import plain

_AROUND = 150
"""Lines around shown ones that are masked with them: longer than any key."""


class Masked:
    """Texts without secrets and without characters that act. Files are masked in pieces that reach far
    enough around the shown lines to hold any key block whole; each piece once, and only where some secret
    may reach into the shown lines."""

    def __init__(self, texts: Mapping[int, Text], longest: int | None, query: Query) -> None:
        self._texts, self._longest, self._query = texts, longest, query
        self._done: dict[int, list[tuple[int, list[str], int]]] = {}
        self.secrets: dict[int, int] = {}

    def lines(self, file: int, start: int, end: int, longest: int | None = None) -> list[str]:
        """These lines, each cut at ``longest`` characters where it is given, else where any is."""
        first, lines, count = self._piece(file, start, end)
        most = longest if longest is not None else self._longest
        shown = _shown(lines[start - first : end - first + 1], most, self._find)
        if count and any("«masked " in line for line in shown):
            self.secrets[file] = max(count, self.secrets.get(file, 0))
        return shown

    def _find(self, line: str, width: int) -> int:
        return self._finder(line, width)

    @cached_property
    def _finder(self) -> Finder:
        return finder(self._query)

    def _piece(self, file: int, start: int, end: int) -> tuple[int, list[str], int]:
        """The line a piece begins at that holds these lines, the piece, and how many secrets were masked in
        it. Where there may be any it holds their surroundings, too."""
        length = self.length(file)
        low, high = max(start - _AROUND, 1), min(end + _AROUND, length)
        if length <= 3 * _AROUND:
            low, high = 1, length
        for first, lines, count in self._done.get(file, ()):
            if first <= low and high < first + len(lines):
                return first, lines, count
        text = self._texts[file]
        around = text.span(low, high)
        if not holds_block(around) and not is_suspect(text.lines, start - 1, end):
            return start, text.lines[start - 1 : end], 0
        masked = mask(around)
        piece = (low, masked.text.split("\n"), masked.count)
        self._done.setdefault(file, []).append(piece)
        return piece

    def length(self, file: int) -> int:
        return self._texts[file].height


def _shown(lines: list[str], longest: int | None, find: Finder) -> list[str]:
    """Lines without what acts and without what is too long in them."""
    whole = "\n".join(lines)
    if plain(whole) is whole and (longest is None or max(map(len, lines), default=0) <= longest):
        return lines  # most are as they may be
    bare = [line.rstrip("\r") for line in lines]
    return [plain(line if longest is None else clip(line, longest, find)) for line in bare]
