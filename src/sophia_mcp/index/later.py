"""What is added once a view can be searched by words? Trigrams, for substrings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio.to_thread

from sophia_mcp.index.run import Storage
from sophia_mcp.index.views import View
from sophia_mcp.index.write import cut, plain_text
from sophia_mcp.store.trigrams import FILES_MOST, Grams, grams

Tell = Callable[[int, int, str], Awaitable[None]]
"""Called after each batch with placements done, placements in all, and the stage; may raise."""


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
            if new:  # else what they stood for may be forgotten
                await storage.trigrams.add(tx, view.repo_id, [(id_, found[id_]) for (id_,) in new])
                await tx.many("UPDATE placements SET trigram = 1 WHERE id = ?", new)
        done += len(part)
        await tell(done, len(wanted), "trigrams")


def _grams(texts: Sequence[tuple[int, bytes]]) -> dict[int, Grams]:
    return {id_: grams(plain_text(packed)) for id_, packed in texts}
