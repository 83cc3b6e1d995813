"""What does a file call, construct, extend and import? Call sites with all the source says of them.
And of which types are the fields of its classes: who uses those may stand in other files.

Nothing is resolved here: whether ``store.get()`` means a method of this file, of an imported
class or of anything else of that name is decided at query time, with the whole repository known.
Types are those the source states in this file: annotations, declarations, constructions, fields.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import zstandard
from tree_sitter import Node

from sophia_mcp.index.languages.record import Language
from sophia_mcp.index.symbols import Definition, Rows
from sophia_mcp.types import Field, Import, Parsed, Reference, ReferenceKind

REFERENCES_MOST = 50_000
"""Generated files call without end; the rest of such a file is still found by its words."""

EXPRESSION = "?"
"""The receiver of a call on something that is no name, path or construction."""

FIELD = ">"
"""Stands between a type and a field of it that this file does not declare: ``Crawler>settings``."""

_ABOVE = frozenset({"super", "base"})
_CALLEE_BYTES = 240
_DECLARATION_BYTES = 240
_RECEIVER_CHARS = 80
_FIELDS_DEEP = 4
_CALLEE = re.compile(r"(.*?)\s*(?:\?\.|!!\.|!\.|&\.|\.|\?->|->|::|(?<=\w):)\s*([\w$@!?~#]+)$", re.DOTALL)
_PATH = re.compile(r"[\w$@]+(?:\s*(?:\?\.|!\.|!!\.|&\.|\.|->|::|:)\s*[\w$@]+)*[?!]?$")
_STEP = re.compile(r"\s*(?:\?\.|!\.|!!\.|&\.|\.|\?->|->|::|:)\s*")
_MADE = re.compile(r"(?:new\s+)?((?:\w+(?:\.|::|\\))*_*[A-Z]\w*)\s*(?:<[^()]*>)?\(")
_GENERIC = re.compile(r"\s*(?:::)?<[^()]*>\s*$")
_HOLDERS = re.compile(
    r"(?:Optional|Box|Arc|Rc|RefCell|Mutex|std::unique_ptr|std::shared_ptr|unique_ptr|shared_ptr|Annotated|Final"
    r"|ClassVar|Readonly|Promise|Awaited|Type|type|NonNullable|Required|Partial)\s*[<\[]\s*(.*)[>\]]$",
    re.DOTALL,
)
_TYPE = re.compile(r"(?:const|mut|dyn|impl|inout|readonly|'\w+|&|\*|\s|\?|@\w+\s)*([A-Za-z_][\w.:\\$]*)")
_PARAMETER = re.compile(r"[A-Z]\d?")
"""A type parameter says nothing about its methods."""
_ROWS = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False)
_NOTHING = frozenset(
    {"None", "null", "undefined", "nil", "void", "any", "Any", "var", "auto", "val", "let"}
)


@dataclass(frozen=True, slots=True)
class Edges:
    """What ``pack`` keeps of a parsed file."""

    references: tuple[Reference, ...]
    imports: tuple[Import, ...]
    fields: tuple[Field, ...] = ()


_UNUSED = Edges((), ())


def pack(parsed: Parsed, compressor: zstandard.ZstdCompressor | None = None) -> bytes:
    """References, imports and fields as zstd of JSON rows. Who packs many brings a compressor."""
    text = _ROWS.encode((parsed.references, parsed.imports, parsed.fields))
    return (compressor or zstandard.ZstdCompressor(level=3)).compress(text.encode())


def unpack(packed: bytes) -> Edges:
    """The opposite of ``pack``. Raises ValueError or zstandard.ZstdError on damaged bytes."""
    # What an older parser packed has no fields; it is asked until all is read again.
    references, imports, *fields = json.loads(zstandard.decompress(packed))
    return Edges(
        tuple(Reference(*row) for row in references),
        tuple(Import(*row) for row in imports),
        tuple(Field(*row) for rows in fields for row in rows),
    )


def spelling(name: str, *, part: bool) -> bytes:
    """How a name stands in what ``pack`` compressed; ``part``: it may be only a part of a text there."""
    written = json.dumps(name, ensure_ascii=False)
    return (written[1:-1] if part else written).encode("utf-8", "replace")


def uses(text: bytes, name: str, spelt: bytes) -> Edges:
    """The references to one name in what ``pack`` compressed, and the imports beside them; nothing where
    its ``spelling`` does not stand, which is told without reading the rows."""
    if spelt not in text:
        return _UNUSED
    references, imports, *_ = json.loads(text)
    return Edges(
        tuple(Reference(*row) for row in references if row[0] == name),
        tuple(Import(*row) for row in imports),
    )


def references(
    captures: Mapping[str, Sequence[Node]], language: Language, found: Sequence[Definition], rows: Rows
) -> tuple[tuple[Reference, ...], tuple[Field, ...]]:
    """Call sites, constructions and base classes in the order of the source, and the fields of classes."""
    scopes = _Scopes(found)
    types = _Types(captures, language, scopes, rows.source)
    heads = {node.start_byte for node in captures.get("head", ())}
    silent = _Regions(captures["silent"]) if "silent" in captures else None
    out: list[Reference] = []
    split: dict[bytes, tuple[str, str]] = {}  # a file says the same again and again
    stated: dict[tuple[str, int], str] = {}
    source, starts = rows.source, rows.starts
    borders, owners, callers = scopes.borders, scopes.owners, scopes.callers()
    new = tuple.__new__  # the class's own costs a call for each
    for end, start, sort in _sites(captures, language):
        if (heads and start in heads) or (silent is not None and start in silent):
            continue
        callee = source[start if end - start < _CALLEE_BYTES else end - _CALLEE_BYTES : end]
        parts = split.get(callee)
        if parts is None:
            parts = _split(callee.decode("utf-8", "ignore"), language.maker, language.calls_make)
            split[callee] = parts = parts if parts[1] not in language.keywords else ("", "")
        receiver, name = parts
        if not name:
            continue
        scope = owners[bisect_right(borders, start) - 1]
        receiver_type = ""
        if receiver and not sort:
            known = stated.get((receiver, scope))
            if known is None:
                known = stated[receiver, scope] = types.of(receiver, scope)
            receiver_type = known
        line = bisect_right(starts, end - 1)
        out.append(new(Reference, (name, _SORTS[sort], line, receiver, callers[scope], receiver_type)))
        if len(out) >= REFERENCES_MOST:
            break
    return tuple(out), types.fields()


def imports(
    captures: Mapping[str, Sequence[Node]], language: Language, rows: Rows
) -> tuple[Import, ...]:
    """Imported names in the order of the source, once each."""
    if language.imports is None:
        return ()
    found: dict[tuple[str, str, str], Import] = {}
    for start, end in sorted(node.byte_range for node in captures.get("import", ())):
        line = rows.row(start) + 1
        for module, name, alias in language.imports(rows.source[start:end].decode("utf-8", "ignore")):
            found.setdefault((module, name, alias), Import(module, name, alias, line))
    named = {module for module, _, alias in found if alias}
    return tuple(i for i in found.values() if i.name or i.alias or i.module not in named)


_SORTS: tuple[ReferenceKind, ...] = ("call", "base", "use")


def _sites(captures: Mapping[str, Sequence[Node]], language: Language) -> list[tuple[int, int, int]]:
    """End and start of every callee as written, and what it is: its place in ``_SORTS``."""
    sites: list[tuple[int, int, int]] = []
    for sort, capture in ((0, "call"), (0, "new"), (1, "base"), (2, "use")):
        for node in captures.get(capture, ()):
            start, end = node.byte_range
            sites.append((end, start, sort))
    field = language.invoke_field
    for node in captures.get("invoke", ()):
        name = node.child_by_field_name(field)
        if name is not None:
            sites.append((name.end_byte, node.start_byte, 0))
    sites.sort()
    return sites


@lru_cache(1 << 14)
def _split(text: str, maker: str, calls_make: bool) -> tuple[str, str]:
    """``a.b.c`` as its receiver ``a.b`` and name ``c``, in a language with this ``maker``, in which calls of
    capitalised names make something or do not."""
    if text.isidentifier():
        return "", text
    receiver, _, name = text.rpartition(".")
    if (
        receiver.isidentifier()
        and name.isidentifier()
        and name != maker
        and len(receiver) <= _RECEIVER_CHARS
    ):
        return receiver, name
    if text.endswith(">"):
        text = _GENERIC.sub("", text)
    match = _CALLEE.match(text)
    if match is None:
        text = text.lstrip("\\").strip()
        return ("", text) if _PATH.match(text) else ("", "")
    receiver, name = match[1], match[2]
    if name == maker and receiver:  # Ruby and Lua construct by a method
        inner = _CALLEE.match(receiver)
        return (inner[1], inner[2]) if inner else ("", receiver.strip())
    if receiver.startswith("super(") and receiver.endswith(")"):
        return "super", name
    if len(receiver) > _RECEIVER_CHARS or not _PATH.match(receiver):
        made = _MADE.match(receiver)
        whole = (
            made is not None and receiver.endswith(")") and receiver.count("(") == receiver.count(")")
        )
        single = (
            whole
            and made is not None
            and (calls_make or receiver.startswith("new "))
            and _closes_at_end(receiver, made.end() - 1)
        )
        return (f"{made[1]}()" if single and made is not None else EXPRESSION), name
    return "".join(receiver.split()), name


def _closes_at_end(text: str, opening: int) -> bool:
    """Whether the bracket opened at ``opening`` is closed by the last character."""
    depth = 0
    for i in range(opening, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth == 0:
            return i == len(text) - 1
    return False


class _Regions:
    """Is a byte inside one of these nodes? They do not overlap."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._spans = sorted(node.byte_range for node in nodes)

    def __contains__(self, offset: int) -> bool:
        if not self._spans:
            return False
        at = bisect_right(self._spans, (offset, 1 << 62)) - 1
        return at >= 0 and offset < self._spans[at][1]


class _Scopes:
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


class _Types:
    """What type does the source state for a variable or field? What is declared counts before what is
    made; contradictions state nothing."""

    def __init__(
        self,
        captures: Mapping[str, Sequence[Node]],
        language: Language,
        scopes: _Scopes,
        source: bytes,
    ) -> None:
        self.language, self.scopes = language, scopes
        self._whole = {each.qualified for each in scopes.found if each.methods} - {
            scopes.class_of(scopes.at(node.start_byte)) for node in captures.get("base", ())
        }
        self._locals: dict[tuple[int, str], str] = {}
        self._fields: dict[tuple[str, str], str] = {}
        self._declared: set[tuple[int, str] | tuple[str, str]] = set()
        same: list[tuple[int, str, str]] = []
        classes = {definition.name for definition in scopes.found if definition.kind == "class"}
        pattern = language.binds
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
            stated = plain_type(groups.get("type") or "")
            if len(stated) < 3 and _PARAMETER.fullmatch(stated) and stated not in classes:
                stated = ""
            declared = bool(stated)
            stated = stated or _made(groups, language)
            scope = scopes.at(start)
            if scope >= 0 and scopes.found[scope].start_byte == start:
                scope = scopes.up(scope)  # a property is bound where it stands, not inside itself
            if not stated:
                if groups.get("same"):
                    same.append((scope, name, groups["same"]))
                continue
            for each in name.split(","):
                self._bind(
                    scope, each.strip(), stated, declared, bool((groups.get("field") or "").strip())
                )
        for scope, name, other in same:
            if stated := self._look(other, scope):
                self._bind(scope, name, stated, False, False)

    def _bind(self, scope: int, name: str, stated: str, declared: bool, is_field: bool) -> None:
        for own in self.language.own:
            if name.startswith(own) and (rest := _STEP.sub(".", name[len(own) :])).startswith("."):
                self._put(self._fields, (self.scopes.class_of(scope), rest[1:]), stated, declared)
                return
        if name.startswith("@"):
            self._put(self._fields, (self.scopes.class_of(scope), name), stated, declared)
            return
        if scope >= 0 and (self.scopes.found[scope].methods or is_field):
            self._put(self._fields, (self.scopes.class_of(scope), name), stated, declared)
        self._put(self._locals, (scope, name.lstrip("$")), stated, declared)

    def _put(self, table: dict[Any, str], key: Any, stated: str, declared: bool) -> None:
        if declared and key not in self._declared:
            self._declared.add(key)
            table[key] = stated
        elif declared or key not in self._declared:
            table[key] = stated if table.get(key) in (None, stated) else ""

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
            bare = language.bare_fields and head not in _ABOVE and not head[:1].isupper()
            if not stated and bare:
                stated, own, rest = self.scopes.class_of(scope), True, [head, *rest]
        for taken, step in enumerate(rest[:_FIELDS_DEEP]):
            if not stated:
                return ""
            known = self._fields.get((stated, step))
            if known is None:  # a field that another file declares
                whole = own and not taken and stated in self._whole
                return "" if whole else FIELD.join((stated, *rest[taken:]))
            stated = known
        return stated if len(rest) <= _FIELDS_DEEP else ""

    def fields(self) -> tuple[Field, ...]:
        """The fields with a stated type of all classes."""
        return tuple(
            Field(owner, name, stated)
            for (owner, name), stated in self._fields.items()
            if owner and stated
        )

    def _look(self, name: str, scope: int) -> str:
        here, steps = scope, 0
        while steps < 64:
            if (stated := self._locals.get((here, name))) is not None:
                return stated
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


@lru_cache(1 << 12)
def plain_type(text: str) -> str:
    """The one class a type names, without pointers, options and arguments; empty when it names
    several or none: ``Optional[Store]``, ``*Store``, ``Store | None`` are ``Store``."""
    text = text.strip().strip("\"'")
    for _ in range(3):
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
