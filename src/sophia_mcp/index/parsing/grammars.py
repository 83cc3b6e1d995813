"""Which compiled grammar and query read a language? Loaded once per process, on first use."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count

import tree_sitter_language_pack as pack
from tree_sitter import Language as Grammar
from tree_sitter import Node, Parser, Query, QueryCursor, Range, Tree

from sophia_mcp.index.languages.record import Language

PARSE_SECONDS = 1.0
"""Processor time after which a parse is given up; the killable worker around it allows more."""

DEPTH_MOST = 2000
"""Nesting below this is not looked into; cursors count depth in 16 bits."""

MATCHES_OPEN = 4096
LOOSE_MOST = 10_000

_READ_BYTES = 1 << 12
_NODE_BYTES = 1 << 8


class Unreadable(Exception):
    """Syntax does not help with this text, for the stated reason; the caller cuts by lines."""


class _Text:
    """Hands a source to the parser in pieces, small enough for grammars that go back to look again (Perl's does
    for every package), and afterwards to predicates in smaller ones: they ask for the text of one node after
    the other, and throw away what they get beyond it."""

    def __init__(self, source: bytes) -> None:
        self._source, self._size = source, _READ_BYTES

    def __call__(self, offset: int, _place: object) -> bytes:
        return self._source[offset : offset + self._size]

    def parsed(self) -> None:
        """The parser has read all."""
        self._size = _NODE_BYTES


@dataclass(frozen=True, slots=True)
class Reader:
    """A grammar with the compiled queries of a language: the one for a whole tree, and that for its top, if any."""

    grammar: Grammar
    query: Query
    top: Query | None

    def tree(
        self, source: bytes, regions: Sequence[Range] | None = None, seconds: float = PARSE_SECONDS
    ) -> Tree:
        """The syntax tree of ``source``, or of these regions of it. Raises Unreadable past
        ``seconds``."""
        end = time.thread_time() + seconds
        asked = count()
        text = _Text(source)
        try:
            tree = Parser(self.grammar, included_ranges=regions).parse(
                text,
                progress_callback=lambda _offset, _error: (
                    next(asked) % 32 == 31 and time.thread_time() > end
                ),
            )
        except ValueError as error:  # the binding's word for a cancelled parse
            raise Unreadable("syntax took too long to read") from error
        text.parsed()
        return tree

    def captures(self, root: Node) -> dict[str, list[Node]]:
        """Captured nodes by capture name, down to DEPTH_MOST, those of a name in an order of chance: the
        binding gathers them in a set. Raises Unreadable on trees that a query cursor would walk in
        quadratic time. There is no time limit here: the binding's progress callback crashes, so the rest
        is left to the killable worker."""
        if root.has_error and _flooded(root):
            raise Unreadable("syntax errors throughout")
        found = _captures(self.query, root, DEPTH_MOST)
        for name, nodes in _captures(self.top, root, 0).items() if self.top is not None else ():
            found.setdefault(name, []).extend(nodes)
        return found


def _captures(query: Query, root: Node, depth: int) -> dict[str, list[Node]]:
    """What a query captures whose patterns begin at most so deep."""
    cursor = QueryCursor(query, match_limit=MATCHES_OPEN)
    cursor.set_max_start_depth(depth)
    return cursor.captures(root)


def _flooded(root: Node) -> bool:
    """Whether an error holds more loose tokens than anybody types: for each, the cursor looks for
    a named node among all that follow."""
    todo = [root]
    while todo:
        node = todo.pop()
        if node.is_error and node.child_count > LOOSE_MOST:
            return True
        todo.extend(child for child in node.children if child.has_error)
    return False


@cache
def reader(language: Language) -> Reader:
    """The reader of one language. Raises LookupError when the grammar is not in the package."""
    grammar: Grammar = pack.get_language(language.grammar)  # type: ignore[arg-type]
    top = Query(grammar, language.top) if language.top else None
    return Reader(grammar, Query(grammar, query_text(language)), top)


def query_text(language: Language) -> str:
    """The query of a language for a whole tree: definitions, comments and references together."""
    comments = " ".join(f"({kind})" for kind in language.comments)
    return (
        f"{language.definitions}\n{f'[{comments}] @comment' if comments else ''}\n{language.references}"
    )
