"""A memory over a real store, with a clock that tests set and the embedder of the package."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from sophia_mcp.embed.providers import PROVIDERS, LocalEmbedder
from sophia_mcp.llm.counting import tokens
from sophia_mcp.memory import repos
from sophia_mcp.memory.finder import Finder
from sophia_mcp.memory.memory import Caller, Memory, Note, Remembered
from sophia_mcp.memory.repos import Repo
from sophia_mcp.memory.schema import MIGRATIONS
from sophia_mcp.memory.shelf import Shelf
from sophia_mcp.memory.tiers import DAY_NS
from sophia_mcp.store.engines.sqlite import open_database
from sophia_mcp.store.text import Fts5Text
from sophia_mcp.types import Memo

START = 1_800_000_000 * 10**9

CART = '''"""The cart."""

LIMIT = 100
CURRENCY = "EUR"


class Cart:
    """Items a customer wants to buy."""

    def add_item(self, name: str, cents: int) -> None:
        """Put one item into the cart."""
        self.items.append((name, cents))

    def total_cents(self) -> int:
        """Sum of all items in cents."""
        return sum(cents for _, cents in self.items)


def charge_card(cart: Cart, token: str) -> bool:
    """Charge the customer's card with the cart total."""
    return bool(token) and cart.total_cents() > 0
'''


class Folders:
    """Every folder named by its path is a repository, and every one may be read."""

    async def repo(self, place: str | None, project: Path | None, *, trusted: bool) -> Repo | None:
        folder = Path(place) if place is not None else project
        return repos.see(folder) if folder is not None else None

    async def readable(self, project: Path | None, *, trusted: bool) -> Callable[[Path], bool]:
        return lambda path: True


@dataclass
class Mind:
    """One process that remembers. ``now`` is its clock."""

    memory: Memory
    project: Path
    now: int = START
    caller: Caller = field(init=False)

    def __post_init__(self) -> None:
        self.caller = Caller(project=self.project)

    def later(self, days: float) -> None:
        self.now += int(days * DAY_NS)

    async def keep(self, text: str, **values: object) -> Remembered:
        """Remember a note for the project."""
        self.now += 1_000_000
        return await self.memory.remember(Note(text, **values), self.caller)  # type: ignore[arg-type]

    async def found(self, query: str | None, **values: object) -> list[Memo]:
        """What is recalled."""
        self.now += 1_000_000
        _, recalled = await self.memory.recall(query, self.caller, **values)  # type: ignore[arg-type]
        return list(recalled.memos)

    async def told(self, query: str | None, max_tokens: int = 1000, **values: object) -> str:
        """The text an agent reads."""
        asked, recalled = await self.memory.recall(query, self.caller, **values)  # type: ignore[arg-type]
        return (await self.memory.told(asked, recalled, max_tokens, {"query": query})).text


@asynccontextmanager
async def opened(store: Path, project: Path, now: int = START) -> AsyncIterator[Mind]:
    """A process with this store, in this project."""
    async with AsyncExitStack() as stack:
        db = await open_database(store, durability="truth")
        stack.push_async_callback(db.close)
        await db.migrate(MIGRATIONS)
        embedder = cast("LocalEmbedder", PROVIDERS.load("static").open({}))
        shelf = Shelf(db, Finder(Fts5Text(), embedder), clock=lambda: mind.now)
        memory = Memory(shelf, Folders(), tokens.count)
        mind = Mind(memory, project, now)
        stack.push_async_callback(memory.close)
        yield mind


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project on disk."""
    folder = tmp_path / "shop"
    (folder / "shop").mkdir(parents=True)
    (folder / "shop" / "cart.py").write_text(CART)
    (folder / "notes.txt").write_text("first line\n\nthe second paragraph\nhas two lines\n")
    return folder


@pytest.fixture
async def mind(tmp_path: Path, project: Path) -> AsyncIterator[Mind]:
    async with opened(tmp_path / "state.db", project) as made:
        yield made
