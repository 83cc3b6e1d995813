"""Which of these texts does a model refuse, and what are the vectors of the others?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sophia_mcp.embed.providers import Embedder, Vectors
from sophia_mcp.errors import ProviderError
from sophia_mcp.types import Passage

OF_TEXTS = frozenset({400, 413, 422})
"""The status of an answer that may be about the texts that were sent, and not about the endpoint."""

BATCH = 256
"""Texts of one call. What a call brought is kept when a later one fails."""

_PLAIN = "dimensions"
"""A question that no model refuses for what it holds."""


class Taken(NamedTuple):
    """``rows`` is (n, dimensions), zero where the model refused a text; ``refused`` says why, by position."""

    rows: Vectors
    refused: dict[int, ProviderError]


async def taken(embedder: Embedder, passages: Sequence[Passage]) -> Taken:
    """Vectors of all passages that the model takes. Of a batch that is refused the halves are sent, until what
    is refused stands alone: one text that is too long costs the others nothing.

    Raises what the embedder raises: where it is not the texts, or where plain words are refused as well.
    """
    rows: list[Vectors] = []
    refused: dict[int, ProviderError] = {}
    dimensions = 0
    waiting = [range(len(passages))[at : at + BATCH] for at in range(0, len(passages), BATCH)][::-1]
    while waiting:
        part = waiting.pop()
        try:
            rows.append(await embedder.documents(passages[part.start : part.stop]))
        except ProviderError as problem:
            if problem.status not in OF_TEXTS:
                raise
            if len(part) > 1:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
                continue
            dimensions = dimensions or len(await embedder.query(_PLAIN))
            refused[part.start] = problem
            rows.append(np.zeros((1, dimensions), np.float32))
    return Taken(np.concatenate(rows) if rows else await embedder.documents(passages), refused)
