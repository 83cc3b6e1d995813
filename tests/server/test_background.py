"""What the server does on its own can fail without the server."""

from __future__ import annotations

import json
import os
import platform
import sqlite3

import anyio
import pytest
from tests.server.conftest import Place, text_of
from tests.server.swarms import facts_of

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("server.background")]


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
        with sqlite3.connect(place.home / "index.db") as store:
            store.execute("ALTER TABLE leases RENAME TO away")
        for _ in range(2):
            caplog.clear()
            await client.call_tool("search_code", {"query": "cart"})
            await logged(f"watch {place.project} has ended", caplog)
        with sqlite3.connect(place.home / "index.db") as store:
            store.execute("ALTER TABLE away RENAME TO leases")
        found = await client.call_tool("search_code", {"query": "add an item to the cart"})
        assert "add_item" in text_of(found)


@pytest.mark.requirement("index.resume")
async def test_a_run_that_died_with_its_process_goes_on_in_a_server_that_runs(place: Place) -> None:
    request = {"root": str(place.project), "ref": "", "full": True, "trusted": True}
    dead = f"{platform.node()}:{os.getpid()}:before"
    async with place.connect("auto") as client:
        facts_of(await client.call_tool("index_repo", {}))
        with (
            sqlite3.connect(place.home / "state.db") as store,
            sqlite3.connect(place.home / "index.db") as index,
        ):
            store.execute(
                "INSERT INTO jobs SELECT 'cut-off', workspace, kind, ?, 'running', ?, believed_ns, 0, 0, 0, '',"
                " '', created_ns, updated_ns FROM jobs",
                (json.dumps(request), dead),
            )
            index.execute("UPDATE views SET state = 'indexing'")
        with anyio.fail_after(30):
            while (
                facts_of(await client.call_tool("index_repo", {"action": "status"}))["repos"][0]["state"]
                != "ready"
            ):
                await anyio.sleep(0.1)
        with sqlite3.connect(place.home / "state.db") as store:
            assert store.execute("SELECT state FROM jobs WHERE id = 'cut-off'").fetchall() == [("done",)]
