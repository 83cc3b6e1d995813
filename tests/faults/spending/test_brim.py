"""A budget with room for exactly so much, and a service that takes all it may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from tests.faults.spending.place import Place
from tests.upstream.start import Account, Upstream

from sophia_mcp.app import App, open_app
from sophia_mcp.cost.ledger.entry import Limit
from sophia_mcp.errors import BudgetExceeded, ProviderError
from sophia_mcp.settings import load
from sophia_mcp.types import Ask, Labels, Message

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("cost.hard_budget")]

LONG = "some words that are counted one by one " * 40


@pytest.fixture
def person(tmp_path: Path, account: Account, gateway: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    place = Place(tmp_path / "person", account)
    place.prepare(gateway)
    monkeypatch.setenv("SOPHIA_HOME", str(place.folder / "data"))
    monkeypatch.setenv("SOPHIA_CONFIG", str(place.folder / "config.toml"))
    monkeypatch.setenv("STAND_IN_KEY", account.key)
    return place


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[App]:
    async with open_app(load(place.folder)) as app:
        yield app


def question(text: str, run: str = "", model: str = "stand-in-small", most: int = 100) -> Ask:
    return Ask((Message("user", text),), model, most, deadline_s=20.0, labels=Labels(run=run))


async def worst(app: App, ask: Ask) -> int:
    """The most that one attempt may cost by our own reckoning, in nano-dollars."""
    money = await app.money()
    sent = money.counts.bound(ask)
    found = money.catalogue.ceiling(
        sent, ask.max_tokens, provider="openai", model=ask.model.rpartition("/")[2], at_ns=1
    ).nano
    assert found is not None
    return found


def billed(account: Account) -> int:
    return sum(line.nano for line in account.bill())


async def test_a_service_that_counted_tamely_and_then_its_most_passes_no_budget(
    person: Place, account: Account
) -> None:
    async with opened(person) as app:
        models = await app.models()
        llm = models.open("openai")
        for number in range(30):
            await llm.ask(question(f"{number} {LONG}"))
        before = billed(account)
        account.change(stretch=[1.45, 1.45], charge="max")
        last = question(f"last {LONG}", run="brim")
        limit = await worst(app, last)
        await models.open("openai", run_id="brim", max_cost_nano=limit).ask(last)
        assert billed(account) - before <= limit


@pytest.mark.parametrize("model", ["stand-in-small", "@claude/claude-stand-in", "@goo/gemini-stand-in"])
async def test_of_sixty_four_calls_at_once_as_many_go_as_the_budget_holds(
    person: Place, account: Account, model: str
) -> None:
    account.change(stretch=[1.45, 1.45], charge="max", pace_s=0.05)
    async with opened(person) as app:
        models = await app.models()
        asks = [question(f"{number} {LONG}", "brim", model) for number in range(64)]
        limit = 10 * max([await worst(app, ask) for ask in asks])
        llm = models.open("portkey" if "@" in model else "openai", run_id="brim", max_cost_nano=limit)
        ends: list[bool] = []

        async def one(ask: Ask) -> None:
            try:
                await llm.ask(ask)
                ends.append(True)
            except BudgetExceeded:
                ends.append(False)

        async with anyio.create_task_group() as group:
            for ask in asks:
                group.start_soon(one, ask)
        assert 10 <= ends.count(True) < 64
        assert billed(account) <= limit
        cost = await (await app.money()).run_cost("brim")
        assert cost.spent_nano == billed(account)
        assert cost.reserved_nano == 0


async def test_attempts_that_are_charged_and_fail_use_the_budget_up(
    person: Place, account: Account
) -> None:
    account.script(*["spent500"] * 9)
    account.change(charge="max", stretch=[1.45, 1.45])
    async with opened(person) as app:
        ask = question(LONG, "brim")
        limit = int(2.5 * await worst(app, ask))
        llm = (await app.models()).open("openai", run_id="brim", max_cost_nano=limit)
        with pytest.raises((BudgetExceeded, ProviderError)):
            await llm.ask(ask)
        assert len(account.bill()) == 2
        assert billed(account) <= limit
        with pytest.raises(BudgetExceeded, match="brim"):
            await llm.ask(ask)
        assert len(account.bill()) == 2


@pytest.mark.parametrize("kind", ["zero", "negative", "text", "null", "total"])
async def test_a_wrong_report_holds_all_that_was_reserved(
    person: Place, account: Account, kind: str
) -> None:
    account.script(*[f"wrong-usage kind={kind}"] * 9)
    account.change(charge="max", stretch=[1.45, 1.45])
    async with opened(person) as app:
        ask = question(LONG, "brim")
        limit = int(2.2 * await worst(app, ask))
        llm = (await app.models()).open("openai", run_id="brim", max_cost_nano=limit)
        with pytest.raises(BudgetExceeded):
            for _ in range(9):
                await llm.ask(ask)
        cost = await (await app.money()).run_cost("brim")
        assert 0 < billed(account) <= limit
        assert billed(account) <= cost.spent_nano + cost.reserved_nano


async def test_a_report_of_nothing_but_what_the_cache_gave_holds_all_that_was_reserved(
    person: Place, account: Account
) -> None:
    account.script("ok", "wrong-usage kind=zero")
    async with opened(person) as app:
        llm = (await app.models()).open("openai", run_id="brim")
        for _ in range(2):
            await llm.ask(question(LONG * 6, "brim"))
        cost = await (await app.money()).run_cost("brim")
    assert account.bill()[1].spent.cached > 1024
    assert billed(account) <= cost.spent_nano + cost.reserved_nano


async def test_writing_a_shared_prefix_to_the_cache_is_reserved_for(
    person: Place, account: Account
) -> None:
    account.change(charge="max", stretch=[1.45, 1.45])
    async with opened(person) as app:
        shared = Message("user", LONG * 6, shared=True)
        asks = [
            Ask(
                (shared, Message("user", f"role {number}")),
                "@claude/claude-stand-in",
                50,
                deadline_s=20.0,
                labels=Labels(run="brim"),
            )
            for number in range(3)
        ]
        limit = max([await worst(app, ask) for ask in asks])
        models = await app.models()
        await models.open("portkey", run_id="brim", max_cost_nano=limit).ask(asks[0])
        assert account.bill()[0].spent.write > 1024
        assert billed(account) <= limit
        await models.open("portkey").ask(asks[1])
        assert account.bill()[1].spent.cached > 1024
        cost = await (await app.money()).run_cost("brim")
        assert cost.spent_nano == billed(account)
        assert cost.cached_tokens == account.bill()[1].spent.cached


async def test_a_budget_set_by_a_person_holds_from_the_next_call_on_for_every_run(
    person: Place, account: Account
) -> None:
    account.change(charge="max")
    async with opened(person) as first, opened(person) as second:
        ask = question(LONG)
        limit = 3 * await worst(first, ask)
        await (await first.money()).set_limit(Limit("workspace", "day", limit))
        made = 0
        with pytest.raises(BudgetExceeded):
            for number in range(20):
                app = (first, second)[number % 2]
                await (
                    (await app.models())
                    .open("openai", run_id=f"run{number}")
                    .ask(question(f"{number} {LONG}", f"run{number}"))
                )
                made += 1
        assert made >= 3
        assert billed(account) <= limit


async def test_two_services_bill_two_keys(person: Place, account: Account, upstream: Upstream) -> None:
    other = upstream.account()
    async with opened(person) as app:
        await (await app.models()).open("openai").ask(question(LONG))
    assert len(account.bill()) == 1
    assert other.bill() == []
