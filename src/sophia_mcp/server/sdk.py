"""Which private parts of the MCP SDK does this server stand on? All of them are named here.

The SDK's own runners lock a connection to the era of its first frame, hide list changes from
handshake clients and offer no way to close open streams. What mends that is not public, so it is
kept in this one module, and the conformance suites judge every new SDK minor.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio
from mcp import MCPError
from mcp.server import MCPServer, NotificationOptions, ServerRequestContext
from mcp.server.connection import Connection
from mcp.server.lowlevel.server import Server
from mcp.server.mcpserver.resources.templates import ResourceSecurityError
from mcp.server.mcpserver.tools import Tool
from mcp.server.runner import modern_error_data, serve_dual_era_loop, serve_one
from mcp.server.streamable_http import EventStore
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared._context_streams import create_context_streams
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.exceptions import NoBackChannelError
from mcp.shared.inbound import InboundLadderRejection, classify_inbound_request
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from mcp.shared.transport_context import TransportContext
from mcp.types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    CreateMessageRequest,
    CreateMessageResultWithTools,
    EmptyResult,
    ErrorData,
    JSONRPCError,
    JSONRPCRequest,
    JSONRPCResponse,
    ListRootsRequest,
    NotificationParams,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel, ValidationError

ROOTS_S = 3.0
"""How long a client may take to name its roots."""

Subscribed = Callable[[Connection, str], None]
Question = ListRootsRequest | CreateMessageRequest
Told = TypeVar("Told", bound=BaseModel)


def lowlevel(server: MCPServer[Any]) -> Server[Any]:
    """The server below the ergonomic one: handlers, lifespan, capabilities."""
    return server._lowlevel_server


def tool(server: MCPServer[Any], name: object) -> Tool | None:
    """The registered tool of that name, or None."""
    return server._tool_manager.get_tool(name) if isinstance(name, str) else None


def tool_names(server: MCPServer[Any]) -> list[str]:
    """Names of all registered tools, in the order they are listed."""
    return [each.name for each in server._tool_manager.list_tools()]


def connection(context: ServerRequestContext[Any, Any]) -> Connection:
    """The connection a request came over. On the stateless era it lives for one request."""
    return context.session._connection


async def client_roots(context: ServerRequestContext[Any, Any]) -> list[str]:
    """The `file://` URIs of the client's roots; empty where it declared none or does not answer.

    Only the handshake era lets a server ask. The typed call for this warns that roots are
    deprecated, which is for new servers to know and not for an editor's log.
    """
    capabilities = context.session.client_capabilities
    if capabilities is None or capabilities.roots is None or not context.session.can_send_request:
        return []
    try:
        listed = await _within(context, ListRootsRequest(), _Roots, ROOTS_S)
    except (MCPError, ValidationError):
        return []
    return [str(root.get("uri", "")) for root in listed.roots]


class _Roots(BaseModel):
    """Roots as editors send them: some have roots elsewhere (`vscode-remote:`), for which the SDK's own
    model refuses all of them."""

    roots: list[dict[str, Any]]


async def sample(
    context: ServerRequestContext[Any, Any], request: CreateMessageRequest, seconds: float
) -> CreateMessageResultWithTools:
    """The answer of the client's model, asked within the call; only the handshake era can. The typed
    call for this warns that sampling is deprecated, which is for new servers to know. The answer's content
    may be one block or several.

    Raises MCPError when the client declines or does not answer in time, ValidationError when what it
    answers is no message.
    """
    return await _within(context, request, CreateMessageResultWithTools, seconds)


async def _within(
    context: ServerRequestContext[Any, Any], request: Question, result: type[Told], seconds: float
) -> Told:
    """Ask on the stream of the call itself: over HTTP a question would else go out on the client's listening
    stream, and be lost where that is not open."""
    return await context.session.send_request(
        request, result, seconds, ServerMessageMetadata(related_request_id=context.request_id)
    )


def announce_list_changes(server: MCPServer[Any]) -> None:
    """Tell handshake clients, on every transport, that list changes are announced.

    The stateless era derives this from `subscriptions/listen` by itself.
    """
    below = lowlevel(server)
    plain = below.create_initialization_options

    def with_changes(
        notification_options: NotificationOptions | None = None, *rest: Any, **named: Any
    ) -> Any:
        options = notification_options or NotificationOptions(
            tools_changed=True, resources_changed=True, prompts_changed=True
        )
        return plain(options, *rest, **named)

    below.create_initialization_options = with_changes  # type: ignore[method-assign]


def serve_subscriptions(server: MCPServer[Any], subscribe: Subscribed, unsubscribe: Subscribed) -> None:
    """Answer `resources/subscribe` and `resources/unsubscribe` of handshake clients. What cannot be read is no
    resource to hear of; a repository or a run that there is none of may come."""

    async def add(ctx: ServerRequestContext[Any, Any], params: SubscribeRequestParams) -> EmptyResult:
        uri = str(params.uri)
        if not _names_resource(server, uri):
            steps = "resources/list and resources/templates/list name them"
            raise MCPError(INVALID_PARAMS, f"Unknown resource: {uri} · next: {steps}", {"uri": uri})
        subscribe(connection(ctx), uri)
        return EmptyResult()

    async def remove(
        ctx: ServerRequestContext[Any, Any], params: UnsubscribeRequestParams
    ) -> EmptyResult:
        unsubscribe(connection(ctx), str(params.uri))
        return EmptyResult()

    below = lowlevel(server)
    below.add_request_handler("resources/subscribe", SubscribeRequestParams, add)
    below.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, remove)


def _names_resource(server: MCPServer[Any], uri: str) -> bool:
    """Whether a resource, or a template, answers to this URI."""
    known = server._resource_manager
    try:
        return any(str(each.uri) == uri for each in known.list_resources()) or any(
            template.matches(uri) is not None for template in known.list_templates()
        )
    except ResourceSecurityError:
        return False


def on_notification(
    server: MCPServer[Any],
    method: str,
    act: Callable[[ServerRequestContext[Any, Any]], Awaitable[None]],
) -> None:
    """Run ``act`` whenever a client sends that notification."""

    async def received(ctx: ServerRequestContext[Any, Any], params: NotificationParams) -> None:
        await act(ctx)

    lowlevel(server).add_notification_handler(method, NotificationParams, received)


def resumable(server: MCPServer[Any], store: Callable[[], EventStore]) -> None:
    """Give every HTTP session of the handshake era an event store of its own, made by ``store``.

    The SDK shares one among all sessions, although it tells streams apart by request id alone: a
    client that resumed would be sent another's answers.
    """

    class Sessions(StreamableHTTPSessionManager):
        event_store = property(lambda self: store(), lambda self, value: None)

    server.session_manager.__class__ = Sessions


def close_streams(server: MCPServer[Any]) -> None:
    """End every open `subscriptions/listen` stream with its final result frame."""
    entry = lowlevel(server).get_request_handler("subscriptions/listen")
    close = getattr(entry.handler, "close", None) if entry is not None else None
    if close is not None:
        close()


@dataclass
class _ProbeContext:
    """The dispatch context of a discovery probe: nothing can be sent back but the answer."""

    request_id: Any
    transport: TransportContext = field(
        default_factory=lambda: TransportContext(kind="jsonrpc", can_send_request=False)
    )
    message_metadata: Any = None
    can_send_request: bool = False
    cancel_requested: anyio.Event = field(default_factory=anyio.Event)

    async def send_raw_request(self, method: str, params: Any, opts: Any = None) -> dict[str, Any]:
        raise NoBackChannelError(method)

    async def notify(self, method: str, params: Any, opts: Any = None) -> None:
        return None

    async def progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        return None


async def _answer_probe(
    below: Server[Any], request: JSONRPCRequest, state: Any
) -> JSONRPCResponse | JSONRPCError:
    route = classify_inbound_request({"method": request.method, "params": request.params})
    if isinstance(route, InboundLadderRejection):
        refusal = ErrorData(code=route.code, message=route.message, data=route.data)
        return JSONRPCError(jsonrpc="2.0", id=request.id, error=refusal)
    peer = Connection.from_envelope(route.protocol_version, route.client_info, route.client_capabilities)
    try:
        result = await serve_one(
            below,
            _ProbeContext(request.id),
            request.method,
            request.params,
            connection=peer,
            lifespan_state=state,
        )
    except (MCPError, ValidationError) as error:
        return JSONRPCError(jsonrpc="2.0", id=request.id, error=modern_error_data(error))
    return JSONRPCResponse(jsonrpc="2.0", id=request.id, result=result)


def _refusal(problem: Exception) -> JSONRPCError | None:
    """The answer to a request that cannot be read, for which its sender would wait in vain: half of a character
    is enough. None where it names no id to answer to."""
    for error in problem.errors() if isinstance(problem, ValidationError) else ():
        request = error["input"]
        unread = error["type"] == "json_invalid"
        try:
            request = json.loads(request) if unread else request
        except (ValueError, RecursionError):
            return None
        if not isinstance(request, dict) or not {"result", "error"}.isdisjoint(request):
            continue
        name = request.get("id")
        if type(name) is int or (isinstance(name, str) and name.isprintable()):
            code = PARSE_ERROR if unread else INVALID_REQUEST
            return JSONRPCError(
                jsonrpc="2.0", id=name, error=ErrorData(code=code, message=error["msg"], data="")
            )
    return None


async def serve_stream(
    server: MCPServer[Any],
    read: ReadStream[SessionMessage | Exception],
    write: WriteStream[SessionMessage],
    state: Any,
) -> None:
    """Serve one newline-JSON connection until the peer closes it.

    `server/discover` is answered ahead of the era decision: editors probe with it and then open
    with the older handshake on the same pipe, which the SDK's own loop refuses.
    """
    below = lowlevel(server)
    forward, forwarded = create_context_streams[SessionMessage | Exception](0)
    answers = write.clone()  # type: ignore[attr-defined]

    async def pump() -> None:
        probing = True
        async with forward, answers:
            async for item in read:
                if isinstance(item, Exception):
                    if (refusal := _refusal(item)) is not None:
                        await answers.send(SessionMessage(refusal))
                    continue
                message = item.message
                if probing and isinstance(message, JSONRPCRequest):
                    if message.method == "server/discover":
                        await answers.send(SessionMessage(await _answer_probe(below, message, state)))
                        continue
                    probing = False
                await forward.send(item)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pump)
        await serve_dual_era_loop(below, forwarded, write, lifespan_state=state)
        tasks.cancel_scope.cancel()
