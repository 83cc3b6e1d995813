"""What the server does on its own can fail without the server."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from tests.server.conftest import Place, text_of
from tests.server.swarms import facts_of

from sophia_mcp.store.database import Transaction
from sophia_mcp.store.driver import Durability
from sophia_mcp.store.engines.sqlite import open_database
from sophia_mcp.types import LOCAL

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("server.background")]


@asynccontextmanager
async def beside(
    place: Place, name: str, durability: Durability = "derived"
) -> AsyncIterator[Transaction]:
    """A transaction on a store that the server has open. Another SQLite than the server's would, in the same
    process, end its locks, and does not know the checksums of its pages."""
    store = await open_database(place.home / name, durability=durability)
    try:
        async with store.write(LOCAL) as tx:
            yield tx
    finally:
        await store.close()


async def logged(words: str, caplog: pytest.LogCaptureFixture) -> str:
    """The line of the log that has these words, which are sure to come."""
    with anyio.fail_after(30):
        while not (lines := [line for line in caplog.messages if words in line]):
            await anyio.sleep(0.01)
    return lines[0]


async def test_index_runs_that_cannot_be_resumed_leave_the_server_as_it_is(
    place: Place, era: str, caplog: pytest.LogCaptureFixture
) -> None:
    place.settings = {"embed": {"provider": "nobody"}}
    async with place.connect(era) as client:
        facts_of(await client.call_tool("cost_report", {}))
        assert "nobody" in await logged("resuming of index runs has ended", caplog)
        refused = await client.call_tool("search_code", {"query": "cart"})
        assert refused.is_error
        assert "nobody" in text_of(refused)
        facts_of(await client.call_tool("cost_report", {}))


async def test_a_watch_that_ended_begins_again_with_the_next_question(
    place: Place, era: str, caplog: pytest.LogCaptureFixture
) -> None:
    place.settings = {"index": {"workers": 1, "watch": True}}
    async with place.connect(era) as client:
        indexed = await client.call_tool("index_repo", {})
        assert not indexed.is_error, text_of(indexed)
        async with beside(place, "index.db") as tx:
            await tx.run("ALTER TABLE leases RENAME TO away")
        for _ in range(2):
            caplog.clear()
            await client.call_tool("search_code", {"query": "cart"})
            await logged(f"watch {place.project} has ended", caplog)
        async with beside(place, "index.db") as tx:
            await tx.run("ALTER TABLE away RENAME TO leases")
        found = await client.call_tool("search_code", {"query": "add an item to the cart"})
        assert "add_item" in text_of(found)


@pytest.mark.requirement("index.resume")
async def test_a_run_that_died_with_its_process_goes_on_in_a_server_that_runs(place: Place) -> None:
    request = {"root": str(place.project), "ref": "", "full": True, "trusted": True}
    dead = f"{platform.node()}:{os.getpid()}:before"
    async with place.connect("auto") as client:
        facts_of(await client.call_tool("index_repo", {}))
        async with beside(place, "index.db") as tx:
            await tx.run("UPDATE views SET state = 'indexing'")
        async with beside(place, "state.db", "truth") as tx:
            await tx.run(
                "INSERT INTO jobs SELECT 'cut-off', workspace, kind, :request, 'running', :dead, believed_ns, 0, 0,"
                " 0, '', '', created_ns, updated_ns FROM jobs",
                {"request": json.dumps(request), "dead": dead},
            )
        with anyio.fail_after(30):
            done: list[object] = []
            while not done:
                await anyio.sleep(0.1)
                async with beside(place, "state.db", "truth") as tx:
                    done = await tx.rows("SELECT id FROM jobs WHERE id = 'cut-off' AND state = 'done'")
        told = facts_of(await client.call_tool("index_repo", {"action": "status"}))
        assert told["repos"][0]["state"] == "ready"
