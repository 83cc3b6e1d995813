"""A text that a model refuses stands alone, and costs the others nothing."""

from __future__ import annotations

import numpy as np
import pytest
from tests.embed.endpoint import Endpoint
from tests.embed.test_openai import embedder

from sophia_mcp.embed.providers import Passage
from sophia_mcp.embed.refusals import taken
from sophia_mcp.errors import ProviderError

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
