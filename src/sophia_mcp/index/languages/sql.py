"""What in a source of SQL is no SQL? Bodies in other languages, orders to the program that reads it, and
names as one dialect quotes them."""

from __future__ import annotations

import re

from sophia_mcp.index.languages.record import BLANK
from sophia_mcp.patterns import expression

_QUOTE = rb"\$(?:[A-Za-z_]\w*+)?\$"
_TOKENS = (
    rb"--[^\n]*+|/\*[^*]*+(?>(?:\*(?!/)[^*]*+)*)(?:\*/|\Z)|%s|`[^`\n]*+`"
    rb"|(?P<quote>" + _QUOTE + rb")|(?P<end>//)"
    rb"|^(?:\\[^\n]*+|[ \t]*+(?:/|(?i:go)(?>(?:[ \t]++\d++)?)|(?i:delimiter)[ \t]++(?P<delimiter>;;?+|//|"
    + _QUOTE
    + rb"))[ \t\r]*+$)"
    rb"|^(?P<rows>(?i:copy)\b(?>[^;'\n]*?\b(?i:from stdin)\b)[^;\n]*+;)"
    rb"|(?<![\w\])])\[(?P<name>[A-Za-z_][\w $-]*+)\]"
)
_TOKEN = expression(_TOKENS % rb"'[^']*+'|\"[^\"\n]*+\"", re.MULTILINE)
_ESCAPING = expression(
    _TOKENS % rb"'[^'\\]*+(?>(?:\\.[^'\\]*+)*)'|\"[^\"\\\n]*+(?>(?:\\.[^\"\\\n]*+)*)\"",
    re.MULTILINE | re.DOTALL,
)
_ESCAPED = expression(rb"\\(.)", re.DOTALL)
_ESCAPES = expression(rb"\\'\w|`\w+`|\b(?i:engine)[ \t]*+=")
"""What only dialects write in which a quote may be escaped by a backslash."""
_ROWS_END = b"\n\\."
_NAME = rb"(?>(?:[\w@\"]++\.)*)[\w\"]++"
_UNKNOWN = expression(
    rb"^(?P<create>[ \t]*+create\s++(?>(?:or\s++replace\s++)?))(?:(?P<routine>procedure|aggregate)\b(?P<called>\s++"
    + _NAME
    + rb"\s*+\((?>[^();]*+(?>(?:\([^();]*+\)[^();]*+)*))\))|(?P<type>domain|type(?=[^(;]{0,300}+\([^);]{0,300}?=))\b(?P<named>\s++"
    + _NAME
    + rb"))(?P<rest>[^;]*+);",
    re.MULTILINE | re.IGNORECASE,
)
_GIVES, _HOLDS = (b" RETURNS a AS '", b"'"), (b" AS (a int", b")")
"""How what follows the name of a function and of a type begins and ends, as the grammar knows it."""
_PLACEHOLDER = expression(rb"^([ \t]*+create\b[^;@\n]{0,80})(@\w+@\.)", re.MULTILINE | re.IGNORECASE)


def plain(source: bytes) -> bytes:
    """``source`` as the grammar can read it, every other byte as it is and where it is: a body between dollars
    is an empty text, because most are programs that end the reading of the file; rows of a dump and lines for
    ``psql``, ``mysql`` and the like are blank, the delimiter that such a line names is ``;``; ``[name]`` is
    ``"name"``, ``\\'`` is ``''`` where that is an escaped quote."""
    parts: list[bytes] = []
    last = {match[0]: match.start() for match in re.finditer(_QUOTE, source)}
    at = pos = 0
    delimiter = b""
    tokens = _ESCAPING if b"\\'" in source and _ESCAPES.search(source) else _TOKEN
    while (match := tokens.search(source, pos)) is not None:
        start, pos = match.span()
        text, quote = match[0], match["quote"]
        if quote == delimiter or match["end"]:
            instead = b";" + b" " * (len(text) - 1)
        elif quote:
            if last.get(quote, -1) < pos:
                continue  # it is closed nowhere
            pos = source.index(quote, pos) + len(quote)
            instead = b"'" + source[start + 1 : pos - 1].translate(BLANK) + b"'"
        elif match["rows"]:
            closing = source.find(_ROWS_END, pos)
            if closing < 0:
                continue  # of a program that sends the rows itself
            pos = closing
            instead = source[start:pos].translate(BLANK)
        elif match["name"]:
            instead = b'"' + match["name"] + b'"'
        elif tokens is _ESCAPING and text[:1] in b"'\"" and b"\\" in text:
            quoted = text[:1]
            instead = _ESCAPED.sub(lambda one: quoted * 2 if one[1] == quoted else one[0], text)  # noqa: B023
        elif text[:1] in b"-'\"`" or text[:2] == b"/*":
            continue
        else:
            delimiter = match["delimiter"] or delimiter
            instead = text.translate(BLANK)
        parts += source[at:start], instead
        at = pos
    text = b"".join((*parts, source[at:]))
    text = _PLACEHOLDER.sub(lambda found: found[1] + found[2].translate(BLANK), text)
    done = text.rfind(b";") + 1  # behind it each would be looked for to the end
    return _UNKNOWN.sub(_known, text[:done]) + text[done:]


def _known(found: re.Match[bytes]) -> bytes:
    """A statement that the grammar does not know as one that it does, at the same length: a procedure or an aggregate
    as a function, a domain or a type of one's own as a type."""
    begins, ends = _HOLDS if found["type"] else _GIVES
    before, blank, behind = found["rest"].translate(BLANK)[:-1].rpartition(b" " * len(begins))
    if not blank:
        return found[0]
    if found["type"]:
        head = b"TYPE".ljust(len(found["type"])) + found["named"]
    else:
        head = b"FUNCTION ".ljust(len(found["routine"])) + found["called"]
    return found["create"] + head + before + begins + behind + ends + b";"
