"""Which files can contain these literals at all?

FTS5's trigram tokenizer without positions: a file is a candidate when it has every trigram of a
literal, in any letter case. Candidates are a superset; the caller looks at the text itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sophia_mcp.store.database import Transaction

TRIGRAMS_MOST = 24
"""Trigrams asked for per conjunction; leaving some out only widens the candidates."""

ALTERNATIVES_MOST = 64


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
        await tx.run(
            f"CREATE VIRTUAL TABLE IF NOT EXISTS {table} USING fts5(body, content='',"
            " contentless_delete=1, detail=none, tokenize='trigram')"
        )
        await tx.many(f"INSERT INTO {table} (rowid, body) VALUES (?, ?)", rows)  # noqa: S608

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
        if three.isascii() and "\0" not in three
    )
    every = list(found)
    step = max(1, -(-len(every) // TRIGRAMS_MOST))
    return every[::step]


def _quoted(three: str) -> str:
    return '"' + three.replace('"', '""') + '"'


def _table(repo: int) -> str:
    return f"trigrams_{int(repo)}"


async def _exists(tx: Transaction, table: str) -> bool:
    return bool(await tx.rows("SELECT 1 FROM sqlite_schema WHERE name = :name", {"name": table}))
