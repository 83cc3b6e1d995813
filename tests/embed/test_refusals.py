"""A text that a model refuses stands alone, and costs the others nothing."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import numpy as np
import pytest
from tests.embed.endpoint import Endpoint
from tests.embed.hosted import embedder

from sophia_mcp.embed.fuse import Fuse, Fused
from sophia_mcp.embed.providers import Model, Passage, Vectors
from sophia_mcp.embed.refusals import taken
from sophia_mcp.errors import ProviderError
from sophia_mcp.ops.breaker import Breaker

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("embed.away")]

TEXTS = [Passage((), f"text {number}") for number in range(128)]


@pytest.mark.parametrize("places", [(0,), (127,), (17, 18, 90)])
async def test_every_text_but_those_that_are_refused_has_its_vector(places: tuple[int, ...]) -> None:
    passages = [
        Passage((), "far too long") if at in places else passage for at, passage in enumerate(TEXTS)
    ]
    with Endpoint() as endpoint:
        endpoint.unwanted = "too long"
        client = embedder(endpoint)
        found = await taken(client, passages)
        tried = endpoint.tried
        endpoint.unwanted = ""
        whole = await client.documents(passages)
        await client.aclose()
    assert sorted(found.refused) == list(places)
    assert all("an input is too long" in problem.why for problem in found.refused.values())
    for at, row in enumerate(found.rows):
        assert np.array_equal(row, whole[at] * (at not in places))
    assert tried <= 2 + 16 * len(places)


@pytest.mark.parametrize("place", [0, 70, 250])
async def test_what_was_answered_is_not_paid_for_again(place: int) -> None:
    passages = [Passage(("m",), f"text {number} " + "x" * 1500) for number in range(256)]
    passages[place] = Passage((), "far too long")
    with Endpoint() as endpoint:
        endpoint.unwanted = "too long"
        client = embedder(endpoint)
        found = await taken(client, passages)
        await client.aclose()
        paid = [text for text in endpoint.texts() if text != "dimensions"]
    assert list(found.refused) == [place]
    assert len(paid) == len(set(paid)) == 255


async def test_a_refused_text_costs_no_question_where_another_text_was_answered() -> None:
    with Endpoint() as endpoint:
        endpoint.unwanted = "too long"
        client = embedder(endpoint)
        found = await taken(client, [*TEXTS[:9], Passage((), "far too long")])
        await client.aclose()
        assert sorted(endpoint.texts()) == sorted(passage.text for passage in TEXTS[:9])
    assert list(found.refused) == [9]


async def test_requests_go_at_once_when_the_first_was_answered() -> None:
    under_way: list[int] = []

    class Slow:
        model = Model("slow", 4, local=False)
        running = 0

        async def documents(self, passages: Sequence[Passage]) -> Vectors:
            self.running += 1
            under_way.append(self.running)
            await anyio.wait_all_tasks_blocked()
            self.running -= 1
            return np.ones((len(passages), 4), np.float32)

        async def query(self, text: str) -> Vectors:
            raise AssertionError(text)

    assert len((await taken(Slow(), TEXTS * 3)).rows) == 384
    assert under_way == [1, 1, 2, 3, 4, 1]


async def test_an_endpoint_that_is_back_is_found_out_by_the_first_request() -> None:
    now = [0.0]
    with Endpoint(script=[401]) as endpoint:
        client = embedder(endpoint)
        fused = Fused(client, Fuse(Breaker(1, 30.0, lambda: now[0])))
        with pytest.raises(ProviderError, match="401"):
            await taken(fused, TEXTS)
        now[0] = 31.0
        assert len((await taken(fused, TEXTS)).rows) == 128
        await client.aclose()


async def test_a_model_that_refuses_plain_words_refuses_more_than_a_text() -> None:
    with Endpoint() as endpoint:
        endpoint.ill = 400
        client = embedder(endpoint)
        with pytest.raises(ProviderError, match="400"):
            await taken(client, TEXTS)
        await client.aclose()
        assert endpoint.tried < 12, "which is found out with the first text"


async def test_what_is_wrong_with_the_endpoint_is_not_sought_in_the_texts() -> None:
    with Endpoint() as endpoint:
        endpoint.ill = 401
        client = embedder(endpoint)
        with pytest.raises(ProviderError, match="401"):
            await taken(client, TEXTS[:64])
        await client.aclose()
        assert endpoint.tried == 1


async def test_nothing_is_nothing() -> None:
    with Endpoint() as endpoint:
        client = embedder(endpoint)
        assert len((await taken(client, [])).rows) == 0
        await client.aclose()
