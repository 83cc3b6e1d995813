"""Subscribers of both eras hear about what changed."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from mcp import MCPError
from mcp.shared.subscriptions import ResourcesListChanged, ResourceUpdated
from mcp.types import ResourceListChangedNotification, ResourceUpdatedNotification
from tests.server.conftest import Place

from sophia_mcp.server.changes import MAX_SUBSCRIPTIONS, Changes

pytestmark = pytest.mark.anyio


class Peer:
    """A handshake connection that writes down what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def send_resource_updated(self, uri: str) -> None:
        self.heard.append(uri)

    async def send_resource_list_changed(self) -> None:
        self.heard.append("list")


@pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")
@pytest.mark.requirement("server.resources")
@pytest.mark.requirement("server.changes")
async def test_a_handshake_client_hears_of_the_resources_it_subscribed_to(place: Place) -> None:
    heard: list[Any] = []
    ended = anyio.Event()

    async def hear(message: Any) -> None:
        heard.append(message)
        if isinstance(message, ResourceListChangedNotification):
            ended.set()

    async with place.connect("legacy", message_handler=hear) as client:
        assert client.server_capabilities.resources is not None
        assert client.server_capabilities.resources.subscribe
        assert client.server_capabilities.resources.list_changed
        assert client.server_capabilities.tools is not None
        assert client.server_capabilities.tools.list_changed
        await client.subscribe_resource("sophia://repos")
        await client.call_tool("index_repo", {})
        with anyio.fail_after(20):
            await ended.wait()
    updates = [each for each in heard if isinstance(each, ResourceUpdatedNotification)]
    assert [str(each.params.uri) for each in updates] == ["sophia://repos"]


@pytest.mark.requirement("server.changes")
async def test_the_end_of_a_run_is_told_once_however_many_questions_follow(place: Place) -> None:
    """Clients read the list of resources again whenever they are told that it changed."""
    heard: list[Any] = []

    async def hear(message: Any) -> None:
        heard.append(message)

    async with place.connect("legacy", message_handler=hear) as client:
        await client.call_tool("index_repo", {})
        for _ in range(3):
            await client.call_tool("search_code", {"query": "total_cents"})
        await client.call_tool("index_repo", {"action": "rebuild"})
        await client.call_tool("search_code", {"query": "total_cents"})
    assert sum(isinstance(each, ResourceListChangedNotification) for each in heard) == 2


@pytest.mark.requirement("server.resources")
@pytest.mark.requirement("server.changes")
async def test_a_listening_client_hears_what_it_asked_for(place: Place) -> None:
    heard: list[Any] = []
    async with place.connect("auto") as client:
        wanted = {
            "resources_list_changed": True,
            "resource_subscriptions": ["sophia://repos", "sophia://repos/project/map"],
        }
        async with client.listen(**wanted) as events:
            await client.call_tool("index_repo", {})
            with anyio.fail_after(20):
                async for event in events:
                    heard.append(event)
                    if isinstance(event, ResourcesListChanged):
                        break
    updated = {event.uri for event in heard if isinstance(event, ResourceUpdated)}
    assert updated == {"sophia://repos", "sophia://repos/project/map"}


@pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")
@pytest.mark.parametrize("uri", ["sophia://repo", "sophia://timeline/x", "file:///etc/passwd", "x"])
async def test_who_subscribes_to_what_is_no_resource_is_told(indexed: Place, uri: str) -> None:
    """Else a client with a typing error waits for news for ever."""
    async with indexed.connect("legacy") as client:
        with pytest.raises(MCPError, match=r"Unknown resource.*resources/list") as refused:
            await client.subscribe_resource(uri)
        assert refused.value.error.code == -32602
        await client.subscribe_resource("sophia://repos/to-come/map")
        await client.subscribe_resource("sophia://repos/parent%2Fchild/map")
        await client.unsubscribe_resource(uri)


async def test_subscriptions_of_one_client_are_bounded_and_can_be_taken_back() -> None:
    changes, peer = Changes(), Peer()
    for number in range(MAX_SUBSCRIPTIONS + 1):
        changes.subscribe(peer, f"sophia://repos/{number}/map")  # type: ignore[arg-type]
    changes.unsubscribe(peer, "sophia://repos/1/map")  # type: ignore[arg-type]
    for number in (0, 1, 2):
        await changes.updated(f"sophia://repos/{number}/map")
    assert peer.heard == ["sophia://repos/2/map"]
