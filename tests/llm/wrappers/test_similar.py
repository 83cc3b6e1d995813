"""The semantic cache is off; where a person wants it, only the last message may differ, and by little."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.llm.asking import Steps, ask

from sophia_mcp.app import open_app
from sophia_mcp.embed.providers import PROVIDERS
from sophia_mcp.llm.wrappers.cache import DAY_NS, Cache, Kept, Keys
from sophia_mcp.llm.wrappers.similar import Likeness, Similar
from sophia_mcp.settings import load
from sophia_mcp.store import cache as store
from sophia_mcp.store.engines import ENGINES
from sophia_mcp.types import LOCAL, Message, Reply

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("cache.semantic")]


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    opened = await ENGINES.load("sqlite").open(tmp_path / "index.db", durability="derived")
    await opened.migrate(store.MIGRATIONS)
    yield Kept(store.Cache(opened), LOCAL)
    await opened.close()


async def embed(text: str) -> NDArray[np.float32]:
    vectors: NDArray[np.float32] = await PROVIDERS.load("hashing").open({}).query(text)
    return vectors


def similar(inner: Steps, kept: Kept, least: float = 0.8, **more: Any) -> Similar:
    return Similar(inner, kept, Keys("steps"), Likeness(least, embed, "hashing"), keep_ns=DAY_NS, **more)


FIRST = "explain how the connection pool hands connections to waiting readers"
ALIKE = "explain how the connection pool hands connections to the waiting readers"
OTHER = "write a haiku about autumn leaves"


async def test_a_question_alike_enough_gets_the_earlier_answer_and_it_is_said() -> None:
    told: list[str] = []
    saved: list[Reply] = []

    async def count(_: Any, reply: Reply) -> None:
        saved.append(reply)

    inner = Steps(["pooled", "haiku"])
    memory: dict[str, bytes] = {}

    class InMemory:
        async def get(self, key: str) -> bytes | None:
            return memory.get(key)

        async def put(self, key: str, value: bytes) -> None:
            memory[key] = value

    cache = Similar(
        inner,
        InMemory(),
        Keys("steps"),
        Likeness(0.8, embed, "hashing"),
        keep_ns=DAY_NS,
        saved=count,
        tell=lambda labels, text: told.append(text),
    )
    assert not (await cache.ask(ask(FIRST))).cached
    again = await cache.ask(ask(ALIKE))
    assert (again.text, again.cached) == ("pooled", True)
    assert "similar question" in told[0]
    assert len(saved) == 1
    assert (await cache.ask(ask(OTHER))).text == "haiku"


async def test_only_the_last_message_may_differ(kept: Kept) -> None:
    inner = Steps(["a", "b", "c", "d"])
    cache = similar(inner, kept)
    await cache.ask(ask(FIRST))
    assert (await cache.ask(ask(ALIKE, model="another"))).text == "b"
    assert (await cache.ask(ask(ALIKE, max_tokens=7))).text == "c"
    system = (Message("system", "Be long."), Message("user", ALIKE))
    assert (await cache.ask(ask(messages=system))).text == "d"


async def test_an_answer_cut_off_or_old_is_not_used(kept: Kept) -> None:
    now = [10**18]
    inner = Steps([Reply("cut", "m", "steps", finish="length"), "whole", "new"])
    cache = similar(inner, kept, clock=lambda: now[0])
    await cache.ask(ask(FIRST))
    assert (await cache.ask(ask(ALIKE))).text == "whole"
    now[0] += DAY_NS
    assert (await cache.ask(ask(ALIKE))).text == "new"


async def test_an_answer_to_a_similar_question_is_not_kept_as_the_exact_one(kept: Kept) -> None:
    inner = Steps(["first", "second"])
    exact = Cache(similar(inner, kept), kept, Keys("steps"))
    await exact.ask(ask(FIRST))
    assert (await exact.ask(ask(ALIKE))).cached
    assert await kept.get(Keys("steps").of(ask(FIRST))) is not None
    assert await kept.get(Keys("steps").of(ask(ALIKE))) is None


async def test_it_is_off_until_a_person_sets_it(tmp_path: Path) -> None:
    async with open_app(load(home=tmp_path)) as app:
        assert (await app.models()).likeness is None
    async with open_app(load(home=tmp_path, llm={"semantic_cache": 0.97})) as app:
        likeness = (await app.models()).likeness
        assert likeness is not None
        assert likeness.least == 0.97
