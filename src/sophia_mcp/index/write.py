"""How do prepared files become rows, a short transaction at a time?

Every function here is idempotent: what is already stored is found and kept, so a run that was cut
off continues where its last committed batch ended. Ids are counted, never reused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import zstandard

from sophia_mcp.index.disk.stamp import Stamp
from sophia_mcp.index.schema import chunk_id
from sophia_mcp.index.workers.messages import Gone, Outcome, Prepared, Refused, Unchanged
from sophia_mcp.store.database import Repeated, Transaction
from sophia_mcp.store.text import TextIndex, TextRow
from sophia_mcp.store.trigrams import TrigramIndex, grams

T = TypeVar("T")

NEW_ROWS = "UPDATE repos SET generation = generation + 1 WHERE id = ?"
"""Of words or vectors: part of the transaction that writes them, and comes after them."""
FEWER_ROWS = "UPDATE repos SET generation = generation + 1, thinned = generation + 1 WHERE id = ?"
"""The same where some were taken away."""

_VARIABLES = 500
"""Values of one IN list; longer ones are asked in parts."""

_BLOB = (
    "INSERT INTO blobs (id, workspace, hash, language, size, lines, encoding, fallback, chunker, text)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_CHUNK = (
    "INSERT INTO chunks (blob_id, ordinal, start_line, end_line, kind, symbol, context, names, signature)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_SYMBOL = (
    "INSERT INTO symbols (blob_id, position, name, folded, container, kind, start_line, end_line, signature)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_EDGES = "INSERT INTO edges (blob_id, packed) VALUES (?, ?)"
_PLACE = (
    "INSERT INTO placements (id, workspace, repo_id, path, blob_id, chunks, lexical, trigram)"
    " VALUES (?, ?, ?, ?, ?, ?, 1, 0)"
)
_VECTORS = (
    "INSERT INTO vectors (model, placement_id, repo_id, generation, count, scales, rows)"
    " SELECT ?, ?, r.id, r.generation + 1, ?, ?, ? FROM repos r WHERE r.id = ?"
    " ON CONFLICT (model, repo_id, placement_id) DO UPDATE SET generation = excluded.generation,"
    " count = excluded.count, scales = excluded.scales, rows = excluded.rows"
)
_SHOW = (
    "INSERT INTO members (view_id, placement_id, generation, size, mtime_ns, ctime_ns)"
    " SELECT v.id, ?, v.generation + 1, ?, ?, ? FROM views v WHERE v.id = ?"
    " ON CONFLICT (view_id, placement_id) DO UPDATE SET size = excluded.size,"
    " mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns"
)
_LEAVE = "DELETE FROM members WHERE view_id = ? AND placement_id = ?"
_SKIP = (
    "INSERT INTO skips (view_id, path, reason, hash, size, mtime_ns, ctime_ns) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (view_id, path) DO UPDATE SET reason = excluded.reason, hash = excluded.hash,"
    " size = excluded.size, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns"
)
_UNSKIP = "DELETE FROM skips WHERE view_id = ? AND path = ?"
_RESTAMP = "UPDATE skips SET size = ?, mtime_ns = ?, ctime_ns = ? WHERE view_id = ? AND path = ?"
_NEW_MAP = "UPDATE views SET generation = generation + 1 WHERE id = ?"
_THINNED = "UPDATE views SET generation = generation + 1, thinned = generation + 1 WHERE id = ?"


@dataclass(frozen=True, slots=True)
class Target:
    """Where rows go: a view of a repository, by which parser and embedding model. ``model`` is
    empty when vectors are not made by the workers; ``afresh`` replaces what is stored."""

    view: int
    repo: int
    chunker: str
    model: str
    afresh: bool = False


class Known(NamedTuple):
    """What a view has of a path, shown or left out. ``hash`` is empty for what could not be read."""

    stamp: Stamp
    hash: str
    current: bool


async def known_files(tx: Transaction, target: Target) -> dict[str, Known]:
    """Everything that was read for a view: members, and files left out for what they hold.

    ``current`` is false for what another parser or model made, or could not make.
    """
    rows = await tx.rows(
        "SELECT p.path, b.hash, b.chunker, m.size, m.mtime_ns, m.ctime_ns,"
        " CASE WHEN :model = '' OR p.chunks = 0 THEN 1 ELSE EXISTS (SELECT 1 FROM vectors x WHERE x.model = :model"
        " AND x.repo_id = p.repo_id AND x.placement_id = p.id) END"
        " FROM members m JOIN placements p ON p.id = m.placement_id JOIN blobs b ON b.id = p.blob_id"
        " WHERE m.view_id = :view",
        {"view": target.view, "model": target.model},
    )
    found = {
        path: Known(Stamp(size, mtime, ctime), name, chunker == target.chunker and bool(embedded))
        for path, name, chunker, size, mtime, ctime, embedded in rows
    }
    [(chunker, model)] = await tx.rows(
        "SELECT chunker, model FROM views WHERE id = :view", {"view": target.view}
    )
    same = chunker == target.chunker and target.model in ("", model)
    for path, name, size, mtime, ctime in await tx.rows(
        "SELECT path, hash, size, mtime_ns, ctime_ns FROM skips WHERE view_id = :view AND ctime_ns <> 0",
        {"view": target.view},
    ):
        found[path] = Known(Stamp(size, mtime, ctime), name, same)
    return found


async def shown_stamps(tx: Transaction, target: Target, paths: Sequence[str]) -> dict[str, Stamp]:
    """The stamps with which a view shows these paths, those that it shows."""
    found: dict[str, Stamp] = {}
    for part in cut(paths):
        marks, values = _list(part)
        for path, *stamp in await tx.rows(
            "SELECT path, size, mtime_ns, ctime_ns FROM files"  # noqa: S608
            f" WHERE view_id = :view AND path IN ({marks})",
            {"view": target.view, **values},
        ):
            found[path] = Stamp(*stamp)
    return found


async def store(
    tx: Transaction,
    target: Target,
    outcomes: Sequence[Outcome],
    text: TextIndex,
    trigrams: TrigramIndex | None = None,
) -> None:
    """Write the outcomes of one batch and show them in the view; with their trigrams when given."""
    shown = await _shown(tx, target, [outcome.path for outcome in outcomes])
    prepared = [outcome for outcome in outcomes if isinstance(outcome, Prepared)]
    placed = await _place(tx, target, prepared, text) if prepared else {}
    if trigrams is not None and prepared:
        await _trigrams(tx, target, [(placed[file.path], file.text) for file in prepared], trigrams)
    leaving: list[str] = []
    thinned = False
    members: list[tuple[int, int, int, int, int]] = []
    skips: list[tuple[int, str, str, str, int, int, int]] = []
    restamped: list[tuple[int, int, int, int, str]] = []
    unskipped: list[str] = []
    for outcome in outcomes:
        if isinstance(outcome, Prepared):
            placement = placed[outcome.path]
            if shown.get(outcome.path, placement) != placement:
                leaving.append(outcome.path)
            members.append((placement, *outcome.stamp, target.view))
            unskipped.append(outcome.path)
        elif isinstance(outcome, Unchanged):
            if outcome.path in shown:
                members.append((shown[outcome.path], *outcome.stamp, target.view))
            else:
                restamped.append((*outcome.stamp, target.view, outcome.path))
        elif isinstance(outcome, Refused):
            leaving.append(outcome.path)
            thinned = True
            skips.append((target.view, outcome.path, outcome.reason, outcome.hash, *outcome.stamp))
        else:
            assert isinstance(outcome, Gone)
            leaving.append(outcome.path)
            thinned = True
            unskipped.append(outcome.path)
    moved = any(not isinstance(outcome, Unchanged) for outcome in outcomes)
    await _several(
        tx,
        (_LEAVE, [(target.view, shown[path]) for path in leaving if path in shown]),
        (_UNSKIP, [(target.view, path) for path in unskipped]),
        (_SHOW, members),
        (_SKIP, skips),
        (_RESTAMP, restamped),
        (NEW_ROWS, [(target.repo,)] if prepared else []),
        (_THINNED if thinned else _NEW_MAP, [(target.view,)] if moved else []),
    )


async def adopt(
    tx: Transaction, target: Target, files: Sequence[tuple[str, str, Stamp]]
) -> list[tuple[str, str, Stamp]]:
    """Show blobs that are already placed at these (path, hash, stamp); returns the others."""
    paths = [path for path, _, _ in files]
    placed: dict[tuple[str, str], tuple[int, int]] = {}
    for part in cut(paths):
        marks, values = _list(part)
        for id_, path, name, size in await tx.rows(
            "SELECT p.id, p.path, b.hash, b.size FROM placements p JOIN blobs b ON b.id = p.blob_id"  # noqa: S608
            f" WHERE p.repo_id = :repo AND b.chunker = :chunker AND p.lexical = 1 AND p.path IN ({marks})"
            " AND (:model = '' OR p.chunks = 0 OR EXISTS (SELECT 1 FROM vectors x WHERE x.model = :model"
            " AND x.repo_id = p.repo_id AND x.placement_id = p.id))",
            {"repo": target.repo, "chunker": target.chunker, "model": target.model, **values},
        ):
            placed[path, name] = (id_, size)
    taken = [f for f in files if placed.get((f[0], f[1]), (0, -1))[1] == f[2].size]
    left = [f for f in files if placed.get((f[0], f[1]), (0, -1))[1] != f[2].size]
    left = await _adopt_skips(tx, target, left)
    if taken:
        shown = await _shown(tx, target, [path for path, _, _ in taken])
        moved = [
            (target.view, shown[path])
            for path, name, _ in taken
            if path in shown and shown[path] != placed[path, name][0]
        ]
        members = sorted((placed[path, name][0], *stamp, target.view) for path, name, stamp in taken)
        await _several(
            tx,
            (_LEAVE, moved),
            (_UNSKIP, [(target.view, path) for path, _, _ in taken]),
            (_SHOW, members),
            (_NEW_MAP, [(target.view,)]),
        )
    return left


async def _adopt_skips(
    tx: Transaction, target: Target, files: Sequence[tuple[str, str, Stamp]]
) -> list[tuple[str, str, Stamp]]:
    """Leave out what another view of the repository left out for what it holds; returns the rest. Of another
    size are bytes that a filter of git's turned into others: what one tree has of a file may be a pointer."""
    known: dict[tuple[str, str, int], str] = {}
    for part in cut([path for path, _, _ in files]):
        marks, values = _list(part)
        for path, name, size, reason in await tx.rows(
            "SELECT path, hash, size, reason FROM skips WHERE hash <> '' AND view_id IN"  # noqa: S608
            f" (SELECT id FROM views WHERE repo_id = :repo) AND path IN ({marks})",
            {"repo": target.repo, **values},
        ):
            known[path, name, size] = reason
    refused = [
        Refused(path, stamp, known[path, name, stamp.size], name)
        for path, name, stamp in files
        if (path, name, stamp.size) in known
    ]
    if refused:
        await _leave_out(tx, target, refused)
    return [file for file in files if (file[0], file[1], file[2].size) not in known]


async def _leave_out(tx: Transaction, target: Target, refused: Sequence[Refused]) -> None:
    shown = await _shown(tx, target, [outcome.path for outcome in refused])
    await _several(
        tx,
        (_LEAVE, [(target.view, placement) for placement in shown.values()]),
        (_SKIP, [(target.view, r.path, r.reason, r.hash, *r.stamp) for r in refused]),
        (_THINNED, [(target.view,)]),
    )


async def drop(tx: Transaction, target: Target, paths: Sequence[str]) -> None:
    """Show these paths no longer. What is said of one that is left out by its name stays."""
    shown = await _shown(tx, target, paths)
    await _several(
        tx,
        (_LEAVE, [(target.view, placement) for placement in shown.values()]),
        (f"{_UNSKIP} AND ctime_ns <> 0", [(target.view, path) for path in paths]),
        (_THINNED, [(target.view,)]),
    )


async def set_skips(tx: Transaction, target: Target, skips: dict[str, str]) -> bool:
    """Make the skips by name and kind equal to these; returns whether anything changed."""
    rows = await tx.rows(
        "SELECT path, reason FROM skips WHERE view_id = :view AND ctime_ns = 0", {"view": target.view}
    )
    stored: dict[str, str] = dict(rows)
    if stored == skips:
        return False
    await _several(
        tx,
        (_UNSKIP, [(target.view, path) for path in stored if path not in skips]),
        (
            _SKIP,
            [
                (target.view, path, why, "", 0, 0, 0)
                for path, why in skips.items()
                if stored.get(path) != why
            ],
        ),
    )
    return True


async def next_ids(tx: Transaction, name: str, count: int) -> int:
    """The first of ``count`` new ids of a table."""
    rows = await tx.rows(
        "INSERT INTO counters (name, next) VALUES (:name, 1 + :count)"
        " ON CONFLICT (name) DO UPDATE SET next = counters.next + :count RETURNING next",
        {"name": name, "count": count},
    )
    return int(rows[0][0]) - count


def cut(items: Sequence[T], size: int = _VARIABLES) -> Iterator[Sequence[T]]:
    """A sequence in parts of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _list(values: Iterable[Any]) -> tuple[str, dict[str, Any]]:
    """The text and parameters of an IN list."""
    bound = {f"v{number}": value for number, value in enumerate(values)}
    return ", ".join(f":{name}" for name in bound), bound


async def _shown(tx: Transaction, target: Target, paths: Sequence[str]) -> dict[str, int]:
    """Path to placement of what the view shows at these paths."""
    found: dict[str, int] = {}
    for part in cut(paths):
        marks, values = _list(part)
        rows = await tx.rows(
            f"SELECT path, placement_id FROM files WHERE view_id = :view AND path IN ({marks})",  # noqa: S608
            {"view": target.view, **values},
        )
        found.update(rows)
    return found


async def _place(
    tx: Transaction, target: Target, files: Sequence[Prepared], text: TextIndex
) -> dict[str, int]:
    """Blobs, placements, words and vectors of these files; path to placement. Words are written in
    the transaction that makes a placement, so a placement always has them."""
    blobs = await _blobs(tx, target, files)
    placements: dict[tuple[str, int], tuple[int, int]] = {}
    for part in cut([file.path for file in files]):
        marks, values = _list(part)
        for id_, path, blob, chunks in await tx.rows(
            f"SELECT id, path, blob_id, chunks FROM placements WHERE repo_id = :repo AND path IN ({marks})",  # noqa: S608
            {"repo": target.repo, **values},
        ):
            placements[path, blob] = (id_, chunks)
    new = [f for f in files if (f.path, blobs[f.hash, f.language]) not in placements]
    first = await next_ids(tx, "placements", len(new)) if new else 0
    rows = [
        (first + number, f.path, target.repo, blobs[f.hash, f.language], len(f.chunks))
        for number, f in enumerate(new)
    ]
    scope = tx.scope.workspace
    for id_, path, _, blob, _ in rows:
        placements[path, blob] = (id_, -1)
    placed = {f.path: placements[f.path, blobs[f.hash, f.language]] for f in files}
    await _several(
        tx,
        (_PLACE, [(id_, scope, repo, path, blob, chunks) for id_, path, repo, blob, chunks in rows]),
        (_VECTORS, _vectors(target, files, placed)),
    )
    await _words(tx, target, files, placed, text)
    return {path: id_ for path, (id_, _) in placed.items()}


async def _words(
    tx: Transaction,
    target: Target,
    files: Sequence[Prepared],
    placed: dict[str, tuple[int, int]],
    text: TextIndex,
) -> None:
    wordless = [f for f in files if target.afresh or placed[f.path][1] < 0]
    again = [placed[f.path] for f in wordless if placed[f.path][1] >= 0]
    if again:
        await text.remove(
            tx, target.repo, [chunk_id(id_, n) for id_, chunks in again for n in range(chunks)]
        )
        await tx.many(
            "UPDATE placements SET chunks = ? WHERE id = ?",
            [(len(f.chunks), placed[f.path][0]) for f in wordless],
        )
    await text.add(
        tx,
        target.repo,
        [
            TextRow(chunk_id(placed[f.path][0], chunk[0]), words)
            for f in wordless
            for chunk, words in zip(f.chunks, f.words, strict=True)
        ],
    )


async def _trigrams(
    tx: Transaction, target: Target, files: Sequence[tuple[int, bytes]], trigrams: TrigramIndex
) -> None:
    texts = dict(files)
    marks, values = _list(texts)
    new = [
        id_
        for (id_,) in await tx.rows(
            f"SELECT id FROM placements WHERE trigram = 0 AND id IN ({marks})",  # noqa: S608
            values,
        )
    ]
    # A generator: the connection's own thread works the trigrams out.
    await trigrams.add(tx, target.repo, ((id_, grams(plain_text(texts[id_]))) for id_ in new))
    await tx.many("UPDATE placements SET trigram = 1 WHERE id = ?", [(id_,) for id_ in new])


def plain_text(packed: bytes) -> str:
    """The text of a blob from its stored form."""
    return zstandard.ZstdDecompressor().decompress(packed).decode("utf-8", "replace")


def _vectors(
    target: Target, files: Sequence[Prepared], placed: dict[str, tuple[int, int]]
) -> list[tuple[Any, ...]]:
    if not target.model:
        return []
    return [
        (target.model, placed[f.path][0], len(f.chunks), f.scales, f.rows, target.repo)
        for f in files
        if f.chunks
    ]


async def _blobs(
    tx: Transaction, target: Target, files: Sequence[Prepared]
) -> dict[tuple[str, str], int]:
    """(hash, language) to blob id; new blobs get their text, chunks, symbols and edges."""
    found: dict[tuple[str, str], int] = {}
    for part in cut([file.hash for file in files]):
        marks, values = _list(part)
        for id_, name, language in await tx.rows(
            "SELECT id, hash, language FROM blobs WHERE workspace = :workspace AND chunker = :chunker"  # noqa: S608
            f" AND hash IN ({marks})",
            {"chunker": target.chunker, **values},
        ):
            found[name, language] = id_
    stored = {(f.hash, f.language): f for f in files if (f.hash, f.language) in found}
    new = {(f.hash, f.language): f for f in files if (f.hash, f.language) not in found}
    if stored and target.afresh:
        again = [(found[key], file) for key, file in stored.items()]
        emptied = [
            (f"DELETE FROM {table} WHERE blob_id = ?", [(blob,) for blob, _ in again])  # noqa: S608
            for table in ("chunks", "symbols", "edges")
        ]
        await _several(tx, *emptied, *_contents(again))
    if new:
        first = await next_ids(tx, "blobs", len(new))
        numbered = list(zip(range(first, first + len(new)), new.values(), strict=True))
        scope = tx.scope.workspace
        rows = [
            (
                i,
                scope,
                f.hash,
                f.language,
                f.stamp.size,
                f.lines,
                f.encoding,
                f.fallback,
                target.chunker,
                f.text,
            )
            for i, f in numbered
        ]
        await _several(tx, (_BLOB, rows), *_contents(numbered))
        found.update(zip(new, range(first, first + len(new)), strict=True))
    return found


def _contents(files: Sequence[tuple[int, Prepared]]) -> list[Repeated]:
    return [
        (_CHUNK, [(blob, *row) for blob, file in files for row in file.chunks]),
        (_SYMBOL, [(blob, *row) for blob, file in files for row in file.symbols]),
        (_EDGES, [(blob, file.edges) for blob, file in files if file.edges]),
    ]


async def _several(tx: Transaction, *statements: Repeated) -> None:
    """Run those that have rows, in one go: a go costs more than most statements."""
    if wanted := [each for each in statements if each[1]]:
        await tx.several(wanted)
