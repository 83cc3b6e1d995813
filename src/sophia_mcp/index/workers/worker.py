"""A process that prepares files and may be killed at any moment.

It reads frames on its standard input (a batch) and writes frames on its standard output (that it
has started; for each batch that it is ready, that it has cut a file, for each, then the outcome of each or why the
model failed, an empty frame). Both descriptors are moved out of the way before anything else, so that nothing here can write
into the protocol. The kernel stops it when one file takes too much time or memory; the parent then
knows which file it was. It ends by itself when it has grown.
"""

from __future__ import annotations

import gc
import mmap
import os
import pickle
import select
import signal
import sys
import time
from contextlib import suppress
from typing import BinaryIO

from sophia_mcp.index.workers.messages import (
    CUT,
    FAILED,
    READY,
    Encoder,
    EncoderOpener,
    Outcome,
    Place,
    Task,
    read_frame,
    refuse,
    write_frame,
)
from sophia_mcp.index.workers.prepare import Cut, ModelFailed, Preparer

FILE_SECONDS = 2.0
"""Processor time one file may take."""

LEAST_SECONDS = 0.2
"""Processor time that words and vectors of a batch may take in any case."""

MEMORY_BYTES = 256 << 20
"""Address space beyond what the process holds when it begins."""

GROWN_BYTES = MEMORY_BYTES // 2
"""A worker that holds so much more than at its beginning makes room for a new one. Grammars, words that were met and
gaps between what was freed add up over thousands of files, and the next file is to have the rest."""

IDLE_SECONDS = 120.0
"""A worker that nobody asks for so long goes away by itself."""

GARBAGE = (50_000, 20, 100)
"""When garbage is looked for. A syntax tree is many objects and no cycles: at Python's own threshold,
one twentieth of the processor time goes into looking."""


def main() -> None:
    """Serve batches until the parent closes the pipe."""
    source, sink = _own_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when a worker ends
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    write_frame(sink, READY)
    sink.flush()
    opener = b""
    encoder: Encoder | None = None
    place: Place | None = None
    preparer: Preparer | None = None
    most = sys.maxsize
    while (frame := _next(source)) is not None:
        asked_place, asked_opener, tasks = pickle.loads(frame)  # noqa: S301 - written by our own parent
        if asked_opener != opener:
            opener, encoder, preparer = asked_opener, _open(asked_opener), None
            held = _held()
            most = held + GROWN_BYTES
            _limit_memory(held + MEMORY_BYTES)  # of files: a model may be as large as it is
        if preparer is None or asked_place != place:
            place, preparer = asked_place, Preparer(asked_place, encoder)
        write_frame(sink, READY)
        sink.flush()
        files: list[Outcome | Cut] = []
        longest = 0.0
        for task in tasks:
            began = time.process_time()
            files.append(_cut(preparer, task))
            longest = max(longest, time.process_time() - began)
            write_frame(sink, CUT)
            sink.flush()
        # No file takes more than FILE_SECONDS in all, and words never as long as syntax may.
        _time_limit(max(FILE_SECONDS - longest, LEAST_SECONDS))
        try:
            # Without memory for them the process ends: what it remembers of words may be half written.
            for outcome in preparer.finish(files):
                write_frame(sink, pickle.dumps(outcome, protocol=5))
        except ModelFailed as problem:
            write_frame(sink, FAILED + str(problem).encode("utf-8", "replace"))
        _time_limit(0)
        write_frame(sink, b"")
        sink.flush()
        if _held() > most:
            return


def _open(opener: bytes) -> Encoder | None:
    made: EncoderOpener | None = pickle.loads(opener)  # noqa: S301 - written by our own parent
    return made() if made is not None else None


def _cut(preparer: Preparer, task: Task) -> Outcome | Cut:
    _time_limit(FILE_SECONDS)
    with suppress(MemoryError):
        return preparer.cut(task)
    # What the failed attempt held is free by now.
    if task.lines:
        return refuse(task, "it needs too much memory")
    return preparer.cut(task._replace(lines="it needs too much memory to parse"))


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return os.fdopen(source, "rb", 1 << 16), os.fdopen(sink, "wb", 1 << 16)


def _next(source: BinaryIO) -> bytes | None:
    if sys.platform != "win32" and not select.select([source], [], [], IDLE_SECONDS)[0]:
        return None
    return read_frame(source)


def _time_limit(seconds: float) -> None:
    """Let the kernel end this process when it has used so much processor time, even inside C."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _held() -> int:
    """The address space of this process in bytes; 0 where nothing tells."""
    if sys.platform != "linux":
        return 0
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[0]) * mmap.PAGESIZE


def _limit_memory(limit: int) -> None:
    if sys.platform != "linux":
        return
    import resource  # noqa: PLC0415 - exists on POSIX only

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
