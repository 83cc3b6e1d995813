"""What did this process start while a hostile tree was read?"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

_STARTING = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.spawn"}
)


@dataclass(slots=True)
class Seen:
    """``started`` are the command lines this process asked for, ``running`` those of all processes
    below it that were seen, ``memory`` the most bytes one of them held."""

    started: list[str] = field(default_factory=list)
    running: set[tuple[str, ...]] = field(default_factory=set)
    memory: int = 0

    def foreign(self) -> list[str]:
        """Whatever is not a worker of our own."""
        ours = "sophia_mcp.index.workers.worker"
        asked = [line for line in self.started if ours not in line]
        return asked + [
            " ".join(line) for line in self.running if line and not any(ours in word for word in line)
        ]


_listeners: list[Seen] = []


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if _listeners and event in _STARTING:
        for seen in _listeners:
            seen.started.append(f"{event} {arguments}")


sys.addaudithook(_listen)  # cannot be taken back; without listeners it does nothing


@contextmanager
def watching() -> Iterator[Seen]:
    """Record starts of processes while the block runs, ours and those below our workers."""
    seen = Seen()
    stop = threading.Event()
    thread = threading.Thread(target=_sample, args=(seen, stop))
    _listeners.append(seen)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()
        _listeners.remove(seen)


def _sample(seen: Seen, stop: threading.Event) -> None:
    here = psutil.Process()
    before = {child.pid for child in here.children(recursive=True)}  # what earlier tests left running
    while not stop.wait(0.02):
        try:
            for child in here.children(recursive=True):
                if child.pid in before:
                    continue
                with child.oneshot():
                    seen.memory = max(seen.memory, child.memory_info().rss)
                    line = tuple(child.cmdline())
                    if line != tuple(here.cmdline()):  # a fork that has not become its program yet
                        seen.running.add(line)
        except psutil.Error:
            continue  # it ended while it was looked at
