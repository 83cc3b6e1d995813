"""No hard budget is ever passed, small ones wait for what is in flight, and soft ones only warn."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from tests.cost.books import USUAL, WORST, Books, Vendor, lost, open_books, question

from sophia_mcp.cost.ledger.entry import Limit
from sophia_mcp.errors import BudgetExceeded, NotAllowed, ProviderError

pytestmark = pytest.mark.anyio


async def spent(books: Books) -> int:
    return sum(entry.measures.nano for entry in await books.entries())


@pytest.mark.requirement("cost.budgets")
@pytest.mark.parametrize(
    "limit",
    [
        Limit("run", "total", WORST, name="run-1"),
        Limit("workspace", "day", WORST),
        Limit("workspace", "week", WORST),
        Limit("workspace", "month", WORST),
        Limit("repo", "month", WORST, name="shop"),
        Limit("repo", "total", WORST),
        Limit("user", "day", WORST),
    ],
    ids=lambda limit: f"{limit.scope}-{limit.period}",
)
async def test_every_kind_of_hard_budget_refuses_what_could_pass_it(books: Books, limit: Limit) -> None:
    await books.money.set_limit(limit)
    vendor = Vendor()
    llm = books.budgeted(vendor)
    await llm.ask(question())
    with pytest.raises(BudgetExceeded) as refusal:
        await llm.ask(question())
    assert vendor.calls == 1
    assert limit.scope in refusal.value.what
    assert "$0.00003" in refusal.value.why
    assert refusal.value.next


@pytest.mark.requirement("cost.budgets")
async def test_a_budget_of_another_repository_user_or_run_does_not_apply(books: Books) -> None:
    for scope in ("repo", "user", "run"):
        await books.money.set_limit(Limit(scope, "day", 1, name="somebody-else"))
    await books.budgeted(Vendor()).ask(question())
    assert await spent(books) == USUAL


@pytest.mark.requirement("cost.budgets")
async def test_a_budget_for_each_run_holds_for_every_run_by_itself(books: Books) -> None:
    await books.money.set_limit(Limit("run", "total", WORST))
    llm = books.budgeted(Vendor())
    await llm.ask(question(run="run-1"))
    await llm.ask(question(run="run-2"))
    with pytest.raises(BudgetExceeded, match="run-2"):
        await llm.ask(question(run="run-2"))


@pytest.mark.requirement("cost.budgets")
async def test_a_new_day_has_the_whole_day_s_budget_and_the_month_does_not(books: Books) -> None:
    await books.money.set_limit(Limit("workspace", "day", WORST))
    llm = books.budgeted(Vendor())
    await llm.ask(question())
    books.clock.days(1)
    await llm.ask(question())
    await books.money.set_limit(Limit("workspace", "month", 2 * USUAL))
    books.clock.days(1)
    with pytest.raises(BudgetExceeded, match="month"):
        await llm.ask(question())


@pytest.mark.requirement("cost.budgets")
async def test_a_budget_counts_what_was_spent_before_it_was_set(books: Books) -> None:
    await books.budgeted(Vendor()).ask(question())
    await books.money.set_limit(Limit("workspace", "month", WORST))
    with pytest.raises(BudgetExceeded):
        await books.budgeted(Vendor()).ask(question())


@pytest.mark.requirement("cost.budgets")
async def test_a_soft_budget_warns_and_lets_through(books: Books) -> None:
    await books.money.set_limit(Limit("workspace", "day", USUAL, hard=False))
    llm = books.budgeted(Vendor())
    await llm.ask(question())
    await llm.ask(question())
    assert await spent(books) == 2 * USUAL
    assert [alert.level for alert in books.told] == [100]


@pytest.mark.requirement("cost.budgets")
async def test_what_may_have_been_spent_counts_like_what_was(books: Books) -> None:
    limit = Limit("workspace", "day", 2 * WORST - 1)
    with pytest.raises(ProviderError):
        await books.budgeted(Vendor(error=lost()), limit).ask(question())
    with pytest.raises(BudgetExceeded, match="perhaps spent"):
        await books.budgeted(Vendor(), limit).ask(question())


@pytest.mark.requirement("cost.queue")
async def test_a_call_waits_while_only_calls_in_flight_keep_it_out(books: Books) -> None:
    limit = Limit("workspace", "day", WORST + USUAL)
    first_begun, finish = anyio.Event(), anyio.Event()
    first = books.budgeted(Vendor(until=finish, begun=first_begun.set), limit)
    second = Vendor()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first.ask, question())
        await first_begun.wait()
        tasks.start_soon(books.budgeted(second, limit).ask, question())
        await anyio.wait_all_tasks_blocked()
        assert second.calls == 0
        finish.set()
    assert second.calls == 1
    assert await spent(books) == 2 * USUAL


@pytest.mark.requirement("cost.queue")
async def test_a_call_that_waited_as_long_as_it_may_is_refused_with_what_holds_the_budget(
    books: Books,
) -> None:
    limit = Limit("workspace", "day", WORST)
    begun, never = anyio.Event(), anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(books.budgeted(Vendor(until=never, begun=begun.set), limit).ask, question())
        await begun.wait()
        from dataclasses import replace

        with pytest.raises(BudgetExceeded, match="held by calls in flight"):
            await books.budgeted(Vendor(), limit).ask(replace(question(), deadline_s=0.05))
        tasks.cancel_scope.cancel()


@pytest.mark.requirement("cost.hard_budget")
async def test_sixty_four_at_once_never_pass_a_hard_budget(books: Books) -> None:
    limit = Limit("workspace", "day", 20 * USUAL + WORST)
    vendor, refusals = Vendor(), 0
    llm = books.budgeted(vendor, limit)

    async def one() -> None:
        nonlocal refusals
        try:
            await llm.ask(question())
        except BudgetExceeded:
            refusals += 1

    async with anyio.create_task_group() as tasks:
        for _ in range(64):
            tasks.start_soon(one)
    assert vendor.calls + refusals == 64
    assert await spent(books) == vendor.calls * USUAL <= limit.nano
    assert vendor.calls == 21, "the queue uses the budget as far as it goes"


@pytest.mark.requirement("cost.never_silently_zero")
async def test_a_call_whose_price_is_not_known_is_refused(books: Books) -> None:
    vendor = Vendor()
    with pytest.raises(NotAllowed, match="not known") as refusal:
        await books.budgeted(vendor).ask(question(model="unknown-1"))
    assert vendor.calls == 0
    assert "prices.toml" in refusal.value.next


@pytest.mark.requirement("cost.never_silently_zero")
async def test_tokens_without_a_price_may_be_allowed_up_to_a_number_a_day(books: Books) -> None:
    llm = books.budgeted(Vendor(), unpriced_tokens=36)
    await llm.ask(question(model="unknown-1"))
    await llm.ask(question(model="unknown-1"))
    with pytest.raises(BudgetExceeded, match="without a price"):
        await llm.ask(question(model="unknown-1"))
    books.clock.days(1)
    await llm.ask(question(model="unknown-1"))


@pytest.mark.requirement("cost.budgets")
async def test_a_budget_that_is_taken_away_refuses_nobody(books: Books) -> None:
    limit = Limit("workspace", "day", 1)
    await books.money.set_limit(limit)
    assert await books.money.drop_limit(limit)
    assert not await books.money.drop_limit(limit)
    await books.budgeted(Vendor()).ask(question())


@pytest.mark.requirement("cost.uncertain")
async def test_a_call_that_waits_for_a_dead_process_is_refused_instead(tmp_path: Path) -> None:
    limit = Limit("workspace", "day", WORST)
    async with open_books(tmp_path, "test:1:dead") as gone:
        attempt = gone.ledger.attempt(question(), "vendor")
        from dataclasses import replace

        await gone.ledger.reserve(replace(attempt, reserved_nano=WORST))
    async with open_books(tmp_path, "test:2:b", dead=lambda holder: holder == "test:1:dead") as books:
        with pytest.raises(BudgetExceeded, match="perhaps spent"):
            await books.budgeted(Vendor(), limit).ask(question())
