"""Which definition encloses a place?"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property

from sophia_mcp.index.parsing.symbols import Definition
from sophia_mcp.index.parsing.written import closing

_CALLED = frozenset({"function", "method"})
_PARAMETER = re.compile(r"[(,{\[*]\s*(?:\.\.\.|mut\s+)?([\w$]+)(?=\s*[:,=)}?\]]|\s+[\w*\[(])")
"""How one begins where its name stands before its type."""


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

    @cached_property
    def classes(self) -> frozenset[str]:
        """What the classes of the file are called."""
        return frozenset(each.name for each in self.found if each.kind == "class")

    def at(self, offset: int) -> int:
        """The innermost definition around a byte, or -1."""
        return self.owners[bisect_right(self.borders, offset) - 1]

    def up(self, scope: int) -> int:
        return self.found[scope].parent if scope >= 0 else -1

    def takes(self, scope: int, name: str) -> bool:
        """Whether a function around a scope has a parameter of this name, in a language that writes its name first."""
        while scope >= 0:
            each = self.found[scope]
            if each.kind in _CALLED and name in each.signature and name in _parameters(each):
                return True
            scope = each.parent
        return False

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


def _parameters(function: Definition) -> list[str]:
    """What the parameters are called that a signature has in brackets; behind those it may have a body."""
    text = function.signature
    opening = text.find("(", text.find(function.name) + len(function.name))
    return _PARAMETER.findall(text[opening : closing(text, opening) + 1]) if opening >= 0 else []


def _lexical(definition: Definition) -> bool:
    """``socket.onopen = () => ...``, in which ``this`` is what it is around it."""
    value = (
        definition.node.child_by_field_name("right")
        if definition.node.type == "assignment_expression"
        else None
    )
    return value is not None and value.type == "arrow_function"
