"""What does a file define? Definitions in the order of the source, nested, with their lines.

A definition begins at its first line, decorators, annotations and attributes included and
preceding comments left out, and ends at its last line with text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from tree_sitter import Node

from sophia_mcp.index.languages.record import Language
from sophia_mcp.types import Kind, Symbol

SIGNATURE_CHARS = 300
Captured = tuple[Mapping[str, Sequence[Node]], Language]
"""Captured nodes by capture name, and the language whose query captured them."""

DEPTH_MOST = 48
"""Definitions nested deeper than anybody reads belong to the one they are in."""

NAME_CHARS = 100
"""A longer name is an expression, not a name; it is cut."""

_KINDS: dict[str, tuple[Kind, bool]] = {
    "class": ("class", True),
    "module": ("class", True),
    "method": ("method", True),
    "free": ("function", True),
    "macro": ("function", True),
    "function": ("function", True),
    "scope": ("class", False),
    "space": ("class", False),
    "value": ("text", True),
    "config": ("config", True),
    "heading": ("doc", True),
    "part": ("config", False),
}
"""The kind of each capture and whether it is listed among the symbols; earlier ones win."""

_HOLD_METHODS = frozenset({"class", "scope"})
_BODIES = frozenset({"function_body", "class_body", "enum_class_body", "block", "body", "do_block"})
_SPACE = b" \t\r\n\f\v"


@dataclass(slots=True)
class Definition:
    """A definition while a file is cut. Rows are 0-based and inclusive; ``parent`` is an index
    into the same list or -1; ``listed`` is False for scopes that define nothing themselves."""

    name: str
    container: str
    kind: Kind
    listed: bool
    start_row: int
    end_row: int
    start_byte: int
    end_byte: int
    parent: int
    node: Node
    signature: str = ""
    methods: bool = False
    """Whether a function directly inside is a method."""

    @property
    def qualified(self) -> str:
        return f"{self.container}.{self.name}" if self.container else self.name


class Rows:
    """Byte offsets of a source as 0-based rows."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        breaks = np.flatnonzero(np.frombuffer(source, np.uint8) == ord("\n"))
        after: list[int] = (breaks + 1).tolist()
        self.starts = [0, *after]
        self.row: Callable[[int], int] = partial(bisect_right, after)

    def last(self, start: int, end: int) -> int:
        """The row of the last byte of a span that is not white space."""
        source = self.source
        while end > start + 1 and source[end - 1] in _SPACE:
            end -= 1
        return self.row(max(start, end - 1))

    def leads(self, offset: int) -> bool:
        """Whether only white space stands before ``offset`` on its line."""
        start = self.starts[self.row(offset)]
        return start == offset or not self.source[start:offset].strip()


def definitions(sources: Sequence[Captured], root: Node, rows: Rows) -> list[Definition]:
    """All definitions by position, outer before inner. ``sources`` are the captures of the file
    and of scripts embedded in it, each with its language."""
    found: list[Definition] = []
    chain: list[int] = []
    for start, end, node, capture, language in _candidates(sources, rows.source):
        kind, listed = _KINDS[capture]
        while chain and found[chain[-1]].end_byte <= start:
            chain.pop()
        if len(chain) >= DEPTH_MOST:
            continue
        named = language.name_rule(node, rows.source)
        if named is None or not named[1]:
            continue
        parent = chain[-1] if chain else -1
        above = found[parent] if parent >= 0 else None
        qualifier, name = named
        if above is not None and _repeats(above, name, kind, start):
            continue
        if capture == "function" and (qualifier or (above is not None and above.methods)):
            kind = "method"
        if qualifier in language.own:  # ``this.send = () => ...`` in a method: of the class
            qualifier, above = "", _class_around(found, parent) or above
        outer = above.qualified if above is not None and capture != "macro" else ""
        container = f"{outer}.{qualifier}" if outer and qualifier else outer or qualifier
        signed = signature(node, start, end, rows.source)
        definition = Definition(
            _one_line(name),
            container,
            kind,
            listed,
            rows.row(start),
            rows.last(start, end),
            start,
            end,
            parent,
            node,
            signed,
            capture in _HOLD_METHODS,
        )
        if language.clauses and found and _continues(found[-1], definition):
            found[-1].end_row, found[-1].end_byte = definition.end_row, end
            found[-1].node = above.node if above is not None else root
            continue
        chain.append(len(found))
        found.append(definition)
    for captures, _ in sources:
        _unwrap(found, captures.get("wrap", ()), rows)
        _extend_upwards(found, captures.get("lead", ()), rows)
    return found


def _class_around(found: Sequence[Definition], scope: int) -> Definition | None:
    while scope >= 0 and not found[scope].methods:
        scope = found[scope].parent
    return found[scope] if scope >= 0 else None


def _candidates(
    sources: Sequence[Captured], source: bytes
) -> list[tuple[int, int, Node, str, Language]]:
    """Captured definitions once each, the first capture of a node counting, outer first."""
    seen: dict[tuple[int, int], tuple[int, int, Node, str, Language]] = {}
    for captures, language in sources:
        tails = _tails(captures.get("tail", ()), source)
        tails.update(_reaches(captures, source))
        brought = {node.byte_range for node in captures.get("import", ())}
        for capture in _KINDS:
            for node in sorted(captures.get(capture, ()), key=_place):
                start, end = span = node.byte_range
                if capture == "value" and span in brought:
                    continue  # a name for what another file defines
                while start < end and source[start] in _SPACE:  # of a grammar that reads white space
                    start += 1
                if span not in seen:
                    stop = tails.get(end) or _before_comments(node, language.comments, source)
                    seen[span] = (start, stop, node, capture, language)
    return sorted(seen.values(), key=lambda item: (item[0], -item[1]))


def _place(node: Node) -> tuple[int, int, int]:
    """Outer nodes first; captures come in any order."""
    start, end = node.byte_range
    return start, -end, node.kind_id


def _before_comments(node: Node, comments: Sequence[str], source: bytes) -> int:
    """Where a definition ends that its grammar lets run on into the comments of what follows."""
    start, end = node.byte_range
    while True:
        last = end
        while last > start and source[last - 1] in _SPACE:
            last -= 1
        at_end = node.descendant_for_byte_range(last - 1, last) if last > start else None
        if at_end is None or at_end.type not in comments or at_end.start_byte <= start:
            return end
        end = at_end.start_byte


def _tails(nodes: Sequence[Node], source: bytes) -> dict[int, int]:
    """Where a definition that ends here really ends: bodies that stand beside their signature."""
    ends: dict[int, int] = {}
    for start, end in sorted(node.byte_range for node in nodes):
        while start > 0 and source[start - 1] in _SPACE:
            start -= 1
        ends[start] = end
    return ends


def _reaches(captures: Mapping[str, Sequence[Node]], source: bytes) -> dict[int, int]:
    """Where a statement without a block ends that holds for what follows: before the next of its kind and the
    comments of that one, with the block around it, or with the code of the file."""
    statements = [
        node
        for node in sorted(captures.get("reach", ()), key=_place)
        if not (node.named_children and node.named_children[-1].type in _BODIES)
    ]
    if not statements:
        return {}
    notes = {
        _trimmed(start, end, source): start
        for start, end in (node.byte_range for node in captures.get("comment", ()))
    }
    limit = min((node.start_byte for node in captures.get("beyond", ())), default=len(source))
    wholes = _around(statements, sorted(captures.get("within", ()), key=_place), limit)
    ends: dict[int, int] = {}
    for node, whole in zip(reversed(statements), reversed(wholes), strict=True):
        ends[node.end_byte] = min(whole, limit)
        limit = _trimmed(0, node.start_byte, source)
        while limit in notes:
            limit = _trimmed(0, notes[limit], source)
    return ends


def _around(nodes: Sequence[Node], blocks: Sequence[Node], whole: int) -> list[int]:
    """Where the innermost block around each node ends, else ``whole``; both in order. To ask every node for
    its parent takes longer the more there are."""
    ends: list[int] = []
    chain: list[int] = []
    at = 0
    for node in nodes:
        start = node.start_byte
        while at < len(blocks) and blocks[at].start_byte <= start:
            while chain and chain[-1] <= blocks[at].start_byte:
                chain.pop()
            chain.append(blocks[at].end_byte)
            at += 1
        while chain and chain[-1] <= start:
            chain.pop()
        ends.append(chain[-1] if chain else whole)
    return ends


def _trimmed(start: int, end: int, source: bytes) -> int:
    """The end of a span without the white space there."""
    while end > start and source[end - 1] in _SPACE:
        end -= 1
    return end


def symbols(found: Iterable[Definition]) -> tuple[Symbol, ...]:
    """The definitions worth finding by name."""
    return tuple(
        Symbol(d.name, d.kind, d.start_row + 1, d.end_row + 1, d.container, d.signature)
        for d in found
        if d.listed
    )


def signature(node: Node, start: int, end: int, source: bytes) -> str:
    """The declaration up to its body, white space collapsed, at most SIGNATURE_CHARS."""
    body = node.child_by_field_name("body")
    if body is None and (count := node.named_child_count):
        last = node.named_child(count - 1)
        body = last if last is not None and last.type in _BODIES else None
    if body is not None and body.start_byte > start:
        stop = body.start_byte
    else:
        stop = source.find(b"\n", start, end)
        stop = end if stop < 0 else stop
    text = source[start : min(stop, start + 4 * SIGNATURE_CHARS)].decode("utf-8", "ignore")
    return " ".join(text.split())[:SIGNATURE_CHARS].rstrip(" {:=")


def _repeats(above: Definition, name: str, kind: Kind, start: int) -> bool:
    """``typedef struct S {...} S`` names one thing twice, and so does a header inside its body."""
    if above.name != name or not above.listed:
        return False
    return above.start_byte == start or (kind == "class" and above.kind == "class")


def _continues(last: Definition, definition: Definition) -> bool:
    return (
        last.name == definition.name
        and last.container == definition.container
        and last.parent == definition.parent
        and last.kind == definition.kind
    )


def _one_line(name: str) -> str:
    return name if len(name) <= NAME_CHARS and "\n" not in name else " ".join(name.split())[:NAME_CHARS]


def _unwrap(found: list[Definition], wraps: Sequence[Node], rows: Rows) -> None:
    """The outermost wrapper that ends with a definition (or one byte, its semicolon, later) begins it."""
    ends = {end: start for start, end in sorted((node.byte_range for node in wraps), reverse=True)}
    if not ends:
        return
    for definition in found:
        start = ends.get(definition.end_byte, ends.get(definition.end_byte + 1))
        if start is not None and start < definition.start_byte:
            definition.start_row = rows.row(start)


def _extend_upwards(found: list[Definition], leads: Sequence[Node], rows: Rows) -> None:
    """Decorators and attributes move the start of the definition they stand before."""
    if not leads or not found:
        return
    first_at: dict[int, int] = {}
    for start, end in sorted(node.byte_range for node in leads):
        top = rows.row(start)
        for row in range(top, rows.last(start, end) + 1):
            first_at.setdefault(row, top)
    for definition in found:
        row = definition.start_row
        while row in first_at and first_at[row] < row:
            row = first_at[row]
        while row - 1 in first_at:
            row = first_at[row - 1]
        definition.start_row = row
