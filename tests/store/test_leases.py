"""One owner at a time, and never none for long."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.store.conftest import Hand

from sophia_mcp.store import leases
from sophia_mcp.store.engines.sqlite import SqliteDatabase

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("store.leases")
async def test_a_lease_has_one_owner_until_it_ends(store: SqliteDatabase, hand: Hand) -> None:
    assert await leases.take(store, "watch:/x", "one", 10, clock=hand)
    assert not await leases.take(store, "watch:/x", "two", 10, clock=hand)
    assert await leases.take(store, "watch:/y", "two", 10, clock=hand)
    assert await leases.owner_of(store, "watch:/x", clock=hand) == "one"
    hand.forward(11)
    assert await leases.owner_of(store, "watch:/x", clock=hand) is None
    assert await leases.take(store, "watch:/x", "two", 10, clock=hand)
    assert not await leases.take(store, "watch:/x", "one", 10, clock=hand)


@pytest.mark.requirement("store.leases")
async def test_a_renewed_lease_goes_on(store: SqliteDatabase, hand: Hand) -> None:
    assert await leases.take(store, "a", "one", 10, clock=hand)
    for _ in range(5):
        hand.forward(8)
        assert await leases.take(store, "a", "one", 10, clock=hand)
        assert not await leases.take(store, "a", "two", 10, clock=hand)


@pytest.mark.requirement("store.leases")
async def test_only_its_owner_gives_a_lease_back(store: SqliteDatabase, hand: Hand) -> None:
    await leases.take(store, "a", "one", 10, clock=hand)
    await leases.release(store, "a", "two")
    assert not await leases.take(store, "a", "two", 10, clock=hand)
    await leases.release(store, "a", "one")
    assert await leases.take(store, "a", "two", 10, clock=hand)


TAKE = """
import anyio, pathlib, sys
from sophia_mcp.store import leases
from sophia_mcp.store.engines.sqlite import open_database

async def main():
    db = await open_database(pathlib.Path(sys.argv[1]), durability="truth")
    print("go", flush=True)
    sys.stdin.readline()
    won = [n for n in range(20) if await leases.take(db, f"lease-{n}", sys.argv[2], 60)]
    await db.close()
    print(*won)

anyio.run(main)
"""


@pytest.mark.requirement("store.leases")
async def test_of_four_processes_exactly_one_gets_each_lease(store: SqliteDatabase) -> None:
    path: Path = store.path
    racing = [
        subprocess.Popen(
            [sys.executable, "-c", TAKE, str(path), f"p{i}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for i in range(4)
    ]
    for process in racing:
        assert process.stdout is not None
        assert process.stdout.readline() == "go\n"
    won = []
    for process in racing:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in racing:
        won += process.communicate(timeout=60)[0].split()
    assert sorted(map(int, won)) == list(range(20))
