"""How does the server talk over standard input and output, and how does it stop?

It ends cleanly, within two seconds, on end of input, SIGTERM, SIGINT, and when the program that
started it is gone while the pipe stayed open.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
from mcp.server import MCPServer
from mcp.server.stdio import stdio_server

from sophia_mcp.server.sdk import lowlevel, serve_stream

PARENT_CHECK_S = 1.0
"""How often the server looks whether the process that started it is still its parent."""

CLEANUP_S = 1.5
"""Time for closing the store. The store survives a kill at any point, so more waiting buys nothing."""


async def serve_stdio(server: MCPServer[Any]) -> None:
    """Serve until the peer closes or a signal comes. Exits the process where a read cannot be broken."""
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
            said = "sophia: nobody reads the answers any more: standard output is closed or full"
            print(said, file=sys.stderr, flush=True)  # noqa: T201 - there is no other way left
            os._exit(1)
        finally:
            if stopped:
                # The thread that reads standard input cannot be interrupted: leave without joining it.
                sys.stderr.flush()
                os._exit(0)


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
