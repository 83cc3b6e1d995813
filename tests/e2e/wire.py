"""The protocol by hand, one JSON object a line: what goes in, and every line that comes out."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.e2e.processes import BIN, START_S, Lines, environment

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "wire", "version": "1"},
}
INITIALIZE = {
    "protocolVersion": LEGACY,
    "capabilities": {},
    "clientInfo": {"name": "wire", "version": "1"},
}


class Wire:
    """One stdio server and the pipe to it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        assert process.stderr is not None
        self.out, self.errors = Lines(process.stdout), Lines(process.stderr)
        self._ids = 0

    def write(self, line: str) -> None:
        """One raw line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def notify(self, method: str) -> None:
        """A notification of the handshake era."""
        self.write(json.dumps({"jsonrpc": "2.0", "method": method}))

    def send(self, method: str, params: dict[str, Any] | None = None) -> int:
        """A request; returns its id."""
        self._ids += 1
        request = {"jsonrpc": "2.0", "id": self._ids, "method": method, "params": params or {}}
        self.write(json.dumps(request))
        return self._ids

    def answer(self, request: int, seconds: float = START_S) -> dict[str, Any]:
        """The response to a request, whatever else comes before it."""
        found = self.out.wait_for(rf'"id":\s*{request}[,}}]', seconds)
        answer: dict[str, Any] = json.loads(found.string)
        return answer

    def ask(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send and wait."""
        return self.answer(self.send(method, params))

    def initialize(self) -> dict[str, Any]:
        """The handshake, both halves."""
        answer = self.ask("initialize", INITIALIZE)
        self.notify("notifications/initialized")
        return answer

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The result of a tool, in the handshake era."""
        answer = self.ask("tools/call", {"name": tool, "arguments": arguments})
        result: dict[str, Any] = answer["result"]
        return result

    def close_input(self) -> None:
        """End of input, as when an editor closes the pipe."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def ended_within(self, seconds: float) -> tuple[int, float]:
        """Exit status and how long it took. Fails when the process is still there."""
        began = time.monotonic()
        status = self.process.wait(seconds)
        return status, time.monotonic() - began

    def protocol(self) -> list[dict[str, Any]]:
        """Every line of standard output, which has to be JSON-RPC."""
        self.out.join()
        messages = [json.loads(line) for line in self.out.seen]
        assert all(message["jsonrpc"] == "2.0" for message in messages)
        return messages


@contextmanager
def stdio(
    root: Path | None,
    *,
    command: Sequence[str] = ("sophia-mcp",),
    cwd: Path | None = None,
    **variables: str,
) -> Iterator[Wire]:
    """A stdio server for a project; killed at the end if a test has not ended it."""
    arguments = ["--root", str(root)] if root is not None else []
    process = subprocess.Popen(
        [str(BIN / command[0]), *command[1:], *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd or root,
        env=environment(SOPHIA_EMBED__PROVIDER="hashing", **variables),
    )
    wire = Wire(process)
    try:
        yield wire
    finally:
        process.kill()
        process.wait()
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        wire.out.join()
        wire.errors.join()
