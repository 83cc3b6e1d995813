"""Money as the product opens it: who hears of budgets, and what becomes of the process when nobody does."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from sophia_mcp.app import open_app
from sophia_mcp.cost.ledger.alerts import Alert
from sophia_mcp.cost.ledger.entry import Limit, Standing
from sophia_mcp.settings import load

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("cost.alerts")
@pytest.mark.parametrize("url", ["https://☃.invalid/x", "http://127.0.0.1:1/x"])
async def test_a_webhook_that_is_not_reached_takes_nothing_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    async with open_app(load(home=tmp_path / "data", cost={"webhook": url})) as app:
        money = await app.money()
        for listen in money.ledger.listeners:
            await listen(Alert(Standing(Limit("workspace", "day", 100), "", 0, 1, 100, 0, 0), 100))
        with anyio.fail_after(20):
            while "webhook was not reached" not in caplog.text:
                await anyio.sleep(0.01)
        assert await money.limits() == []
