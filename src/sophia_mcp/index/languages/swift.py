"""What in a source of Swift is no syntax of its own? Conditions, and branches that share what closes them."""

from __future__ import annotations

import re

from sophia_mcp.index.languages.record import BLANK

_TOKEN = re.compile(
    rb"^[ \t]*+#(?P<word>if|elseif|else|endif)\b[^\n]*+|(?P<brace>[{}])"
    rb"|//[^\n]*+|\"[^\"\\\n]*+(?>(?:\\.[^\"\\\n]*+)*)\"",
    re.MULTILINE,
)


def plain(source: bytes) -> bytes:
    """``source`` without conditions, which end a type for the grammar; of branches that open or close what
    another branch does as well, the first is left. Every other byte is as it is and where it is."""
    if b"#if" not in source:
        return source
    depth = 0
    opened: list[list[tuple[int, int]]] = []
    blanks: list[tuple[int, int]] = []
    for match in _TOKEN.finditer(source):
        word = match["word"]
        if match["brace"]:
            depth += 1 if match["brace"] == b"{" else -1
        if word is None:
            continue
        blanks.append(match.span())
        if word == b"if":
            opened.append([])
        elif not opened:
            continue
        opened[-1].append((match.start(), depth))
        before = opened[-1][0][1]
        if word == b"endif":
            arms = opened.pop()
            if len(arms) > 2 and any(after != before for _, after in arms[1:]):
                blanks.append((arms[1][0], match.end()))
            depth = arms[1][1]
        elif word != b"if":
            depth = before
    return _blanked(source, blanks)


def _blanked(source: bytes, spans: list[tuple[int, int]]) -> bytes:
    parts: list[bytes] = []
    at = 0
    for start, end in sorted(spans):
        if end > at:
            start = max(start, at)
            parts += source[at:start], source[start:end].translate(BLANK)
            at = end
    return b"".join((*parts, source[at:]))
