"""`cost_report` over MCP: exact amounts in text and structure, in both eras, and the view of it."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.server.apps import APP_MIME_TYPE
from tests.cost.books import RECKONING, USUAL, Vendor, price, question
from tests.server.conftest import Place, text_of

from sophia_mcp.app import App
from sophia_mcp.cost.ledger.entry import Limit, Record, Settled
from sophia_mcp.cost.meter import Meter
from sophia_mcp.server.build import build_server
from sophia_mcp.types import Labels, Usage

pytestmark = pytest.mark.anyio


async def spend(app: App, model: str = "large", run: str = "run-1", calls: int = 1) -> None:
    """Calls of a vendor whose prices are easy to reckon."""
    money = await app.money()
    used = Usage(10, 5)
    settled = Settled("answered", used, price(used, provider="vendor", model=model, at_ns=0))
    labels = Labels(run=run, pattern="solo")
    records = [Record(money.ledger.clock(), "vendor", model, settled, labels) for _ in range(calls)]
    await money.ledger.record(records)


async def spent(place: Place) -> None:
    async with place.open(None) as app:
        await spend(app, "large", calls=3)
        await spend(app, "small")
        await spend(app, "unknown-9")
        await (await app.money()).set_limit(Limit("workspace", "month", 5 * USUAL))


@pytest.mark.requirement("tools.cost_report")
@pytest.mark.requirement("server.both_eras")
async def test_text_and_structure_tell_the_same_exact_amounts(place: Place, era: str) -> None:
    await spent(place)
    async with place.connect(era) as client:
        result = await client.call_tool("cost_report", {})
    facts, text = result.structured_content, text_of(result)
    assert facts is not None
    assert list(facts) == [
        "currency",
        "since",
        "until",
        "total",
        "groups",
        "budgets",
        "trend",
        "suggestions",
        "next",
        "notes",
    ]
    assert facts["total"] == {
        "usd": "0.00012",
        "calls": 5,
        "input_tokens": 50,
        "output_tokens": 25,
        "cached_tokens": 0,
        "reasoning_tokens": 0,
        "saved_usd": "0.00",
        "uncertain_usd": "0.00",
        "estimated_usd": "0.00",
        "unpriced_calls": 1,
    }
    assert [(group["key"], group["usd"]) for group in facts["groups"]] == [
        ({"model": "large"}, "0.00009"),
        ({"model": "small"}, "0.00003"),
        ({"model": "unknown-9"}, "0.00"),
    ]
    (budget,) = facts["budgets"]
    assert (budget["limit_usd"], budget["spent_usd"], budget["remaining_usd"]) == (
        "0.00015",
        "0.00012",
        "0.00003",
    )
    assert budget["state"] == "warning"
    for amount in ("0.00012", "0.00009", "0.00003", "0.00015"):
        assert amount in text
    assert "no price is known for 1 call" in text


@pytest.mark.requirement("tools.cost_report")
async def test_the_next_call_it_names_looks_into_the_dearest_group(place: Place) -> None:
    await spent(place)
    async with place.connect("auto") as client:
        first = await client.call_tool("cost_report", {})
        assert first.structured_content is not None
        call = first.structured_content["next"]
        assert call in text_of(first)
        given = json.loads(
            "{" + call.removeprefix("cost_report(").removesuffix(")").replace("since=", '"since":')
            .replace("until=", '"until":').replace("group_by=", '"group_by":')
            .replace("filters=", '"filters":') + "}"
        )  # fmt: skip
        second = await client.call_tool("cost_report", given)
    assert second.structured_content is not None
    (group,) = second.structured_content["groups"]
    assert (group["key"], group["usd"]) == ({"pattern": "solo"}, "0.00009")


@pytest.mark.requirement("tools.cost_report")
@pytest.mark.requirement("cost.formats")
@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown"])
async def test_every_format_comes_as_text_with_the_whole_structure_beside_it(
    place: Place, form: str
) -> None:
    await spent(place)
    async with place.connect("auto") as client:
        result = await client.call_tool("cost_report", {"format": form, "group_by": "run"})
    assert result.structured_content is not None
    assert result.structured_content["groups"][0]["key"] == {"run": "run-1"}
    text = text_of(result)
    assert "run-1" in text
    if form == "json":
        assert json.loads(text) == result.structured_content


@pytest.mark.requirement("tools.cost_report")
@pytest.mark.parametrize(
    "wrong", [{"group_by": ["modle"]}, {"since": "long ago"}, {"filters": {"who": "me"}}]
)
async def test_a_wrong_call_says_what_would_be_right(
    place: Place, wrong: dict[str, Any], era: str
) -> None:
    async with place.connect(era) as client:
        result = await client.call_tool("cost_report", wrong)
    assert result.is_error
    assert "next:" in text_of(result)


@pytest.mark.requirement("cost.alerts")
async def test_clients_are_told_when_a_budget_crosses_a_level(place: Place) -> None:

    heard: list[Any] = []

    async def hear(message: Any) -> None:
        heard.append(message)

    opened: list[App] = []
    plain = place.open

    @asynccontextmanager
    async def watched(project: Path | None) -> Any:
        async with plain(project) as app:
            opened.append(app)
            yield app

    server = build_server(watched, root=place.project)
    async with Client(server, mode="legacy", raise_exceptions=True, message_handler=hear) as client:
        await client.call_tool("cost_report", {})
        money = await opened[0].money()
        await money.set_limit(Limit("workspace", "day", USUAL, hard=False))
        await Meter(Vendor(), money.ledger, RECKONING).ask(question())
        await client.call_tool("cost_report", {})
    told = [str(message) for message in heard]
    assert any("100" in message and "0.00003" in message for message in told), told


@pytest.mark.requirement("resources.cost_app")
async def test_the_tool_names_its_view_and_the_view_is_one_page_without_requests(
    place: Place, era: str
) -> None:
    async with place.connect(era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        page = (await client.read_resource("ui://sophia/cost")).contents[0]
    assert tools["cost_report"].meta == {"ui": {"resourceUri": "ui://sophia/cost"}}
    assert page.mime_type == APP_MIME_TYPE
    html = page.text  # type: ignore[union-attr]
    assert html.startswith("<!doctype html>")
    for outside in ("http:", "https:", "fetch(", "XMLHttpRequest", "import(", "<link", "src=", "url("):
        assert outside not in html.replace("http://www.w3.org/2000/svg", ""), outside
