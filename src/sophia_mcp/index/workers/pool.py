"""Who prepares the files? A small pool of our own processes, each of which may die at any time.

A worker that dies takes one file with it: that file is prepared again by lines, the rest of its
batch as before. One worker stays warm between runs, so that a small edit does not pay for a start.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO

import anyio
import anyio.to_thread
from anyio.streams.memory import MemoryObjectSendStream

import sophia_mcp
from sophia_mcp.errors import NoWorker, ProviderError
from sophia_mcp.index.workers.messages import (
    CUT,
    FAILED,
    READY,
    EncoderOpener,
    Outcome,
    Place,
    Task,
    read_frame,
    refuse,
    write_frame,
)
from sophia_mcp.ops.together import first

BATCH_FILES = 32
BATCH_BYTES = 384 * 1024
START_SECONDS = 120.0
WALL_SECONDS = 30.0
FILE_WALL_SECONDS = 4.0
"""A batch that takes longer than both together is stuck outside the processor, whose time the
worker's kernel limits itself."""

CRASHED = "its parser was stopped: too slow, too large or crashed"

_BOOT = (
    # The pool is the parallelism: threads of a matrix library would only fight over the same cores.
    "import os, sys; os.environ.update(OPENBLAS_NUM_THREADS='1', OMP_NUM_THREADS='1', MKL_NUM_THREADS='1'); "
    "sys.path.extend(p for p in sys.argv[1:] if p not in sys.path); "
    "from sophia_mcp.index.workers.worker import main; main()"
)


Deliver = Callable[[list[Outcome]], Awaitable[None]]
"""Takes over a list of outcomes; the workers wait while it has not returned for long."""


class _NeverBegan(Exception):
    """A worker ended before it was asked for anything; its message says how."""


class _Process:
    """One worker process and its two pipes. Calls block; use them from a thread. Raises NoWorker where none
    can be started."""

    def __init__(self) -> None:
        source = str(Path(sophia_mcp.__file__).parent.parent)
        try:
            # -P keeps the current folder, which may be a hostile tree, off the import path.
            self._child = subprocess.Popen(  # noqa: S603 - our own module under our own interpreter
                [sys.executable, "-P", "-c", _BOOT, source],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=Path(sys.executable).parent,
            )
        except OSError as error:
            raise _no_worker(str(error)) from error
        self.used = False
        self._greeted = threading.Event()
        self._greets = False
        threading.Thread(target=self._meet, daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._child.poll() is None

    @property
    def started(self) -> bool:
        """Whether it has said that it is there, or will not."""
        return self._greeted.is_set()

    def _meet(self) -> None:
        with suppress(OSError, ValueError):
            self._greets = read_frame(self._pipes()[1]) == READY
        self._greeted.set()

    def begin(self, place: Place, encoder: EncoderOpener | None, tasks: Sequence[Task]) -> None:
        """Hand over tasks and wait until the worker is at the first. Raises _NeverBegan."""
        sink, source = self._pipes()
        self._greeted.wait()
        try:
            write_frame(sink, pickle.dumps((place, pickle.dumps(encoder), list(tasks)), protocol=5))
            sink.flush()
            began = self._greets and read_frame(source) == READY
        except (OSError, ValueError):
            began = False
        if not began:
            self.kill()
            raise _NeverBegan(f"exit status {self._child.wait()}")
        self.used = True

    def finish(self) -> tuple[list[Outcome], int]:
        """Outcomes of the tasks in order, fewer than asked when the worker died, and how many files it
        had cut: it died on the next one, or where it had cut all, over the words of any. Raises ProviderError
        where the model could not make vectors."""
        _, source = self._pipes()
        found: list[Outcome] = []
        ready = 0
        try:
            while frame := read_frame(source):
                if frame == CUT:
                    ready += 1
                elif frame.startswith(FAILED):
                    raise _failed(frame.removeprefix(FAILED).decode())
                else:
                    found.append(pickle.loads(frame))  # noqa: S301 - written by our own worker
            if frame is None:
                self.kill()
        except (OSError, ValueError):
            self.kill()
        return found, ready

    def kill(self) -> None:
        """End the process at once and collect it."""
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()

    def close(self) -> None:
        """End the process and let go of its pipes."""
        self.kill()
        for pipe in self._pipes():
            try:
                pipe.close()
            except OSError:
                continue  # what was buffered for a dead worker cannot be flushed

    def _pipes(self) -> tuple[BinaryIO, BinaryIO]:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        return self._child.stdin, self._child.stdout  # type: ignore[return-value]


@dataclass(slots=True)
class Pool:
    """Worker processes for one program. ``size`` of them run at most; ``encoder`` opens in each."""

    encoder: EncoderOpener | None = None
    size: int = field(
        default_factory=lambda: max(
            1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        )
    )
    _idle: list[_Process] = field(default_factory=list)
    _closed: bool = False

    async def run(self, place: Place, tasks: Sequence[Task], deliver: Deliver) -> None:
        """Prepare tasks on all workers and hand over lists of outcomes in about their order.

        An error in ``deliver`` ends the run; what is still at work is killed. Raises NoWorker.
        """
        batches = cut(tasks)
        batches.reverse()
        send, receive = anyio.create_memory_object_stream[list[Outcome]](self.size * 2)
        try:
            async with anyio.create_task_group() as group:
                async with send:
                    for _ in range(min(self.size, len(batches))):
                        group.start_soon(self._serve, place, batches, send.clone())
                async with receive:
                    async for outcomes in receive:
                        await deliver(outcomes)
        except BaseExceptionGroup as several:
            raise first(several) from None

    @property
    def is_up(self) -> bool:
        """Whether a worker waits for work."""
        return any(process.alive and process.started for process in self._idle)

    @property
    def is_starting(self) -> bool:
        """Whether one that waits for work will be up."""
        return any(process.alive and not process.started for process in self._idle)

    async def warm(self) -> None:
        """Have one worker started before it is needed."""
        while self._idle and not self._idle[-1].alive:
            await anyio.to_thread.run_sync(self._idle.pop().close)
        if not self._idle and not self._closed:
            self._idle.append(await anyio.to_thread.run_sync(_Process))

    async def close(self) -> None:
        """End every idle worker; the busy ones end with their run."""
        self._closed = True
        while self._idle:
            await anyio.to_thread.run_sync(self._idle.pop().close)

    async def _serve(
        self, place: Place, batches: list[list[Task]], send: MemoryObjectSendStream[list[Outcome]]
    ) -> None:
        process: _Process | None = None
        done = False
        try:
            async with send:
                while batches:
                    batch = batches.pop()
                    if process is None or not process.alive:
                        if process is not None:
                            process.close()
                        process = await self._take()
                    try:
                        outcomes, ready = await self._exchange(process, place, batch)
                    except _NeverBegan as problem:
                        if not process.used:
                            raise _no_worker(str(problem)) from problem
                        batches.append(batch)  # it went away while it was idle
                        continue
                    if len(outcomes) < len(batch):
                        outcomes += _after_death(batch, len(outcomes), ready, batches)
                    await send.send(outcomes)
            done = True
        finally:
            if process is not None:
                self._give_back(process, reuse=done)

    async def _exchange(
        self, process: _Process, place: Place, batch: list[Task]
    ) -> tuple[list[Outcome], int]:
        """What ``finish`` says of a batch. Raises _NeverBegan."""
        # Of the threads that all share, the workers of a large machine would leave none for questions.
        own = anyio.CapacityLimiter(1)
        thread = partial(anyio.to_thread.run_sync, abandon_on_cancel=True, limiter=own)
        try:
            with anyio.move_on_after(START_SECONDS) as start:
                await thread(process.begin, place, self.encoder, batch)
            if start.cancelled_caught:
                process.kill()
                raise _NeverBegan(f"nothing was heard from it for {START_SECONDS:.0f} s")
            with anyio.move_on_after(WALL_SECONDS + FILE_WALL_SECONDS * len(batch)):
                return await thread(process.finish)
        except anyio.get_cancelled_exc_class():
            process.kill()
            raise
        process.kill()
        return [], 0

    async def _take(self) -> _Process:
        while self._idle:
            process = self._idle.pop()
            if process.alive:
                return process
            process.close()
        return await anyio.to_thread.run_sync(_Process)

    def _give_back(self, process: _Process, *, reuse: bool) -> None:
        if reuse and process.alive and not self._idle and not self._closed:
            self._idle.append(process)
        else:
            process.close()


def _failed(why: str) -> ProviderError:
    return ProviderError(
        "the embedding model could not embed your files",
        why=why,
        next="see that embed.path and embed.provider name a whole model, or use static; then index again",
    )


def _no_worker(why: str) -> NoWorker:
    return NoWorker(
        "an index worker does not start",
        why=why,
        next="see that the machine has memory left and lets you start more processes, then index again",
    )


def cut(tasks: Sequence[Task]) -> list[list[Task]]:
    """Tasks in batches that take about as long as each other; the first ones are small, so that
    the first answer is soon."""
    batches: list[list[Task]] = []
    batch: list[Task] = []
    weight = 0
    for task in tasks:
        room = BATCH_BYTES // 4 if len(batches) < 4 else BATCH_BYTES
        if batch and (len(batch) >= BATCH_FILES or weight + task.stamp.size > room):
            batches.append(batch)
            batch, weight = [], 0
        batch.append(task)
        weight += task.stamp.size
    if batch:
        batches.append(batch)
    return batches


def _after_death(batch: list[Task], done: int, ready: int, batches: list[list[Task]]) -> list[Outcome]:
    """Queue what a dead worker left; the file it died on goes by lines, or not at all. Over the words of
    several nobody knows which it was: each of them goes alone."""
    if ready == len(batch) and done + 1 < len(batch):
        batches += [[task] for task in batch[done:]]
        return []
    culprit = batch[done if ready == len(batch) else ready]
    if rest := [task for task in batch[done:] if task is not culprit]:
        batches.append(rest)
    if culprit.lines:
        return [refuse(culprit, CRASHED)]
    batches.append([culprit._replace(lines=CRASHED, known="")])
    return []
