"""How do many passages become few requests, some of them at once, in order?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import anyio
import numpy as np

from sophia_mcp.embed.providers import Vectors

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Batching:
    """At most ``items`` texts and ``characters`` of text per request (a single longer text goes
    alone), at most ``at_once`` requests in flight."""

    items: int = 64
    characters: int = 100_000
    at_once: int = 4


def batches(texts: Sequence[str], limits: Batching) -> Iterator[range]:
    """Ranges of positions that together cover ``texts`` in order."""
    start, size = 0, 0
    for position, text in enumerate(texts):
        full = position - start >= limits.items or size + len(text) > limits.characters
        if position > start and full:
            yield range(start, position)
            start, size = position, 0
        size += len(text)
    if start < len(texts):
        yield range(start, len(texts))


async def embed_all(
    texts: Sequence[str], limits: Batching, embed: Callable[[Sequence[str]], Awaitable[Vectors]]
) -> Vectors:
    """The rows of all texts in order. The first failure cancels the other requests and is raised."""
    spans = list(batches(texts, limits))
    rows = await in_order(spans, limits.at_once, lambda span: embed(texts[span.start : span.stop]))
    return np.concatenate(rows) if rows else np.zeros((0, 0), np.float32)


async def in_order(
    spans: Sequence[range], at_once: int, ask: Callable[[range], Awaitable[Answer]]
) -> list[Answer]:
    """What ``ask`` answers for each span, at most ``at_once`` asked together. The first failure cancels the others
    and is raised."""
    found: dict[int, Answer] = {}
    free = anyio.CapacityLimiter(at_once)
    failures: list[Exception] = []

    async def one(number: int, span: range) -> None:
        async with free:
            if failures:
                return
            try:
                found[number] = await ask(span)
            except Exception as error:  # noqa: BLE001 - raised below, not wrapped in a group
                failures.append(error)
                group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for number, span in enumerate(spans):
            group.start_soon(one, number, span)
    if failures:
        raise failures[0]
    return [found[number] for number in range(len(spans))]
