"""What is asked of a model beyond this machine, how often, and what is left where that is cut off?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from tests.index.trees import open_index

from sophia_mcp.errors import ProviderError
from sophia_mcp.index import distant
from sophia_mcp.index.build import Index, Model
from sophia_mcp.types import Passage

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("embed.away")]
Tree = Callable[..., Path]
FILES = {f"m{i}.py": f"def f{i}():\n    return {i}\n" for i in range(5)}


class Service:
    """A model that is slow, and ``away`` until it is not."""

    def __init__(self) -> None:
        self.away = False
        self.asked: list[Passage] = []

    async def embed(self, passages: Sequence[Passage]) -> Any:
        self.asked += passages
        await anyio.sleep(0.05)
        return np.ones((len(passages), 8), np.int8), np.ones(len(passages), np.float32)

    async def measure(self) -> int:
        if self.away:
            raise ProviderError("the model is away", next="ask later")
        return 8

    @asynccontextmanager
    async def index(self, home: Path) -> AsyncIterator[Index]:
        """An index whose vectors this makes."""
        model = Model("far", distant=distant.Model("far", self.embed, self.measure))
        async with open_index(home, model) as index:
            yield index


async def test_two_that_make_up_at_once_send_a_text_once(tmp_path: Path, tree: Tree) -> None:
    service = Service()
    async with service.index(tmp_path / "home") as index:
        service.away = True
        await index.update(tree(FILES))
        service.away = False
        view = await index.resolve("app")
        whole: list[bool] = []

        async def make_up() -> None:
            whole.append(await index.distant.make_up(view))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(make_up)
            tasks.start_soon(make_up)
    assert len(service.asked) == len(FILES)
    assert whole == [True, True]
