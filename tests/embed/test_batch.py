"""Batches: every text once, in order, inside the limits."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sophia_mcp.embed.batch import Batching, batches, embed_all

pytestmark = pytest.mark.anyio


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 5), st.integers(1, 50))
def test_batches_cover_all_texts_in_order_within_the_limits(
    sizes: list[int], items: int, most: int
) -> None:
    texts = ["x" * size for size in sizes]
    spans = list(batches(texts, Batching(items=items, characters=most)))
    assert [i for span in spans for i in span] == list(range(len(texts)))
    for span in spans:
        assert 1 <= len(span) <= items
        assert len(span) == 1 or sum(sizes[i] for i in span) <= most


async def test_no_more_requests_run_at_once_than_allowed() -> None:
    running = most = 0

    async def embed(texts: Sequence[str]) -> np.ndarray:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        running -= 1
        return np.array([[float(text)] for text in texts], np.float32)

    rows = await embed_all([str(i) for i in range(20)], Batching(items=2, at_once=3), embed)
    assert rows[:, 0].tolist() == list(range(20))
    assert most == 3
