"""How one member of a JSON file with comments is set or removed while every other byte stays.

Editors' settings carry comments and trailing commas that a JSON library would lose; the syntax tree
gives the place of each member, and the edit is text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

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
    for depth, key in enumerate(keys):
        pair = _pair(raw, node, key)
        inner = pair.child_by_field_name("value") if pair is not None else None
        last = depth == len(keys) - 1
        if inner is None:
            rest: Any = value
            for missing in reversed(keys[depth + 1 :]):
                rest = {missing: rest}
            return _insert(raw, node, key, rest, depth + 1)
        if last:
            new = _dump(value, depth + 1)
            return _bare(raw[: inner.start_byte] + new.encode() + raw[inner.end_byte :])
        if inner.type != "object":
            raise ClientConfigError(f"the member {key!r} is not an object", next="mend the file by hand")
        node = inner
    return text


def remove_member(text: str, keys: Sequence[str]) -> str:
    """``text`` without the member at ``keys``; objects left empty by that go too."""
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
    start, end = pair.start_byte, pair.end_byte
    after = end
    while after < len(raw) and raw[after : after + 1].isspace():
        after += 1
    if raw[after : after + 1] == b",":
        end = after + 1
    else:
        before = raw[:start].rstrip()
        if before.endswith(b","):
            start = len(before) - 1
    while start > 0 and raw[start - 1 : start] in b" \t":
        start -= 1
    if raw[start - 1 : start] == b"\n" and start > 0:
        start -= 1
    shorter = _bare(raw[:start] + raw[end:])
    if len(keys) > 1 and not _members(_at(shorter, keys[:-1])):
        return remove_member(shorter, keys[:-1])
    return shorter


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
        if name is not None and json.loads(raw[name.start_byte : name.end_byte]) == key:
            return pair
    return None


def _insert(raw: bytes, node: Node, key: str, value: Any, depth: int) -> str:
    pad = "  " * depth
    member = f"{json.dumps(key)}: {_dump(value, depth)}"
    members = _members(node)
    if not members:
        close = node.end_byte - 1
        inside = raw[node.start_byte + 1 : close].decode().rstrip()
        text = f"{{{inside}\n{pad}{member}\n{'  ' * (depth - 1)}}}"
        return _bare(raw[: node.start_byte] + text.encode() + raw[node.end_byte :])
    end = members[-1].end_byte
    tail = raw[end : node.end_byte - 1].split(b"//", 1)[0].split(b"/*", 1)[0].strip()
    line_start = raw.rfind(b"\n", 0, members[-1].start_byte) + 1
    lead = raw[line_start : members[-1].start_byte].decode()
    indent = lead if not lead.strip() else pad
    if tail.startswith(b","):
        comma = _line_end(raw, raw.index(b",", end))
        return _bare(raw[: comma + 1] + f"\n{indent}{member},".encode() + raw[comma + 1 :])
    return _bare(raw[:end] + f",\n{indent}{member}".encode() + raw[end:])


def _line_end(raw: bytes, comma: int) -> int:
    """The last byte of the comma's line when only a comment follows it there, else the comma."""
    stop = raw.find(b"\n", comma)
    rest = raw[comma + 1 : stop].strip()
    return stop - 1 if stop > 0 and (not rest or rest.startswith(b"//")) else comma


def _dump(value: Any, depth: int) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\n" + "  " * depth)
