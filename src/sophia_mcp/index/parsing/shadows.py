"""What else may a name mean in a scope? What binds it anew there, with no type that is known: a parameter of a
function without a name, a loop, a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from sophia_mcp.index.parsing.scopes import Scopes

_Patterns = tuple[re.Pattern[bytes], re.Pattern[bytes], re.Pattern[bytes]]
_SCRIPT_BINDS = (
    re.compile(
        rb"\b(?:const|let|var)\s+(?:[{\[][^=;(){}]*)?\0|\0\s*=>"
        rb"|(?<!\bif)(?<!\bif )(?<!\bwhile)(?<!\bwhile )(?<!\bswitch)(?<!\bswitch )"
        rb"\((?:[^()]*[,{\[])?\s*(?:\.\.\.)?\0\s*(?:[,?=:}\]][^()]*)?\)\s*(?::[^={;]*)?(?:=>|\{)"
    ),
    re.compile(rb"(?:const|let|var)\s+(?:[{\[][^=;(){}]*)?\Z"),
    re.compile(rb"\s*(?:=>|(?:[,?=:}\]][^()]*)?\)\s*(?::[^={;]*)?(?:=>|\{))"),
)
_BINDS: dict[str, _Patterns] = {
    "python": (
        re.compile(
            rb"^[ \t]*(?:[\w.*\[\]]+\s*,\s*)*[(*]?\0(?:\s*,[^=()\n]*)?\)?\s+=(?!=)|^[ \t]*\0\s*:\s|=\s*\0\s+=(?!=)"
            rb"|\bfor\b[\w\s,*(]*\0[\w\s,*)]*\bin\b|\blambda\b[^:]*\0\s*[,:=]|\bas\s+\(?\0|\0\s*:=",
            re.MULTILINE,
        ),
        re.compile(rb"(?:as\s+\(?|lambda\b[^:]*)\Z"),
        re.compile(rb"(?:\s*,[^=()\n]*)?\)?\s+=(?!=)|\s*:[\s=]|[\w\s,*)]*\bin\b"),
    ),
    "rust": (
        re.compile(
            rb"\b(?:let|for)\s[^=;{}]*\0(?!\s*=\s*&(?:mut\s+)?\*)|(?<!\|)\|(?!\|)[^|;{}]*\0[^|;{}]*\||\0\s*=>"
            rb"|\0\s*(?:,[\w\s,.:&]*)?[)\]}][\s)\]}]*(?:if\b[^=]*)?=>"
        ),
        re.compile(rb"\b(?:let|for)\s[^=;{}]*\Z|(?<!\|)\|(?!\|)[^|;{}]*\Z"),
        re.compile(rb"\s*(?:=>|(?:,[\w\s,.:&]*)?[)\]}][\s)\]}]*(?:if\b[^=]*)?=>)"),
    ),
    "tsx": _SCRIPT_BINDS,
    "typescript": _SCRIPT_BINDS,
    "javascript": _SCRIPT_BINDS,
    "java": (
        re.compile(
            rb"\0\s*->|\((?:[^()]*,)?\s*\0\s*(?:,[^()]*)?\)\s*->|\binstanceof\s+(?:final\s+)?[\w.]+(?:<[^<>]*>)?\s+\0"
        ),
        re.compile(rb"\binstanceof\s+(?:final\s+)?[\w.]+(?:<[^<>]*>)?\s+\Z"),
        re.compile(rb"\s*(?:->|(?:,[^()]*)?\)\s*->)"),
    ),
    "kotlin": (
        re.compile(
            rb"\{\s*(?:\(?[^{}()\n]*,\s*)?\(?\0\s*(?::[^{}\n]*)?(?:,[^{}\n]*)?\)?\s*->"
            rb"|\bfor\s*\(\s*(?:\([^()]*)?\0[^()]*\)?\s*in\b|\b(?:val|var)\s*\([^()]*\0"
        ),
        re.compile(rb"\b(?:val|var)\s*\([^()]*\Z"),
        re.compile(rb"\s*(?:->|[:,][^{}\n]*->|\)\s*->|(?:[,:][^()]*)?\)?\s*in\b)"),
    ),
    "csharp": (
        re.compile(
            rb"\0\s*=>|\((?:[^()]*,)?\s*\0\s*(?:,[^()]*)?\)\s*=>|\bvar\s*\([^()]*\0"
            rb"|\b(?:from|join|let)\s+\0\s+(?:in\b|=)"
        ),
        re.compile(rb"\b(?:var\s*\([^()]*|(?:from|join|let)\s+)\Z"),
        re.compile(rb"\s*(?:=>|(?:,[^()]*)?\)\s*=>)"),
    ),
    "swift": (
        re.compile(
            rb"\{\s*(?:\[[^\]]*\]\s*)?\(?(?:[^{}()\n]*,\s*)?\0\s*(?::[^{}()\n]*)?(?:,[^{}()\n]*)?\)?\s*(?:async\s+|throws\s+)*"
            rb"(?:->\s*[^{}\n]+?\s)?in\b|\bfor\s+(?:case\s+)?(?:let\s+|var\s+)?\(?[\w\s,]*\0[\w\s,]*\)?\s*in\b"
            rb"|\b(?:let|var)\s+(?:\((?:[\w\s,]*,)?\s*)?\0"
        ),
        re.compile(rb"\b(?:let|var)\s+(?:\((?:[\w\s,]*,)?\s*)?\Z"),
        re.compile(
            rb"\s*(?::[^{}()\n]*)?(?:,[^{}()\n]*)?\)?\s*(?:async\s+|throws\s+)*(?:->\s*[^{}\n]+?\s)?in\b"
        ),
    ),
    "scala": (
        re.compile(
            rb"\0\s*(?:=>|<-)|\((?:[^()]*,)?\s*\0\s*(?::[^(),]*)?(?:,[^()]*)?\)\s*=>|\bcase\b[^=>\n]*\0[^=>\n]*=>"
            rb"|\b(?:val|var)\s+\(?[^=\n]*\0\s*[,)=]"
        ),
        re.compile(rb"\b(?:val|var)\s+\(?[^=\n]*\Z"),
        re.compile(rb"\s*(?:=>|<-|[^=>\n]*=>)"),
    ),
    "cpp": (
        re.compile(rb"\bauto\b[\s*&]*\0\s*[=:,)]|\bauto\s*&*\s*\[[^\]]*\0"),
        re.compile(rb"\bauto\b[\s*&]*(?:\[[^\]]*)?\Z"),
        re.compile(rb"(?!)"),
    ),
    "php": (
        re.compile(
            rb"\b(?:function|fn)\s*&?\s*\((?:[^()]*,)?\s*&?(?:\.\.\.)?\0\s*[=,)]|\bas\s+(?:\$\w+\s*=>\s*)?&?\0\s*\)"
        ),
        re.compile(rb"(?:[(,]|\bas|=>)\s*&?(?:\.\.\.)?\Z"),
        re.compile(rb"(?!)"),
    ),
    "perl": (
        re.compile(rb"\bfor(?:each)?\s+(?:my\s+|our\s+)?\0\s*\("),
        re.compile(rb"\bfor(?:each)?\s+(?:my\s+|our\s+)?\Z"),
        re.compile(rb"(?!)"),
    ),
    "ruby": (
        re.compile(
            rb"(?:\{|\bdo)\s*\|[^|\n]*\0[^|\n]*\||->\s*\(?[^(){}\n]*\0[^(){}\n]*\)?\s*(?:\{|do\b)"
            rb"|\0\s*(?:,[\w\s,*@]*)?(?:\|\||&&|[-+*])?=(?![=~>])|\bfor\s+[\w\s,]*\0|\brescue\b[^\n]*=>\s*\0"
            rb"|\bdef\s+[\w.?!=]+(?:\s*\((?:[^()]|\([^()]*\))*|[ \t]+[^(\n]*)\0",
        ),
        re.compile(
            rb"(?:\|[^|\n]*|->\s*\(?[^(){}\n]*|\bfor\s+[\w\s,]*|=>\s*|[(,*&]\s*|\bdef\s+[\w.?!=]+[ \t]+)\Z"
        ),
        re.compile(rb"\s*(?:,[\w\s,*@]*)?(?:\|\||&&|[-+*])?=(?![=~>])"),
    ),
    "dart": (
        re.compile(
            rb"\b(?:var|final)\s+\0\s*(?:=|in\b)|\b(?:var|final)\s*\([^()]*\0"
            rb"|\((?:[^()]*,)?\s*\0\s*(?:,[^()]*)?\)\s*(?:async\b\*?\s*)?(?:=>|\{)"
        ),
        re.compile(rb"\b(?:var|final)\s*(?:\([^()]*)?\Z"),
        re.compile(rb"\s*(?:,[^()]*)?\)\s*(?:async\b\*?\s*)?(?:=>|\{)"),
    ),
    "lua": (
        re.compile(
            rb"\bfunction\b[^()\n]*\([^()]*\0[^()]*\)|\bfor\s+[\w\s,]*\0[\w\s,]*(?:\bin\b|=)|\blocal\s+(?:\w+\s*,\s*)*\0"
        ),
        re.compile(rb"(?:\bfunction\b[^()\n]*\([^()]*|\bfor\s+[\w\s,]*|\blocal\s+(?:\w+\s*,\s*)*)\Z"),
        re.compile(rb"(?!)"),
    ),
}
"""What binds a name, at whose place stands a zero, in a scope that has another type for it. Either the second
of these stands right before such a name or the third right behind it: of most names that is soon told."""
_SAME = re.compile(rb"\s*=\s*(?:(?:self|this)[?!]?\.)?(\w+)\b(?!\s*(?:[.(\[!]|\?\.))")
"""What binds a name to a thing of that name, of the same type or of what it holds."""
_SIGNED = frozenset({"perl", "php"})
"""Where names are written with a sign."""
_WORD = [bytes((byte,)) for byte in b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$"]
_WORD += [bytes((byte,)) for byte in range(128, 256)]
_GOES_ON = frozenset((*_WORD, b".", b"(", b"["))
"""What stands behind a part of a word, or a name of which something is called."""
_GOES_BEFORE = frozenset((*_WORD, b"."))
_PLACES_MOST = 1000
"""A name that stands at more places of a scope than that is taken for bound anew."""
_LOOKED_MOST = 1 << 28
"""So many bytes of a file, whose scopes are read for each name, take a quarter of a second; a name that is asked for
after that is taken for bound anew. They are counted, not timed: a file says the same on every machine."""
_FOUND_BYTES = 256
"""As many are read in the time in which one place of a name is looked at, which may be a part of another."""
_BESIDE = 160
"""Bytes on each side of a name in which that is told."""
_PARAMETERS = re.compile(rb"\bdef\s+\w+\s*(?:\[[^\]]*\]\s*)?\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")
_BEFORE_PARAMETER = (b"(", b",", b"*")
_AFTER_PARAMETER = re.compile(rb"\s*[,)=:]")
_BINDING = frozenset({"function", "method", "class", "module"})
"""Definitions that are scopes of their own."""


class Shadows:
    """Which scopes bind a name to what has no known type? Told by the text around the name, for the few that
    somebody asks for. ``known``: where names stand whose type is read, or what gives them."""

    def __init__(self, language: str, scopes: Scopes, source: bytes) -> None:
        self._patterns, self._scopes, self._source = _BINDS.get(language), scopes, source
        self._sign = b"$" if language in _SIGNED else b""
        self._has_parameters = language == "python"
        """Where they are not told from arguments by what follows them."""
        self.known: set[int] = set()
        self._told: dict[tuple[int, str], bool] = {}
        self._looked = 0

    def know(self, place: int) -> None:
        """The type of the name that stands here is read."""
        if self._patterns is not None:
            self.known.add(place)

    def rebound_in(self, scopes: Sequence[int], name: str) -> bool:
        """Whether one of these scopes binds a name so."""
        return self._patterns is not None and any(self.rebound(scope, name) for scope in scopes)

    def rebound(self, scope: int, name: str) -> bool:
        """Whether a scope binds a name so, or a function without a name in it."""
        if self._patterns is None:
            return False
        key = scope, name
        if key not in self._told:
            first, last = self._span(scope)
            self._looked += last - first
            if self._looked > _LOOKED_MOST:
                return True
            places = self._places(first, last, self._sign + name.encode())
            looked = list(islice(places, _PLACES_MOST))
            self._told[key] = len(looked) == _PLACES_MOST or any(
                self._binds(self._patterns, *place, scope) for place in looked
            )
        return self._told[key]

    def _places(self, first: int, last: int, name: bytes) -> Iterator[tuple[int, int]]:
        """Where a name begins and ends between two places of the source, not to call something of it."""
        source, start = self._source, first - 1
        while (start := source.find(name, start + 1, last)) >= 0:
            end = start + len(name)
            self._looked += _FOUND_BYTES
            if source[end : end + 1] in _GOES_ON or start + len(self._sign) in self.known:
                continue
            if start == 0 or source[start - 1 : start] not in _GOES_BEFORE:
                yield start, end

    def _span(self, scope: int) -> tuple[int, int]:
        if scope < 0:
            return 0, len(self._source)
        return self._scopes.found[scope].start_byte, self._scopes.found[scope].end_byte

    def _binds(self, patterns: _Patterns, start: int, end: int, scope: int) -> bool:
        owner = self._scopes.at(start)
        while owner >= 0 and self._scopes.found[owner].kind not in _BINDING:
            owner = self._scopes.up(owner)
        if owner != scope:
            return False
        before, after = self._source[max(start - _BESIDE, 0) : start], self._source[end : end + _BESIDE]
        pattern, led, followed = patterns
        if (followed.match(after) or led.search(before)) and pattern.search(before + b"\0" + after):
            same = _SAME.match(after)
            return same is None or same[1] != self._source[start:end]
        if not self._has_parameters or scope < 0 or not before.rstrip().endswith(_BEFORE_PARAMETER):
            return False
        if _AFTER_PARAMETER.match(after) is None:
            return False
        parameters = _PARAMETERS.search(self._source, *self._span(scope))
        return parameters is not None and start < parameters.end()
