"""How one member of a JSON file with comments is set or removed while every other byte stays.

Editors' settings carry comments and trailing commas that a JSON library would lose; the syntax tree
gives the place of each member, and the edit is text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from tree_sitter import Node
from tree_sitter_language_pack import get_parser

from sophia_mcp.errors import ClientConfigError


def get_member(text: str, keys: Sequence[str]) -> str | None:
    """The source text of the value at ``keys``, or None."""
    raw = _wrapped(text)
    node = _root(raw)
    for key in keys:
        pair = _pair(raw, node, key)
        value = pair.child_by_field_name("value") if pair is not None else None
        if value is None:
            return None
        node = value
    return raw[node.start_byte : node.end_byte].decode()


def set_member(text: str, keys: Sequence[str], value: Any) -> str:
    """``text`` with the member at ``keys`` set to ``value``; missing objects on the way are made."""
    raw = _wrapped(text if text.strip() else "{}\n")
    node = _root(raw)
    unit = _unit(raw, node)
    for depth, key in enumerate(keys):
        pair = _pair(raw, node, key)
        inner = pair.child_by_field_name("value") if pair is not None else None
        last = depth == len(keys) - 1
        if inner is None:
            rest: Any = value
            for missing in reversed(keys[depth + 1 :]):
                rest = {missing: rest}
            return _insert(raw, node, key, rest, unit)
        if last:
            assert pair is not None
            new = _dump(value, _lead(raw, pair), unit)
            return _bare(raw[: inner.start_byte] + new.encode() + raw[inner.end_byte :])
        if inner.type != "object":
            raise ClientConfigError(f"the member {key!r} is not an object", next="mend the file by hand")
        node = inner
    return text


def remove_member(text: str, keys: Sequence[str]) -> str:
    """``text`` without the member at ``keys``; objects left empty by that go too, but none with a comment."""
    raw = _wrapped(text)
    node = _root(raw)
    pair: Node | None = None
    for depth, key in enumerate(keys):
        pair = _pair(raw, node, key)
        inner = pair.child_by_field_name("value") if pair is not None else None
        if pair is None or inner is None:
            return text
        if depth < len(keys) - 1:
            node = inner
    assert pair is not None
    shorter = _bare(_cut(raw, pair))
    if len(keys) > 1 and not _at(shorter, keys[:-1]).named_children:
        return remove_member(shorter, keys[:-1])
    return shorter


def _cut(raw: bytes, pair: Node) -> bytes:
    """The bytes without a member and the comma that it needed. Its line goes with it, unless what follows would
    come to stand behind a comment."""
    start, end = pair.start_byte, pair.end_byte
    comma = _beside(pair, "next_sibling") or _beside(pair, "prev_sibling")
    apart = []
    if comma is not None:
        between = raw[min(end, comma.end_byte) : max(start, comma.start_byte)]
        if between.strip():
            apart.append((comma.start_byte, comma.end_byte))
        else:
            start, end = min(start, comma.start_byte), max(end, comma.end_byte)
    while start > 0 and raw[start - 1 : start] in b" \t":
        start -= 1
    above = raw[:start].removesuffix(b"\n").removesuffix(b"\r")
    last = pair.parent.descendant_for_byte_range(len(above) - 1, len(above)) if pair.parent else None
    behind = last is not None and last.type == "comment" and raw[last.start_byte :].startswith(b"//")
    if not behind or not raw[end:].partition(b"\n")[0].strip():
        start = len(above)
    for first, after in sorted([*apart, (start, end)], reverse=True):
        raw = raw[:first] + raw[after:]
    return raw


def _beside(pair: Node, way: Literal["next_sibling", "prev_sibling"]) -> Node | None:
    """The comma before or after a member, whatever comments stand between."""
    node: Node | None = getattr(pair, way)
    while node is not None and node.type == "comment":
        node = getattr(node, way)
    return node if node is not None and node.type == "," else None


def _at(text: str, keys: Sequence[str]) -> Node:
    raw = _wrapped(text)
    node = _root(raw)
    for key in keys:
        pair = _pair(raw, node, key)
        value = pair.child_by_field_name("value") if pair is not None else None
        assert value is not None
        node = value
    return node


def _wrapped(text: str) -> bytes:
    """The text as one JavaScript expression: that grammar knows comments and trailing commas."""
    return f"({text}\n)".encode()


def _bare(raw: bytes) -> str:
    return raw[1:-2].decode()


def _root(raw: bytes) -> Node:
    tree = get_parser("javascript").parse(raw)
    found = [tree.root_node]
    for _ in ("program", "expression statement", "our parentheses"):
        found = [inner for node in found for inner in node.named_children if inner.type != "comment"]
    if tree.root_node.has_error or len(found) != 1 or found[0].type != "object":
        raise ClientConfigError(
            "the file is not a JSON object",
            why="its syntax has a fault",
            next="mend it, then run this again",
        )
    return found[0]


def _members(node: Node) -> list[Node]:
    return [child for child in node.named_children if child.type == "pair"]


def _pair(raw: bytes, node: Node, key: str) -> Node | None:
    for pair in _members(node):
        name = pair.child_by_field_name("key")
        if name is not None and _key(raw[name.start_byte : name.end_byte]) == key:
            return pair
    return None


def _key(written: bytes) -> object:
    """What a key says. Raises ClientConfigError for one that only JavaScript would take."""
    try:
        return json.loads(written)
    except ValueError:
        raise ClientConfigError(
            "the file is not a JSON object",
            why=f"its key {written.decode()} is not in double quotes",
            next="mend it, then run this again",
        ) from None


def _insert(raw: bytes, node: Node, key: str, value: Any, unit: str) -> str:
    outer = _lead(raw, node.parent) if node.parent is not None and node.parent.type == "pair" else ""
    members = _members(node)
    if not members:
        close = node.end_byte - 1
        inside = raw[node.start_byte + 1 : close].decode().rstrip()
        member = _member(key, value, outer + unit, unit)
        text = f"{{{inside}\n{outer}{unit}{member}\n{outer}}}"
        return _bare(raw[: node.start_byte] + text.encode() + raw[node.end_byte :])
    end = members[-1].end_byte
    tail = raw[end : node.end_byte - 1].split(b"//", 1)[0].split(b"/*", 1)[0].strip()
    indent = _lead(raw, members[-1]) or outer + unit
    member = _member(key, value, indent, unit)
    if tail.startswith(b","):
        comma = _line_end(raw, raw.index(b",", end))
        return _bare(raw[: comma + 1] + f"\n{indent}{member},".encode() + raw[comma + 1 :])
    return _bare(raw[:end] + f",\n{indent}{member}".encode() + raw[end:])


def _unit(raw: bytes, root: Node) -> str:
    """One level of the indentation that the file has."""
    members = _members(root)
    return (_lead(raw, members[0]) if members else "") or "  "


def _lead(raw: bytes, node: Node) -> str:
    """What a line is indented by that the node begins; empty where something stands before it."""
    lead = raw[raw.rfind(b"\n", 0, node.start_byte) + 1 : node.start_byte].decode()
    return lead if not lead.strip() else ""


def _line_end(raw: bytes, comma: int) -> int:
    """The last byte of the comma's line when only a comment follows it there, else the comma."""
    stop = raw.find(b"\n", comma)
    rest = raw[comma + 1 : stop].strip()
    return stop - 1 if stop > 0 and (not rest or rest.startswith(b"//")) else comma


def _member(key: str, value: Any, pad: str, unit: str) -> str:
    return f"{json.dumps(key)}: {_dump(value, pad, unit)}"


def _dump(value: Any, pad: str, unit: str) -> str:
    return json.dumps(value, indent=unit, ensure_ascii=False).replace("\n", "\n" + pad)
