"""Cut the power at many points of a run of batches; print what the store held when it came back.

Run as a program: ``python -m tests.faults.store.power_cuts DURABILITY CUTS SEED``.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.faults.store.disks import Forgetting, ForgettingDisk

power = Forgetting()
disk = ForgettingDisk(power)  # before the store is imported: the store takes the default VFS

import anyio  # noqa: E402
import apsw  # noqa: E402
from tests.faults.store import batches  # noqa: E402

from sophia_mcp.errors import SophiaError  # noqa: E402
from sophia_mcp.store.engines.sqlite import open_database  # noqa: E402

BATCHES = range(12)


async def run(folder: Path, durability: Any, at: int) -> tuple[int, list[int]]:
    """Write until the power is cut at the ``at``-th operation (0: never); returns the operations
    made and the batches acknowledged."""
    for old in folder.iterdir():
        old.unlink()
    power.held.clear()
    power.pending.clear()
    power.at, power.count, power.dead = 0, 0, False
    db = await open_database(folder / "store.db", durability=durability)
    await db.migrate(batches.TABLES)
    async with db.writer() as connection:  # a small log, so that many cuts fall into moving it
        await connection.execute("PRAGMA wal_autocheckpoint = 60")
        await connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    power.count, power.at = 0, at
    done: list[int] = []
    try:
        for batch in BATCHES:
            await batches.write(db, batch)
            done.append(batch)
    except SophiaError:
        pass
    count = power.count
    with suppress(apsw.Error):  # there is no power to close a file with
        await db.close()
    return count, done


async def main(durability: Any, cuts: int, seed: int) -> None:
    draw = random.Random(seed)
    corrupt: list[str] = []
    lost = most = 0
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        live, after = Path(name) / "live", Path(name) / "after"
        live.mkdir()
        total, _ = await run(live, durability, 0)
        for cut in range(cuts):
            at = 1 + cut * total // cuts
            _, done = await run(live, durability, at)
            after.mkdir()
            power.wake(after, draw)
            power.at, power.dead = 0, False
            db = await open_database(after / "store.db", durability=durability)
            held, wrong = await batches.state(db)
            if held != list(range(len(held))):
                wrong.append(f"batches {held} are not the first ones")
            await batches.write(db, 99)
            await db.close()
            missing = set(done) - set(held)
            lost, most = lost + bool(missing), max(most, len(missing))
            corrupt += [f"at {at}: {each}" for each in wrong]
            for old in after.iterdir():
                old.unlink()
            after.rmdir()
    print(
        json.dumps(
            {
                "operations": total,
                "cuts": cuts,
                "corrupt": corrupt[:20],
                "cuts_that_lost": lost,
                "most_lost": most,
            }
        )
    )


if __name__ == "__main__":
    sys.unraisablehook = lambda _: None  # what a dead disk refuses while a file is closed
    anyio.run(main, sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
