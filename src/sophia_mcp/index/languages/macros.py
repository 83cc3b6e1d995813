"""What in a source of the C family is no syntax of its own? Macros, and branches that split a statement.

A grammar reads the text before the preprocessor does. One unknown word in front of a function costs the
function, and often every definition after it. What can be told from its form is blanked, or ended by a semicolon in
the place of a blank, so that every other byte stays where it is. Every pattern takes time in proportion to the
text, also of a hostile one.
"""

from __future__ import annotations

import re
from itertools import pairwise

from sophia_mcp.index.languages.record import BLANK
from sophia_mcp.patterns import expression

# In this package what repeats a group without giving back is written ``(?>(?:...)*)``: Python before 3.11.5 goes on
# behind a group that matched in part where that is written ``(?:...)*+`` (https://github.com/python/cpython/issues/106052).
_WORD = rb"(?:[A-Z_][A-Z0-9_]{2,}+|[A-Za-z]{1,8}+_[A-Z][A-Z0-9_]++|__[a-z]\w*+)(?!\w)"
"""What a macro looks like: ``API``, ``Q_OBJECT``, ``Py_LOCAL``, ``__init``."""

_INNER = rb"[^()\n;{}]{0,200}+"
_ARGUMENTS = rb"(?:[ \t]?+\(" + _INNER + rb"(?>(?:\(" + _INNER + rb"\)" + _INNER + rb"){0,4})\))"
_MACRO = _WORD + rb"(?>" + _ARGUMENTS + rb"?)"
_NUMBERED = rb"[a-z]\w*+\([ \t]*+\d[\d, \t]*+\)"
"""``printflike(1, 2)``: what takes numbers declares no parameters."""

_NESTED = rb"[^<>;(){}\n]{0,200}+"
_NAME = (
    rb"[A-Za-z_][\w:]*+(?:<"
    + _NESTED
    + rb"(?>(?:<"
    + _NESTED
    + rb">"
    + _NESTED
    + rb"){0,3})>(?:::\w++)?)?"
)
_S = rb"[ \t\r\n]"
_GAP = rb"(?:" + _S + rb"*+[*&]++[ \t\r\n*&]*+|" + _S + rb"++)"
_SPECIFIER = (
    rb"(?:static|extern|inline|const|volatile|virtual|explicit|friend|constexpr|typedef|typename|struct|union|enum|"
    rb"class|unsigned|signed)"
)

_BEFORE_TYPE = expression(
    rb"\n[ \t]*+(?>(?:(?:static|extern|inline|virtual|explicit|friend|constexpr|typedef)[ \t]++){0,3})"
    rb"(?P<macro>(?:" + _MACRO + _S + rb"++){1,4})"
    rb"(?=(?>(?:"
    + _SPECIFIER
    + _S
    + rb"++){0,4})(?P<type>"
    + _NAME
    + rb")"
    + _GAP
    + rb"(?>(?:(?:const|volatile)\s++)?)"
    rb"(?P<name>operator\b|~?[A-Za-z_][\w:]*+)" + _S + rb"*+[(;=\[{,)]"
    rb"|(?P<maker>[A-Za-z_]\w*+)(?:<" + _NESTED + rb">)?::(?P=maker)\()"
)
"""``API int f(``: two names declare, a third is a macro; ``API A::A(`` names no type."""

_BEFORE_NAME = expression(
    rb"\n[ \t]*+(?>(?:"
    + _SPECIFIER
    + rb"[ \t]++){0,4})(?P<type>"
    + _NAME
    + rb")"
    + _GAP
    + rb"(?>(?:const[ \t]++)?)[*&\s]*+"
    rb"(?P<macro>(?>(?:(?:"
    + _MACRO
    + rb"|"
    + _NUMBERED
    + rb")"
    + _S
    + rb"++){1,2}))[*& \t\r\n]*+(?=(?P<name>[A-Za-z_~][\w:]*+)"
    + _S
    + rb"*+[(;=\[{])"
)
"""``int CALL f(``, ``char *CALL f(``."""

_ALONE = expression(
    rb"\n(?P<macro>[A-Z_][A-Z0-9_]{2,}+(?>" + _ARGUMENTS + rb"?))"
    rb"[ \t]*+(?>(?://[^\n]*+|/\*[^\n*]*+\*/)?)[ \t\r]*+(?=\n\s{0,200}+(?:#|/[*/]|\}|\Z"
    rb"|(?:typedef|struct|enum|union|extern|static|class|namespace|template|using|inline|const|void|int|char|unsigned"
    rb"|public|private|protected|virtual|friend|explicit)\b|[A-Z][A-Z0-9_]{2,}+(?>(?:\([^()\n]*+\))?)[ \t\r]*+(?:\n|\Z)))"
)
"""``BEGIN_DECLS`` and ``DEFINE_TYPE(A, a)`` on lines of their own, before what begins anew."""

_IN_CLASS = expression(
    rb"\n[ \t]++(?P<macro>[A-Z][A-Z0-9_]{2,}+)[ \t]*+"
    rb"(?=\n\s{0,200}+(?:public|private|protected|signals|slots|virtual|explicit|friend|typedef|using|static|template)\b)"
)
"""``Q_OBJECT``."""

_OF_CLASS = expression(
    rb"\n[ \t]*+(?>(?:typedef[ \t]++|template[ \t]*+<[^\n;{}]{0,200}+(?<=>)[ \t]++)?)"
    rb"(?:class|struct|union|enum(?>(?:[ \t]++class)?))[ \t\n]++(?P<macro>(?:"
    + _MACRO
    + rb"[ \t\n]++){0,3})"
    rb"(?P<name>[A-Za-z_][\w:]*+(?>(?:<[^<>;{}]{0,200}+>)?))[ \t\n]*+(?P<after>" + _MACRO + rb")?"
    rb"(?=" + _S + rb"*+(?>(?:final\s*+)?)[:{](?!\s*+\}))"
)
"""``class API Name : Base {``, ``struct Name FINAL {``."""

_OF_POINTER = expression(
    rb"\([ \t]*+(?P<macro>"
    + _WORD
    + rb")(?=[ \t]*+\*++[ \t]*+(?>(?:const[ \t]++)?)[A-Za-z_]\w*+[ \t]*+\)[ \t]*+\()"
)
"""``typedef int (CALL *name)(``."""

_BEHIND = expression(
    rb"\)(?>(?:[ \t]*+const)?)(?P<macro>(?>(?:"
    + _S
    + rb"*+"
    + _MACRO
    + rb"){1,4}))(?="
    + _S
    + rb"*+(?:;|=[ \t]*+[0d]|\{))"
)
"""``void f(const char *, ...) PRINTF(1, 2);``, which has the form of ``if (x) RETURN(y);``: see ``_declares``."""

_GUARDED = expression(
    rb"(?P<macro>\b(?:[A-Z]{1,20}+_)?(?:PT_)?GUARDED_BY\([^()\n]{0,200}+\))(?=[ \t]*+[;={])"
)
"""``int count GUARDED_BY(lock);``, which has the form of a method."""

_LISTED = rb"[^();{}]{0,300}+"
_LOOP = expression(
    rb"\n(?P<indent>[ \t]++)(?:(?!(?:if|for|while|switch|catch)\b)[A-Za-z_]\w*+[ \t]?\(\w++"
    rb"|(?i:\w{0,60}?for_?each)\w*+[ \t]?\("
    + _LISTED
    + rb"(?>(?:\("
    + _LISTED
    + rb"(?>(?:\([^();{}]{0,100}+\)"
    + _LISTED
    + rb"){0,4})\)"
    + _LISTED
    + rb"){0,8}))\)(?=[ \t]++\{|[ \t\r]*+\n(?P=indent)[ \t]++[A-Za-z_])"
)
"""``for_each_task(task) {`` in a body, also before a statement without braces: read as a function inside the function,
which takes up what follows it, and as a call once a semicolon ends it."""

_BODY = expression(rb"\)[ \t\r]*+(?:\n\{|\{[ \t\r]*+(?=\n))")
_PATTERNS = (_ALONE, _IN_CLASS, _OF_CLASS, _OF_POINTER, _BEHIND, _BEFORE_TYPE, _BEFORE_NAME)
_STATEMENTS = frozenset(
    b"return else case goto if while for do switch sizeof new delete throw using namespace template public private "
    b"protected operator struct union enum class const static extern inline volatile virtual friend explicit constexpr "
    b"register default final override noexcept typedef".split()
)
_HEAD = expression(rb"[\w>*&:][\s*&]++(?:operator\W{1,3}|~?[\w:]++)\s*+\Z|\w::~?\w++\s*+\Z")
_HEAD_BYTES = 120
_REACH = 1000
"""How far before its end a declaration is looked for."""

_DIRECTIVE = expression(rb"\n[ \t]*+#[ \t]*+(if|el|endif)(?>[^\n\\]*+(?:\\(?:\r?\n|.)[^\n\\]*+)*)")
_NEVER = expression(rb"\n[ \t]*+#[ \t]*+if[ \t]++0\b")
_NO_CODE = expression(
    rb"/\*[^*]*+(?>(?:\*(?!/)[^*]*+)*)\*/|//[^\n]*+|\"[^\"\\\n]*+(?>(?:\\.[^\"\\\n]*+)*)\"|'[^'\\\n]*+(?>(?:\\.[^'\\\n]*+)*)'"
    rb"|(?:\A|(?<=\n))[ \t]*+#(?>[^\n\\]*+(?:\\(?:\r?\n|.)[^\n\\]*+)*)"
)
_LONE = expression(rb"(?:\A|\n)[ \t]*+" + _MACRO + rb"\s*+\Z")
_GROUP_BYTES = 16 << 10
"""A longer conditional is the guard of a file or a part of one, not of a statement."""

_LOOKS = 8
"""How often each byte may be looked at for conditionals inside conditionals."""


_MODULE = expression(
    rb"\n[ \t]*+(?:(?>(?:export[ \t]++)?)(?:module|import)(?>(?:[ \t]++[\w.:<\"/]++[>\"]?+|[ \t]*+:[\w.]++)?)[ \t]*+;"
    rb"|export(?=[ \t\r\n]++(?!module|import)[A-Za-z_]))"
)
"""``export module shop;``, ``import std;``, and ``export`` before a declaration."""


def plain(source: bytes) -> bytes:
    """``source`` with blanks for what the grammars of C and C++ cannot read, and a semicolon behind what they would take
    for the head of a function; every other byte as it is."""
    text = bytearray(b"\n" + source)
    if b"export " in source:
        for match in _MODULE.finditer(bytes(text)):
            _blank(text, *match.span())
    _join_branches(text)
    outside = _outside_bodies(bytes(text))
    for pattern in (*_PATTERNS, _GUARDED) if b"GUARDED_BY(" in source else _PATTERNS:
        code = bytes(text)
        for low, high in outside:
            for match in pattern.finditer(code, low, high):
                for start, end in _macros(pattern, match):
                    _blank(text, start, end)
    code = bytes(text)
    for (_, low), (high, _) in pairwise(outside):
        for match in _LOOP.finditer(code, low, high):
            name, end = match[0].partition(b"(")[0].strip(), match.end()
            if b"struct " + name in code or b"class " + name in code:
                continue  # its constructor
            text[end + 1 if code[end] == ord("\n") else end] = ord(";")
    return bytes(text[1:])


def _outside_bodies(text: bytes) -> list[tuple[int, int]]:
    """Where declarations stand: all but the bodies of functions that begin and end at the start of a line."""
    spans, start, at = list[tuple[int, int]](), 0, 0
    while body := _BODY.search(text, at):
        at = body.end()
        if text[at - 2] != ord("\n") and text[text.rfind(b"\n", 0, body.start()) + 1] in b" \t":
            continue  # a method in its class
        spans.append((start, at))
        end = text.find(b"\n}", at)
        start = at = len(text) if end < 0 else end
    return [*spans, (start, len(text))]


def _macros(pattern: re.Pattern[bytes], match: re.Match[bytes]) -> list[tuple[int, int]]:
    """Where the macros of a match stand; nowhere if it is a statement."""
    start, end = match.span("macro")
    if pattern is _OF_CLASS:
        return [(start, end), match.span("after")]
    if pattern is _BEHIND:
        return [(start, end)] if _declares(match.string, match.start()) else []
    if pattern in (_BEFORE_TYPE, _BEFORE_NAME):
        if match["type"] in _STATEMENTS or match["name"] in _STATEMENTS:
            return []
        first = match["macro"].split(None, 1)[0]
        if pattern is _BEFORE_TYPE and match["maker"] is not None:
            return [(start, end)]
        if pattern is _BEFORE_TYPE and b"(" not in match["macro"] and match["type"].isupper():
            return [(start + len(first), match.end("type"))]  # ``HANDLE CALL f(``: the first is the type
    return [(start, end)]


def _declares(text: bytes, close: int) -> bool:
    """Whether the parenthesis that closes here ends the parameters of a declaration."""
    low = max(text.rfind(mark, max(0, close - _REACH), close) for mark in (b";", b"{", b"}"))
    opened = text.find(b"(", max(low, close - _REACH, 0), close)
    head = text[max(low + 1, opened - _HEAD_BYTES) : opened] if opened > 0 else b""
    found = _HEAD.search(head)
    return found is not None and head.split()[-1] not in _STATEMENTS


def _join_branches(text: bytearray) -> None:
    """Of conditionals that split a statement, leave the first branch, and no directive."""
    code, opened, looks = bytes(text), list[list[re.Match[bytes]]](), _LOOKS * len(text)
    for match in _DIRECTIVE.finditer(code):
        if match[1] == b"if":
            opened.append([match])
        elif opened and match[1] == b"el":
            opened[-1].append(match)
        elif opened:
            directives = [*opened.pop(), match]
            size = match.end() - directives[0].start()
            looks -= size if size <= _GROUP_BYTES else 0
            if size <= _GROUP_BYTES and looks > 0:
                _join(text, directives)


def _join(text: bytearray, directives: list[re.Match[bytes]]) -> None:
    spans = [(one.end(), other.start()) for one, other in pairwise(directives)]
    if all(_whole(bytes(text[start:end])) for start, end in spans):
        return
    kept = 1 if len(spans) > 1 and _NEVER.match(directives[0][0]) else 0
    for directive in directives:
        _blank(text, *directive.span())
    for start, end in spans[:kept] + spans[kept + 1 :]:
        _blank(text, start, end)


def _whole(branch: bytes) -> bool:
    """Whether a branch holds whole declarations or statements."""
    code = branch.strip()
    if code.startswith(b"else") and code[4:5] in b" \t\r\n{":
        return False
    return (code[-1:] in (b";", b"}") and _balanced(code)) or _ends_whole(
        _NO_CODE.sub(b" ", code).rstrip()
    )


def _ends_whole(code: bytes) -> bool:
    return _balanced(code) and (not code or code[-1:] in b";}:" or _LONE.search(code[-200:]) is not None)


def _balanced(code: bytes) -> bool:
    opens, closes = code.find(b"{"), code.find(b"}")
    return (
        code.count(b"{") == code.count(b"}") and code.count(b"(") == code.count(b")") and opens <= closes
    )


def _blank(text: bytearray, start: int, end: int) -> None:
    """Lines and columns of all that follows stay."""
    if start < end:
        text[start:end] = text[start:end].translate(BLANK)
