"""Who alone may do this piece of work for now?

A lease is one row with an end. It is taken, renewed and stolen after its end by one statement, so
two processes can never both have it. Its holder takes it anew well before the end and stops working
when another has it.
"""

from __future__ import annotations

from sophia_mcp.ops.clock import Clock, system
from sophia_mcp.store.database import Database
from sophia_mcp.store.migrations import Migrations, Step
from sophia_mcp.types import Scope

MIGRATIONS = Migrations(
    "leases",
    (
        Step(
            1,
            """
            CREATE TABLE leases (
              name TEXT PRIMARY KEY,
              owner TEXT NOT NULL,
              expires_ns INTEGER NOT NULL
            ) WITHOUT ROWID
            """,
            oldest_reader=1,
            oldest_writer=1,
        ),
    ),
)

_SCOPE = Scope("store")  # a lease guards a file or tree of this machine, whoever's workspace it is
_NEVER = (1 << 63) - 1


async def take(
    db: Database,
    name: str,
    owner: str,
    ttl_s: float,
    *,
    longest_s: float | None = None,
    clock: Clock = system,
) -> bool:
    """Take or renew the lease ``name`` for ``ttl_s`` seconds. False: another owner has it.

    ``longest_s``: nobody takes this one for longer, so that one which would last longer was taken before the
    clock was set back, and is nobody's.
    """
    now = clock()
    async with db.write(_SCOPE) as tx:
        held = await tx.rows(
            "INSERT INTO leases (name, owner, expires_ns) VALUES (:name, :owner, :expires)"
            " ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_ns = excluded.expires_ns"
            " WHERE leases.owner = excluded.owner OR leases.expires_ns <= :now OR leases.expires_ns > :latest"
            " RETURNING owner",
            {
                "name": name,
                "owner": owner,
                "expires": now + int(ttl_s * 1e9),
                "now": now,
                "latest": _latest(now, longest_s),
            },
        )
    return bool(held)


async def release(db: Database, name: str, owner: str) -> None:
    """Give the lease back. Does nothing when ``owner`` does not have it."""
    async with db.write(_SCOPE) as tx:
        await tx.run(
            "DELETE FROM leases WHERE name = :name AND owner = :owner", {"name": name, "owner": owner}
        )


async def owner_of(
    db: Database,
    name: str,
    *,
    left_s: float = 0.0,
    longest_s: float | None = None,
    clock: Clock = system,
) -> str | None:
    """Who has the lease now, and for ``left_s`` seconds more, or None. ``longest_s`` as for `take`."""
    now = clock()
    async with db.read(_SCOPE) as tx:
        found = await tx.rows(
            "SELECT owner FROM leases WHERE name = :name AND expires_ns > :least AND expires_ns <= :latest",
            {"name": name, "least": now + int(left_s * 1e9), "latest": _latest(now, longest_s)},
        )
    return str(found[0][0]) if found else None


def _latest(now: int, longest_s: float | None) -> int:
    return _NEVER if longest_s is None else now + int(longest_s * 1e9)
