"""Whose turn is it to index this repository? One process at a time, by a lease that it renews."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from math import inf

import anyio

from sophia_mcp.errors import DiskFull, StoreBusy, StoreTooNew
from sophia_mcp.index.views import View
from sophia_mcp.ops.clock import Clock, system
from sophia_mcp.ops.together import beside
from sophia_mcp.ops.workers import enrol, is_dead, is_halted
from sophia_mcp.store import leases
from sophia_mcp.store.database import Database

TTL_S = 60.0
RENEW_S = 5.0
POLL_S = 0.1
FIRST_POLL_S = 0.01
"""Most turns are short."""

SILENT_S = 15.0
"""Who did not renew a lease for so long is most likely not at it any more, though it lives: on a full disk a
lease can neither be renewed nor given back."""

OWNER = enrol()
"""This process, so that others on the machine can see whether it still lives."""


@dataclass(slots=True)
class Turn:
    """A lease that is held. Its holder calls ``keep`` between pieces of work, or waits within ``kept``."""

    db: Database
    name: str
    _renewed: float = field(default_factory=time.monotonic)

    async def keep(self) -> None:
        """Prolong the lease when it is time to; one that ran out while the machine was busy is taken
        again where nobody else has it. Raises StoreBusy when another process does."""
        if time.monotonic() - self._renewed < RENEW_S:
            return
        self._renewed = time.monotonic()
        if not await leases.take(self.db, self.name, OWNER, TTL_S):
            raise StoreBusy(
                f"another process took over {self.name}",
                why="this one did not renew its lease in time",
                next="run it again; what was committed stays",
            )

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Within the block the lease is kept, however long one thing is waited for. Raises as ``keep``."""

        async def renew() -> None:
            while True:
                await anyio.sleep(RENEW_S)
                await self.keep()

        async with beside(renew):
            yield


@dataclass(slots=True)
class Queue:
    """The runs of this process: one at a time over the trees of a repository, as they share the lease."""

    _locks: dict[int, anyio.Lock] = field(default_factory=dict)
    _holding: dict[int, int] = field(default_factory=dict)

    def lock(self, view: View) -> anyio.Lock:
        """Held by whoever is at work on a view's repository; `free` takes it."""
        return self._locks.setdefault(view.repo_id, anyio.Lock())

    def is_beside(self, view: View) -> bool:
        """Whether another tree of the view's repository is worked on."""
        return self.lock(view).locked() and self._holding.get(view.repo_id) != view.id

    @asynccontextmanager
    async def free(self, view: View, wait_s: float = inf) -> AsyncIterator[bool]:
        """Hold the lock for work on a view, when it is free within so many seconds; else yields False."""
        lock = self.lock(view)
        with anyio.move_on_after(wait_s) as waiting:
            await lock.acquire()
        if waiting.cancelled_caught:
            yield False
            return
        self._holding[view.repo_id] = view.id
        try:
            yield True
        finally:
            lock.release()


@asynccontextmanager
async def turn(db: Database, name: str, wait_s: float = 0.0) -> AsyncIterator[Turn | None]:
    """Hold the lease ``name`` for the length of the block; yields None when another has it.

    Waits at most ``wait_s`` seconds for it. The lease of a process of this machine that is no
    longer alive is taken over at once.
    """
    if not await _obtain(db, name, wait_s):
        yield None
        return
    try:
        yield Turn(db, name)
    finally:
        with anyio.CancelScope(shield=True):
            await leases.release(db, name, OWNER)


async def holder_elsewhere(db: Database, name: str, *, silent_s: float = TTL_S) -> str:
    """The process other than this one that holds the lease, renewed it within so many seconds, and is neither
    dead nor halted; empty where none does."""
    owner = await leases.owner_of(db, name, left_s=TTL_S - silent_s)
    if owner is None or owner == OWNER or is_dead(owner) or is_halted(owner):
        return ""
    return owner


async def is_first(db: Database, name: str, seconds: float, *, clock: Clock = system) -> bool:
    """Whether no other process said so under this name within so many seconds. It is not given back: what was
    done once in that time need not be done again, whether or not its process still lives. Where it cannot be
    written down, every process is the first."""
    owner = await leases.owner_of(db, name, longest_s=seconds, clock=clock)
    if owner is not None and owner != OWNER:
        return False
    try:
        return await leases.take(db, name, OWNER, seconds, longest_s=seconds, clock=clock)
    except (DiskFull, StoreTooNew):
        return True


async def take_back(db: Database, name: str) -> None:
    """Let another be the first at once, because what this process was first at was not done."""
    with suppress(DiskFull, StoreTooNew):
        await leases.release(db, name, OWNER)


async def _obtain(db: Database, name: str, wait_s: float) -> bool:
    deadline, nap = anyio.current_time() + wait_s, FIRST_POLL_S
    while not await leases.take(db, name, OWNER, TTL_S):
        # Looking whether it is free writes nothing, as taking does: whoever has it is most likely writing.
        while (owner := await leases.owner_of(db, name)) is not None and not is_dead(owner):
            if anyio.current_time() >= deadline:
                return False
            await anyio.sleep(nap)
            nap = min(2 * nap, POLL_S)
        if owner is not None:
            await leases.release(db, name, owner)
    return True
