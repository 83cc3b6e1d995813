"""Runs of swarms by command, and the script of what their model says."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from tests.cli.inside import run
from tests.cli.outside import SOPHIA
from tests.e2e.processes import Lines
from tests.server.swarms import SOLO

SOLO_REPLY = {"step": "answer", "json": SOLO}
SLOW = SOLO_REPLY | {"latency_s": 60}
ALONE = ("swarm", "run", "solo", "--provider", "scripted", "--task", "x")


def machine(*arguments: str, cwd: Path, code: int = 0) -> Any:
    """The JSON of a command that ends with this code."""
    done = run(*arguments, "--json", cwd=cwd)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


@contextmanager
def running(
    *arguments: str, cwd: Path, heard: Literal["stdout", "stderr"]
) -> Iterator[tuple[subprocess.Popen[str], Lines]]:
    """A command in its own process, which is killed at the end, and what it says on one of its streams."""
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | {heard: subprocess.PIPE}
    process = subprocess.Popen(
        [SOPHIA, *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        **streams,
        text=True,
        env=dict(os.environ),
    )
    stream = getattr(process, heard)
    assert stream is not None
    said = Lines(stream)
    try:
        yield process, said
    finally:
        process.kill()
        process.wait()
        said.join()


@contextmanager
def started(*arguments: str, cwd: Path) -> Iterator[tuple[subprocess.Popen[str], Lines, str]]:
    """A run that goes on in its own process: the process, what it says, and the run's id."""
    with running(*arguments, cwd=cwd, heard="stderr") as (process, said):
        yield process, said, said.wait_for(r"^(swarm-\w+)$").group(1)
