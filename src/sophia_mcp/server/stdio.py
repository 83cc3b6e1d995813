"""How does the server talk over standard input and output, and how does it stop?

It ends cleanly, within two seconds, on end of input, SIGTERM, SIGINT, and when the program that
started it is gone while the pipe stayed open.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import anyio
from mcp.server import MCPServer
from mcp.server.stdio import stdio_server

from sophia_mcp.server.sdk import lowlevel, serve_stream

PARENT_CHECK_S = 1.0
"""How often the server looks whether the process that started it is still its parent."""

CLEANUP_S = 1.5
"""Time for closing the store. The store survives a kill at any point, so more waiting buys nothing."""

CLOSING_MS = 200
"""A program that ends closes its pipes one after the other: the second within this time."""


async def serve_stdio(server: MCPServer[Any]) -> None:
    """Serve until the peer closes or a signal comes. Exits the process where a read cannot be broken."""
    peer = os.dup(sys.stdin.fileno())  # the SDK takes the descriptor itself away
    try:
        await _serve(server, peer)
    except* OSError:
        _end_unread(peer)  # an answer was under way when the peer closed


async def _serve(server: MCPServer[Any], peer: int) -> None:
    below = lowlevel(server)
    stopped = False
    async with stdio_server() as (read, write):
        try:
            async with below.lifespan(below) as state, anyio.create_task_group() as tasks:

                def stop() -> None:
                    nonlocal stopped
                    stopped = True
                    exit_after(CLEANUP_S)
                    tasks.cancel_scope.cancel()

                if sys.platform != "win32":
                    tasks.start_soon(_stop_on_signal, stop)
                    tasks.start_soon(_stop_when_orphaned, stop)
                await serve_stream(server, read, write, state)
                exit_after(CLEANUP_S)
                tasks.cancel_scope.cancel()
        except anyio.get_cancelled_exc_class():
            # Only the end of standard output cancels us from without, and its traceback tells nobody anything.
            _end_unread(peer)
        finally:
            if stopped:
                # The thread that reads standard input cannot be interrupted: leave without joining it.
                sys.stderr.flush()
                os._exit(0)


def _end_unread(peer: int) -> NoReturn:
    """End the process whose answers nobody reads: with a line, unless the peer has closed its other end too, as a
    program does that ends."""
    if not _has_closed(peer):
        said = "sophia: nobody reads the answers any more: standard output is closed or full"
        print(said, file=sys.stderr, flush=True)  # noqa: T201 - there is no other way left
        os._exit(1)
    os._exit(0)


def _has_closed(peer: int) -> bool:
    """Whether the other end of a pipe or socket is closed, or will be at once."""
    if sys.platform == "win32":
        return False
    watch = select.poll()
    watch.register(peer, getattr(select, "POLLRDHUP", 0))
    return bool(watch.poll(CLOSING_MS))


async def _stop_on_signal(stop: Any) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            stop()
            return


async def _stop_when_orphaned(stop: Any) -> None:
    parent = os.getppid()
    while os.getppid() == parent:  # noqa: ASYNC110 - no event tells that a parent has died
        await anyio.sleep(PARENT_CHECK_S)
    stop()


def exit_after(seconds: float) -> None:
    """End the process even where cleaning up hangs in native code."""
    timer = threading.Timer(seconds, os._exit, (0,))
    timer.daemon = True
    timer.start()


@contextmanager
def quiet_output() -> Iterator[None]:
    """Send anything printed before serving to standard error: standard output is the protocol."""
    kept, sys.stdout = sys.stdout, sys.stderr
    try:
        yield
    finally:
        sys.stdout = kept
