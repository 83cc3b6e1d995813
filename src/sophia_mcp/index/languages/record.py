"""What is a language to the index? One record: how its files are known and how its syntax is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tree_sitter import Node

from sophia_mcp.types import Kind

Named = tuple[str, str]
"""The dotted qualifier written in a name (``Shape`` in ``Shape::area``, else empty), and the name."""

NameRule = Callable[[Node, bytes], Named | None]
"""Reads the name of a captured definition out of the source; None when it defines nothing."""

Imported = tuple[str, str, str]
"""Module as written, name inside it (empty: the module itself), local alias."""

ImportRule = Callable[[str], list[Imported]]
"""Reads the names an import statement brings in from its text."""


BLANK = bytes(byte if byte in b"\n\r\t" else ord(" ") for byte in range(256))
"""For ``translate``: blanks every byte but the ends of lines and tabs, so that what follows keeps its place."""


def text_of(node: Node, source: bytes) -> str:
    """The source text of a node."""
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def field_name(node: Node, source: bytes) -> Named | None:
    """The rule most grammars need: the field ``name``."""
    name = node.child_by_field_name("name")
    return ("", text_of(name, source)) if name is not None else None


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    ``definitions`` is a tree-sitter query. Its captures say what a node is:

    - ``@class``, ``@module``, ``@function``, ``@value``: a definition. A function directly inside
      a class, or qualified by its name, becomes a method; ``@free`` and ``@method`` are settled,
      and a ``@macro`` is of no class or namespace around it;
    - ``@config``, ``@heading``: a key, table or element of configuration; a heading of prose;
    - ``@part``: the same, not worth a place among the symbols;
    - ``@scope``: encloses definitions without being one (an ``impl`` block, an extension);
    - ``@space``: the same, but functions inside stay functions (a namespace, a group of tests);
    - ``@lead``: the definition that follows begins here (decorators, attributes);
    - ``@wrap``: begins earlier than the definition it ends with (``template <...>``);
    - ``@above``: stays in one chunk with what follows, as comments do;
    - ``@tail``: prolongs the definition that ends right before it;
    - ``@reach``: a definition that goes on to the next one of these (``package Shapes;``), but not out of
      the ``@within`` around it, nor to what stands ``@beyond`` the code of the file;
    - ``@script``: a region in the language ``script``;
    - ``@doc``: documentation that is not a comment (docstrings).

    A ``@value`` that is an ``@import`` too (``const x = require("x")``) is no definition. ``top`` holds those
    patterns that begin at the root of a tree. Among ``definitions`` each would be thought of at every node, as
    long as it waits for what comes at the top: three of them cost Go a seventh of its query.

    ``comments`` names the node types of comments. ``references`` is a query too: ``@call`` is the
    expression that is called (``a.b.c`` as written), ``@invoke`` a call whose callee ends with
    its field ``invoke_field``, ``@new`` a type that is constructed, ``@import`` an import
    statement, ``@bind`` a declaration that states the type of a variable, ``@base`` a class the enclosing one
    extends, ``@use`` a type named, ``@head`` a definition's own head that looks like a call,
    ``@told`` two arguments, the second a method of the first (``EXPECT_CALL(mock, Open(1))``),
    ``@silent`` a region whose calls are none (type specifications), ``@token`` a name that is called in the text of
    a macro, ``@tokens`` that text, ``@constant`` the name of a constant of an enumeration, ``@alias`` the type that
    the enclosing one is another name of, ``@places`` the types of fields without names,
    ``@own`` a name that the enclosing object has for itself, ``@last`` what a method gives that states no type,
    ``@anew`` a name that has several types there.
    """

    name: str
    grammar: str
    extensions: tuple[str, ...] = ()
    filenames: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()
    definitions: str = ""
    top: str = ""
    comments: tuple[str, ...] = ("comment",)
    name_rule: NameRule = field_name
    references: str = ""
    invoke_field: str = "name"
    imports: ImportRule | None = None
    binds: re.Pattern[str] | None = None
    """Reads the name and stated type of a ``@bind`` declaration (see ``bindings``)."""
    own: tuple[str, ...] = ()
    """Receivers that mean the enclosing class: ``self``, ``this``."""
    bare_fields: bool = False
    """A name alone may mean a field of the enclosing class."""
    keywords: frozenset[str] = frozenset()
    """Callees that are syntax, not calls."""
    calls_make: bool = False
    """A call of a capitalised name constructs (Python, Kotlin); elsewhere only ``new`` does."""
    maker: str = ""
    """The method whose call constructs its receiver, where the language has no ``new``."""
    clauses: bool = False
    """Definitions of one name in a row are clauses of one function."""
    script: str = ""
    plain: Callable[[bytes], bytes] | None = None
    """Blanks what is no syntax of the language and its grammar would stumble over, at the same length."""
    hazard: Callable[[str], bool] | None = None
    """Whether a text would crash the grammar."""
    kind: Kind = "text"
    """The kind of chunks outside every definition."""
