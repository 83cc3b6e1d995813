"""What does a file say that git left in conflict? What its own side says, until somebody has settled it."""

from __future__ import annotations

import re

from sophia_mcp.index.languages.record import BLANK

_MARK = re.compile(rb"^(?:(<){7} |(\|){7}(?: |\r?$)|(=){7}\r?$|(>){7} )[^\n]*+", re.MULTILINE)


def own(source: bytes) -> bytes:
    """``source`` without the marks of a conflict and the sides behind the first; every other byte is as it is
    and where it is. Both sides together are what no grammar reads."""
    if b"<<<<<<< " not in source:
        return source
    parts: list[bytes] = []
    at = 0
    begin: re.Match[bytes] | None = None
    other: re.Match[bytes] | None = None
    for mark in _MARK.finditer(source):
        if mark[1]:
            begin, other = mark, None
        elif begin is not None and not mark[4]:
            other = other or mark
        elif begin is not None and other is not None:
            parts += source[at : begin.start()], begin[0].translate(BLANK)
            parts += (
                source[begin.end() : other.start()],
                source[other.start() : mark.end()].translate(BLANK),
            )
            at, begin, other = mark.end(), None, None
    return b"".join((*parts, source[at:]))
