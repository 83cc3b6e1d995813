"""What a hosted embedder sends is in the ledger and under the budgets, as the product opens it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.app.hosted import opened
from tests.embed.endpoint import Endpoint

from sophia_mcp.app import App
from sophia_mcp.cost.ledger.entry import Limit
from sophia_mcp.errors import BadSetting, BudgetExceeded
from sophia_mcp.types import Passage

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("cost.embedding")]

PASSAGES = [Passage((), "one two three"), Passage((), "four five")]


async def spent(app: App) -> dict[str, Any]:
    """The facts of everything that was embedded."""
    report = await (await app.money()).report(group_by=["tag"], filters={"tag": "embedding"})
    return dict(report.facts()["total"])


async def test_every_request_is_an_entry_at_the_price_a_person_stated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Endpoint(script=[429]) as endpoint:
        async with opened(tmp_path, endpoint, monkeypatch, usd_per_million="10") as app:
            await (await app.embedder()).documents(PASSAGES)
            total = await spent(app)
        assert endpoint.tried == 2
    assert total["calls"] == 2, "the one that was refused is an entry too"
    assert (total["input_tokens"], total["usd"], total["uncertain_usd"]) == (5, "0.00005", "0.00")


@pytest.mark.parametrize("price", ["", "free", "-1", "NaN", "Infinity"])
async def test_a_price_that_is_none_is_refused_before_anything_is_sent(
    price: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Endpoint() as endpoint:
        async with opened(tmp_path, endpoint, monkeypatch, usd_per_million=price) as app:
            with pytest.raises(BadSetting, match="usd_per_million"):
                await app.embedder()
        assert endpoint.tried == 0


async def test_what_was_embedded_before_is_not_paid_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Endpoint() as endpoint:
        async with opened(tmp_path, endpoint, monkeypatch, usd_per_million="10") as app:
            await (await app.embedder()).documents(PASSAGES)
            await (await app.embedder()).documents(PASSAGES)
            assert (await spent(app))["calls"] == 1


async def test_a_hard_budget_refuses_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Endpoint() as endpoint:
        async with opened(tmp_path, endpoint, monkeypatch, usd_per_million="10") as app:
            await (await app.money()).set_limit(Limit("workspace", "day", 1_000))
            with pytest.raises(BudgetExceeded, match="workspace budget"):
                await (await app.embedder()).documents(PASSAGES)
            assert (await spent(app))["calls"] == 0
        assert endpoint.tried == 0


async def test_what_has_no_price_is_booked_as_unpriced_and_never_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Endpoint() as endpoint:
        async with opened(tmp_path, endpoint, monkeypatch) as app:
            await (await app.embedder()).query("one two three")
            total = await spent(app)
    assert (total["calls"], total["unpriced_calls"], total["input_tokens"]) == (1, 1, 3)


async def test_an_answer_that_never_came_is_uncertain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Endpoint(script=[{"data": "nonsense"}]) as endpoint:
        async with opened(tmp_path, endpoint, monkeypatch, usd_per_million="10") as app:
            with pytest.raises(Exception, match="not a list of embeddings"):
                await (await app.embedder()).query("one two three")
            total = await spent(app)
    assert total["usd"] == "0.00"
    assert total["uncertain_usd"] != "0.00"
