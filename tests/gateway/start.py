"""The open-source Portkey gateway as a process of its own on loopback. A missing one is a failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conformance.node import NODE
from tests.e2e.processes import serving

HERE = Path(__file__).resolve().parent
PROGRAM = HERE / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"


@contextmanager
def started() -> Iterator[str]:
    """The gateway's origin, from the moment it answers until the block ends."""
    assert NODE.exists(), f"{NODE} is missing: run scripts/setup dev"
    assert PROGRAM.exists(), f"{PROGRAM} is missing: run scripts/node_packages"
    command = [str(NODE), "--import", "./loopback.mjs", str(PROGRAM), "--headless"]
    with serving(command, cwd=HERE, NODE_ENV="production") as served:
        yield served.url
