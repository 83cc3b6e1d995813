"""A store of its own for every test of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sophia_mcp.store import cache, jobs, leases
from sophia_mcp.store.engines.sqlite import SqliteDatabase, open_database


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    db = await open_database(tmp_path / "state.db", durability="truth")
    await db.migrate(leases.MIGRATIONS, jobs.MIGRATIONS, cache.MIGRATIONS)
    yield db
    await db.close()


class Hand:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_ns = 1_800_000_000_000_000_000

    def __call__(self) -> int:
        return self.now_ns

    def forward(self, seconds: float) -> None:
        self.now_ns += int(seconds * 1e9)


@pytest.fixture
def hand() -> Hand:
    return Hand()
