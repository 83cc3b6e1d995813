"""Starts the real programs, waits until they are ready, and looks at what they leave behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = Path(sys.executable).parent
TOOLS = [
    *("search_code", "cost_report", "get_run", "index_repo"),
    *("recall", "remember", "run_swarm"),
]
"""In the order in which they are listed: the one to reach for first, then by name."""
START_S = 60.0
"""A start takes one or two seconds; a busy machine may take much longer."""


def environment(**more: str) -> dict[str, str]:
    """The variables of a test, with programs of this installation first in the path."""
    return {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **more}


def program(module: str, *arguments: object) -> subprocess.Popen[str]:
    """A program among the tests, in a process of its own that may read ``stdout``."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(PYTHONPATH=str(ROOT)),
    )


@contextmanager
def running(module: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Such a program, killed at the latest when the block ends."""
    child = program(module, *arguments)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


class Lines:
    """What a process writes to a pipe, read as it comes, so that it never blocks on us."""

    def __init__(self, stream: IO[str]) -> None:
        self.seen: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    self.seen.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def join(self) -> None:
        """Wait for the end of the pipe."""
        self._thread.join(START_S)

    def wait_for(self, pattern: str, seconds: float = START_S) -> re.Match[str]:
        """The first line that matches. Fails with everything that was read."""
        deadline = time.monotonic() + seconds
        looked = 0
        with self._changed:
            while True:
                for line in self.seen[looked:]:
                    if (found := re.search(pattern, line)) is not None:
                        return found
                looked = len(self.seen)
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    raise AssertionError(f"no line matches {pattern!r} in {self.seen}")
                self._changed.wait(left)


@dataclass
class Served:
    """A server listening on HTTP."""

    url: str
    process: subprocess.Popen[str]
    errors: Lines


@contextmanager
def serving(command: Sequence[str], *, cwd: Path = ROOT, **variables: str) -> Iterator[Served]:
    """A program that says on standard error where it listens, ended by SIGTERM."""
    process = subprocess.Popen(
        list(command),
        cwd=cwd,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    errors = Lines(process.stderr)
    try:
        url = errors.wait_for(r"listening on (http://\S+)").group(1)
        yield Served(url, process, errors)
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait()
            errors.join()


def children(pid: int) -> list[psutil.Process]:
    """Every process below this one, now."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def first_children(pid: int, seconds: float = START_S) -> list[psutil.Process]:
    """The processes below this one as soon as there are any. Nothing announces them."""
    deadline = time.monotonic() + seconds
    while not (found := children(pid)):
        assert time.monotonic() < deadline, "no process was started"
        time.sleep(0.02)
    return found


def still_alive(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that have not ended after so many seconds."""
    _, alive = psutil.wait_procs(list(processes), timeout=seconds)
    return [each for each in alive if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
