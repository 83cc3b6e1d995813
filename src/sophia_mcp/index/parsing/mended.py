"""What of a file can be read that one broken statement hides? All but the part with the error.

Some grammars do not find back into a file after an error: a quote that nothing closes takes all that follows with it.
What begins at the start of a line is then read by itself, and only what cannot be read is left out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from sophia_mcp.index.languages.record import BLANK
from sophia_mcp.index.parsing.grammars import PARSE_SECONDS, Reader, Unreadable

ASTRAY = frozenset(
    """bash clojure commonlisp css elisp elm erlang fish fsharp gdscript gleam hack haskell kotlin lua make odin perl
    purescript r racket scheme sql tcl""".split()
)
"""Languages whose grammars lose definitions elsewhere by one broken statement; most others find back by themselves."""

MEND_SECONDS = PARSE_SECONDS / 2
"""How long a file's parts may be read. What took half as long to read at first is not read again: its reader has two
seconds for all of it."""

_BEGINS = re.compile(
    rb"^(?![\s)\]}>;|&,]|(?:begin|do|done|elif|else|end|esac|fi|in|of|then|where)\b|\{)", re.M
)
"""The start of a line that goes on with nothing before it."""
_BEHIND = re.compile(rb"(?<=;\n)\s*?^(?=\S)", re.M)
"""The same where statements go on at the margin and end with a sign."""
_MARGIN = re.compile(rb"^(?=\S)|\A", re.M)
_INNER = re.compile(rb"^[ \t]+\S[^\n]*", re.M)


def mended(source: bytes, loaded: Reader, language: str) -> bytes:
    """The source with blanks for what has an error of its own, at the same length: for the inside of a part where the
    rest of it can be read, else for all of it. Raises Unreadable past MEND_SECONDS."""
    end = time.thread_time() + MEND_SECONDS

    def is_broken(part: bytes) -> bool:
        if time.thread_time() > end:  # what is short is read to its end
            raise Unreadable("syntax took too long to mend")
        return loaded.tree(part, seconds=end - time.thread_time()).root_node.has_error

    return b"".join(
        next(left for left in _ever_less(part) if not left.strip() or not is_broken(left))
        for part in _parts(source, _BEHIND if language == "sql" else _BEGINS)
    )


def _ever_less(part: bytes) -> Iterator[bytes]:
    """A part; without the lines inside, before the last that begins at the margin; without all that do not; blank."""
    yield part
    last = max(found.start() for found in _MARGIN.finditer(part))
    for end in (last, len(part)):
        yield _INNER.sub(lambda found: found[0].translate(BLANK), part[:end]) + part[end:]
    yield part.translate(BLANK)


def _parts(source: bytes, begins: re.Pattern[bytes]) -> Iterator[bytes]:
    starts = [0, *(found.start() for found in begins.finditer(source) if found.start())]
    for start, end in zip(starts, [*starts[1:], len(source)], strict=True):
        yield source[start:end]
