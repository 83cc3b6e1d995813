"""What does a command of Groovy define?

The grammar sees only commands, units and blocks: ``String board(Pier pier) { … }`` is a command of the unit
``String`` and a block that begins with the unit ``board(Pier pier)``, as ``stage('test') { … }`` is.
"""

from __future__ import annotations

from collections.abc import Sequence

from tree_sitter import Node

from sophia_mcp.index.languages.record import Named, text_of
from sophia_mcp.index.languages.rules import first_child

DEFINITIONS = """
((command (unit . (identifier) @_k .) (block . (unit))) @class
  (#any-of? @_k "class" "interface" "trait" "enum"))
((command (block . (unit . (func)))) @function)
((command (unit) . (unit . (func) .) .) @function)
(command . (decorate) .) @lead
"""

_TYPES = frozenset({"class", "interface", "trait", "enum"})
_WORDS = frozenset(
    "if else while for switch case return new throw catch synchronized assert import package in as".split()
)
_UNITS_MOST = 24
"""Words before a name; a definition has a few."""


def name(node: Node, source: bytes) -> Named | None:
    """The name a command defines; None for a call, also one that is given a block."""
    children = node.named_children[:_UNITS_MOST]
    place = next((i for i, child in enumerate(children) if child.type == "block"), len(children))
    block = children[place] if place < len(children) else None
    before = [child for child in children[:place] if child.type != "decorate"]
    texts = [text_of(child, source) for child in before]
    kind = next((i for i, text in enumerate(texts) if text in _TYPES), None)
    if kind is not None:
        named = before[kind + 1] if kind + 1 < len(before) else first_child(block)
        return _identifier(named, source)
    if block is None:
        return _declared(node, before, texts, source)
    if any(child.type != "unit" for child in before) or _WORDS & set(texts):
        return None
    found = _identifier(first_child(block), source)
    if found is None or found[1] in _WORDS:
        return None
    return found if before or found[1] == _home(node, source) else None


def _declared(node: Node, before: Sequence[Node], texts: Sequence[str], source: bytes) -> Named | None:
    """A method without a body: only a type holds these, and only under their result."""
    if not _home(node, source) or len(before) < 2 or any(child.type != "unit" for child in before):
        return None
    return None if _WORDS & set(texts[:-1]) else _identifier(before[-1], source)


def _home(node: Node, source: bytes) -> str:
    """The name of the type whose block directly holds a command, or empty."""
    block = node.parent
    outer = block.parent if block is not None and block.type == "block" else None
    if outer is None or outer.type != "command":
        return ""
    words = [
        text_of(child, source) for child in outer.named_children[:_UNITS_MOST] if child.type == "unit"
    ]
    if not _TYPES & set(words):
        return ""
    named = name(outer, source)
    return named[1] if named is not None else ""


def _identifier(node: Node | None, source: bytes) -> Named | None:
    """The first identifier in a unit: of ``board(pier)``, ``Shelf<Book>`` or ``Shelf``."""
    for _ in range(4):
        if node is None or node.type == "identifier":
            break
        node = first_child(node)
    return ("", text_of(node, source)) if node is not None else None
