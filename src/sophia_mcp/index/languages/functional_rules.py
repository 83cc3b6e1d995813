"""How is the name of a definition read in functional languages and the Lisp family?

As in ``rules``, each function looks at a bounded number of nodes.
"""

from __future__ import annotations

import re

from tree_sitter import Node

from sophia_mcp.index.languages.record import Named, field_name, text_of
from sophia_mcp.index.languages.rules import PLAIN, STEPS, first_child, leading


def haskell_name(node: Node, source: bytes) -> Named | None:
    """An instance is named by its class and the types it is for, an operator by its sign."""
    if node.type == "instance":
        named = field_name(node, source)
        types = node.child_by_field_name("patterns")
        if named is None:
            return None
        return ("", f"{named[1]} {text_of(types, source)}" if types is not None else named[1])
    if node.type == "field_name":
        name = first_child(node)
        return ("", text_of(name, source)) if name is not None else None
    if (
        node.type == "field"
        and sum(each.type == "field_name" for each in node.named_children[:STEPS]) > 1
    ):
        return None  # ``x, y :: Int``: each by its own name
    if node.type == "foreign_import":
        node = node.child_by_field_name("signature") or node
    elif node.type == "pattern_synonym":
        equation = first_child(node)
        if equation is None or equation.type != "equation":
            return None  # its type, which stands above
        return leading("constructor")(equation, source)
    infix = first_child(node)
    if infix is not None and infix.type == "infix":
        operator = infix.child_by_field_name("operator")
        return ("", text_of(operator, source).strip("`")) if operator is not None else None
    named = field_name(node, source)
    return ("", named[1].strip("()") or named[1]) if named is not None else None


def ocaml_name(node: Node, source: bytes) -> Named | None:
    """A binding's pattern, or the first name inside."""
    pattern = node.child_by_field_name("pattern")
    if pattern is not None:
        name = text_of(pattern, source)
        return ("", name) if name != "_" else None
    return leading(
        *(
            "module_name",
            "class_name",
            "class_type_name",
            "method_name",
            "module_type_name",
            "value_name",
        ),
        *("constructor_name", "parenthesized_operator"),
    )(node, source)


def fsharp_name(node: Node, source: bytes) -> Named | None:
    """``this.M`` defines ``M``; a module may be named by a path."""
    named = leading("identifier", "long_identifier", "identifier_pattern")(node, source)
    if named is None:
        return None
    name = named[1].strip("()` ")
    if node.type != "namespace":
        name = name.rpartition(".")[2]
    return ("", name) if name else None


def lisp_name(node: Node, source: bytes) -> Named | None:
    """The second element of ``(define name ...)``, or the head of ``(define (name x) ...)``."""
    inner = first_child(node) if node.named_child_count == 1 else None
    if inner is not None and inner.type == "defun":  # Common Lisp reads its own headers
        header = first_child(inner)
        name = header.child_by_field_name("function_name") if header is not None else None
        return ("", text_of(name, source)) if name is not None else None
    named = field_name(node, source)
    if named is not None:
        return named
    elements = [
        child for child in node.named_children[:STEPS] if child.type not in ("comment", "meta_lit")
    ]
    name = elements[1] if len(elements) > 1 else None
    if elements and (node.type == "special_form" or (name is not None and name.type == "vec_lit")):
        name = elements[0]  # ``(area [shape])`` of a protocol
    for _ in range(STEPS):
        if name is None or name.type not in ("list", "list_lit", "quote", "quoting_lit"):
            break
        name = first_child(name)
    if name is None:
        return None
    inner = name.child_by_field_name("name") if name.type == "sym_lit" else None
    text = text_of(inner or name, source)
    if name.type in ("kwd_lit", "package_lit", "str_lit"):
        text = text.rpartition(":")[2].strip('"')
    if not text or len(text) > PLAIN or text[0] in ",~(":
        return None  # filled in by a macro
    return "", text


def erlang_name(node: Node, source: bytes) -> Named | None:
    """A macro is named left of its parameters, all else by its first atom."""
    head = node.child_by_field_name("lhs") if node.type == "pp_define" else None
    return field_name(head, source) if head is not None else _ATOM(node, source)


_ATOM = leading("atom", "var")
_MAYBE = re.compile(rb"\bmaybe(?=[ \t]*+[(/])")


def plain_erlang(source: bytes) -> bytes:
    """``source`` with another name of that length for what is called ``maybe``, which begins a block for the grammar."""
    return _MAYBE.sub(b"mayb_", source) if b"maybe" in source else source
