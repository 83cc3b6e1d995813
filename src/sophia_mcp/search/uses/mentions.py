"""Which lines write this name, whatever they mean by it?

Grammars tell calls, imports and classes that are extended. A type in an annotation, a function that is
handed on, a name in a string or a comment are told by the text alone: nothing is proven of such a line, but
an answer without it would leave out what a search by text finds.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from sophia_mcp.search.engine import Question
from sophia_mcp.search.places.symbols import Definition
from sophia_mcp.search.text import regex
from sophia_mcp.store.database import Transaction

MOST = 2000
"""Lines that are looked for at most."""

_BATCH = 32
_PART = rb"[0-9A-Za-z_\x80-\xff]"
"""A byte of a name, in whatever script."""
_JOINED = rb"[-0-9A-Za-z_*!?\x80-\xff]"
"""The same where names have hyphens: ``parse`` is none of ``parse-cookie``."""
_HYPHENS = frozenset({"clojure", "commonlisp", "css", "elisp", "racket", "scheme", "scss"})

Lines = Sequence[tuple[int, int]]
"""Files by their place in the atlas, and lines."""


async def lines(
    question: Question,
    tx: Transaction,
    name: str,
    files: Sequence[int],
    known: Mapping[int, Collection[int]],
    defined: Iterable[Definition],
) -> Lines:
    """Lines of these files that write the name and are neither known uses nor its definitions, in the
    order of the files; not more than ``MOST``."""
    bare = name.encode()
    # The name itself comes first, for which the engine looks much faster than for what may not be before it.
    word = re.escape(bare)
    usual, joined = (
        re.compile(rb"%b(?<!%b%b)(?!%b)" % (word, part, word, part)) for part in (_PART, _JOINED)
    )
    content, blobs, languages = question.engine.content, question.atlas.blobs, question.atlas.languages
    homes: dict[int, list[int]] = {}
    for item in defined:
        homes.setdefault(item.file, []).append(item.symbol.start_line)
    found: list[tuple[int, int]] = []
    for start in range(0, len(files), _BATCH):
        batch = files[start : start + _BATCH]
        bodies = await content.bodies(tx, blobs[batch].tolist())
        for file in batch:
            body = bodies[int(blobs[file])]
            if bare not in body:
                continue
            hyphens = "-" in name or languages[file] in _HYPHENS
            written = regex.scan(file, body, joined if hyphens else usual).lines
            own = {
                min((line for line in written if line >= home), default=0)
                for home in homes.get(file, ())
            }
            apart = {*known.get(file, ()), *own}
            found += [(file, line) for line in written if line not in apart]
        if len(found) >= MOST:
            break
    return found[:MOST]
