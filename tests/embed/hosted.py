"""An embedder that asks the stand-in endpoint, and what is left of its budget."""

from __future__ import annotations

from typing import Any

import pytest
from tests.embed.endpoint import KEY, Endpoint

from sophia_mcp.embed.batch import Batching
from sophia_mcp.embed.budget import Budget
from sophia_mcp.embed.providers import Passage
from sophia_mcp.embed.providers import openai as module
from sophia_mcp.embed.providers.openai import OpenAIEmbedder
from sophia_mcp.errors import BudgetExceeded

PASSAGES = [Passage((f"src/m{i}",), f"def f{i}(): return {i}") for i in range(10)]


def embedder(
    endpoint: Endpoint, *, batching: Batching | None = None, max_tokens: int = 10**9, **changed: Any
) -> OpenAIEmbedder:
    values: dict[str, Any] = {
        "base_url": endpoint.url,
        "model": "stand-in",
        "mask": lambda text: text.replace("hunter2", "•••"),
        "key": KEY,
        "first_wait_s": 0.001,
        "timeout_s": 5.0,
    } | changed
    return OpenAIEmbedder(module.Endpoint(**values), Budget(max_tokens), batching or Batching())


def assert_left(budget: Budget, tokens: int) -> None:
    """So many tokens can still be reserved, and not one more."""
    budget.reserve(["abc" * (tokens - 1)])
    with pytest.raises(BudgetExceeded):
        budget.reserve([""])
