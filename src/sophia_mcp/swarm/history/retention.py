"""How long is a run kept?

What a run was asked and answered is large, and of use for a while: it can be read, resumed, and compared.
After that it goes, with its steps, events and job. What it cost stays in the ledger for good, and what
was learned from it has a life of its own in memory.
"""

from __future__ import annotations

import anyio

from sophia_mcp.store import jobs
from sophia_mcp.swarm.history.book import Book

AT_ONCE = 5
"""Runs in one transaction: others write in between, and a run may have megabytes."""

DAY_S = 86_400

_OLD = (
    "SELECT id FROM runs WHERE workspace = :workspace AND created_ns < :before AND updated_ns < :before"
    " AND status <> 'needs_steps'"
    " AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = runs.id AND jobs.state = 'running'"
    " AND jobs.believed_ns > :now)"
    " AND NOT (status = 'running' AND EXISTS (SELECT 1 FROM run_steps WHERE run_steps.run_id = runs.id"
    " AND run_steps.state IN ('waiting', 'answered')))"
    " ORDER BY created_ns LIMIT :most"
)


async def sweep(book: Book, days: int) -> int:
    """Forget the runs about which nothing has changed for so many days; returns how many there were.
    One that somebody works on, or that waits for the assistant, stays however old it is."""
    swept = 0
    while True:
        now = book.clock()
        asked = {"before": now - days * DAY_S * 1_000_000_000, "now": now, "most": AT_ONCE}
        async with book.db.write(book.scope) as tx:
            old = [str(id_) for (id_,) in await tx.rows(_OLD, asked)]
            for id_ in old:
                for table in ("run_steps", "run_events"):
                    await tx.run(
                        f"DELETE FROM {table} WHERE workspace = :workspace AND run_id = :run",  # noqa: S608
                        {"run": id_},
                    )
                await tx.run("DELETE FROM runs WHERE workspace = :workspace AND id = :run", {"run": id_})
                await jobs.forget(tx, id_)
        swept += len(old)
        if len(old) < AT_ONCE:
            return swept


async def keep_sweeping(book: Book, days: int) -> None:
    """Sweep now and every day, until cancelled."""
    while True:
        await sweep(book, days)
        await anyio.sleep(DAY_S)
