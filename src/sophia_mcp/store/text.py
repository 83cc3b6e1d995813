"""Which chunks of a repository contain these words, best first?

FTS5, one table per repository: document frequencies of another repository must not change a
ranking. Rows arrive as terms already split and stemmed by ``sophia_mcp.words``; the tokenizer only
cuts at spaces. Nothing but terms and row ids is kept (contentless, with delete).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

from sophia_mcp.store.database import Transaction
from sophia_mcp.store.tables import exists

FIELDS = ("path", "stem", "names", "context", "doc", "body")
"""The fields of a row, each a string of terms joined by spaces."""

WEIGHTS = (4.0, 4.0, 4.0, 2.0, 1.0, 1.0)
"""What a term in each field counts for in BM25F."""

POSTINGS = 2_000
"""Scoring costs a microsecond or two for each row. The rarest terms whose rows together stay below
this (never fewer than ``TERMS_RARE``) decide which rows are scored; all terms count in the score.

Measured on 586 docstring sentences, each cut out of its own chunk, among 100k chunks of Python:
scoring every row with any term has MRR 0.295 and recall@200 0.82 in 42 ms (p50); 4,000 rows, 0.294
and 0.80 in 13 ms; dropping terms in more than 8 % of the rows, 0.267 and 0.79 in 15 ms. In whole
answers to 200 such sentences, 2,000 rows are as good as 4,000 (MRR 0.430 and 0.428)."""

TERMS_RARE = 2
TERMS_PAIRED = 3
TERMS_MOST = 48
"""More terms than this say little more about one question; the rarest are taken."""

TERMS_LOOKED_UP = 160
"""Of a longer question only the first terms are considered: each look-up costs a fifth of a
millisecond at 100k rows."""

_MOST_OF_A_TERM = 2.2
"""What a term counts at most, as a multiple of its rarity: FTS5's ``bm25`` has a k1 of 1.2."""

SEGMENTS_MERGED = 8
"""Segments of one size that are merged. With FTS5's own 4, what is indexed is rewritten more often: a fifth
more processor time for 80,000 chunks, which have as many segments in the end and are searched as fast."""

_PAGES_MERGED = 1_000
"""Of these in one transaction: some forty milliseconds."""

_WHOLE = 0.75
"""A segment that has this part of all pages is not merged with the others but for removed rows."""

_TOMBSTONES = 1 << 53
"""From this id on a table of FTS5 holds which rows were removed: each row that a search meets is looked up
there, which makes it half as long again."""

_MERGED = 2
"""Changes of a merge that did something."""

# Past ASCII every character belongs to a term; "=" marks whole identifiers.
_TOKENIZER = "ascii tokenchars '=_'"
_LARGEST_FETCH = 1 << 20
_SPARE = 1.25
"""So many more rows are read than should do, because those that may be shown are not evenly spread."""


@dataclass(frozen=True, slots=True)
class TextRow:
    """A chunk to be found by its words: ``fields`` in the order of ``FIELDS``."""

    id: int
    fields: tuple[str, str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Frequencies:
    """In how many of ``total`` rows each term occurs; terms that occur nowhere are missing."""

    total: int
    documents: dict[str, int]


class TextSearch(Protocol):
    """Words of every repository, searched one repository at a time."""

    async def search(
        self,
        tx: Transaction,
        repo: int,
        terms: Sequence[str],
        limit: int,
        keep: Callable[[int], bool] | None = None,
        counted: Frequencies | None = None,
        share: float = 0.25,
        together: bool = False,
    ) -> list[tuple[int, float]]:
        """Rows with any of the terms as (id, BM25F score > 0), best first, at most ``limit``, all
        of them accepted by ``keep``. Scores compare within one answer only. ``counted`` are the
        frequencies of the terms where the caller has looked them up in this transaction, ``share`` is about
        the part of all rows that ``keep`` accepts: so many more are read at first.
        ``together``: where all terms are frequent, only rows with two of the rarest are wanted."""
        ...

    async def frequencies(self, tx: Transaction, repo: int, terms: Sequence[str]) -> Frequencies:
        """Document frequencies of these terms in one repository."""
        ...


class TextIndex(TextSearch, Protocol):
    """The same, with what keeps them."""

    async def add(self, tx: Transaction, repo: int, rows: Sequence[TextRow]) -> None:
        """Add rows whose ids are not in the index yet."""
        ...

    async def remove(self, tx: Transaction, repo: int, ids: Sequence[int] | None) -> None:
        """Remove these rows, or with None all of the repository. Unknown ids do no harm."""
        ...

    async def tidy(self, tx: Transaction, repo: int) -> bool:
        """Put a part of what slows searches down in order, such as what removed rows left behind; whether there is
        more of it."""
        ...


class Fts5Text:
    """``TextIndex`` over SQLite's FTS5."""

    async def add(self, tx: Transaction, repo: int, rows: Sequence[TextRow]) -> None:
        table = _table(repo)
        if not await exists(tx, table):
            await tx.run(
                f"CREATE VIRTUAL TABLE {table} USING fts5({', '.join(FIELDS)},"  # noqa: S608
                f" content='', contentless_delete=1, tokenize=\"{_TOKENIZER}\");"
                f"INSERT INTO {table} ({table}, rank) VALUES ('automerge', {SEGMENTS_MERGED});"
                f"CREATE VIRTUAL TABLE IF NOT EXISTS {table}_terms USING fts5vocab('{table}', 'row')"
            )
        await tx.many(
            f"INSERT INTO {table} (rowid, {', '.join(FIELDS)}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            ((row.id, *row.fields) for row in rows),
        )

    async def remove(self, tx: Transaction, repo: int, ids: Sequence[int] | None) -> None:
        table = _table(repo)
        if ids is None:
            await tx.run(f"DROP TABLE IF EXISTS {table}_terms; DROP TABLE IF EXISTS {table}")
        elif ids and await exists(tx, table):
            await tx.many(f"DELETE FROM {table} WHERE rowid = ?", ((id_,) for id_ in ids))  # noqa: S608

    async def tidy(self, tx: Transaction, repo: int) -> bool:
        table = _table(repo)
        return await exists(tx, table) and await _put_together(tx, table)

    async def search(
        self,
        tx: Transaction,
        repo: int,
        terms: Sequence[str],
        limit: int,
        keep: Callable[[int], bool] | None = None,
        counted: Frequencies | None = None,
        share: float = 0.25,
        together: bool = False,
    ) -> list[tuple[int, float]]:
        if limit <= 0:
            return []
        considered = list(dict.fromkeys(terms))[:TERMS_LOOKED_UP]
        if counted is None:
            counted = await self.frequencies(tx, repo, considered)
        documents = {term: counted.documents[term] for term in considered if term in counted.documents}
        held = Frequencies(counted.total, documents)
        fetch = limit
        if keep is not None:
            fetch = min(math.ceil(_SPARE * limit / max(share, limit / _LARGEST_FETCH)), _LARGEST_FETCH)
        while documents:
            found = await _found(tx, _table(repo), held, fetch, together=together)
            kept = [(id_, score) for id_, score in found if keep is None or keep(id_)]
            if len(kept) >= limit or len(found) < fetch or fetch >= _LARGEST_FETCH:
                return kept[:limit]
            fetch *= 16
        return []

    async def frequencies(self, tx: Transaction, repo: int, terms: Sequence[str]) -> Frequencies:
        table = _table(repo)
        if not await exists(tx, table):
            return Frequencies(0, {})
        unique = [term for term in dict.fromkeys(terms) if term and "\0" not in term]
        (_, averages), *found = await tx.rows(
            f"SELECT '', (SELECT block FROM {table}_data WHERE id = 1) UNION ALL SELECT term, doc"  # noqa: S608
            f" FROM {table}_terms WHERE term IN (SELECT value FROM json_each(:terms))",
            {"terms": json.dumps(unique)},
        )
        return Frequencies(_first_varint(averages or b"\0"), dict(found))


async def _put_together(tx: Transaction, table: str) -> bool:
    """Merge some pages of the segments into one; whether that is not the whole yet."""
    [(largest, every, removed)] = await tx.rows(
        "SELECT MAX(pages), SUM(pages),"  # noqa: S608
        f" (SELECT MAX(id) FROM {table}_data) >= {_TOMBSTONES}"
        f" FROM (SELECT COUNT(*) AS pages FROM {table}_idx GROUP BY segid)"
    )
    if not every or (not removed and largest >= _WHOLE * every):
        return False
    merge = f"INSERT INTO {table} ({table}, rank) VALUES ('merge', -{_PAGES_MERGED})"  # noqa: S608
    return await tx.run(merge) >= _MERGED


async def _found(
    tx: Transaction, table: str, counted: Frequencies, fetch: int, *, together: bool
) -> list[tuple[int, float]]:
    """The best rows. Only rows with a rare term are visited, and of these only such as may be among the best.

    Those that hold frequent terms, too, come first: ``(rare) AND (frequent)`` skips through the frequent ones
    and counts each term once. The last of them tells which rare terms are too weak: all of these together
    count for less, so that rows with no other term need not be scored (MaxScore, Turtle and Flood 1995).
    """
    documents = counted.documents
    terms = sorted(documents, key=lambda term: (documents[term], term))[:TERMS_MOST]
    if together and len(terms) >= TERMS_PAIRED and sum(documents[each] for each in terms[:2]) > POSTINGS:
        paired = " OR ".join(f"({_all_of(pair)})" for pair in combinations(terms[:TERMS_PAIRED], 2))
        return await _best(tx, table, fetch, f"({paired}) AND ({_any_of(terms)})")
    rare = terms[: _rare(documents, terms)]
    if len(rare) == len(terms):
        return await _best(tx, table, fetch, _any_of(terms))
    found = await _best(tx, table, fetch, _both(rare, terms[len(rare) :]))
    strong = rare[: _strong(counted, rare, found[-1][1] if len(found) == fetch else 0.0)]
    if not strong:
        return found
    weak = rare[len(strong) :]
    queries = [_any_of(strong), _both(strong, weak)] if weak else [_any_of(strong)]
    # A row that is among both has all that it counts among those found first.
    scores = dict(await _best(tx, table, fetch, *queries)) | dict(found)
    return sorted(scores.items(), key=lambda each: (-each[1], each[0]))[:fetch]


async def _best(tx: Transaction, table: str, fetch: int, *queries: str) -> list[tuple[int, float]]:
    """The best rows of all of these queries in FTS5's language, each with its highest score."""
    weights = ", ".join(map(str, WEIGHTS))
    asked = {f"query_{number}": query for number, query in enumerate(queries)}
    each = [
        f"SELECT rowid AS id, -bm25({table}, {weights}) AS score FROM {table}"  # noqa: S608
        f" WHERE {table} MATCH :{name} ORDER BY score DESC, rowid LIMIT :fetch"
        for name in asked
    ]
    every = " UNION ALL ".join(f"SELECT * FROM ({one})" for one in each)  # noqa: S608
    found = await tx.rows(
        each[0]
        if len(each) == 1
        else f"SELECT id, max(score) AS score FROM ({every}) GROUP BY id"  # noqa: S608
        " ORDER BY score DESC, id LIMIT :fetch",
        {**asked, "fetch": fetch},
    )
    return [(int(id_), float(score)) for id_, score in found]


def _rare(documents: Mapping[str, int], terms: Sequence[str]) -> int:
    """How many of these terms, the rarest first, decide which rows are visited."""
    rows = 0
    for place, term in enumerate(terms):
        rows += documents[term]
        if rows > POSTINGS and place >= TERMS_RARE:
            return place
    return len(terms)


def _strong(counted: Frequencies, terms: Sequence[str], least: float) -> int:
    """How many of these terms, the rarest first, are left when the last ones are taken away that cannot
    count for more than ``least`` together."""
    strong, most = len(terms), 0.0
    while strong:
        count = counted.documents[terms[strong - 1]]
        most += _MOST_OF_A_TERM * math.log(max((counted.total - count + 0.5) / (count + 0.5), 1 + 1e-6))
        if most > least:
            break
        strong -= 1
    return strong


def _both(left: Sequence[str], right: Sequence[str]) -> str:
    return f"({_any_of(left)}) AND ({_any_of(right)})"


def _all_of(terms: Sequence[str]) -> str:
    return " AND ".join(map(_quoted, terms))


def _any_of(terms: Sequence[str]) -> str:
    return " OR ".join(map(_quoted, terms))


def _quoted(term: str) -> str:
    """Inside quotes nothing is an operator."""
    return '"' + term.replace('"', '""') + '"'


def _table(repo: int) -> str:
    return f"text_{int(repo)}"


def _first_varint(block: bytes) -> int:
    """The first number of FTS5's averages record: how many rows the table holds."""
    value = 0
    for i, byte in enumerate(block[:9]):
        if i == 8:
            return value << 8 | byte
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            break
    return value
