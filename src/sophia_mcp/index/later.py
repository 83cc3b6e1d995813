"""What is added once a view can be searched? Trigrams, and vectors that no worker could make."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio.to_thread
import numpy as np
from numpy.typing import NDArray

from sophia_mcp.index.chunk import short
from sophia_mcp.index.prepare import passages
from sophia_mcp.index.run import Storage
from sophia_mcp.index.views import View
from sophia_mcp.index.write import cut, plain_text
from sophia_mcp.store.trigrams import FILES_MOST, Grams, grams
from sophia_mcp.types import Passage

BATCH_FILES = 40
BATCH_CHUNKS = 128

Tell = Callable[[int, int, str], Awaitable[None]]
"""Called after each batch with placements done, placements in all, and the stage; may raise."""

Embed = Callable[[Sequence[Passage]], Awaitable[tuple[NDArray[np.int8], NDArray[np.float32]]]]
"""Quantised rows (n, dimensions) and n scales of passages, from wherever the model runs."""


async def add_trigrams(storage: Storage, view: View, tell: Tell) -> None:
    """Trigrams of every file that the view shows and that has none."""
    async with storage.database.read(storage.scope) as tx:
        rows = await tx.rows(
            "SELECT p.id FROM members m JOIN placements p ON p.id = m.placement_id"
            " WHERE m.view_id = :view AND p.trigram = 0 ORDER BY p.id",
            {"view": view.id},
        )
    wanted = [int(id_) for (id_,) in rows]
    done = 0
    for part in cut(wanted, FILES_MOST):
        marks = ", ".join(str(id_) for id_ in part)
        async with storage.database.read(storage.scope) as tx:
            texts = await tx.rows(
                "SELECT p.id, b.text FROM placements p JOIN blobs b ON b.id = p.blob_id"  # noqa: S608
                f" WHERE p.id IN ({marks}) ORDER BY p.id"
            )
        found = await anyio.to_thread.run_sync(_grams, texts)
        async with storage.database.write(storage.scope) as tx:
            new = await tx.rows(
                f"SELECT id FROM placements WHERE trigram = 0 AND id IN ({marks}) ORDER BY id"  # noqa: S608
            )
            await storage.trigrams.add(tx, view.repo_id, [(id_, found[id_]) for (id_,) in new])
            await tx.many("UPDATE placements SET trigram = 1 WHERE id = ?", new)
        done += len(part)
        await tell(done, len(wanted), "trigrams")


def _grams(texts: Sequence[tuple[int, bytes]]) -> dict[int, Grams]:
    return {id_: grams(plain_text(packed)) for id_, packed in texts}


async def add_vectors(storage: Storage, view: View, model: str, embed: Embed, tell: Tell) -> None:
    """Vectors of every file that the view shows and that has none of this model."""
    async with storage.database.read(storage.scope) as tx:
        rows = await tx.rows(
            "SELECT p.id FROM members m JOIN placements p ON p.id = m.placement_id"
            " WHERE m.view_id = :view AND p.chunks > 0 AND NOT EXISTS (SELECT 1 FROM vectors x"
            " WHERE x.model = :model AND x.repo_id = p.repo_id AND x.placement_id = p.id) ORDER BY p.id",
            {"view": view.id, "model": model},
        )
    wanted = [int(id_) for (id_,) in rows]
    done = 0
    for part in cut(wanted, BATCH_FILES):
        texts = await _passages(storage, part)
        flat = [passage for of_file in texts.values() for passage in of_file]
        vectors: list[NDArray[np.int8]] = []
        scales: list[NDArray[np.float32]] = []
        for some in cut(flat, BATCH_CHUNKS):
            more, their = await embed(some)
            vectors.append(more)
            scales.append(their)
        if flat:
            await _keep(storage, view, model, texts, np.concatenate(vectors), np.concatenate(scales))
        done += len(part)
        await tell(done, len(wanted), "vectors")


async def _passages(storage: Storage, placements: Sequence[int]) -> dict[int, list[Passage]]:
    marks = ", ".join(str(id_) for id_ in placements)
    async with storage.database.read(storage.scope) as tx:
        files = await tx.rows(
            "SELECT p.id, p.path, p.blob_id, b.text FROM placements p JOIN blobs b ON b.id = p.blob_id"  # noqa: S608
            f" WHERE p.id IN ({marks}) ORDER BY p.id"
        )
        spans = await tx.rows(
            "SELECT p.id, c.start_line, c.end_line, c.context FROM placements p JOIN chunks c ON c.blob_id = p.blob_id"  # noqa: S608
            f" WHERE p.id IN ({marks}) ORDER BY p.id, c.ordinal"
        )
    by_file: dict[int, list[tuple[int, int, str]]] = {}
    for id_, start, end, context in spans:
        by_file.setdefault(id_, []).append((start, end, context))
    found = {}
    for id_, path, _, packed in files:
        lines = short(plain_text(packed).split("\n"))
        chunks = by_file.get(id_, [])
        found[id_] = passages(
            path,
            [tuple(context.split("\n")) if context else () for _, _, context in chunks],
            ["\n".join(lines[start - 1 : end]) for start, end, _ in chunks],
        )
    return found


async def _keep(
    storage: Storage,
    view: View,
    model: str,
    texts: dict[int, list[Passage]],
    rows: NDArray[np.int8],
    scales: NDArray[np.float32],
) -> None:
    stored = []
    start = 0
    for id_, of_file in texts.items():
        end = start + len(of_file)
        if of_file:
            stored.append(
                (
                    model,
                    id_,
                    view.repo_id,
                    len(of_file),
                    scales[start:end].astype("<f4").tobytes(),
                    rows[start:end].astype(np.int8).tobytes(),
                )
            )
        start = end
    async with storage.database.write(storage.scope) as tx:
        await tx.many(
            "INSERT INTO vectors (model, placement_id, repo_id, count, scales, rows) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (model, repo_id, placement_id) DO NOTHING",
            stored,
        )
        await tx.run("UPDATE repos SET generation = generation + 1 WHERE id = :id", {"id": view.repo_id})
