"""Each level of a budget is told once in each period, to everyone who listens, and without secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import anyio
import pytest
from tests.cost.books import RECKONING, USUAL, WORST, Books, Vendor, open_books, question

from sophia_mcp.app import open_app
from sophia_mcp.cost.ledger.alerts import check_webhook
from sophia_mcp.cost.ledger.entry import Limit
from sophia_mcp.cost.meter import Meter
from sophia_mcp.errors import BadSetting, BudgetExceeded
from sophia_mcp.settings import load

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


@dataclass
class Hook:
    """A server that keeps what is posted to it, and answers as it is told."""

    url: str
    status: int = 204
    heard: Queue[tuple[str, Any]] = field(default_factory=Queue)


@pytest.fixture
def hook() -> Iterator[Hook]:
    class Posted(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(made.status)
            self.send_header("Location", f"{made.url}/elsewhere")
            self.end_headers()
            made.heard.put((self.path, json.loads(body)))

        def log_message(self, *given: Any) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Posted) as server:
        made = Hook(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [204, 307, 500])
async def test_alerts_are_posted_to_the_webhook_a_secret_names_and_to_nobody_else(
    tmp_path: Path,
    hook: Hook,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hook.status = status
    monkeypatch.setenv("BUDGET_HOOK", f"{hook.url}/budgets/TOKEN")
    settings = load(None, home=tmp_path / "home", cost={"webhook": "env:BUDGET_HOOK", "user": "ann"})
    async with open_app(settings) as app:
        money = await app.money()
        await money.set_limit(Limit("user", "week", 2 * USUAL, hard=False))
        await Meter(Vendor(), money.ledger, RECKONING).ask(question("my secret plan", user=""))
        path, told = await anyio.to_thread.run_sync(lambda: hook.heard.get(timeout=10))
    assert path == "/budgets/TOKEN"
    assert (told["event"], told["level"], told["scope"], told["name"]) == ("budget", 50, "user", "ann")
    assert (told["limit_usd"], told["used_usd"]) == ("0.00006", "0.00003")
    assert "secret" not in json.dumps(told)
    assert hook.heard.empty(), "told once, and no redirect was followed"
    assert "TOKEN" not in caplog.text
