"""The product with a hosted embedder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.embed.endpoint import KEY, Endpoint

from sophia_mcp.app import App, open_app
from sophia_mcp.settings import load


@asynccontextmanager
async def opened(
    tmp_path: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, **embed: Any
) -> AsyncIterator[App]:
    """The product, with ``endpoint`` as its embedder."""
    monkeypatch.setenv("EMBED_KEY", KEY)
    chosen = {
        "provider": "openai",
        "base_url": endpoint.url,
        "model": "stand-in",
        "key": "env:EMBED_KEY",
        "send_source": True,
        "max_tokens": 10_000,
    }
    async with open_app(load(home=tmp_path / "data", embed=chosen | embed)) as app:
        yield app
