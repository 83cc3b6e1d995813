"""How is a name read out of a declarator of the C family? It stands at the end of a chain of them."""

from __future__ import annotations

import re

from tree_sitter import Node

from sophia_mcp.index.languages import rules
from sophia_mcp.index.languages.record import Named, text_of

_STEPS = 24
_INNERMOST = re.compile(r"<[^<>]*>")
_MAKING = ("TEST", "TYPED_TEST", "MOCK_")
_ALONE = "TEST"
"""Makes a test whose suite is no class."""
_TESTS = frozenset({_ALONE, "TEST_F", "TEST_P", "TYPED_TEST", "TYPED_TEST_P"})
_MOCKS = re.compile(r"MOCK_(?:CONST_)?METHOD\d*(?:_T)?")
_OPERATOR = re.compile(r"\boperator\b(.+)", re.DOTALL)


def declared_name(node: Node, source: bytes) -> Named | None:
    """C family: the name stands at the end of a chain of declarators."""
    name, whole = node.child_by_field_name("name"), node
    if name is None:
        name = node.child_by_field_name("declarator")
        for _ in range(_STEPS):
            if name is None or name.type in _C_NAMES:
                break
            inner = name.child_by_field_name("declarator")
            if inner is None:
                inner = next((child for child in name.named_children if child.type in _C_DECLARED), None)
            whole, name = name, inner
    if name is None:
        return None
    if name.type == "template_type":
        name = name.child_by_field_name("name") or name
    text = text_of(name, source)
    if text.startswith(_MAKING) and (made := _made(text, whole, source)):
        return made
    operator = _OPERATOR.search(text)
    if operator is None:
        return rules.dotted(("", _untyped(text)), "::")
    owner, sign = _untyped(text[: operator.start()]).removesuffix("::"), operator[1].strip()
    if sign[:1].isalpha():  # a conversion, with its parameters: ``operator bool() const``
        sign = " " + " ".join(sign.partition("(")[0].split())
    return owner.replace("::", "."), "operator" + sign


def _made(macro: str, whole: Node, source: bytes) -> Named | None:
    """What a macro of GoogleTest makes: ``TEST_F(Suite, Name)`` a class, which stands here as a method of its suite,
    ``MOCK_METHOD(void, name, ())`` and ``MOCK_METHOD0(name, void())`` a method."""
    parameters = whole.child_by_field_name("parameters")
    words = (
        [text_of(child, source) for child in parameters.named_children] if parameters is not None else []
    )
    if macro in _TESTS and len(words) == 2 and all(map(str.isidentifier, words)):
        return "" if macro == _ALONE else words[0], f"{words[0]}_{words[1]}_Test"
    mocked = words[not macro.removesuffix("_T")[-1].isdigit() :][:1] if _MOCKS.fullmatch(macro) else []
    return ("", mocked[0]) if mocked and mocked[0].isidentifier() else None


def _untyped(text: str) -> str:
    """``A<B<C>>::f`` as ``A::f``."""
    for _ in range(_STEPS):
        shorter = _INNERMOST.sub("", text)
        if shorter == text:
            break
        text = shorter
    return text


def placed_name(node: Node, source: bytes) -> Named | None:
    """The same, but nothing for a declaration in a block: ``lock_guard lock(mutex);`` has the form of a
    function's and is a variable."""
    if node.type == "declaration" and (node.parent is None or node.parent.type not in _C_PLACES):
        return None
    return declared_name(node, source)


_C_PLACES = frozenset(
    "translation_unit declaration_list linkage_specification preproc_if preproc_ifdef preproc_else preproc_elif "
    "field_declaration_list template_declaration".split()
)
_C_NAMES = frozenset(
    "identifier field_identifier type_identifier qualified_identifier operator_name destructor_name "
    "namespace_identifier primitive_type operator_cast".split()
)
_C_DECLARED = _C_NAMES | frozenset(
    "pointer_declarator reference_declarator function_declarator array_declarator parenthesized_declarator "
    "init_declarator attributed_declarator template_function".split()
)


def selector_name(node: Node, source: bytes) -> Named | None:
    """Objective-C: a method is named by its selector, other things by their first identifier."""
    if node.type in ("method_declaration", "method_definition"):
        parts: list[str] = []
        for child in node.named_children[:_STEPS]:
            if child.type == "identifier":
                parts.append(text_of(child, source))
        colons = any(child.type == "method_parameter" for child in node.named_children[:_STEPS])
        return ("", ":".join(parts) + (":" if colons else "")) if parts else None
    if node.type in ("class_interface", "class_implementation", "protocol_declaration"):
        return rules.first_of("identifier")(node, source)
    return placed_name(node, source)
