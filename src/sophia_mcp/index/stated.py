"""Of which types are the variables and fields of a file, as it states itself? In annotations, declarations,
constructions, and by what is called: ``store = open()`` is of the type that ``open`` states, wherever it is.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from tree_sitter import Node

from sophia_mcp.index.languages.record import Language
from sophia_mcp.index.symbols import Definition
from sophia_mcp.types import Field, Symbol

EXPRESSION = "?"
"""The receiver of a call on something that is no name, path or construction."""

FIELD = ">"
"""Stands between a type and a field of it that this file does not declare: ``Crawler>settings``."""

GIVEN = "()"
"""Ends what gives a value: ``open()`` is of the type that this function states, ``Pool>get()`` that method."""

FOLLOWED = re.compile(">|\\(\\)")
"""In a type that only what defines its field or function states."""

_ABOVE = frozenset({"super", "base"})
_DECLARATION_BYTES = 240
_FIELDS_DEEP = 6
_STEPS_MOST = 12
"""Steps of a type that only other files tell, from what is named first."""
_ASKED_DEEP = 30
"""So many variables may each be given by the one before."""
CALLEE = re.compile(r"(.*?)\s*(?:\?\.|!!\.|!\.|&\.|\.|\?->|->|::|(?<=\w):)\s*([\w$@!?~#]+)$", re.DOTALL)
_STEP = re.compile(r"\s*(?:\?\.|!\.|!!\.|&\.|\.|\?->|->|::|:)\s*")
_HOLDERS = re.compile(
    r"(?:Optional|Box|Arc|Rc|RefCell|Mutex|std::unique_ptr|std::shared_ptr|unique_ptr|shared_ptr|Annotated|Final"
    r"|ClassVar|Readonly|Promise|Awaited|Type|type|NonNullable|Required|Partial)\s*[<\[]\s*(.*)[>\]]$",
    re.DOTALL,
)
_TYPE = re.compile(r"(?:const|mut|dyn|impl|inout|readonly|'\w+|&|\*|\s|\?|@\w+\s)*([A-Za-z_][\w.:\\$]*)")
_BRACKET = re.compile(r"([()])")
_CHAIN = re.compile(
    r"[\w$]+(?:(?:\?\.|!\.|\.|\?->|->|::)\w+)*(?:\(\)(?:(?:\?\.|!\.|\.|\?->|->)\w+(?:\(\))?)*)?"
)
_ASSERTED = re.compile(
    r"\.\(\*?([\w.]+)\)$|^\(\s*(?:\(|<)\s*([\w.$]+)(?:<[^()]*>)?\s*[)>][^()]*\)$|\sas\s+([\w.$]+)(?:<[^()]*>)?\s*\)$"
)
"""How Go, Java and TypeScript say what an expression is."""
_BEFORE_CALL = re.compile(r"\s*(?:new|await)\s+")
_TEXT = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`", re.DOTALL)
_PARAMETER = re.compile(r"[A-Z]\d?")
"""A type parameter says nothing about its methods."""
_ITSELF = frozenset({"Self", "self", "static"})
_YIELDED = re.compile(r"\s*[\w.]*(?:Iterator|Iterable|Generator)\[([^,\[\]]+)")
"""How Python types what is entered by a ``with``."""
_BEFORE = re.compile(r"([\w.$]+)(?:\s*<.*>)?$")
"""How Java states before the name what is given, where that is no array."""
_RETURNED = re.compile(r"\)\s*(?:->|:)\s*([^()]+)$")
_PARTS = frozenset({"chan", "<-chan"})
"""In Go, the beginnings of types that are not those of what they hold."""
_REFERENCE = re.compile(r"(?:&\s*(?:'\w+\s+)?(?:mut\s+)?)+")
_GIVEN, _MADE, _DECLARED = 1, 2, 3
"""How much each says of a type."""
_SIGNED = frozenset({"go", "java", "php", "python", "rust", "tsx", "typescript"})
"""Where a signature states what is given, as ``returned`` reads it."""
_NOTHING = frozenset(
    {"None", "null", "undefined", "nil", "void", "any", "Any", "var", "auto", "val", "let"}
)


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
        self.language, self.scopes = language, scopes
        self._whole = {each.qualified for each in scopes.found if each.methods} - {
            scopes.class_of(scopes.at(node.start_byte)) for node in captures.get("base", ())
        }
        self._locals: dict[tuple[int, str], str] = {}
        self._fields: dict[tuple[str, str], str] = {}
        self._calls: dict[tuple[int, str], list[str]] = {}
        """What gives a variable, read when it is asked for: most are not."""
        self._asking = 0
        self._weights: dict[tuple[int, str] | tuple[str, str], int] = {}
        same: list[tuple[int, str, str]] = []
        classes = {definition.name for definition in scopes.found if definition.kind == "class"}
        pattern = language.binds
        self.follows = language.name in _SIGNED
        """Whether what a call gives may be of the type that its signature states."""
        if pattern is None:
            return
        for start, end in sorted(
            node.byte_range for node in captures.get("bind", ())
        ):  # captures come in any order
            text = source[start : min(end, start + _DECLARATION_BYTES)].decode("utf-8", "ignore")
            match = pattern.match(text)
            if match is None:
                continue
            groups = match.groupdict()
            name = groups.get("name") or groups.get("var") or ""
            stated = plain_type(groups.get("type") or groups.get("literal") or "")
            if len(stated) < 3 and _PARAMETER.fullmatch(stated) and stated not in classes:
                stated = ""
            weight = _DECLARED if stated else _MADE
            stated = stated or _made(groups, language)
            scope = scopes.at(start)
            if stated in _ITSELF:
                stated = scopes.class_of(scope)
            if scope >= 0 and scopes.found[scope].start_byte == start:
                scope = scopes.up(scope)  # a property is bound where it stands, not inside itself
            if not stated:
                if groups.get("same"):
                    same.append((scope, name, groups["same"]))
                elif self.follows and (call := groups.get("given") or groups.get("entered")):
                    key = scope, name.partition(",")[0].strip().lstrip("$")
                    self._calls.setdefault(key, []).append(call)
                continue
            names = name.split(",")
            for each in names[:1] if groups.get("literal") else names:
                self._bind(
                    scope, each.strip(), stated, weight, bool((groups.get("field") or "").strip())
                )
        for scope, name, other in same:
            if stated := self._look(other, scope):
                self._bind(scope, name, stated, _MADE, False)
        self._give_fields()

    def _give_fields(self) -> None:
        """Others may ask for a field, so what gives it is read at once."""
        for scope, name in list(self._calls):
            if not name.isidentifier() or (scope >= 0 and self.scopes.found[scope].methods):
                for call in self._calls.pop((scope, name), ()):  # one asked for is read already
                    self._bind(scope, name, self.given(call, scope), _GIVEN, False)

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
        if receiver.endswith("()"):
            return receiver[:-2]
        if receiver == EXPRESSION:
            return ""
        language = self.language
        head, *rest = _STEP.split(receiver) if not receiver.isidentifier() else (receiver,)
        if head in language.own:
            stated, own = self.scopes.class_of(scope), True
        else:
            stated, own = self._look(head.lstrip("$"), scope), False
            if not stated and rest and self.follows and head[:1].isupper():  # of a class itself
                return FIELD.join((head, *rest)) if len(rest) <= _FIELDS_DEEP else ""
            bare = language.bare_fields and head not in _ABOVE and not head[:1].isupper()
            if not stated and (bare or head.startswith("@")):
                stated, own, rest = self.scopes.class_of(scope), True, [head, *rest]
        for taken, step in enumerate(rest[:_FIELDS_DEEP]):
            if not stated:
                return ""
            known = self._fields.get((stated, step))
            if known is None:  # a field that another file declares
                whole = own and not taken and stated in self._whole and not step.startswith("@")
                return "" if whole else FIELD.join((stated, *rest[taken:]))
            stated = known
        return stated if len(rest) <= _FIELDS_DEEP else ""

    def _called(self, scope: int, name: str) -> str:
        """The type that all calls state which give a variable."""
        self._asking += 1
        calls = self._calls.pop((scope, name))
        stated = {self.given(call, scope) for call in calls} if self._asking < _ASKED_DEEP else {""}
        self._asking -= 1
        self._locals[scope, name] = only = stated.pop() if len(stated) == 1 else ""
        return only

    def fields(self) -> tuple[Field, ...]:
        """The fields with a stated type of all classes."""
        return tuple(
            Field(owner, name, stated)
            for (owner, name), stated in self._fields.items()
            if owner and stated
        )

    def given(self, call: str, scope: int) -> str:
        """The type of what a call or a chain of calls gives, in terms of what is called first; or empty."""
        if asserted := _ASSERTED.search(call):
            return asserted[asserted.lastindex or 0]
        callee, given, rest = _without_arguments(call).partition(GIVEN)
        steps = _STEP.split(rest)[1:]
        if not given or len(steps) > _FIELDS_DEEP:
            return self.of(callee, scope) if callee and not steps else ""
        if callee == "super" or callee in self.language.own:
            first = self.scopes.class_of(scope)  # a method of a base gives what that of the class gives
            return FIELD.join((first, *steps)) if first else ""
        called = CALLEE.match(callee)
        stated = ""
        if called is not None:
            above = called[1] == "super"
            stated = self.scopes.class_of(scope) if above else self.of(called[1], scope)
        first = f"{stated}{FIELD}{called[2]}" if stated and called is not None else callee
        whole = FIELD.join((f"{first}{GIVEN}", *steps))
        return whole if whole.count(FIELD) <= _STEPS_MOST else ""

    def _look(self, name: str, scope: int) -> str:
        here, steps = scope, 0
        while steps < 64:
            if (stated := self._locals.get((here, name))) is not None:
                return stated
            if (here, name) in self._calls:
                return self._called(here, name)
            if here < 0:
                break
            here, steps = self.scopes.up(here), steps + 1
        return self._fields.get((self.scopes.class_of(scope), name), "")


def _made(groups: Mapping[str, str | None], language: Language) -> str:
    for group in ("made", "held", "called") if language.calls_make else ("made", "held"):
        made = groups.get(group)
        if made and made.rpartition(".")[2].rpartition(":")[2].lstrip("_")[:1].isupper():
            return made
    return ""


def _closing(text: str) -> int:
    """Where the first bracket stands that closes what was opened before the text, or its end."""
    depth = 1
    for place, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if not depth:
            return place
    return len(text)


def _without_arguments(call: str) -> str:
    """``pool.get().path()`` of ``pool.get(1, f(2)).path(3)``; empty for what is no chain of names and calls."""
    kept: list[str] = []
    depth = 0
    call = _TEXT.sub("", call)
    if call.startswith("(") and (first := _BEFORE_CALL.match(call, 1)):
        call = call[first.end() :]
        end = _closing(call)
        call = call[:end] + call[end + 1 :]
    elif first := _BEFORE_CALL.match(call):
        call = call[first.end() :]
    for part in _BRACKET.split(call):
        if part == "(":
            kept += [GIVEN] if not depth else []
            depth += 1
        elif part == ")":
            depth -= 1
        elif not depth:
            kept.append("".join(part.split()))
        if depth < 0:
            return ""
    chain = "".join(kept).rstrip(";!")
    return chain if not depth and _CHAIN.fullmatch(chain) else ""


@lru_cache(1 << 12)
def plain_type(text: str) -> str:
    """The one class a type names, without pointers, options and arguments; empty when it names
    several or none: ``Optional[Store]``, ``*Store``, ``Store | None`` are ``Store``."""
    text = text.strip().strip("\"'")
    for _ in range(3):
        text = _REFERENCE.sub("", text, 1) if text.startswith("&") else text
        held = _HOLDERS.match(text)
        if held is None:
            break
        text = held[1].strip()
    if "|" in text:
        parts = [part.strip() for part in text.split("|") if part.strip() not in _NOTHING]
        if len(parts) != 1:
            return ""
        text = parts[0]
    if text.endswith("[]"):
        return "Array"
    match = _TYPE.match(text)
    if match is None or text[match.end() :].replace(" ", "").startswith("[]"):
        return ""  # `Task[]` is a list, whatever it is of
    name = match[1].rstrip(".:")
    return "" if name in _NOTHING else name


def returned(symbols: Iterable[Symbol], language: str) -> str:
    """The type that the signatures of functions or properties of one name state for what they give; empty
    where they state none or contradict."""
    stated = {_returned(symbol, language) for symbol in symbols} - {""}
    return stated.pop() if len(stated) == 1 else ""


def _returned(symbol: Symbol, language: str) -> str:
    """As one signature states it, of several types the first."""
    if language == "java":
        stated = _BEFORE.search(symbol.signature.partition(f" {symbol.name}(")[0])
        return stated[1] if stated is not None and stated[1] not in _NOTHING else ""
    if language != "go":
        stated = _RETURNED.search(symbol.signature)
        if stated is not None and "contextmanager" in symbol.signature.partition("def ")[0]:
            stated = _YIELDED.match(stated[1])
        return plain_type(stated[1]) if stated is not None else ""
    _, _, rest = symbol.signature.partition(f"{symbol.name}(")
    depth = 1
    for place, char in enumerate(rest):
        depth += (char == "(") - (char == ")")
        if not depth:
            first = rest[place + 1 :].lstrip(" (").partition(",")[0].rstrip(" ){").split()
            return plain_type(first[-1]) if first and _PARTS.isdisjoint(first) else ""
    return ""
