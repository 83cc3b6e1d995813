"""How is the name of a declaration read in markup, style, build, query and configuration languages?

As in ``rules``, each function looks at a bounded number of nodes.
"""

from __future__ import annotations

import re

from tree_sitter import Node

from sophia_mcp.index.languages.record import Named, field_name, text_of
from sophia_mcp.index.languages.rules import PLAIN, STEPS, by_field, first_child, leading


def hcl_name(node: Node, source: bytes) -> Named | None:
    """``resource "kind" "name"`` is ``resource.kind.name``."""
    words: list[str] = []
    for child in node.named_children[:STEPS]:
        if child.type not in ("identifier", "string_lit"):
            break
        words.append(text_of(child, source).strip('"'))
    return ("", ".".join(words)) if words else None


def cmake_name(node: Node, source: bytes) -> Named | None:
    """The first argument of ``function``, ``macro``, ``add_library``."""
    call = node if node.type == "normal_command" else first_child(node)
    if call is None:
        return None
    arguments = next((child for child in call.named_children if child.type == "argument_list"), None)
    words = text_of(arguments, source).split(None, 2) if arguments is not None else []
    if words[:1] == ["NAME"]:  # add_test(NAME ... COMMAND ...)
        del words[0]
    return ("", words[0]) if words else None


def selectors(node: Node, source: bytes) -> Named | None:
    """A style rule is named by its selectors."""
    named = field_name(node, source)
    if named is not None:
        return named
    for child in node.named_children[:STEPS]:
        if child.type in ("selectors", "keyframes_name", "identifier"):
            return "", " ".join(text_of(child, source).split())
    return None


def element_id(node: Node, source: bytes) -> Named | None:
    """An element is named by its ``id`` (or ``name``) attribute, else not at all."""
    tag = first_child(node)
    for attribute in tag.named_children[:STEPS] if tag is not None else ():
        text = text_of(attribute, source)
        key, _, value = text.partition("=")
        if key.strip().lower() in ("id", "name", "x:name", "key") and value:
            return "", value.strip().strip("\"'")
    return None


def key_name(node: Node, source: bytes) -> Named | None:
    """The key of a pair, or the header of a table, without quotes and brackets."""
    key = node.child_by_field_name("key")
    if key is None:
        key = first_child(node)
    if key is None:
        return None
    text = text_of(key, source).strip().strip("[] \t")
    if text[:1] in ("'", '"') or text.count('"') == 1:
        text = text.strip("\"'")
    return ("", text) if text and len(text) <= PLAIN and "\n" not in text else None


def scss_name(node: Node, source: bytes) -> Named | None:
    """A variable is named by its property, everything else as in CSS."""
    if node.type != "declaration":
        return selectors(node, source)
    name = first_child(node)
    text = text_of(name, source) if name is not None else ""
    return ("", text) if text[:1] in ("$", "@") or text[:2] == "--" else None


def section_name(node: Node, source: bytes) -> Named | None:
    """The parts of a single-file component."""
    if node.type in ("template_element", "style_element"):
        return "", node.type.removesuffix("_element")
    return element_id(node, source)


def make_name(node: Node, source: bytes) -> Named | None:
    """Targets of a rule; directives such as ``.PHONY`` define nothing."""
    named = leading("targets", "word")(node, source)
    if named is None:
        return None
    name = named[1].rstrip("+?:! \t") if node.type == "variable_assignment" else named[1].strip()
    return None if re.match(r"\.[A-Z_]+$", name) else ("", name)


def without_conditions(source: bytes) -> bytes:
    """Automake's ``if NAME`` has no sign of its own: the grammar reads an assignment that goes on below."""
    if _AUTOMAKE.search(source) is None:
        return source
    return _CONDITION.sub(lambda match: b" " * len(match[0]), source)


_AUTOMAKE = re.compile(rb"^if !?\w+[ \t]*$", re.MULTILINE)
_CONDITION = re.compile(rb"^(?:if|else|endif)\b(?: !?\w+)?[ \t]*$", re.MULTILINE)


def latex_name(node: Node, source: bytes) -> Named | None:
    """The title of a section, the name of a command."""
    named = by_field("text", "declaration")(node, source)
    return ("", " ".join(named[1].strip("{}\\ ").split())) if named is not None else None


def sql_name(node: Node, source: bytes) -> Named | None:
    """Names may stand in quotes of three kinds; an index need not have one, and its table gives it none."""
    rule = by_field("column") if node.type == "create_index" else _OBJECT
    named = rule(node, source)
    return ("", named[1].strip("`\"'[]")) if named is not None else None


_OBJECT = leading("object_reference", "identifier")
