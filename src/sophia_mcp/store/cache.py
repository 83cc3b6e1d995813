"""What was already computed for this content?

Results are kept by a key that names the content and everything that shaped the result (model,
version). The cache has a size limit; what was not used for longest goes first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sophia_mcp.ops.clock import Clock, system
from sophia_mcp.store.database import Database, Transaction
from sophia_mcp.store.migrations import Migrations, Step
from sophia_mcp.types import Scope

MIGRATIONS = Migrations(
    "cache",
    (
        Step(
            1,
            """
            CREATE TABLE cache (
              workspace TEXT NOT NULL,
              key TEXT NOT NULL,
              value BLOB NOT NULL,
              size INTEGER NOT NULL,
              used_ns INTEGER NOT NULL,
              PRIMARY KEY (workspace, key)
            );
            CREATE INDEX cache_by_use ON cache (workspace, used_ns);
            CREATE TABLE cache_size (workspace TEXT PRIMARY KEY, bytes INTEGER NOT NULL)
            """,
            oldest_reader=1,
            oldest_writer=1,
        ),
    ),
)

_USE_GRAIN_NS = 3_600_000_000_000  # a use within the hour after the last one is not written again


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache in a database. ``limit`` is in bytes of values, per workspace."""

    db: Database
    limit: int = 512 << 20
    clock: Clock = system

    async def get_many(self, scope: Scope, keys: Sequence[str]) -> dict[str, bytes]:
        """The values that are there; missing keys are missing."""
        async with self.db.read(scope) as tx:
            found = await tx.rows(
                "SELECT key, value, used_ns FROM cache"
                " WHERE workspace = :workspace AND key IN (SELECT value FROM json_each(:keys))",
                {"keys": json.dumps(list(keys))},
            )
        now = self.clock()
        stale = [key for key, _, used in found if used < now - _USE_GRAIN_NS]
        if stale:
            async with self.db.write(scope) as tx:
                await tx.many(
                    "UPDATE cache SET used_ns = :now WHERE workspace = :workspace AND key = :key",
                    [{"now": now, "key": key} for key in stale],
                )
        return {key: value for key, value, _ in found}

    async def put_many(self, scope: Scope, values: Mapping[str, bytes]) -> None:
        """Keep values, replacing what is there; then drop the longest unused beyond the limit."""
        now = self.clock()
        async with self.db.write(scope) as tx:
            await self._forget(tx, list(values))
            await tx.many(
                "INSERT INTO cache (workspace, key, value, size, used_ns)"
                " VALUES (:workspace, :key, :value, :size, :now)",
                [
                    {"key": key, "value": value, "size": len(value), "now": now}
                    for key, value in values.items()
                ],
            )
            [(total,)] = await tx.rows(
                "INSERT INTO cache_size (workspace, bytes) VALUES (:workspace, :added)"
                " ON CONFLICT (workspace) DO UPDATE SET bytes = cache_size.bytes + excluded.bytes"
                " RETURNING bytes",
                {"added": sum(map(len, values.values()))},
            )
            if total > self.limit:
                await self._forget(tx, await self._longest_unused(tx, total - self.limit * 9 // 10))

    async def _forget(self, tx: Transaction, keys: Sequence[str]) -> None:
        gone = await tx.rows(
            "DELETE FROM cache WHERE workspace = :workspace"
            " AND key IN (SELECT value FROM json_each(:keys)) RETURNING size",
            {"keys": json.dumps(list(keys))},
        )
        if gone:
            await tx.run(
                "UPDATE cache_size SET bytes = bytes - :gone WHERE workspace = :workspace",
                {"gone": sum(size for (size,) in gone)},
            )

    async def _longest_unused(self, tx: Transaction, surplus: int) -> list[str]:
        """Keys whose values together are at least ``surplus`` bytes, longest unused first."""
        found = await tx.rows(
            "SELECT key FROM (SELECT key, sum(size) OVER (ORDER BY used_ns, key) - size AS before"
            " FROM cache WHERE workspace = :workspace) AS aged WHERE before < :surplus",
            {"surplus": surplus},
        )
        return [key for (key,) in found]
