"""A name is answered as if every feature had been worked out, and not only those that count for names."""

from __future__ import annotations

import pytest
from tests.search.conftest import Asked

from sophia_mcp.search import absent, spanfeatures

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("search.not_here")
@pytest.mark.parametrize(
    "name", ["add_money", "Cart", "add_mony", "MoneyPrinter", "cart.total", "amounts", "unheard_carts"]
)
async def test_what_does_not_count_for_a_name_is_not_missed(
    ask: Asked, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    few = await ask.text(name)
    monkeypatch.setattr(spanfeatures, "TOLD", spanfeatures.SPAN)
    monkeypatch.setattr(absent, "of_name", absent.facts)
    assert await ask.text(name) == few
