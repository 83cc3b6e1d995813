"""Migrate a store and die at the Nth statement, without a word.

Run as a program: ``python -m tests.faults.store.killed_migration PATH STATEMENT``; ends with 9
when it died, 0 when there were fewer statements.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import anyio
import apsw

from sophia_mcp.index import schema
from sophia_mcp.store import cache, jobs, leases
from sophia_mcp.store.engines.sqlite import open_database

PACKAGES = (leases.MIGRATIONS, jobs.MIGRATIONS, cache.MIGRATIONS, schema.MIGRATIONS)


async def main(path: Path, statement: int) -> None:
    seen = 0

    def count(*_: Any) -> bool:
        nonlocal seen
        seen += 1
        if seen == statement:
            os._exit(9)
        return True

    def watch(connection: apsw.Connection) -> None:
        connection.exec_trace = count

    apsw.connection_hooks.append(watch)
    db = await open_database(path, durability="truth")
    await db.migrate(*PACKAGES)
    await db.close()


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), int(sys.argv[2]))
