"""Which engines keep the store? One file each; the file name is the engine's name."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

from sophia_mcp.registry import Folder
from sophia_mcp.store.database import Database
from sophia_mcp.store.driver import Durability


@runtime_checkable
class Engine(Protocol):
    """Opens databases. Called once per store file and process."""

    async def open(self, path: Path, *, durability: Durability) -> Database:
        """Open or create the database at ``path``.

        Raises OldSQLite, StoreDamaged, StoreTooNew, StoreBusy, DiskFull, BadSetting.
        """
        ...


ENGINES: Folder[Engine] = Folder(__name__, "ENGINE", Engine, group="sophia_mcp.store.engines")
