"""Which log files of other assistants were read already, and as what size and time did they have?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sophia_mcp.store.database import Database
from sophia_mcp.store.migrations import Migrations, Step
from sophia_mcp.types import Scope

if TYPE_CHECKING:
    from sophia_mcp.cost.logs import Log

_FIRST = """
CREATE TABLE cost_imports (
  workspace TEXT NOT NULL,
  client TEXT NOT NULL,
  path TEXT NOT NULL,
  version INTEGER NOT NULL,      -- of the reader that read it
  size INTEGER NOT NULL,
  changed_ns INTEGER NOT NULL,
  calls INTEGER NOT NULL,
  skipped INTEGER NOT NULL,      -- records that were not understood
  PRIMARY KEY (workspace, client, path)
) WITHOUT ROWID;
"""

MIGRATIONS = Migrations("cost_imports", (Step(1, _FIRST, oldest_reader=1, oldest_writer=1),))


@dataclass(frozen=True, slots=True)
class Read:
    """One file as it was when it was read."""

    path: Path
    size: int
    changed_ns: int
    log: Log


async def known(db: Database, scope: Scope, client: str, version: int) -> dict[str, tuple[int, int]]:
    """Size and time of every file this version of a client's reader has read, by path."""
    async with db.read(scope) as tx:
        rows = await tx.rows(
            "SELECT path, size, changed_ns FROM cost_imports"
            " WHERE workspace = :workspace AND client = :client AND version = :version",
            {"client": client, "version": version},
        )
    return {path: (size, changed_ns) for path, size, changed_ns in rows}


async def remember(db: Database, scope: Scope, client: str, version: int, files: Iterable[Read]) -> None:
    """Write down that these files were read. To be called after their calls are in the ledger."""
    async with db.write(scope) as tx:
        for read in files:
            await tx.run(
                "INSERT INTO cost_imports (workspace, client, path, version, size, changed_ns, calls,"
                " skipped) VALUES (:workspace, :client, :path, :version, :size, :changed, :calls,"
                " :skipped) ON CONFLICT (workspace, client, path) DO UPDATE SET"
                " version = excluded.version, size = excluded.size,"
                " changed_ns = excluded.changed_ns, calls = excluded.calls,"
                " skipped = excluded.skipped",
                {
                    "client": client,
                    "path": str(read.path),
                    "version": version,
                    "size": read.size,
                    "changed": read.changed_ns,
                    "calls": len(read.log.calls),
                    "skipped": read.log.skipped,
                },
            )
