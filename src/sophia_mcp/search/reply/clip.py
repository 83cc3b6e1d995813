"""Which part of a line that is too long is shown? The one where most of what was asked for stands.

Pure.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from sophia_mcp import words
from sophia_mcp.search.question.query import Query
from sophia_mcp.search.text import regex

Finder = Callable[[str, int], int]
"""Where a part of so many characters of a line begins."""

_LEAD = 4
"""A match begins this part of the width into it: what stands before it is shown, too."""

_SHORTEST = 3
"""Letters of a word that is looked for; shorter ones stand everywhere."""


def clip(line: str, width: int, find: Finder) -> str:
    """A line of at most ``width`` characters as it is; of a longer one so many, with how many more it has."""
    more = len(line) - width
    if more <= 0:
        return line
    first = min(max(find(line, width), 0), more)
    begun = "…" if first else ""
    return f"{begun}{line[first : first + width]}… {more:,} more characters"


def beginning(line: str, width: int) -> int:
    """The part that is shown when nothing was asked for by its text."""
    return 0


def finder(query: Query) -> Finder:
    """What finds the matches of a question in a line."""
    if query.kind == "regex":
        pattern = regex.compile(query.text)
        return lambda line, width: _first(line, width, pattern)
    if query.kind in ("words", "error", "identifier"):
        text = query.name if query.kind == "identifier" else query.text
        wanted = {term.removeprefix("=") for term in words.query_terms(text)}
        wanted = {term for term in wanted if len(term) >= _SHORTEST}
        if wanted:
            longest = sorted(wanted, key=len, reverse=True)
            either = re.compile("|".join(map(re.escape, longest)), re.IGNORECASE)
            return lambda line, width: _richest(line, width, either)
    return beginning


def _first(line: str, width: int, pattern: Any) -> int:
    found = pattern.search(line.encode())
    if found is None:
        return 0
    return max(len(line.encode()[: found.start()].decode()) - width // _LEAD, 0)


def _richest(line: str, width: int, either: re.Pattern[str]) -> int:
    """Where a part begins that holds the most different words; the first of several."""
    room = width - width // _LEAD
    inside: deque[tuple[int, str]] = deque()
    held: Counter[str] = Counter()
    most, best = 0, (0, 0)
    for found in either.finditer(line):
        inside.append((found.start(), found[0].casefold()))
        held[inside[-1][1]] += 1
        while found.end() - inside[0][0] > room and len(inside) > 1:
            _, word = inside.popleft()
            held[word] -= 1
            if not held[word]:
                del held[word]
        if len(held) > most:
            most, best = len(held), (inside[0][0], found.end())
    return max(best[0] - width // _LEAD, 0) if best[1] > width else 0
