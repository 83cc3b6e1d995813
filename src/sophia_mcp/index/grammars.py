"""Which compiled grammar and query read a language? Loaded once per process, on first use."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import tree_sitter_language_pack as pack
from tree_sitter import Language as Grammar
from tree_sitter import Node, Parser, Query, QueryCursor, Range, Tree

from sophia_mcp.index.languages.record import Language

PARSE_SECONDS = 1.5
"""Wall time after which a parse is given up; the killable worker around it allows a little more."""

_READ_BYTES = 1 << 16


class SlowParse(Exception):
    """The grammar did not finish within its time; the caller cuts by lines."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A grammar with the one compiled query of a language."""

    grammar: Grammar
    query: Query

    def tree(
        self, source: bytes, regions: Sequence[Range] | None = None, seconds: float = PARSE_SECONDS
    ) -> Tree:
        """The syntax tree of ``source``, or of these regions of it. Raises SlowParse past
        ``seconds``."""
        end = time.monotonic() + seconds
        try:
            return Parser(self.grammar, included_ranges=regions).parse(
                lambda offset, _: source[offset : offset + _READ_BYTES],
                progress_callback=lambda _offset, _error: time.monotonic() > end,
            )
        except ValueError as error:  # the binding's word for a cancelled parse
            raise SlowParse from error

    def captures(self, root: Node) -> dict[str, list[Node]]:
        """Captured nodes by capture name. Without a time limit: the binding's progress callback
        crashes here, so a hostile tree is left to the killable worker."""
        return QueryCursor(self.query).captures(root)


@cache
def reader(language: Language) -> Reader:
    """The reader of one language. Raises LookupError when the grammar is not in the package."""
    grammar: Grammar = pack.get_language(language.grammar)  # type: ignore[arg-type]
    return Reader(grammar, Query(grammar, query_text(language)))


def query_text(language: Language) -> str:
    """The one query of a language: definitions, comments and references together."""
    comments = " ".join(f"({kind})" for kind in language.comments)
    return (
        f"{language.definitions}\n{f'[{comments}] @comment' if comments else ''}\n{language.references}"
    )
