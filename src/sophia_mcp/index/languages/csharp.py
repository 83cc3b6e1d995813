"""What in a source of C# does its grammar not know? Blocks of members for another type."""

from __future__ import annotations

import re

from sophia_mcp.index.languages.record import BLANK

_BLOCK = re.compile(
    rb"^[ \t]*+extension[ \t]*+(?>(?:<[^<>(){}\n]*+>)?)[ \t]*+\([^(){};]*+\)[^(){};]*+(?P<brace>\{)",
    re.MULTILINE,
)
_TOKEN = re.compile(
    rb"(?P<brace>[{}])|//[^\n]*+|/\*[^*]*+(?>(?:\*(?!/)[^*]*+)*)\*/|\"\"\"[^\"]*+(?>(?:\"(?!\"\")[^\"]*+)*)\"\"\""
    rb"|\"[^\"\\\n]*+(?>(?:\\.[^\"\\\n]*+)*)\"|'[^'\\\n]*+(?>(?:\\.[^'\\\n]*+)*)'"
)


def plain(source: bytes) -> bytes:
    """``source`` without the heads and braces of ``extension(Till till) { ... }``, whose members are then those of
    the class around; every other byte is as it is and where it is."""
    if b"extension" not in source:
        return source
    blocks = {block.start("brace"): block.start() for block in _BLOCK.finditer(source)}
    text, opened = bytearray(source), list[int]()
    for token in _TOKEN.finditer(source, min(blocks)) if blocks else ():
        if token["brace"] == b"{":
            opened.append(token.start())
        elif token["brace"] and opened and (start := blocks.get(brace := opened.pop(), -1)) >= 0:
            text[start : brace + 1] = source[start : brace + 1].translate(BLANK)
            text[token.start()] = ord(" ")
    return bytes(text)
