"""How is one plan carried out? Batch after batch, each committed before the next is begun."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

import anyio.to_thread

from sophia_mcp.errors import AgentError
from sophia_mcp.index.changes import in_order
from sophia_mcp.index.disk.stamp import settled
from sophia_mcp.index.trees import Look
from sophia_mcp.index.turn import Turn
from sophia_mcp.index.views import View, forgotten
from sophia_mcp.index.workers.messages import Outcome, Place, Prepared, Refused, Task, Unchanged
from sophia_mcp.index.workers.pool import Pool
from sophia_mcp.index.workers.reading import unchanged
from sophia_mcp.index.write import Known, Target, adopt, cut, drop, set_skips, store
from sophia_mcp.store.database import Database, Transaction
from sophia_mcp.store.text import TextIndex
from sophia_mcp.store.trigrams import TrigramIndex
from sophia_mcp.types import IndexState, Scope

BATCH_CHUNKS = 200
"""Chunks of one transaction: others wait for it no longer than about a twentieth of a second, and twice as
many save no time that could be measured."""

FIRST_CHUNKS = 100
"""Chunks of the first one: the first answer waits for it."""

BATCH_PATHS = 2000
"""Paths shown or dropped in one transaction; they cost microseconds each."""

SMALL = 32
"""Up to so many files a run is over within a blink: trigrams are written at once instead of in a pass of their
own, and a view that was ready does not say meanwhile that it is being indexed."""

KIND = "index"
"""What the job of a run is called."""

Progress = Callable[[int, int, str], None]
"""Called with files done, files in all, and the path or stage at hand."""


class Stopped(AgentError):
    """Somebody cancelled the run; what was committed stays."""

    code = "cancelled"


def quiet(done: int, total: int, text: str) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class Storage:
    """Where an index is kept."""

    database: Database
    text: TextIndex
    trigrams: TrigramIndex
    scope: Scope


@dataclass(slots=True)
class Run:
    """One run over one view. ``go_on`` is called after each batch and may raise Stopped. ``announced``: it
    was so large, or left out so much else, that the view said so."""

    storage: Storage
    pool: Pool
    view: View
    target: Target
    turn: Turn
    progress: Progress
    go_on: Callable[[int, int, str], Awaitable[None]]
    changed: int = 0
    removed: int = 0
    announced: bool = False
    learned: dict[str, Known | None] = field(default_factory=dict)
    _done: int = 0
    _total: int = 0
    _waiting: list[Outcome] = field(default_factory=list)

    async def carry_out(self, look: Look) -> None:
        """Bring the view to the tree. Search sees every batch as soon as it is committed."""
        plan = look.plan
        self._total = plan.size
        await self._begin(look)
        for same in cut(plan.same, BATCH_PATHS):
            async with self.storage.database.write(self.storage.scope) as tx:
                await store(tx, self.target, same, self.storage.text)
            self.learned.update(told(same))
        tasks = plan.read
        unknown: list[Task] = []
        blobs = {path: name for path, name, _ in plan.vouched}
        now = time.time_ns()
        for vouched in cut(plan.vouched, BATCH_PATHS):
            files = [
                (path, name, settled(stamp, now) if self.view.on_disk else stamp)
                for path, name, stamp in vouched
            ]
            async with self.storage.database.write(self.storage.scope) as tx:
                left = {path for path, _, _ in await adopt(tx, self.target, files)}
            for path, name, stamp in files:
                if path in left:
                    unknown.append(Task(path, stamp, "", "" if self.view.on_disk else name))
                else:
                    self.learned[path] = Known(stamp, name, True)
                    self.changed += 1
            await self._tell(len(files) - len(left), vouched[-1][0])
        if unknown:
            by_path = {task.path: task for task in (*plan.read, *unknown)}
            tasks = [by_path[path] for path in in_order(by_path, blobs)]
        await self._read(look.place, tasks)
        # Last, so that what was renamed is found all the while: a hit at a place that is gone says so.
        for part in cut(plan.gone, BATCH_PATHS):
            async with self.storage.database.write(self.storage.scope) as tx:
                await drop(tx, self.target, part)
            self.learned.update(dict.fromkeys(part))
            self.removed += len(part)
            await self._tell(len(part), part[-1])

    @property
    def moved(self) -> bool:
        """Whether more came of it than new times of a few files that hold what they held: those are told
        apart by their bytes until their times prove something, and the map is the same."""
        return bool(self.announced or self.changed or self.removed)

    async def read_again(self, place: Place, tasks: Sequence[Task]) -> None:
        """Prepare and store these files, whatever the rest of the tree is like."""
        self._total = len(tasks)
        if len(tasks) <= SMALL:  # no worker is needed to see that a file holds what it held
            same = await anyio.to_thread.run_sync(unchanged, place, tasks)
            self._waiting += same.values()
            tasks = [task for task in tasks if task.path not in same]
        await self._read(place, tasks)

    async def _read(self, place: Place, tasks: Sequence[Task]) -> None:
        await self.pool.run(place, tasks, self._take)
        await self._write(self._waiting)
        self._waiting = []

    async def _begin(self, look: Look) -> None:
        announce = self.view.state != "ready" or look.plan.size > SMALL
        # What is read again is shown all the while: the view stays as whole as it was.
        whole = self.target.afresh and self.view.stage != "files"
        async with self.storage.database.write(self.storage.scope) as tx:
            await self._require_view(tx)
            skips = look.plan.skips
            skipped = skips is not None and await set_skips(tx, self.target, skips)
            self.announced = announce or skipped
            if self.announced:
                await tx.run(
                    "UPDATE views SET state = :state, stage = :stage, files_total = :total WHERE id = :id",
                    {
                        "id": self.view.id,
                        "state": "indexing" if announce else self.view.state,
                        "stage": "files" if announce and not whole else self.view.stage,
                        "total": look.plan.total,
                    },
                )

    async def _take(self, outcomes: list[Outcome]) -> None:
        self._waiting += outcomes
        while True:
            batch, chunks = [], 0
            most = BATCH_CHUNKS if self._done else FIRST_CHUNKS
            for outcome in self._waiting:
                batch.append(outcome)
                chunks += len(outcome.chunks) if isinstance(outcome, Prepared) else 0
                if chunks >= most or len(batch) >= most:
                    break
            else:
                return
            await self._write(batch)
            self._waiting = self._waiting[len(batch) :]

    async def _write(self, outcomes: Sequence[Outcome]) -> None:
        if not outcomes:
            return
        small = self._total <= SMALL
        async with self.storage.database.write(self.storage.scope) as tx:
            await self._require_view(tx)
            await store(
                tx, self.target, outcomes, self.storage.text, self.storage.trigrams if small else None
            )
        for outcome in outcomes:
            if isinstance(outcome, Prepared | Unchanged):
                self.learned[outcome.path] = Known(outcome.stamp, outcome.hash, True)
                self.changed += isinstance(outcome, Prepared)
            elif isinstance(outcome, Refused):
                self.learned[outcome.path] = Known(outcome.stamp, outcome.hash, True)
                self.changed += 1
            else:
                self.learned[outcome.path] = None
                self.removed += 1
        await self._tell(len(outcomes), outcomes[-1].path)

    async def _require_view(self, tx: Transaction) -> None:
        """Raises NotFound where the view was forgotten while this process was stopped or cut off: nobody would ever
        remove what is written for it."""
        if not await tx.rows("SELECT 1 FROM views WHERE id = :id", {"id": self.view.id}):
            raise forgotten(self.view)

    async def _tell(self, count: int, text: str) -> None:
        self._done += count
        self.progress(self._done, self._total, text)
        await self.turn.keep()
        await self.go_on(self._done, self._total, text)


def told(same: Iterable[Unchanged]) -> dict[str, Known]:
    """What is known of files that hold what they held."""
    return {each.path: Known(each.stamp, each.hash, True) for each in same}


async def publish(
    storage: Storage,
    view: View,
    look: Look,
    *,
    state: IndexState,
    stage: str,
    model: str,
    chunker: str,
    seconds: float,
    moved: bool,
) -> None:
    """Say what the view is now; the last thing a run does. Every process reads the map again that was
    ``moved``."""
    async with storage.database.write(storage.scope) as tx:
        await tx.run(
            "UPDATE views SET state = :state, stage = :stage, commit_id = :commit, branch = :branch,"
            " detection = :detection, reason = :reason, files_total = :total, chunker = :chunker, model = :model,"
            " seconds = CASE WHEN :seconds > 0 THEN :seconds ELSE seconds END, reconciled_ns = :looked, used_ns = :now,"
            " generation = generation + :moved WHERE id = :id",
            {
                "id": view.id,
                "moved": moved,
                "state": state,
                "stage": stage,
                "commit": look.commit,
                "branch": look.branch,
                "detection": look.detection,
                "reason": look.reason if look.detection == "walk" else "",
                "total": look.plan.total,
                "chunker": chunker,
                "model": model,
                "seconds": seconds,
                "looked": look.begun_ns,
                "now": time.time_ns(),
            },
        )
