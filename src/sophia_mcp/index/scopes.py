"""Which definition encloses a place, and what else may a name mean in it?"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from sophia_mcp.index.symbols import Definition

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
}
"""What binds a name, at whose place stands a zero, in a scope that has another type for it. Either the second
of these stands right before such a name or the third right behind it: of most names that is soon told."""
_WORD = [bytes((byte,)) for byte in b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$"]
_WORD += [bytes((byte,)) for byte in range(128, 256)]
_GOES_ON = frozenset((*_WORD, b".", b"(", b"["))
"""What stands behind a part of a word, or a name of which something is called."""
_GOES_BEFORE = frozenset((*_WORD, b"."))
_BESIDE = 160
"""Bytes on each side of a name in which that is told."""
_PARAMETERS = re.compile(rb"\bdef\s+\w+\s*(?:\[[^\]]*\]\s*)?\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")
_BEFORE_PARAMETER = (b"(", b",", b"*")
_AFTER_PARAMETER = re.compile(rb"\s*[,)=:]")
_BINDING = frozenset({"function", "method", "class", "module"})
"""Definitions that are scopes of their own."""


class Scopes:
    """Which definition encloses a place? Spans nest, so one sorted list of borders answers."""

    def __init__(self, found: Sequence[Definition]) -> None:
        self.found = found
        self.borders: list[int] = [0]
        self.owners: list[int] = [-1]
        open_: list[int] = []
        for i, definition in enumerate(found):
            self._close(open_, definition.start_byte)
            self._mark(definition.start_byte, i)
            open_.append(i)
        self._close(open_, None)

    def _close(self, open_: list[int], before: int | None) -> None:
        while open_ and (before is None or self.found[open_[-1]].end_byte <= before):
            end = self.found[open_.pop()].end_byte
            self._mark(end, open_[-1] if open_ else -1)

    def _mark(self, offset: int, owner: int) -> None:
        if self.borders[-1] == offset:
            self.owners[-1] = owner
        else:
            self.borders.append(offset)
            self.owners.append(owner)

    def at(self, offset: int) -> int:
        """The innermost definition around a byte, or -1."""
        return self.owners[bisect_right(self.borders, offset) - 1]

    def up(self, scope: int) -> int:
        return self.found[scope].parent if scope >= 0 else -1

    def callers(self) -> list[str]:
        """For each definition the qualified name of the function or class that it is or is in; variables do
        not call. The last is for what is in no definition, whose scope is -1."""
        names = [""] * (len(self.found) + 1)
        for i, definition in enumerate(self.found):  # outer ones first
            calls = definition.kind in ("function", "method", "class")
            names[i] = definition.qualified if calls else names[definition.parent]
        return names

    def class_of(self, scope: int) -> str:
        """The qualified name of the class around a scope, or empty. A method defined outside its
        class (Go, C++) has it as its container."""
        while scope >= 0:
            definition = self.found[scope]
            if definition.methods:
                return definition.qualified
            if definition.kind == "method" and not _lexical(definition):
                parent = definition.parent
                if parent < 0 or not self.found[parent].methods:
                    return definition.container
            scope = definition.parent
        return ""


def _lexical(definition: Definition) -> bool:
    """``socket.onopen = () => ...``, in which ``this`` is what it is around it."""
    value = (
        definition.node.child_by_field_name("right")
        if definition.node.type == "assignment_expression"
        else None
    )
    return value is not None and value.type == "arrow_function"


class Shadows:
    """Which scopes bind a name to what has no known type? Told by the text around the name, for the few that
    somebody asks for. ``known``: where names stand whose type is read, or what gives them."""

    def __init__(self, language: str, scopes: Scopes, source: bytes) -> None:
        self._patterns, self._scopes, self._source = _BINDS.get(language), scopes, source
        self._has_parameters = language == "python"
        """Where they are not told from arguments by what follows them."""
        self.known: set[int] = set()
        self._told: dict[tuple[int, str], bool] = {}

    def know(self, place: int) -> None:
        """The type of the name that stands here is read."""
        if self._patterns is not None:
            self.known.add(place)

    def rebound(self, scope: int, name: str) -> bool:
        """Whether a scope binds a name so, or a function without a name in it."""
        if self._patterns is None:
            return False
        key = scope, name
        if key not in self._told:
            places = self._places(scope, name.encode())
            self._told[key] = any(self._binds(self._patterns, *place, scope) for place in places)
        return self._told[key]

    def _places(self, scope: int, name: bytes) -> Iterator[tuple[int, int]]:
        """Where a name begins and ends in the source of a scope, not to call something of it."""
        first, last = self._span(scope)
        source, start = self._source, first - 1
        while (start := source.find(name, start + 1, last)) >= 0:
            end = start + len(name)
            if source[end : end + 1] in _GOES_ON or start in self.known:
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
            return True
        if not self._has_parameters or scope < 0 or not before.rstrip().endswith(_BEFORE_PARAMETER):
            return False
        if _AFTER_PARAMETER.match(after) is None:
            return False
        parameters = _PARAMETERS.search(self._source, *self._span(scope))
        return parameters is not None and start < parameters.end()
