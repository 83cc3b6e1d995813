"""How does the server listen on loopback, and whom does it refuse?

Any address but loopback is refused, because there is no login here. Host and Origin must name the
very address that was bound, port included, so that neither DNS rebinding nor a name that merely
begins like ours gets through.
"""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import anyio
import uvicorn
from anyio.abc import TaskStatus
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from sophia_mcp.errors import BadArgument, BadSetting
from sophia_mcp.ops.address import loopback
from sophia_mcp.server.replay import Replay
from sophia_mcp.server.sdk import close_streams, resumable
from sophia_mcp.server.stdio import CLEANUP_S, exit_after

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_SESSIONS = 256
SESSION_IDLE_S = 1800.0
RETRY_MS = 500
"""How long a client whose stream broke is asked to wait before it comes back for the rest."""

SHUTDOWN_S = 2
"""Calls still running this long after a stop signal are cut off; their jobs go on or resume."""

PATH = "/mcp"


def parse_address(text: str) -> tuple[str, int]:
    """`HOST:PORT`, `:PORT` or `PORT` as a loopback host and a port (0 picks a free one).

    Raises BadArgument for anything that is not loopback or not a port.
    """
    host, _, port_text = text.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not _is_address(text):
        raise BadArgument(
            f"{text!r} is not HOST:PORT",
            why="the part after the last colon must be a port from 0 to 65535",
            next="use for example 127.0.0.1:8321",
        )
    if not loopback(host):
        raise BadArgument(
            f"refusing to listen on {host}",
            why="HTTP has no login here, so anything but loopback would open your code to the network",
            next=f"use 127.0.0.1:{port_text}, and a tunnel of your own to reach it from elsewhere",
        )
    return host, int(port_text)


def _is_address(text: str) -> bool:
    """Whether this has the form of an address, wherever it may lead."""
    port = text.rpartition(":")[2]
    return port.isascii() and port.isdigit() and len(port) < 6 and int(port) < 65536


def bind(host: str, port: int) -> socket.socket:
    """A listening socket on loopback. Raises BadSetting when the port is taken or cannot be used."""
    address = "127.0.0.1" if host == "localhost" else host
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise BadSetting(
            f"cannot listen on {host}:{port}",
            why=error.strerror or str(error),
            next="choose another port",
        ) from error
    return listener


def allowed(listener: socket.socket) -> TransportSecuritySettings:
    """Exactly the names this socket answers to. No pattern, so that no longer name can begin like one."""
    address, port = listener.getsockname()[:2]
    own = f"[{address}]" if ":" in address else address
    hosts = [f"{name}:{port}" for name in dict.fromkeys((own, "127.0.0.1", "localhost", "[::1]"))]
    if port == 80:
        hosts += [host.removesuffix(":80") for host in hosts]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=hosts,
        allowed_origins=[f"http://{host}" for host in hosts],
    )


class _Web(uvicorn.Server):
    """A web server that ends open streams first, and leaves signals to us."""

    def __init__(self, config: uvicorn.Config, server: MCPServer[Any]) -> None:
        super().__init__(config)
        self._mcp = server

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        close_streams(self._mcp)
        await super().shutdown(sockets)
        if self.force_exit:
            # The app has not been told that it ends; its cancellation would be called a failure.
            await self.lifespan.shutdown()


async def serve_http(server: MCPServer[Any], address: str) -> None:
    """Serve streamable HTTP at `http://ADDRESS/mcp` until SIGTERM or SIGINT. Raises BadArgument for
    another address than one of loopback, BadSetting where it cannot listen there."""
    listener = bind(*parse_address(address))
    host, port = listener.getsockname()[:2]
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        host=host,
        transport_security=allowed(listener),
        max_request_body_size=MAX_BODY_BYTES,
        session_idle_timeout=SESSION_IDLE_S,
        max_sessions=MAX_SESSIONS,
        retry_interval=RETRY_MS,
    )
    resumable(server, Replay)
    config = uvicorn.Config(
        _unless_left(app),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_S,
        timeout_keep_alive=30,
        limit_concurrency=512,
    )
    web = _Web(config, server)
    shown = f"[{host}]" if ":" in host else host
    async with anyio.create_task_group() as tasks:
        await tasks.start(_stop_on_signal, web)
        print(f"sophia: listening on http://{shown}:{port}{PATH}", file=sys.stderr, flush=True)  # noqa: T201 - the one line a person waits for
        await web.serve(sockets=[listener])
        tasks.cancel_scope.cancel()


def _unless_left(app: ASGIApp) -> ASGIApp:
    """The same, but that a client which leaves in the middle of its request is no error to be told of."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(ClientDisconnect):
            await app(scope, receive, send)

    return served


async def _stop_on_signal(web: _Web, *, task_status: TaskStatus[None]) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for _ in signals:
            if web.should_exit:
                web.force_exit = True
            web.should_exit = True
            exit_after(SHUTDOWN_S + CLEANUP_S)
