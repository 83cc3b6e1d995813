"""Run batches over a disk that refuses the Nth write or sync; print what became of the store.

Run as a program: ``python -m tests.faults.store.refused_writes DURABILITY POINTS``.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

from tests.faults.store.disks import Refusing, RefusingDisk

plan = Refusing()
disk = RefusingDisk(plan)  # before the store is imported: the store takes the default VFS

import anyio  # noqa: E402
from tests.faults.store import batches  # noqa: E402

from sophia_mcp.errors import DiskFull, SophiaError  # noqa: E402
from sophia_mcp.store.engines.sqlite import SqliteDatabase, open_database  # noqa: E402

BATCHES = range(1, 5)


async def work(db: SqliteDatabase) -> list[int]:
    """Write all batches; returns those that were acknowledged. Raises what the store raises."""
    done: list[int] = []
    for batch in BATCHES:
        try:
            await batches.write(db, batch)
            done.append(batch)
            await db.checkpoint()
        except DiskFull:
            outcomes["DiskFull"] += 1
    return done


outcomes: Counter[str] = Counter()


async def one(
    folder: Path, template: Path, durability: Any, at: int, kind: Any, once: bool
) -> list[str]:
    """The violations at one point."""
    path = folder / "store.db"
    for old in folder.iterdir():
        old.unlink()
    shutil.copy(template, path)
    plan.disarm()
    db = await open_database(path, durability=durability)
    plan.arm(at, kind, once)
    acknowledged: list[int] = []
    wrong: list[str] = []
    try:
        acknowledged = await work(db)
    except SophiaError as error:
        wrong.append(f"unexpected {error!r}")
    plan.disarm()
    try:
        await batches.write(db, 90)  # the same connection goes on once the disk does
        acknowledged.append(90)
    except SophiaError as error:
        wrong.append(f"not usable afterwards: {error!r}")
    await db.close()
    db = await open_database(path, durability=durability)
    held, found = await batches.state(db)
    wrong += found
    if set(acknowledged) - set(held):
        wrong.append(f"lost {set(acknowledged) - set(held)}")
    await batches.write(db, 91)
    await db.close()
    return wrong


async def main(durability: Any, points: int) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        folder, template = Path(name) / "live", Path(name) / "template.db"
        folder.mkdir()
        db = await open_database(template, durability=durability)
        await db.migrate(batches.TABLES)
        await batches.write(db, 0)
        await db.close()
        plan.count = 0
        db = await open_database(folder / "store.db", durability=durability)
        await db.migrate(batches.TABLES)
        plan.count = 0
        await work(db)
        total = plan.count
        await db.close()
        every = list(product(range(1, total + 1), ("full", "broken"), (False, True)))
        chosen = (
            every if points >= len(every) else [every[i * len(every) // points] for i in range(points)]
        )
        violations = []
        for at, kind, once in chosen:
            wrong = await one(folder, template, durability, at, kind, once)
            violations += [f"{kind} at {at}{' once' if once else ''}: {each}" for each in wrong]
    print(
        json.dumps(
            {
                "operations": total,
                "points": len(chosen),
                "violations": violations[:20],
                "count": len(violations),
                **outcomes,
            }
        )
    )


if __name__ == "__main__":
    sys.unraisablehook = lambda _: None  # what the disk refuses while a file is closed
    anyio.run(main, sys.argv[1], int(sys.argv[2]))
