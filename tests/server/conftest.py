"""A real server over a real store, and the official client in memory, in both protocol eras."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import CallToolResult, TextContent
from tests.trees import write_tree

from sophia_mcp.app import App, open_app
from sophia_mcp.server.build import build_server
from sophia_mcp.settings import load

ERAS = ("legacy", "auto")

FILES = {
    "shop/cart.py": '''"""The cart."""


class Cart:
    """Items a customer wants to buy."""

    def __init__(self) -> None:
        self.items: list[tuple[str, int]] = []

    def add_item(self, name: str, cents: int) -> None:
        """Put one item into the cart."""
        self.items.append((name, cents))

    def total_cents(self) -> int:
        """Sum of all items in cents."""
        return sum(cents for _, cents in self.items)
''',
    "shop/pay.py": '''"""Payment."""

from shop.cart import Cart


def charge_card(cart: Cart, token: str) -> bool:
    """Charge the customer's card with the cart total."""
    return bool(token) and cart.total_cents() > 0
''',
    "README.md": "# Shop\n\n## Payment\n\nCards are charged once, with the total of the cart.\n",
    "big.bin": "\0" * 2048,
}


@dataclass
class Place:
    """A project on disk and the home of a store."""

    project: Path
    home: Path
    settings: dict[str, Any] = field(default_factory=dict)

    @asynccontextmanager
    async def open(self, project: Path | None) -> AsyncIterator[App]:
        """The app as the program opens it, with the embedder that needs no weights."""
        flags = {"embed": {"provider": "hashing"}, "index": {"workers": 1, "watch": False}}
        async with open_app(load(project, home=self.home, **{**flags, **self.settings})) as app:
            yield app

    def server(self, root: Path | None = None, **options: Any) -> Any:
        """The server of this place; ``root`` replaces the project."""
        return build_server(self.open, root=root or self.project, **options)

    def connect(self, mode: str, root: Path | None = None, **options: Any) -> Connecting:
        """The official client, connected to a fresh server over this place."""
        return Client(self.server(root), mode=mode, raise_exceptions=True, **options)


Connecting = AbstractAsyncContextManager[Client]


def write(root: Path, files: dict[str, str] = FILES) -> Path:
    """The files on disk."""
    return write_tree(root, files)


def text_of(result: CallToolResult) -> str:
    """All text an agent sees."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A project nobody has indexed yet, with a store of its own."""
    return Place(write(tmp_path / "project"), tmp_path / "store")


@pytest.fixture(scope="session")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A project that is indexed already. Tests that share it do not change it."""
    base = tmp_path_factory.mktemp("indexed")
    made = Place(write(base / "project"), base / "store")

    async def index() -> None:
        async with made.connect("auto") as client:
            result = await client.call_tool("index_repo", {})
            assert not result.is_error, text_of(result)

    anyio.run(index)
    return made


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> str:
    """Handshake and stateless."""
    return str(request.param)
