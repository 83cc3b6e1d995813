"""A small application, indexed for real, and a way to ask it questions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.index.trees import open_index
from tests.search.sample import FILES
from tests.trees import write_tree as write

from sophia_mcp.embed.providers import PROVIDERS
from sophia_mcp.embed.workers import open_encoder
from sophia_mcp.index import views
from sophia_mcp.index.build import Index, Model
from sophia_mcp.index.views import View
from sophia_mcp.llm.counting import tokens
from sophia_mcp.search.answer import Engine, search
from sophia_mcp.search.reply.render import render
from sophia_mcp.store.vectors import INDEXES
from sophia_mcp.types import Answer, Request


@dataclass
class Asked:
    """An indexed tree and its engine."""

    root: Path
    engine: Engine
    index: Index
    view: View

    async def __call__(self, query: str, **arguments: Any) -> Answer:
        return await search(self.engine, self.view, Request(query, **arguments))

    async def text(self, query: str, **arguments: Any) -> str:
        request = Request(query, **arguments)
        return render(await search(self.engine, self.view, request), request)

    async def update(self) -> None:
        await self.index.update(self.root)
        self.view = await views.resolve(self.engine.database, str(self.root))


@asynccontextmanager
async def open_engine(root: Path, home: Path) -> AsyncIterator[Asked]:
    """Index ``root`` with the shipped embedder and one worker, and open an engine over it."""
    embedder = PROVIDERS.load("static").open({})
    model = Model(embedder.model.id, partial(open_encoder, "static", {}))
    async with open_index(home, model, workers=1) as index:
        await index.update(root)
        storage = index.storage
        vectors = INDEXES.load("flat")(home)
        engine = Engine(
            storage.database, storage.text, storage.trigrams, vectors, embedder, index, tokens.count
        )
        view = await views.resolve(storage.database, str(root))
        yield Asked(root, engine, index, view)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One loop for a module, so that its tests can share an index."""
    return "asyncio"


@pytest.fixture(scope="module")
async def ask(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Asked]:
    """The sample application, indexed once for all tests that leave it as it is."""
    folder = tmp_path_factory.mktemp("sample")
    async with open_engine(write(folder / "shop", FILES), folder / "home") as asked:
        yield asked


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Asked]:
    """The sample application for a test that changes it."""
    async with open_engine(write(tmp_path / "shop", FILES), tmp_path / "home") as asked:
        yield asked


@pytest.fixture
def index_of(tmp_path: Path) -> Callable[..., Any]:
    """Opens an engine over given files: ``async with index_of({...}) as ask``."""
    return lambda files, name="app": open_engine(
        write(tmp_path / name, files), tmp_path / f"{name}.home"
    )
