"""One run of the index, which goes on behind whoever asked for it: how far it is, and how it ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from sophia_mcp.errors import Bug, SophiaError
from sophia_mcp.types import IndexReport

if TYPE_CHECKING:
    from sophia_mcp.index.run import Progress

AS_IT_IS = (False, None, None)
"""Nothing is asked for but that the index is brought to its tree: ``full``, ``include``, ``exclude``."""


@dataclass
class IndexRun:
    """One index run in the background. Several callers may wait for the same run. ``before`` holds what
    comes before the index has to do with it: a run that is waited for, and a clone of ``url``, which says
    nothing of who asks."""

    folder: str
    ref: str
    asked: tuple[bool, Sequence[str] | None, Sequence[str] | None] = AS_IT_IS
    url: str = ""
    before: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    begun: anyio.Event = field(default_factory=anyio.Event)
    worded: anyio.Event = field(default_factory=anyio.Event)
    done: anyio.Event = field(default_factory=anyio.Event)
    report: IndexReport | None = None
    error: SophiaError | None = None
    progress: tuple[int, int, str] = (0, 0, "starting")

    async def wait(
        self,
        seconds: float,
        every: float = 2.0,
        tell: Callable[[int, int, str], Awaitable[None]] | None = None,
    ) -> bool:
        """Wait at most ``seconds``, telling progress every few seconds; whether the run has ended.

        Raises the run's own error when it failed.
        """
        with anyio.move_on_after(seconds):
            while not self.done.is_set():
                with anyio.move_on_after(every):
                    await self.done.wait()
                if tell is not None:
                    await tell(*self.progress)
        if self.error is not None:
            raise self.error
        return self.done.is_set()

    async def answerable(self, seconds: float) -> None:
        """Wait at most ``seconds`` until nothing but the vectors of a distant model is still to come, which may
        take minutes. Raises the run's own error."""
        with anyio.move_on_after(seconds):
            await self.worded.wait()
        if self.error is not None:
            raise self.error

    async def registered(self) -> None:
        """Wait until the run has a view that a search can stand on. Raises the run's own error."""
        await self.begun.wait()
        if self.error is not None:
            raise self.error


async def drive(run: IndexRun, work: Callable[[Progress], Awaitable[IndexReport]]) -> None:
    """Do the work of a run and keep how it ended: its report, or its error for those who wait."""
    from sophia_mcp.index.distant import STAGE

    def tell(done: int, total: int, text: str) -> None:
        run.progress = (done, total, text)
        run.begun.set()
        if text == STAGE:
            run.worded.set()

    try:
        run.report = await work(tell)
    except SophiaError as error:
        run.error = error
    except Exception as error:  # noqa: BLE001 - a run must end with an answer for those who wait
        from sophia_mcp.ops.logs import get_logger

        run.error = bug = Bug()
        get_logger("app").error("bug", id=bug.id, exc_info=error)
    finally:
        run.begun.set()
        run.worded.set()
        run.done.set()
