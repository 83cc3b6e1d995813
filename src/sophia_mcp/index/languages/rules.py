"""How is the name of a definition read where a field ``name`` is not enough?

Each function is named by one or more language records. All of them look at a bounded number of
nodes: declarators nest as deep as a hostile file likes.
"""

from __future__ import annotations

import re

from tree_sitter import Node

from sophia_mcp.index.languages.record import Named, NameRule, field_name, text_of

STEPS = 24
"""How many nodes a rule looks at in one direction."""

_TYPE_ARGUMENTS = re.compile(r"\[[^\[\]]*\]|<[^<>]*>")
_WORD = re.compile(r"[^\W\d]\w*")
PLAIN = 80
"""Characters of the longest text that a rule takes for a name and not for an expression."""


def _bare(text: str) -> str:
    """A type as written, without its arguments, which may have some of their own."""
    text = text.replace("->", "")
    for _ in range(STEPS):
        bare = _TYPE_ARGUMENTS.sub("", text)
        if bare == text:
            break
        text = bare
    return text


def first_child(node: Node | None) -> Node | None:
    """The first named child, of a node that has any."""
    return node.named_child(0) if node is not None and node.named_child_count else None


def first_of(*kinds: str) -> NameRule:
    """The rule of grammars without fields: the first child of one of these types."""
    wanted = frozenset(kinds)

    def rule(node: Node, source: bytes) -> Named | None:
        named = field_name(node, source)
        if named is not None:
            return named
        for child in node.named_children[:STEPS]:
            if child.type in wanted:
                return "", text_of(child, source)
        return None

    return rule


def by_field(*fields: str) -> NameRule:
    """The first of these fields that is there."""

    def rule(node: Node, source: bytes) -> Named | None:
        for field in fields:
            name = node.child_by_field_name(field)
            if name is not None:
                return "", text_of(name, source)
        return None

    return rule


def leading(*kinds: str) -> NameRule:
    """The name that stands first: a field ``name`` or a child of one of these types, on the node
    or down its first children."""
    wanted = frozenset(kinds)

    def rule(node: Node, source: bytes) -> Named | None:
        here: Node | None = node
        for _ in range(STEPS):
            if here is None:
                return None
            name = here.child_by_field_name("name")
            if name is None:
                name = next(
                    (child for child in here.named_children[:STEPS] if child.type in wanted), None
                )
            if name is not None:
                inner = name.child_by_field_name("name")
                return "", text_of(inner if inner is not None else name, source)
            here = first_child(here)
        return None

    return rule


def with_default(rule: NameRule, **names: str) -> NameRule:
    """``rule``, or a fixed name for node types that have none (constructors)."""

    def named(node: Node, source: bytes) -> Named | None:
        fixed = names.get(node.type)
        return ("", fixed) if fixed is not None else rule(node, source)

    return named


def split_at(separator: str, rule: NameRule) -> NameRule:
    """``rule`` whose names carry their qualifier."""
    return lambda node, source: dotted(rule(node, source), separator)


def dotted(named: Named | None, separator: str = ".") -> Named | None:
    """``A.B.C`` as the name ``C`` qualified by ``A.B``."""
    if named is None:
        return None
    qualifier, _, name = named[1].rpartition(separator)
    return (qualifier.replace(separator, "."), name) if name else named


def script_name(node: Node, source: bytes) -> Named | None:
    """JavaScript family: ``exports.f = ...`` and ``Shape.prototype.area = ...`` name members; what
    ``module.exports = class Shape`` gives has its own name."""
    for field in ("name", "left", "key", "property"):
        name = node.child_by_field_name(field)
        if name is not None:
            break
    else:
        return None
    text = text_of(name, source)
    if len(text) > PLAIN or "\n" in text or (text[0] in "[{(" and not text.startswith("[Symbol.")):
        return None
    text = text.strip("\"'`")
    if node.type == "type_alias_statement":
        return "", text.partition("[")[0].rstrip()
    if name.type in ("member_expression", "nested_identifier"):
        if text == "module.exports" and (named := _named_value(node)) is not None:
            return "", text_of(named, source)
        text = text.replace(".prototype.", ".").removeprefix("module.exports.").removeprefix("exports.")
        return dotted(("", text))
    return "", text


def _named_value(node: Node) -> Node | None:
    value = node.child_by_field_name("right")
    return value.child_by_field_name("name") if value is not None else None


def php_name(node: Node, source: bytes) -> Named | None:
    """``define("NAME", ...)`` names a constant in quotes."""
    if node.type == "function_call_expression":
        return _quoted(node, source)
    return _NAMED(node, source)


_NAMED = first_of("name")


def ruby_name(node: Node, source: bytes) -> Named | None:
    """``class A::B`` is ``B`` of ``A``; ``define_method(:m)`` and ``attr_reader :m`` name symbols."""
    if node.type == "call":
        return _quoted(node, source)
    name = node if node.type == "simple_symbol" else None
    name = name or node.child_by_field_name("name") or node.child_by_field_name("left")
    if name is None or name.end_byte - name.start_byte > PLAIN:
        return None
    text = text_of(name, source)
    if name.type == "scope_resolution":
        return dotted(("", text), "::")
    return "", _prefix(name, source) + text.removeprefix(":")


def _prefix(name: Node, source: bytes) -> str:
    """What ``delegate :size, to: :store, prefix: true`` puts before a name."""
    if name.type != "simple_symbol" or name.parent is None:
        return ""
    pairs = [
        text_of(each, source).split(":", 1) for each in name.parent.named_children if each.type == "pair"
    ]
    given = {key: value.strip(" :") for key, value in (pair for pair in pairs if len(pair) == 2)}
    prefix = given.get("prefix", "false")
    word = given.get("to", "") if prefix == "true" else prefix
    return f"{word}_" if word != "false" and word else ""


def _quoted(node: Node, source: bytes) -> Named | None:
    """The first argument of a call, without quotes."""
    first = first_child(node.child_by_field_name("arguments"))
    return _constant(
        first_child(first) if first is not None and first.type == "argument" else first, source
    )


def _constant(text: Node | None, source: bytes) -> Named | None:
    """What a string says, without quotes; one that is filled in when it runs says no name."""
    if text is None or any(
        part.type not in _PARTS or any(inner.type not in _PARTS for inner in part.named_children[:STEPS])
        for part in text.named_children[:STEPS]
    ):
        return None
    name = text_of(text, source).strip("\"'`: ")
    return ("", name) if name and len(name) <= PLAIN else None


_PARTS = frozenset({"string_content", "escape_sequence"})


def perl_name(node: Node, source: bytes) -> Named | None:
    """A constant or attribute is named by the first word that is given."""
    if node.type in _PERL_WORDS:
        return _constant(node, source)
    if node.type == "use_statement":
        words = next((child for child in node.named_children if child.type == "list_expression"), None)
        first = first_child(words)
    elif node.type == "ambiguous_function_call_expression":
        first = node.child_by_field_name("arguments")
    else:
        return field_name(node, source)
    return _constant(first, source)


_PERL_WORDS = frozenset({"autoquoted_bareword", "string_literal", "interpolated_string_literal"})


def go_name(node: Node, source: bytes) -> Named | None:
    """A method is qualified by the type of its receiver."""
    named = field_name(node, source)
    receiver = node.child_by_field_name("receiver")
    if named is None or receiver is None:
        return named
    owners = _WORD.findall(_bare(text_of(receiver, source)))
    return (owners[-1] if owners else "", named[1])


_UNNAMED = frozenset({"array_type", "tuple_type", "function_type", "unit_type", "never_type"})


def rust_name(node: Node, source: bytes) -> Named | None:
    """An ``impl`` block lends its members the name of the type it is for."""
    if node.type == "impl_item":
        subject = node.child_by_field_name("type")
        if subject is None:
            return None
        text = text_of(subject, source)
        if subject.type in _UNNAMED:
            return "", " ".join(text.split())
        names = _WORD.findall(_bare(text))
        return ("", names[-1]) if names else None
    return field_name(node, source)


def lua_name(node: Node, source: bytes) -> Named | None:
    """``M.f``, ``M:f`` and ``M.f = function`` are members of ``M``."""
    name = node.child_by_field_name("name")
    if name is None and node.named_child_count:
        name = first_child(node)
    if name is None or name.end_byte - name.start_byte > PLAIN:
        return None
    return dotted(("", text_of(name, source).replace(":", ".")))


def elixir_name(node: Node, source: bytes) -> Named | None:
    """The first argument of ``def``, ``defmodule`` or ``@callback``, without guard and parameters; an
    operator by its sign."""
    if node.type == "unary_operator":
        node = first_child(node) or node
    arguments = next((child for child in node.named_children if child.type == "arguments"), None)
    head = first_child(arguments)
    for _ in range(STEPS):
        if head is None or head.type not in ("binary_operator", "unary_operator", "call"):
            break
        sign = head.child_by_field_name("operator")
        if sign is not None and text_of(sign, source) not in ("when", "::"):
            return "", text_of(sign, source)
        inner = head.child_by_field_name("left") or head.child_by_field_name("target")
        if inner is None:
            break
        head = inner
    if head is None or head.type in ("keywords", "list"):
        target = node.child_by_field_name("target")
        return ("", text_of(target, source)) if target is not None else None
    text = text_of(head, source)[:PLAIN]
    if text == "unquote":
        return None  # a name made up at compile time
    return dotted(("", text)) if head.type == "alias" else ("", text.strip('"'))


def zig_name(node: Node, source: bytes) -> Named | None:
    """A declaration holds a prototype or a variable; a test by its string or what it tests, if by anything."""
    for child in node.named_children[:STEPS]:
        if child.type == "FnProto":
            name = child.child_by_field_name("function")
        elif child.type == "VarDecl":
            name = child.child_by_field_name("variable_type_function")
        elif node.type == "TestDecl" and child.type in ("STRINGLITERALSINGLE", "IDENTIFIER"):
            return "", text_of(child, source).removeprefix("@").strip('"')
        else:
            continue
        return ("", text_of(name, source)) if name is not None else None
    return None


def kotlin_name(node: Node, source: bytes) -> Named | None:
    """A grammar without fields; an extension function is qualified by the type it extends."""
    receiver = ""
    for child in node.children[:STEPS]:
        if child.type in ("simple_identifier", "type_identifier"):
            return receiver, text_of(child, source).strip("`")
        if child.type == "variable_declaration":
            inner = first_child(child)
            return ("", text_of(inner, source)) if inner is not None else None
        if child.type in ("receiver_type", "user_type"):
            receiver = _bare(text_of(child, source)).rstrip("?")
    fixed = {"companion_object": "Companion", "secondary_constructor": "constructor"}.get(node.type)
    return ("", fixed) if fixed is not None else None


def swift_name(node: Node, source: bytes) -> Named | None:
    """Initialisers have no name of their own; a property may bind a pattern."""
    if node.type in ("init_declaration", "deinit_declaration"):
        return "", "init" if node.type == "init_declaration" else "deinit"
    if node.type == "subscript_declaration":
        return "", "subscript"
    named = field_name(node, source)
    if named is None:
        return None
    name = named[1].rpartition(" ")[2] if node.type == "protocol_property_declaration" else named[1]
    return "", _bare(name).strip()


def csharp_name(node: Node, source: bytes) -> Named | None:
    """Operators are named by their sign, conversions by their type, an event by its first variable."""
    if node.type == "indexer_declaration":
        return "", "this"
    if node.type in ("operator_declaration", "conversion_operator_declaration"):
        sign, kind = node.child_by_field_name("operator"), node.child_by_field_name("type")
        if sign is not None:
            return "", "operator" + text_of(sign, source)
        return ("", "operator " + text_of(kind, source)) if kind is not None else None
    here: Node | None = node
    if node.type == "event_field_declaration":
        declared = next(
            (each for each in node.named_children if each.type == "variable_declaration"), None
        )
        names = declared.named_children[:STEPS] if declared is not None else []
        here = next((each for each in names if each.type == "variable_declarator"), None)
    named = field_name(here, source) if here is not None else None
    return ("", "~" + named[1]) if named and node.type == "destructor_declaration" else named


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


def second_word(node: Node, source: bytes) -> Named | None:
    """``namespace eval NAME {...}`` of Tcl; ``proc ::a::b`` is ``b`` of ``a``."""
    named = field_name(node, source)
    if named is not None:
        return dotted(("", named[1].removeprefix("::").replace("::", ".")))
    words = text_of(node, source)[:400].split(None, 3)
    return ("", words[2].strip(":")) if len(words) > 2 and words[1] == "eval" else None


def nim_name(node: Node, source: bytes) -> Named | None:
    """A star behind a name exports it; operators are named in backticks."""
    named = leading("symbol_declaration_list")(node, source)
    return ("", named[1].rstrip("* ").strip("`")) if named is not None else None


def r_name(node: Node, source: bytes) -> Named | None:
    """What stands left of the arrow, or the name given to ``setClass``; operators are named in quotes or backticks."""
    if node.type == "call":
        return _generic(node, source)
    if node.type == "argument" and not _of_class(node, source):
        return None
    left = node.child_by_field_name("lhs") or node.child_by_field_name("name")
    return ("", text_of(left, source).strip("\"'`")) if left is not None else None


def _of_class(node: Node, source: bytes) -> bool:
    """Whether a function is given to ``ggproto``, or in a list of them to ``R6Class``: to others it is an argument."""
    for makers in (_TAKE_METHODS, _TAKE_LISTS):
        call = node.parent.parent if node.parent is not None else None
        function = call.child_by_field_name("function") if call is not None else None
        if function is None or call is None:
            return False
        name = text_of(function, source).rpartition(":")[2]
        if name != "list":
            return name in makers
        node = call.parent or call
    return False


_TAKE_METHODS = frozenset({"ggproto"})
_TAKE_LISTS = frozenset({"R6Class", "setRefClass"})


def _generic(node: Node, source: bytes) -> Named | None:
    """``setMethod("area", "Circle", ...)`` is ``area`` of ``Circle``."""
    arguments = node.child_by_field_name("arguments")
    values = (
        [child.child_by_field_name("value") for child in arguments.named_children[:3:2]]
        if arguments
        else []
    )
    words = [
        text_of(value, source).strip("\"'`")
        for value in values
        if value is not None and value.type == "string"
    ]
    function = node.child_by_field_name("function")
    if not words:
        return None
    method = function is not None and text_of(function, source) in ("setMethod", "setReplaceMethod")
    return (words[1] if method and len(words) > 1 else ""), words[0]


def dart_name(node: Node, source: bytes) -> Named | None:
    """Named constructors and factories are ``Class.name``; the class is their container already."""
    here: Node | None = node
    if node.type == "method_signature":
        here = next((child for child in node.named_children if child.type.endswith("_signature")), None)
    if here is None:
        return None
    if here.type == "type_alias":
        return _aliased(here, source)
    if here.type == "operator_signature":
        sign = next((child for child in here.named_children if "operator" in child.type), None)
        return ("", text_of(sign, source)) if sign is not None else None
    names = [child for child in here.named_children[:STEPS] if child.type == "identifier"]
    if here.type.endswith("constructor_signature"):
        return ("", text_of(names[-1], source)) if names else None
    named = field_name(here, source)
    if named is not None:
        return named
    wanted = names or [child for child in here.named_children[:STEPS] if child.type == "type_identifier"]
    return ("", text_of(wanted[0], source)) if wanted else None


def _aliased(node: Node, source: bytes) -> Named | None:
    """``typedef F = int Function(int)`` and ``typedef int F(int x)``: only the older form has parameters."""
    names = [child for child in node.named_children[:STEPS] if child.type == "type_identifier"]
    older = any(child.type == "formal_parameter_list" for child in node.named_children[:STEPS])
    return ("", text_of(names[-1 if older else 0], source)) if names else None


def julia_name(node: Node, source: bytes) -> Named | None:
    """Type parameters, return types and arguments all stand after the name."""
    named = field_name(node, source)
    if named is not None:
        return named
    here: Node | None = node
    if node.type == "macrocall_expression":  # ``@enum Colour red green``
        here = node.named_child(1)
    for _ in range(STEPS):
        here = first_child(here)
        if here is None or here.type in ("identifier", "field_expression", "operator"):
            break
    named = dotted(("", text_of(here, source))) if here is not None else None
    return (named[0], named[1].removeprefix(":")) if named is not None else None


_VERILOG = leading(
    *("simple_identifier", "module_identifier", "function_identifier", "class_identifier"),
    *("interface_identifier", "package_identifier", "task_identifier"),
)


def verilog_name(node: Node, source: bytes) -> Named | None:
    """A type is named last; a lifetime may stand before the name of a function."""
    if node.type == "class_constructor_declaration":
        return "", "new"
    children = node.named_children[-STEPS:]
    if node.type == "type_declaration":
        return ("", text_of(children[-1], source)) if children else None
    return _VERILOG(next((c for c in children if c.type.endswith("_body_declaration")), node), source)


def vhdl_name(node: Node, source: bytes) -> Named | None:
    """The field that names it; a process by its label."""
    label = first_child(node) if node.type == "process_statement" else None
    if label is not None and label.type == "label":
        return by_field("name")(label, source) or ("", text_of(label, source).rstrip(": "))
    return by_field("name", "designator", "package")(node, source)
