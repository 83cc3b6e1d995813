"""What does a model beyond this machine make of a view, and what does it still owe?

Words are stored first: vectors that come over the network follow when they come. Where the model cannot be
asked nothing fails; what it owes is said, and made up for later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import anyio
import numpy as np
from numpy.typing import NDArray

from sophia_mcp.errors import BudgetExceeded, NotFound, ProviderError, StoreBusy
from sophia_mcp.index import views
from sophia_mcp.index.later import Tell
from sophia_mcp.index.parsing.chunk import short
from sophia_mcp.index.parsing.passages import passages
from sophia_mcp.index.run import KIND, Storage
from sophia_mcp.index.turn import POLL_S, turn
from sophia_mcp.index.views import View
from sophia_mcp.index.write import FEWER_ROWS, NEW_ROWS, cut, plain_text
from sophia_mcp.security.text import counted, plain_line
from sophia_mcp.store.database import Transaction
from sophia_mcp.store.jobs import Jobs
from sophia_mcp.types import Passage

BATCH_FILES = 40
BATCH_CHUNKS = 320
"""Passages that the model is asked for in one call: one request, and then four at once."""

STAGE = "vectors"
"""What a run says that it does while nothing but a distant model is waited for."""

NAMED = 3
"""Files that are named of those whose text the model refused."""


class Made(NamedTuple):
    """Quantised ``rows`` (n, dimensions) and n ``scales`` of passages. The scale of a text that the model refused is
    zero; ``refused`` says why it did."""

    rows: NDArray[np.int8]
    scales: NDArray[np.float32]
    refused: str = ""


Embed = Callable[[Sequence[Passage]], Awaitable[Made]]
"""What is made of passages, wherever the model runs."""

Measure = Callable[[], Awaitable[int]]
"""How many dimensions the vectors have that ``Embed`` answers today. Fails soon where the model cannot be asked."""

_REFUSED = "INSTR(scales, x'00000000') > 0"
"""Of a row of ``vectors``: the model refused a text of that file. Four bytes of zero are the scale of that text and
nothing else, because the last byte of any other scale is its exponent, and not zero."""

_OF_VIEW = f"{_REFUSED} AND placement_id IN (SELECT placement_id FROM members WHERE view_id = :view)"  # noqa: S608
"""The same, of files that a view shows."""


@dataclass(frozen=True, slots=True)
class Model:
    """How a distant model is asked."""

    id: str
    embed: Embed
    measure: Measure


@dataclass(slots=True)
class Distant:
    """The vectors of a distant model in one index; ``model`` is None where workers make them, or nobody."""

    storage: Storage
    model: Model | None
    jobs: Jobs | None = None
    _refused: dict[int, str] = field(default_factory=dict)
    """Why the model made no vectors, the last time that it was asked for a view."""
    _text_refused: dict[int, str] = field(default_factory=dict)
    """Why it last refused a text, by repository: its views share what is made of a file."""
    _whole: dict[int, int] = field(default_factory=dict)
    """The generation in which a view last had all its vectors."""
    _asking: defaultdict[int, anyio.Lock] = field(default_factory=lambda: defaultdict(anyio.Lock))
    """By repository: the lease tells processes apart, and not what one process does at a time."""

    async def embed(self, view: View, tell: Tell, *, again: bool = False, unasked: bool = False) -> bool:
        """Ask for the vectors that the view lacks; whether it has all that the model makes. ``again``: also for
        those of texts that it refused before. ``unasked``: not where somebody stopped the last run. One does at a
        time for a repository, and none holds up a run: that may take minutes, and edits are read meanwhile."""
        if self.model is None:
            return True
        async with (
            self._alone(view, tell),
            turn(self.storage.database, f"vectors:{view.repo_id}") as mine,
        ):
            if mine is None or (unasked and await self._is_declined(view)):
                return False

            async def told(done: int, total: int, stage: str) -> None:
                await mine.keep()
                await tell(done, total, stage)

            await told(0, 0, STAGE)
            try:
                async with mine.kept():
                    why = await add_vectors(self.storage, view, self.model, told, again=again)
                if why:
                    self._text_refused[view.repo_id] = why
            except (ProviderError, BudgetExceeded) as problem:
                self._refused[view.id] = str(problem)
                return False
            except StoreBusy:  # another process took over the lease: it makes them
                return False
        self._refused.pop(view.id, None)
        return True

    def decline(self, view: View) -> None:
        """Say that the view lacks vectors because somebody stopped the run that asked for them."""
        self._refused[view.id] = "the run that asked for their vectors was cancelled"

    async def _is_declined(self, view: View) -> bool:
        """Whether somebody stopped the last run over a view, in whichever process, after it began: vectors may cost
        money, and are asked for again only by the next."""
        if view.cancelled or self.jobs is None:
            return view.cancelled
        asks = {"root": view.root, "ref": view.ref}
        for last in await self.jobs.latest(self.storage.scope, 1, kind=KIND, asks=asks):
            stopped = last.state == "cancelled" or (last.state == "running" and last.cancel)
            return stopped and bool(last.message)
        return False

    @asynccontextmanager
    async def _alone(self, view: View, tell: Tell) -> AsyncIterator[None]:
        """Nobody else in this process asks for the view's repository. Who waits for that tells so."""
        lock = self._asking[view.repo_id]
        while lock.locked():
            await tell(0, 0, STAGE)
            await anyio.sleep(POLL_S)
        async with lock:
            yield

    async def lack(self, view: View) -> tuple[str, ...]:
        """What to say of a view some of whose files have no vectors; nothing where all have."""
        if self.model is None:
            return ()
        async with self.storage.database.read(self.storage.scope) as tx:
            files, held, _ = await covered(tx, view.id, self.model.id)
            refused = await _refused_files(tx, view, self.model.id)
        said = []
        if held < files:
            why = self._refused.get(view.id, "their vectors are not made yet")
            others = f"the others are found by words, symbols and paths alone: {why}"
            said.append(f"meaning covers {held} of {counted(files, 'file')}; {others}")
        if refused:
            named = ", ".join(refused[:NAMED])
            more = f" and {len(refused) - NAMED} more" if len(refused) > NAMED else ""
            why = self._text_refused.get(view.repo_id, "most likely as too long")
            said.append(
                f"meaning leaves out parts of {counted(len(refused), 'file')}: {named}{more}; the model refused the"
                f" text ({why}); words find it, and a rebuild sends it again"
            )
        return tuple(map(plain_line, said))

    async def make_up(self, view: View) -> bool:
        """Ask for what the view lacks by now, where it changed since it had all and nobody declined them; whether
        that is done. Raises NotFound when the view was forgotten."""
        async with self.storage.database.read(self.storage.scope) as tx:
            found = await views.load(tx, view.id, alone=True)
        if found is None:
            raise NotFound(f"{view.label} is no longer indexed", next="index it again")
        if self._whole.get(found.id) == found.generation:
            return True
        if await self._is_declined(found):
            self.decline(found)
            return True
        if await self.embed(found, _quiet, unasked=True):
            self._whole[found.id] = found.generation
            return True
        return False


async def _quiet(done: int, total: int, stage: str) -> None:
    """Tells nobody."""


async def covered(tx: Transaction, view_id: int, model: str) -> tuple[int, int, int]:
    """How many files of a view could have vectors, how many have those of a model, and their dimensions (0
    where there are none)."""
    [(files, held)] = await tx.rows(
        "SELECT COUNT(*), COUNT(x.placement_id) FROM members m JOIN placements p ON p.id = m.placement_id"
        " LEFT JOIN vectors x ON x.model = :model AND x.repo_id = p.repo_id AND x.placement_id = p.id"
        " WHERE m.view_id = :view AND p.chunks > 0",
        {"view": view_id, "model": model},
    )
    sizes = await tx.rows(
        "SELECT LENGTH(x.rows) / x.count FROM vectors x JOIN views v ON v.repo_id = x.repo_id"
        " WHERE v.id = :view AND x.model = :model AND x.count > 0 LIMIT 1",
        {"view": view_id, "model": model},
    )
    return int(files), int(held), int(sizes[0][0]) if sizes else 0


async def _refused_files(tx: Transaction, view: View, model: str) -> list[str]:
    """The files of a view of which a model refused a text, in the order of paths."""
    rows = await tx.rows(
        "SELECT p.path FROM members m JOIN placements p ON p.id = m.placement_id"  # noqa: S608 - our own text
        " JOIN vectors x ON x.model = :model AND x.repo_id = p.repo_id AND x.placement_id = p.id"
        f" WHERE m.view_id = :view AND {_REFUSED} ORDER BY p.path",
        {"view": view.id, "model": model},
    )
    return [str(path) for (path,) in rows]


async def add_vectors(
    storage: Storage, view: View, model: Model, tell: Tell, *, again: bool = False
) -> str:
    """Vectors of every file that the view shows and that has none of this model, and ``again`` of those of
    which it refused a text. Why it refused one; empty where it did not. Raises what the model raises; the files
    before that have theirs."""
    async with storage.database.read(storage.scope) as tx:
        files, _, dimensions = await covered(tx, view.id, model.id)
    if not files:
        return ""
    if dimensions not in (0, await model.measure()):
        await _drop(storage, view, model.id)  # another model answers under that name by now
    elif again:
        await _drop(storage, view, model.id, _OF_VIEW)
    async with storage.database.read(storage.scope) as tx:
        rows = await tx.rows(
            "SELECT p.id FROM members m JOIN placements p ON p.id = m.placement_id"
            " WHERE m.view_id = :view AND p.chunks > 0 AND NOT EXISTS (SELECT 1 FROM vectors x"
            " WHERE x.model = :model AND x.repo_id = p.repo_id AND x.placement_id = p.id) ORDER BY p.id",
            {"view": view.id, "model": model.id},
        )
    wanted = [int(id_) for (id_,) in rows]
    done, refused = 0, ""
    for part in cut(wanted, BATCH_FILES):
        await tell(done, len(wanted), STAGE)
        texts = await _passages(storage, part)
        flat = [passage for of_file in texts.values() for passage in of_file]
        vectors: list[NDArray[np.int8]] = []
        scales: list[NDArray[np.float32]] = []
        for some in cut(flat, BATCH_CHUNKS):
            # A slow model takes longer for a part than a lease lasts.
            await tell(done, len(wanted), STAGE)
            made = await model.embed(some)
            vectors.append(made.rows)
            scales.append(made.scales)
            refused = made.refused or refused
        if flat:
            await _keep(storage, view, model.id, texts, np.concatenate(vectors), np.concatenate(scales))
        done += len(part)
    await tell(done, len(wanted), STAGE)
    return refused


async def _drop(storage: Storage, view: View, model: str, which: str = "TRUE") -> None:
    """Forget the vectors of a repository under one model, all at once: no reader can hold two lengths."""
    async with storage.database.write(storage.scope) as tx:
        await tx.run(
            f"DELETE FROM vectors WHERE model = :model AND repo_id = :repo AND {which}",  # noqa: S608 - our own text
            {"model": model, "repo": view.repo_id, "view": view.id},
        )
        await tx.many(FEWER_ROWS, [(view.repo_id,)])


async def _passages(storage: Storage, placements: Sequence[int]) -> dict[int, list[Passage]]:
    marks = ", ".join(str(id_) for id_ in placements)
    async with storage.database.read(storage.scope) as tx:
        files = await tx.rows(
            "SELECT p.id, p.path, p.blob_id, b.text FROM placements p JOIN blobs b ON b.id = p.blob_id"  # noqa: S608
            f" WHERE p.id IN ({marks}) ORDER BY p.id"
        )
        spans = await tx.rows(
            "SELECT p.id, c.start_line, c.end_line, c.context FROM placements p JOIN chunks c ON c.blob_id = p.blob_id"  # noqa: S608
            f" WHERE p.id IN ({marks}) ORDER BY p.id, c.ordinal"
        )
    by_file: dict[int, list[tuple[int, int, str]]] = {}
    for id_, start, end, context in spans:
        by_file.setdefault(id_, []).append((start, end, context))
    found = {}
    for id_, path, _, packed in files:
        lines = short(plain_text(packed).split("\n"))
        chunks = by_file.get(id_, [])
        found[id_] = passages(
            path,
            [tuple(context.split("\n")) if context else () for _, _, context in chunks],
            ["\n".join(lines[start - 1 : end]) for start, end, _ in chunks],
        )
    return found


async def _keep(
    storage: Storage,
    view: View,
    model: str,
    texts: dict[int, list[Passage]],
    rows: NDArray[np.int8],
    scales: NDArray[np.float32],
) -> None:
    stored = []
    start = 0
    for id_, of_file in texts.items():
        end = start + len(of_file)
        if of_file:
            stored.append(
                (
                    model,
                    id_,
                    len(of_file),
                    scales[start:end].astype("<f4").tobytes(),
                    rows[start:end].astype(np.int8).tobytes(),
                    view.repo_id,
                    id_,
                )
            )
        start = end
    async with storage.database.write(storage.scope) as tx:
        await tx.many(
            "INSERT INTO vectors (model, placement_id, repo_id, generation, count, scales, rows)"
            " SELECT ?, ?, r.id, r.generation + 1, ?, ?, ? FROM repos r WHERE r.id = ?"
            " AND EXISTS (SELECT 1 FROM placements WHERE id = ?)"  # a run may have collected it meanwhile
            " ON CONFLICT (model, repo_id, placement_id) DO NOTHING",
            stored,
        )
        await tx.many(NEW_ROWS, [(view.repo_id,)])
