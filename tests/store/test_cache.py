"""What was computed once is not computed again, within a limit."""

from __future__ import annotations

import pytest
from tests.store.conftest import Hand

from sophia_mcp.store.cache import Cache
from sophia_mcp.store.engines.sqlite import SqliteDatabase
from sophia_mcp.types import LOCAL, Scope

pytestmark = pytest.mark.anyio


async def test_values_come_back_by_key(store: SqliteDatabase) -> None:
    cache = Cache(store)
    await cache.put_many(LOCAL, {"a": b"1", "b": b"\0\xff"})
    await cache.put_many(LOCAL, {"a": b"2"})
    assert await cache.get_many(LOCAL, ["a", "b", "c"]) == {"a": b"2", "b": b"\0\xff"}
    assert await cache.get_many(LOCAL, []) == {}


async def test_workspaces_share_nothing(store: SqliteDatabase) -> None:
    cache = Cache(store)
    await cache.put_many(LOCAL, {"a": b"mine"})
    assert await cache.get_many(Scope("others"), ["a"]) == {}


async def test_the_longest_unused_values_make_room(store: SqliteDatabase, hand: Hand) -> None:
    cache = Cache(store, limit=1000, clock=hand)
    for key in "abcde":
        await cache.put_many(LOCAL, {key: b"x" * 200})
        hand.forward(7200)
    await cache.get_many(LOCAL, ["a"])
    await cache.put_many(LOCAL, {"f": b"x" * 200})
    found = await cache.get_many(LOCAL, list("abcdef"))
    assert "a" in found
    assert "f" in found
    assert "b" not in found
    assert sum(map(len, found.values())) <= 1000


async def test_the_limit_holds_over_many_changes(store: SqliteDatabase, hand: Hand) -> None:
    cache = Cache(store, limit=5000, clock=hand)
    for i in range(60):
        hand.forward(1)
        await cache.put_many(LOCAL, {f"k{(i * 7 + j) % 90}": b"y" * (50 + j) for j in range(8)})
        async with store.read(LOCAL) as tx:
            [(held,)] = await tx.rows("SELECT sum(size) FROM cache")
            [(counted,)] = await tx.rows("SELECT bytes FROM cache_size")
        assert held == counted
        assert held <= 5000
