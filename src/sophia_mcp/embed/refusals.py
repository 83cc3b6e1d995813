"""Which of these texts does a model refuse, and what are the vectors of the others?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sophia_mcp.embed.batch import Batching, batches, in_order
from sophia_mcp.embed.providers import Embedder, Vectors
from sophia_mcp.errors import ProviderError
from sophia_mcp.types import Passage

OF_TEXTS = frozenset({400, 413, 422})
"""The status of an answer that may be about the texts that were sent, and not about the endpoint."""

REQUEST = Batching(characters=80_000)
"""One call is one request of the embedder's, even where masks lengthen texts: a refusal takes nothing with it that
was answered, and what a call brought is kept when a later one fails."""

_PLAIN = "dimensions"
"""A question that no model refuses for what it holds."""


class Taken(NamedTuple):
    """``rows`` is (n, dimensions), zero where the model refused a text; ``refused`` says why, by position."""

    rows: Vectors
    refused: dict[int, ProviderError]


async def taken(embedder: Embedder, passages: Sequence[Passage]) -> Taken:
    """Vectors of all passages that the model takes. Of a request that is refused the halves are sent, until what
    is refused stands alone: one text that is too long costs the others nothing, and is all that is sent in vain.

    Raises what the embedder raises: where it is not the texts, or where plain words are refused as well.
    """

    async def ask(part: range) -> Vectors | ProviderError:
        try:
            return await embedder.documents(passages[part.start : part.stop])
        except ProviderError as problem:
            if problem.status not in OF_TEXTS:
                raise
            return problem

    if not passages:
        return Taken(await embedder.documents(passages), {})
    rows: dict[int, Vectors] = {}
    refused: dict[int, ProviderError] = {}
    dimensions = 0
    texts = ["\n".join((*passage.header, passage.text)) for passage in passages]
    waiting = list(batches(texts, REQUEST))[::-1]
    halves: list[range] = []
    while halves or waiting:
        # The first goes alone: an endpoint that just failed is asked by one caller, and the others are turned away.
        some = [halves.pop()] if halves else _last(waiting, REQUEST.at_once if rows else 1)
        for part, answer in zip(some, await in_order(some, REQUEST.at_once, ask), strict=True):
            if not isinstance(answer, ProviderError):
                rows[part.start] = answer
                dimensions = answer.shape[1]
            elif len(part) > 1:
                middle = len(part) // 2
                halves += [part[middle:], part[:middle]]
            else:
                # Where nothing was answered yet it may be the model that is refused.
                dimensions = dimensions or len(await embedder.query(_PLAIN))
                refused[part.start] = answer
    rows |= {at: np.zeros((1, dimensions), np.float32) for at in refused}
    return Taken(np.concatenate([rows[at] for at in sorted(rows)]), refused)


def _last(waiting: list[range], count: int) -> list[range]:
    """So many are taken from the end."""
    return [waiting.pop() for _ in range(min(count, len(waiting)))]
