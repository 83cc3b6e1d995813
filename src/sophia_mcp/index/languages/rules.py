"""How is the name of a definition read where a field ``name`` is not enough?

Each function is named by one or more language records. All of them look at a bounded number of
nodes: declarators nest as deep as a hostile file likes.
"""

from __future__ import annotations

import re

from tree_sitter import Node

from sophia_mcp.index.languages.record import Named, NameRule, field_name, text_of

_STEPS = 24
_TYPE_ARGUMENTS = re.compile(r"\[.*?\]|<.*?>", re.DOTALL)
_WORD = re.compile(r"[^\W\d]\w*")
_PLAIN = 80


def first_of(*kinds: str) -> NameRule:
    """The rule of grammars without fields: the first child of one of these types."""
    wanted = frozenset(kinds)

    def rule(node: Node, source: bytes) -> Named | None:
        named = field_name(node, source)
        if named is not None:
            return named
        for child in node.named_children[:_STEPS]:
            if child.type in wanted:
                return "", text_of(child, source)
        return None

    return rule


def dotted(named: Named | None, separator: str = ".") -> Named | None:
    """``A.B.C`` as the name ``C`` qualified by ``A.B``."""
    if named is None:
        return None
    qualifier, _, name = named[1].rpartition(separator)
    return (qualifier.replace(separator, "."), name) if name else named


def script_name(node: Node, source: bytes) -> Named | None:
    """JavaScript family: ``exports.f = ...`` and ``Shape.prototype.area = ...`` name members."""
    for field in ("name", "left", "key", "property"):
        name = node.child_by_field_name(field)
        if name is not None:
            break
    else:
        return None
    text = text_of(name, source)
    if len(text) > _PLAIN or "\n" in text or text[0] in "[{(":
        return None
    text = text.strip("\"'`")
    if name.type in ("member_expression", "nested_identifier"):
        text = text.replace(".prototype.", ".").removeprefix("module.exports.").removeprefix("exports.")
        return dotted(("", text))
    return "", text


def go_name(node: Node, source: bytes) -> Named | None:
    """A method is qualified by the type of its receiver."""
    named = field_name(node, source)
    receiver = node.child_by_field_name("receiver")
    if named is None or receiver is None:
        return named
    owners = _WORD.findall(_TYPE_ARGUMENTS.sub("", text_of(receiver, source)))
    return (owners[-1] if owners else "", named[1])


def rust_name(node: Node, source: bytes) -> Named | None:
    """An ``impl`` block lends its members the name of the type it is for."""
    if node.type == "impl_item":
        subject = node.child_by_field_name("type")
        if subject is None:
            return None
        names = _WORD.findall(_TYPE_ARGUMENTS.sub("", text_of(subject, source)))
        return ("", names[-1]) if names else None
    return field_name(node, source)


def declared_name(node: Node, source: bytes) -> Named | None:
    """C family: the name stands at the end of a chain of declarators."""
    name = node.child_by_field_name("name")
    if name is None:
        name = node.child_by_field_name("declarator")
        for _ in range(_STEPS):
            if name is None or name.type in _C_NAMES:
                break
            inner = name.child_by_field_name("declarator")
            if inner is None:
                inner = next((child for child in name.named_children if child.type in _C_DECLARED), None)
            name = inner
    if name is None:
        return None
    if name.type == "template_type":
        name = name.child_by_field_name("name") or name
    return dotted(("", _TYPE_ARGUMENTS.sub("", text_of(name, source))), "::")


_C_NAMES = frozenset(
    "identifier field_identifier type_identifier qualified_identifier operator_name destructor_name "
    "namespace_identifier primitive_type operator_cast".split()
)
_C_DECLARED = _C_NAMES | frozenset(
    "pointer_declarator reference_declarator function_declarator array_declarator parenthesized_declarator "
    "init_declarator attributed_declarator template_function".split()
)


def lua_name(node: Node, source: bytes) -> Named | None:
    """``M.f``, ``M:f`` and ``M.f = function`` are members of ``M``."""
    name = node.child_by_field_name("name")
    if name is None and node.named_child_count:
        name = node.named_child(0)
    if name is None or name.end_byte - name.start_byte > _PLAIN:
        return None
    return dotted(("", text_of(name, source).replace(":", ".")))


def elixir_name(node: Node, source: bytes) -> Named | None:
    """The first argument of ``def`` or ``defmodule``, without guard and parameters."""
    arguments = next((child for child in node.named_children if child.type == "arguments"), None)
    head = arguments.named_child(0) if arguments is not None and arguments.named_child_count else None
    for _ in range(_STEPS):
        if head is None or head.type not in ("binary_operator", "call"):
            break
        inner = head.child_by_field_name("left") or head.child_by_field_name("target")
        if inner is None:
            break
        head = inner
    if head is None or head.type in ("keywords", "list"):
        target = node.child_by_field_name("target")
        return ("", text_of(target, source)) if target is not None else None
    text = text_of(head, source)[:_PLAIN]
    return dotted(("", text)) if head.type == "alias" else ("", text.strip('"'))


def zig_name(node: Node, source: bytes) -> Named | None:
    """A declaration holds a prototype or a variable; a test is named by its string."""
    for child in node.named_children[:_STEPS]:
        if child.type == "FnProto":
            name = child.child_by_field_name("function")
        elif child.type == "VarDecl":
            name = child.child_by_field_name("variable_type_function")
        elif child.type == "STRINGLITERALSINGLE":
            return "", text_of(child, source).strip('"')
        else:
            continue
        return ("", text_of(name, source)) if name is not None else None
    return None


def kotlin_name(node: Node, source: bytes) -> Named | None:
    """A grammar without fields; an extension function is qualified by the type it extends."""
    receiver = ""
    for child in node.children[:_STEPS]:
        if child.type in ("simple_identifier", "type_identifier"):
            return receiver, text_of(child, source)
        if child.type == "variable_declaration":
            inner = child.named_child(0)
            return ("", text_of(inner, source)) if inner is not None else None
        if child.type == "user_type":
            receiver = _TYPE_ARGUMENTS.sub("", text_of(child, source))
    return ("", "Companion") if node.type == "companion_object" else None


def swift_name(node: Node, source: bytes) -> Named | None:
    """Initialisers have no name of their own; a property may bind a pattern."""
    if node.type in ("init_declaration", "deinit_declaration"):
        return "", "init" if node.type == "init_declaration" else "deinit"
    if node.type == "subscript_declaration":
        return "", "subscript"
    named = field_name(node, source)
    return ("", _TYPE_ARGUMENTS.sub("", named[1]).strip()) if named is not None else None


def scala_name(node: Node, source: bytes) -> Named | None:
    """``val`` binds a pattern; only a plain name defines."""
    if node.type in ("val_definition", "var_definition"):
        pattern = node.child_by_field_name("pattern")
        return (
            ("", text_of(pattern, source))
            if pattern is not None and pattern.type == "identifier"
            else None
        )
    return field_name(node, source)


def haskell_name(node: Node, source: bytes) -> Named | None:
    """An instance is named by its class and the types it is for."""
    if node.type == "instance":
        named = field_name(node, source)
        types = node.child_by_field_name("patterns")
        if named is None:
            return None
        return ("", f"{named[1]} {text_of(types, source)}" if types is not None else named[1])
    return field_name(node, source)
