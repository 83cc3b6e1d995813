"""Which text would crash the scanner of a grammar? Such files are cut by lines instead.

A scanner keeps its stack in a buffer of fixed size and ends the process when it overflows. The
worker that is lost that way is started again; these checks save the common cases from it.
"""

from __future__ import annotations

import re

_YAML_DEEP = re.compile(r"^[ \t?:-]{200}|(?:[-?:][ \t]+){80}", re.MULTILINE)
_OPEN_MOST = 300
_OPEN_TYPES = re.compile(rf"(?:<[\w ]{{0,20}}){{{_OPEN_MOST}}}")
_PERL_BRACE = re.compile(r"[$@%]\{|[{}]")
_PERL_NESTS = 60


def open_types(text: str) -> bool:
    """Every grammar with generics: ``A<A<A<...`` keeps both readings of each ``<`` alive, and
    memory grows with the square of their number (5,000 take 350 MB in Java)."""
    return text.count("<") >= _OPEN_MOST and _OPEN_TYPES.search(text) is not None


def nested_blocks(text: str) -> bool:
    """YAML: more than 253 block levels overflow; every level takes a column."""
    return _YAML_DEEP.search(text) is not None


def nested_quotes(text: str) -> bool:
    """Perl: more than 82 quotes inside interpolations of quotes overflow."""
    depth = 0
    for match in _PERL_BRACE.finditer(text):
        if match[0] == "}":
            depth = max(0, depth - 1)
        else:
            depth += 1
            if depth > _PERL_NESTS:
                return True
    return False
