"""Who is told when what a resource shows has changed?

Stateless clients hold a `subscriptions/listen` stream, fed by a bus. Handshake clients subscribe to
single resources; list changes go to every one of them.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from weakref import WeakKeyDictionary

from mcp.server import ServerRequestContext
from mcp.server.connection import Connection
from mcp.server.context import CallNext, HandlerResult
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourcesListChanged, ResourceUpdated

from sophia_mcp.server import sdk

MAX_SUBSCRIPTIONS = 256
"""Resources one handshake client may subscribe to; the oldest go first."""


class Changes:
    """The subscribers of one server."""

    def __init__(self) -> None:
        self.bus = InMemorySubscriptionBus()
        self._wanted: WeakKeyDictionary[Connection, dict[str, None]] = WeakKeyDictionary()

    async def remember(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Middleware: know every handshake client, since all of them are told about lists."""
        result = await call_next(ctx)
        if ctx.method == "initialize":
            self._wanted.setdefault(sdk.connection(ctx), {})
        return result

    def subscribe(self, peer: Connection, uri: str) -> None:
        """A handshake client wants to hear about this resource."""
        wanted = self._wanted.setdefault(peer, {})
        wanted[uri] = None
        while len(wanted) > MAX_SUBSCRIPTIONS:
            del wanted[next(iter(wanted))]

    def unsubscribe(self, peer: Connection, uri: str) -> None:
        """It does not any more."""
        self._wanted.get(peer, {}).pop(uri, None)

    async def updated(self, uri: str) -> None:
        """Tell whoever asked that this resource reads differently now."""
        await self.bus.publish(ResourceUpdated(uri=uri))
        for peer in [peer for peer, wanted in list(self._wanted.items()) if uri in wanted]:
            await peer.send_resource_updated(uri)

    async def run_changed(self, run_id: str) -> None:
        """Something has happened in a run."""
        await self.updated("sophia://timelines")
        await self.updated(f"sophia://timelines/{run_id}")

    async def alerted(self, facts: dict[str, Any]) -> None:
        """A budget has crossed a level: handshake clients get the message, all others that asked hear
        that the cost view reads differently."""
        await self.updated("ui://sophia/cost")
        for peer in list(self._wanted):
            message = {"level": "warning", "logger": "sophia.cost", "data": facts}
            await peer.notify("notifications/message", message)

    async def repository_changed(self, repo: str | None) -> None:
        """A repository was indexed, indexed again or forgotten."""
        await self.updated("sophia://repos")
        if repo is not None:
            name = quote(repo, safe="")
            await self.updated(f"sophia://repos/{name}/map")
            await self.updated(f"sophia://repos/{name}/coverage")
        await self.bus.publish(ResourcesListChanged())
        for peer in list(self._wanted):
            await peer.send_resource_list_changed()
