"""Which files can contain these literals at all?

A file is a candidate when it has every trigram of a literal, in any letter case. Candidates are a
superset; the caller looks at the text itself. FTS5 keeps which file has which trigram, each as a word
of three letters: it is given every trigram of a file once, which numpy finds, as its own trigram
tokenizer looks up every place of a text (four of five for nothing).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from sophia_mcp.store.database import Transaction
from sophia_mcp.store.text import SEGMENTS_MERGED

TRIGRAMS_MOST = 24
"""Trigrams asked for per conjunction; leaving some out only widens the candidates."""

ALTERNATIVES_MOST = 64

_GAP = "\x1f"
"""Stands between trigrams; no trigram with it, or with NUL, is kept or asked for."""

_LETTERS = "".join(chr(code) for code in range(1, 128) if chr(code) != _GAP and not chr(code).isalnum())
_TOKENIZER = "ascii tokenchars " + "'" + _LETTERS.replace("'", "''").replace('"', '""') + "'"
_FOLDED = bytes(range(128)).lower().replace(_GAP.encode(), b"\0") + bytes(128)
"""What a byte of UTF-8 is in a trigram: 0 for what no trigram has."""

_SAME_LETTER = {"\u017f": "s", "\u212a": "k"}
"""Letters beyond ASCII that equal an ASCII one in another case."""


class TrigramIndex(Protocol):
    """Trigrams of every repository's files."""

    async def add(self, tx: Transaction, repo: int, rows: Sequence[tuple[int, str]]) -> None:
        """Add files as (id, text) whose ids are not in the index yet."""
        ...

    async def remove(self, tx: Transaction, repo: int, ids: Sequence[int] | None) -> None:
        """Remove these files, or with None all of the repository. Unknown ids do no harm."""
        ...

    async def candidates(
        self, tx: Transaction, repo: int, any_of: Sequence[Sequence[str]]
    ) -> list[int] | None:
        """Ids of files, ascending, that may contain every literal of at least one conjunction.
        None: the literals cannot narrow the search, so every file must be looked at."""
        ...


class Fts5Trigrams:
    """``TrigramIndex`` over SQLite's FTS5."""

    async def add(self, tx: Transaction, repo: int, rows: Sequence[tuple[int, str]]) -> None:
        table = _table(repo)
        if not await _exists(tx, table):
            await tx.run(
                f"CREATE VIRTUAL TABLE {table} USING fts5(body, content='',"  # noqa: S608
                f' contentless_delete=1, detail=none, tokenize="{_TOKENIZER}");'
                f"INSERT INTO {table} ({table}, rank) VALUES ('automerge', {SEGMENTS_MERGED})"
            )
        # A generator: the connection's own thread works the trigrams out.
        words = _words if await _in_words(tx, table) else str
        await tx.many(
            f"INSERT INTO {table} (rowid, body) VALUES (?, ?)",  # noqa: S608
            ((id_, words(text)) for id_, text in rows),
        )

    async def remove(self, tx: Transaction, repo: int, ids: Sequence[int] | None) -> None:
        table = _table(repo)
        if ids is None:
            await tx.run(f"DROP TABLE IF EXISTS {table}")
        elif ids and await _exists(tx, table):
            await tx.many(f"DELETE FROM {table} WHERE rowid = ?", ((id_,) for id_ in ids))  # noqa: S608

    async def candidates(
        self, tx: Transaction, repo: int, any_of: Sequence[Sequence[str]]
    ) -> list[int] | None:
        conjunctions = [trigrams(literals) for literals in any_of]
        if not conjunctions or not all(conjunctions) or len(conjunctions) > ALTERNATIVES_MOST:
            return None
        table = _table(repo)
        if not await _exists(tx, table):
            return []
        query = " OR ".join(
            f"({' AND '.join(_quoted(three) for three in each)})" for each in conjunctions
        )
        found = await tx.rows(
            f"SELECT rowid FROM {table} WHERE {table} MATCH :query ORDER BY rowid",  # noqa: S608
            {"query": query},
        )
        return [id_ for (id_,) in found]


def trigrams(literals: Sequence[str]) -> list[str]:
    """Distinct trigrams of all literals that may be asked for, evenly thinned to
    ``TRIGRAMS_MOST``. Only ASCII ones: beyond it, what equals what in another letter case
    depends on the engine."""
    found = dict.fromkeys(
        three
        for literal in literals
        for three in (literal[i : i + 3].lower() for i in range(len(literal) - 2))
        if three.isascii() and "\0" not in three and _GAP not in three
    )
    every = list(found)
    step = max(1, -(-len(every) // TRIGRAMS_MOST))
    return every[::step]


def _words(text: str) -> str:
    """Every trigram of a text once, each followed by a gap."""
    for letter, ascii_letter in _SAME_LETTER.items():
        text = text.replace(letter, ascii_letter)  # where there is none, ten times as fast as a table
    letters = text.encode("utf-8", "replace").translate(_FOLDED)
    count = len(letters) - 2
    if count < 1:
        return ""
    # A number of four bytes begins at every letter: three of a trigram and, in place of the fourth, a gap.
    places = np.ndarray((count,), "<u4", letters + b"\0", strides=(1,))
    found = places & 0xFFFFFF | ord(_GAP) << 24
    if 0 in letters:
        none = np.frombuffer(letters, np.uint8) == 0
        found = found[~(none[:-2] | none[1:-1] | none[2:])]
    found.sort()
    new = np.ones(len(found), np.bool_)
    np.not_equal(found[1:], found[:-1], out=new[1:])
    return found[new].astype("<u4").tobytes().decode("ascii")


async def _in_words(tx: Transaction, table: str) -> bool:
    """Whether a table is of this form; those of earlier versions cut whole texts themselves."""
    rows = await tx.rows("SELECT sql FROM sqlite_schema WHERE name = :name", {"name": table})
    return "tokenize='trigram'" not in str(rows[0][0])


def _quoted(three: str) -> str:
    return '"' + three.replace('"', '""') + '"'


def _table(repo: int) -> str:
    return f"trigrams_{int(repo)}"


async def _exists(tx: Transaction, table: str) -> bool:
    return bool(await tx.rows("SELECT 1 FROM sqlite_schema WHERE name = :name", {"name": table}))
