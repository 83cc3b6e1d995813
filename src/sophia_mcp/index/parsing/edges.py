"""What does a file call, construct, extend and import? Call sites with all the source says of them.
And of which types are the fields of its classes: who uses those may stand in other files.

Nothing is resolved here: whether ``store.get()`` means a method of this file, of an imported
class or of anything else of that name is decided at query time, with the whole repository known.
Types are those the source states in this file: annotations, declarations, constructions, fields.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import lru_cache

from tree_sitter import Node

from sophia_mcp.index.languages.imports import OF_ALIAS
from sophia_mcp.index.languages.record import Language
from sophia_mcp.index.parsing.scopes import Scopes
from sophia_mcp.index.parsing.signs import ENTERED, EXPRESSION, FOLLOWED, GLOBAL, MACRO, THROUGH, TOP
from sophia_mcp.index.parsing.stated import CALLEE, Types
from sophia_mcp.index.parsing.symbols import Definition, Rows
from sophia_mcp.index.parsing.written import closes_at_end
from sophia_mcp.types import Field, Import, Reference, ReferenceKind

REFERENCES_MOST = 50_000
"""Generated files call without end; the rest of such a file is still found by its words."""

_CALLEE_BYTES = 240
_RECEIVER_CHARS = 80
_JOINT = re.compile(rb"(?:\?\.|\.|::)\Z")
_LAST_WORD = re.compile(rb"\w+\Z")
_THROUGH = re.compile(rb"->\s*(?:template\s+)?~?\w+\s*(?:<.*>\s*)?\Z", re.DOTALL)
_IN_SCOPE = re.compile(rb"::\s*(?:template\s+)?~?\w+\s*(?:<.*>\s*)?\Z", re.DOTALL)
"""What C++ joins with a class or namespace."""
_DEFINES = re.compile(rb"\bfn\s+\Z")
_TOLD = re.compile(r"^\(\s*[*&]?\s*([\w.>-]+)\s*,\s*(?=\w+$)")
"""Before a method that is named with what has it, as two arguments."""
_CLOSES, _OPENS = b")]", b"(["
_JOINTS_MOST, _WORD_BYTES = 8, 60
_POINTED = re.compile(r"(?:(?P<receiver>.*[^:])(?::::?|\$|@))?`?(?P<name>[\w.]+)`?", re.DOTALL)
_OWN_MODULE = "?MODULE:"
"""What Erlang writes before a function of its own module that is called as another's."""
_DOTTED = re.compile(r"\w+(?:\.\w+)+")
_PATH = re.compile(r"[\w$@]+(?:\s*(?:\?\.|!\.|!!\.|&\.|\.|->|::|:)\s*[\w$@#]+)*[?!]?$")
_MADE = re.compile(r"(?:new\s+)?((?:\w+(?:\.|::|\\))*_*[A-Z]\w*)\s*(?:<[^()]*>)?\(")
_GENERIC = re.compile(r"\s*(?:(?:::)?<[^()]*>|\[[^()]*\])\s*$")
_EXPANDED = MACRO.encode()
_TOP = TOP.encode()
_HANDED = frozenset(
    {"go", "javascript", "kotlin", "lua", "python", "rust", "scala", "swift", "tsx", "typescript"}
)
"""Where a parameter is called as a function is, and hides the one of its name."""
_HOOKS = (".included", ".extended", ".prepended")
"""Methods of a module of Ruby that are called with what includes it."""


def references(
    captures: Mapping[str, Sequence[Node]], language: Language, found: Sequence[Definition], rows: Rows
) -> tuple[tuple[Reference, ...], tuple[Field, ...]]:
    """Call sites, constructions and base classes in the order of the source, and the fields of classes."""
    scopes = Scopes(found)
    types = Types(captures, language, scopes, rows.source)
    heads = {node.start_byte for node in captures.get("head", ())}
    silent = _Regions(captures["silent"]) if "silent" in captures else None
    out: list[Reference] = []
    split: dict[bytes, tuple[str, str, str, str]] = {}  # a file says the same again and again
    stated: dict[tuple[str, int], str] = {}
    source, starts = rows.source, rows.starts
    borders, owners, callers = scopes.borders, scopes.owners, scopes.callers()
    sends, expands, handed = language.name == "ruby", language.name == "rust", language.name in _HANDED
    new = tuple.__new__  # the class's own costs a call for each
    between = ">:-!. \t\n" if expands else ">:-?!. \t\n"  # there ``?`` takes out
    for end, start, sort in _sites(captures, language, source):
        if (heads and start in heads) or (silent is not None and start in silent):
            continue
        callee = source[start if end - start < _CALLEE_BYTES else end - _CALLEE_BYTES : end]
        parts = split.get(callee)
        if parts is None:
            split[callee] = parts = _parts(callee, language)
        receiver, name, untyped, through = parts
        if not name:
            continue
        if sends and callee.startswith(_TOP):
            receiver = f"{TOP}{receiver}"
        scope = owners[bisect_right(borders, start) - 1]
        receiver_type = ""
        if untyped and not sort:
            written = receiver
            if receiver == EXPRESSION and types.follows and len(callee) == end - start:
                written = callee.decode("utf-8", "ignore").removesuffix(name).rstrip(between)
            known = stated.get((written, scope))
            if known is None:
                known = types.of(receiver, scope) if written is receiver else types.given(written, scope)
                stated[written, scope] = known
            simple = through and FOLLOWED.search(known) is None
            receiver_type = known.removeprefix(ENTERED) if simple else known
            through = through if receiver_type == known else ""
            receiver = receiver + through if known else untyped
        elif handed and not receiver and not sort:
            receiver = (
                MACRO if expands and source.startswith(_EXPANDED, end) else _hiding(scopes, scope, name)
            )
        line = bisect_right(starts, end - 1)
        caller = callers[scope]
        if sends:
            if name == "super":
                receiver, name = name, caller.rpartition(".")[2]
            elif sort and caller.endswith(_HOOKS):
                caller = caller.rpartition(".")[0]  # what includes this module has that as well
        out.append(new(Reference, (name, _SORTS[sort], line, receiver, caller, receiver_type)))
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
    modules = {f"{OF_ALIAS}{i.alias}": i.module for i in found.values() if i.alias and not i.name}
    led = [i._replace(module=modules.get(i.module, i.module)) for i in found.values()]
    named = {module for module, _, alias in found if alias}
    return tuple(
        i
        for i in led
        if not i.module.startswith(OF_ALIAS) and (i.name or i.alias or i.module not in named)
    )


_SORTS: tuple[ReferenceKind, ...] = ("call", "base", "use")


def _begun(source: bytes, start: int) -> int:
    """Where the path and the calls begin that stand before a name in the text of a macro."""
    low = max(start - _CALLEE_BYTES, 0)
    for _ in range(_JOINTS_MOST):
        joint = _JOINT.search(source, max(start - 2, low), start)
        if joint is None:
            return start
        start = joint.start()
        while start > low and source[start - 1] in _CLOSES:
            depth = 1
            start -= 1
            while depth and start > low:
                start -= 1
                depth += (source[start] in _CLOSES) - (source[start] in _OPENS)
        word = _LAST_WORD.search(source, max(start - _WORD_BYTES, low), start)
        if word is None:
            return max(start - 1, low)  # a literal, or what is too long to tell
        start = word.start()
    return max(start - 1, low)  # cut off, so that it is no path


def _told(arguments: Node) -> int:
    """Where the method is named that is the second of these arguments, with what it is given."""
    method = arguments.named_children[1].child_by_field_name("function")
    return method.end_byte if method is not None else -1


def _sites(
    captures: Mapping[str, Sequence[Node]], language: Language, source: bytes
) -> list[tuple[int, int, int]]:
    """End and start of every callee as written, and what it is: its place in ``_SORTS``."""
    sites: list[tuple[int, int, int]] = []
    for sort, capture in ((0, "call"), (0, "new"), (1, "base"), (2, "use")):
        for node in captures.get(capture, ()):
            start, end = node.byte_range
            sites.append((end, start, sort))
    if tokens := captures.get("token"):
        silent = _Regions(captures.get("lead", ()))
        for node in tokens:
            start, end = node.byte_range
            if start not in silent and not _DEFINES.search(source, max(start - 8, 0), start):
                sites.append((end, _begun(source, start), 0))
    if told := captures.get("told"):
        starts = {_told(node): node.start_byte for node in told}
        sites = [(end, starts.get(end, start), sort) for end, start, sort in sites]
    field = language.invoke_field
    for node in captures.get("invoke", ()):
        name = node.child_by_field_name(field)
        if name is not None:
            sites.append((name.end_byte, node.start_byte, 0))
    sites.sort()
    return list(dict.fromkeys(sites)) if language.name == "ruby" else sites


def _hiding(scopes: Scopes, scope: int, name: str) -> str:
    """The receiver of what a name alone calls there: none, unless a parameter hides the function of its name."""
    return EXPRESSION if scopes.takes(scope, name) else ""


def _parts(callee: bytes, language: Language) -> tuple[str, str, str, str]:
    """The receiver and the name of a callee, how the receiver is told where nothing states its type, which is empty
    for what has none, and what its end is told by. In C++ a variable may be called like a class or namespace, which is
    joined by other signs, and what points to something has names of its own."""
    text = callee.decode("utf-8", "ignore")
    if language.name == "r":
        receiver, name = _split_pointed(text)
    else:
        text = text.removeprefix(_OWN_MODULE)
        receiver, name = _split(text, language.maker, language.calls_make)
    if name in language.keywords:
        return "", "", "", ""
    if language.name not in ("cpp", "cuda") or receiver in language.own:
        return receiver, name, receiver, ""
    if not receiver:
        return TOP if callee.startswith(_TOP) else "", name, "", ""
    if _IN_SCOPE.search(callee):
        return receiver, name, "", ""
    through = THROUGH if _THROUGH.search(callee) else ""
    return receiver, name, EXPRESSION if receiver.isidentifier() else receiver, through


def _split_pointed(text: str) -> tuple[str, str]:
    """The same in R, where points are letters: ``base::is.null``, ``self$draw``."""
    match = _POINTED.fullmatch(text)
    if match is None:
        return "", ""
    receiver = match["receiver"] or ""
    return receiver if _PATH.match(receiver) or not receiver else EXPRESSION, match["name"]


@lru_cache(1 << 14)
def _split(text: str, maker: str, calls_make: bool) -> tuple[str, str]:
    """``a.b.c`` as its receiver ``a.b`` and name ``c``, in a language with this ``maker``, in which calls of
    capitalised names make something or do not."""
    if text.isidentifier():
        return "", text
    receiver, _, name = text.rpartition(".")
    named = receiver.isidentifier() and name.isidentifier()
    if (named or _DOTTED.fullmatch(text)) and name != maker and len(receiver) <= _RECEIVER_CHARS:
        return receiver, name
    if text.startswith("("):
        text = _TOLD.sub(r"\1.", text)
    if text.endswith((">", "]")):
        text = _GENERIC.sub("", text)
    match = CALLEE.match(text)
    if match is None:
        plain = text.lstrip("\\").strip()
        return (GLOBAL if text.startswith(GLOBAL) else "", plain) if _PATH.match(plain) else ("", "")
    receiver, name = match[1].removeprefix("::"), match[2]
    if not receiver:
        return "", name
    if name == maker and receiver:  # Ruby and Lua construct by a method
        inner = CALLEE.match(receiver)
        return (inner[1], inner[2]) if inner else ("", receiver.strip())
    if receiver.startswith("super(") and closes_at_end(receiver, len("super")):
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
            and closes_at_end(receiver, made.end() - 1)
        )
        return (f"{made[1]}()" if single and made is not None else EXPRESSION), name
    return "".join(receiver.split()), name


class _Regions:
    """Is a byte inside one of these nodes? They do not overlap."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._spans = sorted(node.byte_range for node in nodes)

    def __contains__(self, offset: int) -> bool:
        if not self._spans:
            return False
        at = bisect_right(self._spans, (offset, 1 << 62)) - 1
        return at >= 0 and offset < self._spans[at][1]
