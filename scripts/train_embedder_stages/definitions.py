"""Where do the definitions of a source file begin and end, and what are they called?

Enough of syntax for mining: one query per language captures the definition nodes, names are read
from fields. Exactness is not needed, a definition that is missed is only a pair less.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from tree_sitter import Node, Parser, Query, QueryCursor
from tree_sitter_language_pack import get_language

SUFFIXES = {
    ".py": "python", ".js": "javascript", ".jsx": "javascript", ".mjs": "javascript",
    ".ts": "typescript", ".mts": "typescript", ".tsx": "tsx", ".go": "go", ".rs": "rust",
    ".java": "java", ".php": "php", ".rb": "ruby", ".cs": "csharp", ".kt": "kotlin",
    ".scala": "scala", ".swift": "swift", ".c": "c", ".h": "c", ".cc": "cpp", ".cpp": "cpp",
    ".cxx": "cpp", ".hpp": "cpp", ".ex": "elixir", ".exs": "elixir", ".sh": "bash", ".bash": "bash",
    ".zsh": "bash", ".hs": "haskell", ".lua": "lua",
}  # fmt: skip

_JS = "function_declaration generator_function_declaration class_declaration method_definition variable_declarator assignment_expression pair"
_TS = (
    _JS
    + " abstract_class_declaration interface_declaration type_alias_declaration enum_declaration public_field_definition"
)
_NODES = {
    "python": "function_definition class_definition",
    "javascript": _JS,
    "typescript": _TS,
    "tsx": _TS,
    "go": "function_declaration method_declaration type_spec",
    "rust": "function_item struct_item enum_item trait_item impl_item mod_item macro_definition",
    "java": "class_declaration constructor_declaration method_declaration enum_declaration interface_declaration record_declaration",
    "php": "class_declaration trait_declaration interface_declaration enum_declaration function_definition method_declaration",
    "ruby": "method singleton_method class module",
    "csharp": "class_declaration interface_declaration struct_declaration enum_declaration record_declaration method_declaration constructor_declaration property_declaration",
    "kotlin": "class_declaration object_declaration function_declaration companion_object",
    "scala": "object_definition class_definition trait_definition function_definition",
    "swift": "class_declaration protocol_declaration function_declaration init_declaration",
    "c": "function_definition struct_specifier enum_specifier union_specifier preproc_function_def",
    "cpp": "function_definition class_specifier struct_specifier enum_specifier namespace_definition preproc_function_def",
    "elixir": "call",
    "bash": "function_definition",
    "haskell": "function bind data_type newtype class instance",
    "lua": "function_declaration assignment_statement field",
}
_CONTAINERS = re.compile(
    r"(^|_)(class|interface|impl|trait|mod|module|object|namespace|struct|enum|protocol|instance|record)(_|$)"
)
_NAME_NODES = re.compile(r"identifier$|^(name|constant|word|variable|operator_name|destructor_name)$")
_FUNCTIONS = re.compile(r"function|arrow|^class$")
_ELIXIR = frozenset("def defp defmodule defmacro defmacrop defprotocol defimpl".split())


@dataclass(frozen=True, slots=True)
class Definition:
    """Lines are 0-based and inclusive."""

    start: int
    end: int
    name: str
    container: bool


def language_of(path: str, source: bytes) -> str | None:
    """The language of a path; a C header that speaks of classes is C++."""
    language = SUFFIXES.get(PurePosixPath(path).suffix.lower())
    if language == "c" and path.endswith(".h") and re.search(rb"\b(class|namespace|template)\b", source):
        return "cpp"
    return language


def definitions(source: bytes, language: str) -> list[Definition]:
    """All definitions in order of their first line, outer before inner."""
    parser, query = _grammar(language)
    captures = QueryCursor(query).captures(parser.parse(source).root_node).get("d", [])
    found = []
    for node in captures:
        name, container = _name(node, language)
        if name:
            start, end = node.start_point[0], node.end_point[0]
            if node.end_point[1] == 0 and end > start:
                end -= 1
            found.append(Definition(start, end, name[:100], container))
    return sorted(found, key=lambda d: (d.start, -d.end))


@lru_cache
def _grammar(language: str) -> tuple[Parser, Query]:
    grammar = get_language(language)  # type: ignore[arg-type]
    known = []
    for node in _NODES[language].split():
        try:
            Query(grammar, f"({node}) @d")
        except ValueError:  # grammars rename nodes between releases
            continue
        known.append(f"({node})")
    return Parser(grammar), Query(grammar, f"[{' '.join(known)}] @d")


def _text(node: Node | None) -> str:
    return node.text.decode("utf-8", "replace") if node is not None and node.text else ""


def _name(node: Node, language: str) -> tuple[str, bool]:
    """(name, is a container); an empty name means: not a definition."""
    kind, field = node.type, node.child_by_field_name
    if language == "elixir":
        return _elixir_name(node)
    if kind in ("variable_declarator", "assignment_expression", "pair", "public_field_definition"):
        value = field("value") or field("right")
        name = _text(field("name") or field("key") or field("left"))
        if value is None or not _FUNCTIONS.search(value.type) or len(name) > 80:
            return "", False
        return name, value.type == "class"
    if kind in ("assignment_statement", "field"):  # Lua
        head, _, tail = _text(node).partition("=")
        return (head.strip()[:80], False) if tail.lstrip().startswith("function") else ("", False)
    if kind.endswith("_specifier") and field("body") is None:
        return "", False
    if kind == "impl_item":
        trait = _text(field("trait"))
        return (f"{trait} for " if trait else "") + _text(field("type")), True
    name = _text(field("name")) or _declared(node) or _first_name(node)
    if kind == "method_declaration" and language == "go":
        receiver = re.findall(r"\w+", re.sub(r"\[.*?\]", "", _text(field("receiver"))))
        name = f"{receiver[-1]}.{name}" if receiver else name
    if kind == "init_declaration":
        name = name or "init"
    return name, bool(_CONTAINERS.search(kind))


def _declared(node: Node) -> str:
    inner = node.child_by_field_name("declarator")
    while inner is not None:
        if inner.type == "qualified_identifier" or _NAME_NODES.search(inner.type):
            return _text(inner)
        inner = inner.child_by_field_name("declarator") or next(
            (
                c
                for c in inner.named_children
                if _NAME_NODES.search(c.type) or c.type.endswith("declarator")
            ),
            None,
        )
    return ""


def _first_name(node: Node) -> str:
    return _text(next((child for child in node.named_children if _NAME_NODES.search(child.type)), None))


def _elixir_name(node: Node) -> tuple[str, bool]:
    keyword = _text(node.child_by_field_name("target"))
    if keyword not in _ELIXIR:
        return "", False
    arguments = next((c for c in node.children if c.type == "arguments"), None)
    first = arguments.named_children[0] if arguments is not None and arguments.named_children else None
    while first is not None and first.type in ("binary_operator", "call"):
        inner = first.child_by_field_name("left") or first.child_by_field_name("target")
        if inner is None:
            break
        first = inner
    return _text(first)[:80], keyword in ("defmodule", "defprotocol", "defimpl")
