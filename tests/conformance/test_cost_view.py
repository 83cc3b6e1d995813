"""The cost view, driven by the official bridge of MCP Apps as a host drives it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.conformance.node import HERE, run_node
from tests.cost.books import USUAL
from tests.server.conftest import Place, write
from tests.server.test_cost_report import spend

from sophia_mcp.cost.ledger.entry import Limit

pytestmark = [pytest.mark.requirement("resources.cost_app"), pytest.mark.timeout(120)]


async def answers(place: Place) -> tuple[str, list[dict[str, Any]]]:
    """The page, and two real answers of the tool as they travel."""
    async with place.open(None) as app:
        money = await app.money()
        await spend(app, "<b>large</b>", calls=3)
        before = money.ledger.clock() - 2 * 86_400 * 10**9
        money.ledger.clock = lambda: before
        await spend(app, "small")
        await money.set_limit(Limit("workspace", "total", 5 * USUAL))
    async with place.connect("auto") as client:
        page = (await client.read_resource("ui://sophia/cost")).contents[0]
        results = [
            await client.call_tool("cost_report", {"since": "-30d", "group_by": names})
            for names in (["model"], ["pattern"])
        ]
    told = [result.model_dump(mode="json", by_alias=True, exclude_none=True) for result in results]
    return page.text, told  # type: ignore[union-attr]


def test_the_view_shows_the_answer_and_asks_the_host_for_more(tmp_path: Path) -> None:
    place = Place(write(tmp_path / "project"), tmp_path / "store")
    html, told = anyio.run(answers, place)
    (tmp_path / "cost.html").write_text(html)
    (tmp_path / "answers.json").write_text(json.dumps(told))
    code, out, errors = run_node(
        HERE / "cost_view.mjs",
        str(tmp_path / "cost.html"),
        str(tmp_path / "answers.json"),
        timeout=60,
        folder=HERE,
    )
    assert code == 0, errors
    said = json.loads(out)
    first, second = said["first"], said["second"]
    assert first["total"]["text"] == "$0.00012"
    assert first["since"]["value"] == "-30d"
    assert "<b>large</b>" in first["groups"]["text"], "a name is text, never markup"
    assert "$0.00009" in first["groups"]["text"]
    assert "workspace, total: $0.00012 of $0.00015" in first["budgets"]["text"]
    assert said["bars"] == 3, "a day without spending has its place, too"
    assert "the dearest" in first["days"]["text"]
    assert "default-src 'none'" in html
    assert not first["all"]["hidden"], "a filter is set, so all can be asked for"
    (call,) = said["calls"]
    assert call["name"] == "cost_report"
    assert call["arguments"] == {
        "since": "-30d",
        "group_by": ["pattern"],
        "filters": {"tag": "ci", "model": "<b>large</b>"},
    }
    assert "solo" in second["groups"]["text"]
    assert said["sizes"][0] == {"width": 640, "height": 480}
    assert said["style"] == "#123456"
