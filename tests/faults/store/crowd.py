"""One of several processes that share a store; prints what it met.

Run as a program: ``python -m tests.faults.store.crowd ROLE PATH SECONDS FIRST_BATCH [ACKNOWLEDGED]``.
``write`` adds batches until its time is over and appends each acknowledged one to a file, synced;
``ask`` reads, and now and then records progress as a server does.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

import anyio
from tests.faults.store import batches

from sophia_mcp.errors import SophiaError
from sophia_mcp.store import leases
from sophia_mcp.store.engines.sqlite import SqliteDatabase, open_database
from sophia_mcp.store.text import Fts5Text
from sophia_mcp.types import LOCAL

seconds: list[float] = []
errors: Counter[str] = Counter()


async def write(db: SqliteDatabase, end: float, batch: int, acknowledged: Path) -> None:
    log = os.open(acknowledged, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    while time.monotonic() < end:
        started = time.perf_counter()
        await batches.write(db, batch)
        seconds.append(time.perf_counter() - started)
        os.write(log, b"%d\n" % batch)
        os.fsync(log)
        batch += 1
    os.close(log)


async def ask(db: SqliteDatabase, end: float, number: int) -> None:
    turn = number
    while time.monotonic() < end:
        started = time.perf_counter()
        async with db.read(LOCAL) as tx:
            hits = await Fts5Text().search(tx, 1, ["hello", f"w{turn % 500}"], 20)
            marks = ", ".join(str(id_) for id_, _ in hits) or "0"
            await tx.rows(f"SELECT id, body FROM files WHERE id IN ({marks})")
        seconds.append(time.perf_counter() - started)
        if turn % 50 == 0:
            await leases.take(db, f"lease-{turn % 3}", f"p{number}", 0.01)
        turn += 1


async def main(role: str, path: Path, duration: float, number: int, acknowledged: Path) -> None:
    db = await open_database(path, durability="derived")
    print("go", flush=True)
    end = time.monotonic() + duration
    try:
        await (write(db, end, number, acknowledged) if role == "write" else ask(db, end, number))
    except SophiaError as error:
        errors[f"{type(error).__name__}: {error}"] += 1
    await db.close()
    seconds.sort()

    def percentile(share: float) -> float:
        return round(seconds[int(len(seconds) * share)] * 1e3, 2) if seconds else 0.0

    print(
        json.dumps(
            {
                "role": role,
                "count": len(seconds),
                "p50_ms": percentile(0.5),
                "p95_ms": percentile(0.95),
                "p99_ms": percentile(0.99),
                "max_ms": round(seconds[-1] * 1e3, 1) if seconds else 0.0,
                "errors": dict(errors),
            }
        )
    )


if __name__ == "__main__":
    role, path, duration, number, *rest = sys.argv[1:]
    anyio.run(
        main, role, Path(path), float(duration), int(number), Path(rest[0] if rest else os.devnull)
    )
