"""What in a source of C# does its grammar not know? Blocks of members for another type."""

from __future__ import annotations

import re

from sophia_mcp.index.languages.record import BLANK

_BLOCK = re.compile(
    rb"^[ \t]*+extension[ \t]*+(?:<[^<>(){}\n]*+>)?+[ \t]*+\([^(){};]*+\)[^(){};]*+(?P<brace>\{)",
    re.MULTILINE,
)
_TOKEN = re.compile(
    rb"(?P<brace>[{}])|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/|\"\"\"(?:[^\"]|\"(?!\"\"))*+\"\"\""
    rb"|\"(?:[^\"\\\n]|\\.)*+\"|'(?:[^'\\\n]|\\.)*+'"
)


def plain(source: bytes) -> bytes:
    """``source`` without the heads and braces of ``extension(Till till) { ... }``, whose members are then those of
    the class around; every other byte is as it is and where it is."""
    if b"extension" not in source:
        return source
    text = bytearray(source)
    for block in _BLOCK.finditer(source):
        depth = 0
        for token in _TOKEN.finditer(source, block.start("brace")):
            if token["brace"]:
                depth += 1 if token["brace"] == b"{" else -1
            if not depth and token["brace"]:
                text[block.start() : block.end()] = source[block.start() : block.end()].translate(BLANK)
                text[token.start()] = ord(" ")
                break
    return bytes(text)
