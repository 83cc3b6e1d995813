"""Of which types are the variables and fields of a file, as it states itself? In annotations, declarations,
constructions, and by what is called: ``store = open()`` is of the type that ``open`` states, wherever it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from operator import attrgetter
from typing import Any

from tree_sitter import Node

from sophia_mcp.index.languages.record import Language
from sophia_mcp.index.parsing.declared import (
    DECLARATION_BYTES,
    declarations,
    declared,
    giving,
    made,
    pattern_of,
    written,
)
from sophia_mcp.index.parsing.scopes import Scopes
from sophia_mcp.index.parsing.shadows import Shadows
from sophia_mcp.index.parsing.signs import (
    ALIASED,
    AWAITED,
    ELEMENT,
    ENTERED,
    EXPRESSION,
    FIELD,
    GIVEN,
)
from sophia_mcp.index.parsing.written import (
    FIELDS_DEEP,
    closes_at_end,
    messages,
    plain_type,
    pointed,
    without_arguments,
)
from sophia_mcp.types import Field

_TAKING = (AWAITED, ELEMENT)

_ABOVE = frozenset({"super", "base"})
_STEPS_MOST = 12
"""Steps of a type that only other files tell, from what is named first."""
_ASKED_DEEP = 30
"""So many variables may each be given by the one before."""
CALLEE = re.compile(r"(.*?)\s*(?:\?\.|!!\.|!\.|&\.|\.|\?->|->|::|(?<=\w):)\s*([\w$@!?~#]+)$", re.DOTALL)
_STEP = re.compile(r"\s*(?:\?\.|!\.|!!\.|&\.|\.|\?->|->|::|:)\s*")
_CAST = r"\(\s*\(\s*(?P<is>[\w.$]+)(?:<[^()]*>)?\s*\)[^()]*\)$"
_AS = r"\((?:[^|&?=]|\?\.)*\sas\s+(?P<as>[\w.$]+)(?:<[^()]*>)?\s*\)$"
_ASSERTED = {
    "csharp": re.compile(f"{_CAST}|{_AS}"),
    "go": re.compile(r".*\.\(\*?(?P<is>[\w.]+)\)$", re.DOTALL),
    "java": re.compile(_CAST),
    "tsx": re.compile(_AS),
    "typescript": re.compile(rf"\(\s*<\s*(?P<is>[\w.$]+)(?:<[^()]*>)?\s*>[^()]*\)$|{_AS}"),
}
"""How a language says what an expression is; that in brackets, if those are one pair around it."""
_ITSELF = frozenset({"Self", "self", "static"})
_DOCUMENTED = re.compile(
    rb"\s*(?:#\[[^\n]*\]\s*)*(?:(?:abstract|final|public|protected|private|static|readonly|var)\s+)*"
    rb"(?:function\s+&?(?P<function>\w+)\s*\([^{};]*\)\s*(?P<untyped>[{;])?|\$(?P<field>\w+))"
)
"""What of PHP a comment speaks about that stands right before it."""
_TAG = re.compile(
    r"@(?P<tag>return|var|param)\s+(?P<type>\$this|[\w\\|?]+)(?![\w\\|?<[&])(?:\s+\$(?P<name>\w+))?"
)
_GIVEN, _NOTED, _MADE, _DECLARED = 1, 2, 3, 4
"""How much each says of a type."""
_ASSIGNED = frozenset({"php", "python"})
"""Where what gives a variable declares none: one that is declared elsewhere keeps its type."""
_SIGNED = frozenset(
    {
        "cpp",
        "csharp",
        "cuda",
        "dart",
        "go",
        "java",
        "kotlin",
        "php",
        "python",
        "ruby",
        "rust",
        "swift",
        "tsx",
        "typescript",
    }
)
"""Where a signature states what is given, as ``returned`` reads it, or the last line of a method."""
_CALLED = frozenset({"function", "method"})
_CONSTANT = re.compile(r"(?:::)?[A-Z]\w*(?:::[A-Z]\w*)*$")
_SAME = frozenset({"class", "clone", "dup", "freeze", "itself", "new", "tap"})
"""What gives in Ruby another of the same class, or the class, which has all that is its own under one name."""
_NO_MESSAGES = frozenset({"_1", "_2", "false", "it", "nil", "super", "true", "yield"})
_LAST = re.compile(rb"(?:return\s+)?(?:@{1,2}\w+\s*(?:\|\|)?=\s*)?(?P<given>[@A-Za-z_][^=]*)\Z")
_EARLY = re.compile(rb"\breturn\b(?!\s*(?:nil\b|false\b|unless\b|if\b|[;}\n]))")
"""Something that a method gives before its last line."""


def _pointed_to(stated: str, classes: Set[str]) -> str:
    """The type of what one of C++ points to: its own, unless it is a smart pointer, or another name for one, as what is
    none of the ``classes`` of the file may be."""
    if FIELD not in stated and (stated.startswith(ENTERED) or stated in classes):
        return stated.removeprefix(ENTERED)
    return f"{stated}{FIELD}{AWAITED}"


class Types:
    """What type does the source state for a variable or field? What is declared counts before what is
    made, and that before what is given; contradictions state nothing."""

    def __init__(
        self,
        captures: Mapping[str, Sequence[Node]],
        language: Language,
        scopes: Scopes,
        source: bytes,
    ) -> None:
        self.language, self.scopes, self._source = language, scopes, source
        self._sends = language.name == "ruby"
        aliases, bases = (
            {scopes.class_of(scopes.at(node.start_byte)) for node in captures.get(capture, ())}
            for capture in ("alias", "base")
        )
        self._classes = {each.qualified for each in scopes.found if each.methods} - aliases
        self._whole = self._classes - bases
        self._locals: dict[tuple[int, str], str] = {}
        self._fields: dict[tuple[str, str], str] = {}
        self._calls: dict[tuple[int, str], list[str]] = {}
        """What gives a variable, read when it is asked for: most are not. Empty: who knows what."""
        self._same: list[tuple[int, str, str]] = []
        """Scopes with a name that is set to another."""
        self._shadows = Shadows(language.name, scopes, source)
        self._asking = 0
        self._weights: dict[tuple[int, str] | tuple[str, str], int] = {}
        self.follows = language.name in _SIGNED
        """Whether what a call gives may be of the type that its signature states."""
        if language.binds is None:
            return
        for start, end in declarations(captures, source):
            text = source[start : min(end, start + DECLARATION_BYTES)].decode("utf-8", "ignore")
            if language.name == "java":
                start, text = pattern_of(start, text)
            match = language.binds.match(text)
            if match is not None:
                self._declare(match, start)
        for node in captures.get("own", ()):
            scope = scopes.at(node.start_byte)
            self._shadows.know(node.start_byte)
            self._bind(scope, written(node, source), scopes.class_of(scope), _DECLARED, False)
        for node in captures.get("anew", ()):
            self._leave(scopes.at(node.start_byte), written(node, source), "", node.start_byte)
        self._give_fields()
        self._give_members(captures, source)

    def _declare(self, match: re.Match[str], start: int) -> None:
        """One declaration, which begins at a place."""
        groups, scopes = match.groupdict(), self.scopes
        name = groups.get("name") or groups.get("var") or ""
        scope = scopes.at(start)
        stated = declared(groups, scopes, start, self.language.name)
        weight, call = _DECLARED, ""
        if not stated:
            weight, call = _MADE, giving(match, groups, self._source, start, self.language)
            stated = "" if call else made(groups, self.language)
        if stated in _ITSELF:
            stated = scopes.class_of(scope)
        if scope >= 0 and scopes.found[scope].start_byte == start:
            scope = scopes.up(scope)  # a property is bound where it stands, not inside itself
        if not stated:
            if groups.get("same"):
                self._same.append((scope, name, groups["same"]))
            elif call or groups.get("type") == "var" or self.language.name == "perl":
                self._leave(
                    scope, name, call, start + match.start("var" if groups.get("var") else "name")
                )
            return
        self._shadows.know(start + max(match.start("name"), 0))
        names = name.split(",")
        for each in names[:1] if groups.get("literal") else names:
            self._bind(scope, each.strip(), stated, weight, bool((groups.get("field") or "").strip()))

    def _leave(self, scope: int, name: str, call: str, place: int) -> None:
        """A name of which only a call tells the type, or nothing does."""
        if self.follows:
            ranged = call.endswith(_TAKING[1])  # the first name is that of its place
            first = name.partition(",")[2 if ranged else 0].strip()
            key = scope, first if "->" in first else first.lstrip("$")
            self._calls.setdefault(key, []).append(call)
            self._shadows.know(place)
        elif self.language.name == "perl":  # it hides a variable of that name further out
            for each in name.split(","):
                self._put(self._locals, (scope, each.strip().lstrip("$")), "", _MADE)

    def _give_fields(self) -> None:
        """What is another name for something is of its type. Others may ask for a field, so what gives it is
        read at once."""
        for scope, name, other in self._same:
            if known := self._look(other, scope):
                self._bind(scope, name, known, _MADE, False)
        for scope, name in list(self._calls):
            if not name.isidentifier() or (scope >= 0 and self.scopes.found[scope].methods):
                for call in self._calls.pop((scope, name), ()):  # one asked for is read already
                    self._bind(scope, name, self.given(call, scope), _GIVEN, False)

    def _give_members(self, captures: Mapping[str, Sequence[Node]], source: bytes) -> None:
        """The constants of enumerations, each of which is one, and what has a place instead of a name."""
        for node in _in_order(captures, "constant"):
            owner = self.scopes.class_of(self.scopes.at(node.start_byte))
            self._fields[owner, written(node, source)] = owner
        for node in _in_order(captures, "alias"):
            owner = self.scopes.class_of(self.scopes.at(node.start_byte))
            self._put(
                self._fields,
                (owner, ALIASED),
                plain_type(written(node, source), self.language.name),
                _DECLARED,
            )
        for node in _in_order(captures, "places"):
            owner = self.scopes.class_of(self.scopes.at(node.start_byte))
            for place, kind in enumerate(node.children_by_field_name("type")):
                self._fields[owner, str(place)] = plain_type(written(kind, source), self.language.name)
        if self.language.name == "php":
            self._give_documented(captures, source)
        elif self.language.name == "ruby":
            self._give_sent(captures, source)

    def _give_documented(self, captures: Mapping[str, Sequence[Node]], source: bytes) -> None:
        """What comments say of functions that state no type, and of fields and parameters."""
        for start, end in (node.byte_range for node in _in_order(captures, "comment")):
            if source.find(b"@", start, end) < 0 or (meant := _DOCUMENTED.match(source, end)) is None:
                continue
            scope = self.scopes.at(meant.end() - 1)
            owner = self.scopes.class_of(scope)
            for tag in _TAG.finditer(source[start:end].decode("utf-8", "ignore")):
                stated = (
                    "static" if tag["type"] == "$this" else plain_type(tag["type"], self.language.name)
                )
                if not stated:
                    continue
                variable = ""
                if tag["tag"] == "param" and meant["function"]:
                    variable = tag["name"] or ""
                elif owner and tag["tag"] == "return" and meant["untyped"]:
                    name = f"{meant['function'].decode()}{GIVEN}"
                    self._put(self._fields, (owner, name), stated, _NOTED)
                elif tag["tag"] == "var" and meant["field"]:
                    variable = meant["field"].decode()
                    if scope >= 0 and self.scopes.found[scope].methods:
                        self._put(self._fields, (owner, variable), stated, _NOTED)
                        variable = ""
                # A comment declares a variable, unless the code does.
                if variable and self._weights.get((scope, variable), 0) < _DECLARED:
                    self._weights[scope, variable] = _DECLARED
                    self._locals[scope, variable] = stated

    def _bind(self, scope: int, name: str, stated: str, weight: int, is_field: bool) -> None:
        for own in self.language.own:
            if name.startswith(own) and (rest := _STEP.sub(".", name[len(own) :])).startswith("."):
                self._put(self._fields, (self.scopes.class_of(scope), rest[1:]), stated, weight)
                return
        if name.startswith("@"):
            self._put(self._fields, (self.scopes.class_of(scope), name), stated, weight)
            return
        if scope >= 0 and (self.scopes.found[scope].methods or is_field):
            self._put(self._fields, (self.scopes.class_of(scope), name), stated, weight)
        self._put(self._locals, (scope, name.lstrip("$")), stated, weight)

    def _put(self, table: dict[Any, str], key: Any, stated: str, weight: int) -> None:
        known = self._weights.get(key, 0)
        if weight > known:
            self._weights[key] = weight
            table[key] = stated
        elif weight == known and table[key] != stated:
            table[key] = ""

    def of(self, receiver: str, scope: int) -> str:
        """The type of a receiver as written, or empty."""
        if self._sends:
            return self._sent(receiver, scope)
        if receiver.endswith("()"):
            return receiver[:-2]
        if receiver == EXPRESSION:
            return ""
        language = self.language
        plain = receiver.replace(".", "").isidentifier()
        head, *rest = receiver.split(".") if plain else _STEP.split(pointed(receiver, language.name))
        own, stated = head in language.own, None
        if not own or language.name == "perl":  # there it is a variable like others
            stated = self._look(head.lstrip("$"), scope)
        if own:
            stated = stated or self.scopes.class_of(scope)
        else:
            if not stated and rest and self.follows and head[:1].isupper():  # of a class itself
                return FIELD.join((head, *rest)) if len(rest) <= FIELDS_DEEP else ""
            bare = language.bare_fields and head not in _ABOVE and not head[:1].isupper()
            if stated is None and (bare or head.startswith("@")):
                stated, own, rest = self.scopes.class_of(scope), True, [head, *rest]
        for taken, step in enumerate(rest[:FIELDS_DEEP]):
            if not stated:
                return ""
            known = self._fields.get((stated, step))
            known = _pointed_to(stated, self._classes) if step == AWAITED else known
            if known is None:  # a field that another file declares
                whole = own and not taken and stated in self._whole and not step.startswith("@")
                return "" if whole else FIELD.join((stated, *rest[taken:]))
            stated = known
        return stated or "" if len(rest) <= FIELDS_DEEP else ""

    def _called(self, scope: int, name: str) -> str:
        """The type that all calls state which give a variable."""
        self._asking += 1
        key = scope, name
        calls, known = self._calls.pop(key), self._locals.get(key)
        if known is None or self.language.name not in _ASSIGNED or self._weights[key] < _DECLARED:
            deep = self._asking >= _ASKED_DEEP
            stated = {""} if deep else {self.given(call, scope) for call in calls}
            stated |= {known} if known is not None else set()
            self._locals[key] = stated.pop() if len(stated) == 1 else ""
        self._asking -= 1
        return self._locals[key]

    def fields(self) -> tuple[Field, ...]:
        """The fields with a stated type of all classes."""
        return tuple(
            Field(owner, name, stated)
            for (owner, name), stated in self._fields.items()
            if owner and stated
        )

    def given(self, call: str, scope: int) -> str:
        """The type of what a call or a chain of calls gives, in terms of what is called first; or empty."""
        if self._sends:
            return self._sent(call, scope)
        pattern = _ASSERTED.get(self.language.name)
        asserted = pattern.match(call) if pattern is not None else None
        if asserted is not None and (call[0] != "(" or closes_at_end(call, 0)):
            return asserted[asserted.lastindex or 0]
        callee, given, rest = without_arguments(call, self.language.name).partition(GIVEN)
        steps = _STEP.split(rest)[1:]
        if not given or len(steps) > FIELDS_DEEP:
            return self.of(callee, scope) if callee and not steps else ""
        if callee == "super" or callee in self.language.own:
            first = self.scopes.class_of(scope)  # a method of a base gives what that of the class gives
            return FIELD.join((first, *steps)) if first else ""
        called = CALLEE.match(callee)
        stated = ""
        if called is not None:
            above = called[1] == "super"
            stated = self.scopes.class_of(scope) if above else self.of(called[1], scope)
        if called is not None and f"{called[2]}{GIVEN}" == AWAITED:
            return FIELD.join((_pointed_to(stated, self._classes), *steps)) if stated else ""
        first = f"{stated}{FIELD}{called[2]}" if stated and called is not None else callee
        whole = FIELD.join((f"{first}{GIVEN}", *steps))
        if whole.startswith(ENTERED) and whole.count(FIELD) == 1 and whole.endswith(_TAKING):
            return whole.removeprefix(ENTERED).partition(FIELD)[0]
        return whole if whole.count(FIELD) <= _STEPS_MOST else ""

    def _sent(self, written: str, scope: int) -> str:
        """The type of what a chain of Ruby gives, in which fields are what methods give, and a class is one of
        it. A name alone is a variable, or a method of the class around."""
        head, *steps = messages(written)
        stated = self.scopes.class_of(scope) if head == "self" else None
        if stated is None and head and head not in _NO_MESSAGES:
            stated = self._look(head, scope)
            if stated is None and _CONSTANT.match(head):
                stated = head if steps else ""
            elif stated is None:
                stated, steps = self.scopes.class_of(scope), [head, *steps]
        if not stated or len(steps) > _STEPS_MOST:
            return ""
        for taken, step in enumerate(steps):
            known = self._fields.get((stated, step))
            if known == "self" or (known is None and step in _SAME):
                continue
            if not known:
                rest = [each for each in steps[taken:] if each not in _SAME]
                return "" if known == "" else FIELD.join((stated, *rest))
            stated = known
        return stated

    def _give_sent(self, captures: Mapping[str, Sequence[Node]], source: bytes) -> None:
        """What methods of Ruby give: by their last line, and by the variables that attributes are named for."""
        for definition in self.scopes.found:
            key = definition.container, f"@{definition.name}"
            if definition.node.type == "simple_symbol" and (stated := self._fields.get(key)):
                self._put(self._fields, (definition.container, definition.name), stated, _MADE)
        for start, end in sorted(node.byte_range for node in captures.get("last", ())):
            scope = self.scopes.at(start)
            match = _LAST.match(source, start, min(end, start + DECLARATION_BYTES))
            if scope < 0 or match is None or match.end() < end:
                continue
            method = self.scopes.found[scope]
            owner = self.scopes.class_of(scope)
            if (
                owner != method.container
                or method.name == "initialize"
                or _EARLY.search(source, method.start_byte, start)
            ):
                continue
            given = match["given"].decode("utf-8", "ignore")
            stated = given if given == "self" else self._sent(given, scope)
            if stated != f"{owner}{FIELD}{method.name}":
                self._put(self._fields, (owner, method.name), stated, _GIVEN)

    def _look(self, name: str, scope: int) -> str | None:
        """The type of a variable, empty where nothing is sure of it; None for what is none."""
        around: list[int] = []
        here = scope
        while len(around) < 64:
            key = here, name
            stated = self._called(here, name) if key in self._calls else self._locals.get(key)
            if stated is not None:
                if self._weights.get(key) != _DECLARED or self.language.name != "python":
                    around.append(here)
                return "" if not stated or self._shadows.rebound_in(around, name) else stated
            if here < 0:
                break
            around.append(here)
            here = self.scopes.up(here)
            if here < 0 and self.language.name == "rust":
                break  # outside of functions only the text of a macro has variables
        if name.startswith("@"):
            return self._fields.get((self.scopes.class_of(scope), name))
        if not self.language.bare_fields and not self._sends:
            return None
        owner = self.scopes.class_of(scope)
        stated = self._fields.get((owner, name))
        if stated is None and owner in self._whole and self.language.bare_fields:
            return None  # and no field either
        inside = [each for each in around if each == scope or self.scopes.found[each].kind in _CALLED]
        return (
            "" if self._shadows.rebound_in(inside, name) else stated
        )  # further out nothing hides a field


def _in_order(captures: Mapping[str, Sequence[Node]], name: str) -> list[Node]:
    """The nodes of a capture as they stand in the file: they come in an order of chance."""
    return sorted(captures.get(name, ()), key=attrgetter("start_byte"))
