"""The cache by content: what is embedded once is not embedded again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.embed.endpoint import KEY, Endpoint

from sophia_mcp.app import open_app
from sophia_mcp.embed.cache import Cached, InStore, key
from sophia_mcp.embed.providers import Model, Vectors
from sophia_mcp.embed.providers.hashing import HashingEmbedder
from sophia_mcp.sections import EmbedSettings, Settings
from sophia_mcp.store.cache import MIGRATIONS, Cache
from sophia_mcp.store.engines.sqlite import open_database
from sophia_mcp.types import LOCAL, Passage

pytestmark = pytest.mark.anyio

A, B, C = (Passage((f"src/{name}",), f"def {name}(): ...") for name in ("alpha", "beta", "gamma"))


class Counting(HashingEmbedder):
    """The hashing embedder, which remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Passage] = []

    async def documents(self, passages: Sequence[Passage]) -> Vectors:
        self.asked += passages
        return await super().documents(passages)


class Memory(dict[str, bytes]):
    async def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        return {name: self[name] for name in keys if name in self}

    async def put_many(self, values: Mapping[str, bytes]) -> None:
        self.update(values)


@pytest.mark.requirement("embed.cache")
async def test_only_what_is_new_is_embedded_and_the_order_is_kept() -> None:
    inside = Counting()
    cached = Cached(inside, Memory())
    await cached.documents([A, B])
    rows = await cached.documents([C, A, C, B])
    assert inside.asked == [A, B, C]
    assert np.array_equal(rows, HashingEmbedder().encode([C, A, C, B]))


@pytest.mark.requirement("embed.cache")
async def test_a_damaged_value_is_embedded_again() -> None:
    inside, memory = Counting(), Memory()
    cached = Cached(inside, memory)
    await cached.documents([A, B, C])
    memory[key(cached.model.id, A)] = b"short"
    memory[key(cached.model.id, B)] = np.full(64, np.nan, "<f4").tobytes()
    rows = await cached.documents([A, B, C])
    assert inside.asked == [A, B, C, A, B]
    assert np.array_equal(rows, HashingEmbedder().encode([A, B, C]))


@pytest.mark.requirement("embed.cache")
def test_a_key_names_the_model_the_header_and_the_text() -> None:
    other = [
        key("m", Passage(("a", "b"), "c")),
        key("n", Passage(("a", "b"), "c")),
        key("m", Passage(("a",), "bc")),
        key("m", Passage(("ab",), "c")),
        key("m", Passage(("a", "b"), "d")),
    ]
    assert len(set(other)) == len(other)
    assert key("m", Passage(("a", "b"), "c")) == other[0]


async def test_nothing_asks_nothing() -> None:
    inside = Counting()
    assert (await Cached(inside, Memory()).documents([])).shape == (0, 64)
    assert inside.asked == []


@pytest.mark.requirement("embed.cache")
async def test_the_store_keeps_vectors_across_openings(tmp_path: Path) -> None:
    for expected in ([A, B], []):
        database = await open_database(tmp_path / "index.db", durability="derived")
        await database.migrate(MIGRATIONS)
        inside = Counting()
        await Cached(inside, InStore(Cache(database), LOCAL)).documents([A, B])
        await database.close()
        assert inside.asked == expected


def test_the_cache_is_of_the_same_model() -> None:
    assert Cached(HashingEmbedder(), Memory()).model == Model("hashing-64", 64, local=True)


@pytest.mark.requirement("embed.hosted_opt_in")
async def test_the_app_asks_a_hosted_model_once_for_a_text_and_never_shows_it_a_secret(
    tmp_path: Path,
) -> None:
    secret = "ghp_" + "R4nd0mT0k3nV4lu3" * 2 + "abCD"
    (tmp_path / "key").write_text(KEY)
    told = Passage(("src/deploy",), f"token = '{secret}'\npush()")
    with Endpoint() as endpoint:
        embed = EmbedSettings(
            provider="openai",
            base_url=endpoint.url,
            model="stand-in",
            key=f"file:{tmp_path / 'key'}",
            send_source=True,
            max_tokens=10_000,
        )
        for _ in range(2):
            async with open_app(Settings(home=tmp_path / "home", embed=embed)) as app:
                embedder = await app.embedder()
                rows = await embedder.documents([told, A])
                assert rows.shape == (2, 32)
        assert len(endpoint.texts()) == 2
        assert not any(secret in text for text in endpoint.texts())
