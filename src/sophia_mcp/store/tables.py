"""Which tables has a store file?"""

from __future__ import annotations

from sophia_mcp.store.database import Transaction


async def exists(tx: Transaction, name: str) -> bool:
    """Whether there is a table of this name."""
    return bool(await tx.rows("SELECT 1 FROM sqlite_schema WHERE name = :name", {"name": name}))
