"""Each level of a budget is told once in each period, to everyone who listens, and without secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cost.books import USUAL, WORST, Books, Vendor, open_books, question

from sophia_mcp.cost.alerts import check_webhook
from sophia_mcp.cost.entry import Limit
from sophia_mcp.errors import BadSetting, BudgetExceeded

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("cost.alerts")]


def levels(books: Books) -> list[int]:
    return [alert.level for alert in books.told]


async def test_each_level_is_told_once_as_it_is_reached(books: Books) -> None:
    await books.money.set_limit(Limit("workspace", "day", 20 * USUAL, hard=False))
    llm = books.budgeted(Vendor())
    seen = []
    for _ in range(22):
        await llm.ask(question())
        seen.append(levels(books))
    assert levels(books) == [50, 75, 90, 100]
    assert [len(each) for each in seen] == [0] * 9 + [1] * 5 + [2] * 3 + [3] * 2 + [4] * 3


async def test_a_new_period_tells_again(books: Books) -> None:
    await books.money.set_limit(Limit("workspace", "day", 2 * USUAL, hard=False))
    llm = books.budgeted(Vendor())
    await llm.ask(question())
    books.clock.days(1)
    await llm.ask(question())
    assert levels(books) == [50, 50]


async def test_of_several_levels_at_once_the_highest_is_told(books: Books) -> None:
    await books.money.set_limit(Limit("workspace", "day", USUAL, hard=False))
    await books.budgeted(Vendor()).ask(question())
    assert levels(books) == [100]


async def test_a_call_that_a_hard_budget_stops_is_its_hundred_per_cent(books: Books) -> None:
    limit = Limit("run", "total", WORST, name="run-1")
    llm = books.budgeted(Vendor(), limit)
    await llm.ask(question())
    for _ in range(2):
        with pytest.raises(BudgetExceeded):
            await llm.ask(question())
    assert [(alert.level, alert.refused) for alert in books.told] == [(50, False), (100, True)]
    assert "refused" in books.told[-1].text


async def test_of_several_processes_one_tells(tmp_path: Path) -> None:
    async with open_books(tmp_path, "a") as one, open_books(tmp_path, "b") as other:
        await one.money.set_limit(Limit("workspace", "day", 2 * USUAL, hard=False))
        await one.budgeted(Vendor()).ask(question())
        await other.budgeted(Vendor()).ask(question())
        assert levels(one) + levels(other) == [50, 100]


async def test_an_alert_tells_budgets_and_amounts_and_nothing_that_was_asked(books: Books) -> None:
    await books.money.set_limit(Limit("user", "month", USUAL, name="person"))
    with pytest.raises(BudgetExceeded):
        await books.budgeted(Vendor()).ask(question("my secret plan"))
    facts = books.told[0].facts()
    assert facts["limit_usd"] == "0.00003"
    assert (facts["scope"], facts["name"], facts["period"]) == ("user", "person", "month")
    assert facts["until"] == "2026-12-01"
    assert "secret" not in json.dumps(facts)


async def test_a_listener_that_fails_costs_nobody_the_call(books: Books) -> None:
    async def broken(alert: object) -> None:
        raise OSError("no route")

    books.ledger.listeners.insert(0, broken)
    await books.money.set_limit(Limit("workspace", "day", USUAL, hard=False))
    await books.budgeted(Vendor()).ask(question())
    assert levels(books) == [100]


@pytest.mark.parametrize(
    "url",
    ["https://hooks.example.org/x", "http://127.0.0.1:9/x", "http://localhost/x", "http://[::1]:9/"],
)
def test_alerts_go_over_https_or_to_this_machine(url: str) -> None:
    assert check_webhook(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/TOKEN",
        "ftp://127.0.0.1/TOKEN",
        "TOKEN",
        "https:///TOKEN",
        "file:///TOKEN",
    ],
)
def test_any_other_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(BadSetting) as refusal:
        check_webhook(url)
    assert "TOKEN" not in str(refusal.value)
