"""Is the endpoint worth asking now? Nobody waits again for one that just failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import anyio

from sophia_mcp.embed.providers import Embedder, Model, Vectors
from sophia_mcp.embed.refusals import OF_TEXTS
from sophia_mcp.errors import ProviderError
from sophia_mcp.ops.breaker import Breaker
from sophia_mcp.ops.retry import LONGEST_S
from sophia_mcp.types import Passage

COOL_S = 30.0
"""An endpoint that failed is left alone for so long; then one caller finds out whether it is back."""

QUESTION_S = 5.0
"""Whoever asks a question waits for its vector no longer."""


@dataclass(frozen=True, slots=True)
class Fuse:
    """``breaker`` opens with the first failure: words answer without the endpoint, so nothing is gained by
    trying often."""

    breaker: Breaker
    question_s: float = QUESTION_S


class Fused:
    """An embedder whose endpoint may be down. While it is, every call fails at once and says why."""

    def __init__(self, inside: Embedder, fuse: Fuse | None = None) -> None:
        self._inside = inside
        self._fuse = fuse or Fuse(Breaker(1, COOL_S))
        self._last: ProviderError | None = None

    @property
    def model(self) -> Model:
        return self._inside.model

    async def documents(self, passages: Sequence[Passage]) -> Vectors:
        return await self._asked(lambda: self._inside.documents(passages), _is_down)

    async def query(self, text: str) -> Vectors:
        return await self._asked(lambda: self._soon(text), _ails)

    async def _soon(self, text: str) -> Vectors:
        try:
            with anyio.fail_after(self._fuse.question_s):
                return await self._inside.query(text)
        except TimeoutError:
            raise ProviderError(
                f"the embedding endpoint for {self.model.id} failed",
                why=f"it did not answer a question within {self._fuse.question_s:g} s",
                next="see whether it is overloaded, or use the local embedder static",
                transient=True,
            ) from None

    async def _asked(
        self, ask: Callable[[], Awaitable[Vectors]], says: Callable[[ProviderError], bool]
    ) -> Vectors:
        """What ``ask`` answers. A failure opens the fuse where it ``says`` something about the endpoint."""
        breaker = self._fuse.breaker
        if self._last is not None and (wait := breaker.wait_s()) > 0:
            raise ProviderError(
                self._last.what,
                why=self._last.why,
                next=f"{self._last.next}; it is asked again in {wait:.0f} s",
                transient=True,
                retry_after_s=wait,
                charged=False,
            )
        trial = breaker.trial
        try:
            rows = await ask()
        except ProviderError as error:
            if says(error):
                self._last = error
                breaker.failed(min(error.retry_after_s or 0.0, LONGEST_S))
            else:
                breaker.undecided(trial)
            raise
        except BaseException:  # refused by a budget, or cancelled: nothing was learned of the endpoint
            breaker.undecided(trial)
            raise
        breaker.succeeded(trial)
        return rows


def _is_down(error: ProviderError) -> bool:
    """Whether other texts would fare no better. One batch may be refused for what it holds."""
    return error.transient or error.status in (401, 403)


def _ails(error: ProviderError) -> bool:
    """Whether another question would fare no better. One may be refused for what it holds; nonsense in answer to
    a single text is not its fault."""
    return error.status not in OF_TEXTS
