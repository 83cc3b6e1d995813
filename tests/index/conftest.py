"""A real store and a real index in a temporary folder, and trees to index."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.index.trees import open_index
from tests.trees import write_tree

from sophia_mcp.index.build import Index


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[Index]:
    async with open_index(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    """Writes files below a new folder and returns it."""

    def write(files: dict[str, str], name: str = "app") -> Path:
        return write_tree(tmp_path / name, files)

    return write
