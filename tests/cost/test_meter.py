"""Every attempt is an entry, whatever became of it, and says what its amount stands on."""

from __future__ import annotations

import anyio
import pytest
from tests.cost.books import (
    IN,
    OUT,
    RECKONING,
    USUAL,
    WORST,
    Books,
    Vendor,
    lost,
    question,
    refused,
    tokens_of,
)

from sophia_mcp.cost.ledger.entry import Limit, Measures
from sophia_mcp.cost.meter import saving
from sophia_mcp.errors import BadSetting, ProviderError
from sophia_mcp.types import Reply, Usage

pytestmark = pytest.mark.anyio
ROOM = Limit("workspace", "day", 100 * WORST)


@pytest.mark.requirement("cost.entry_per_attempt")
async def test_an_answer_is_an_entry_with_its_tokens_price_and_labels(books: Books) -> None:
    vendor = Vendor(usage=Usage(100, 40, cached_tokens=60, reasoning_tokens=15))
    await books.budgeted(vendor, ROOM).ask(question(step="judge", pattern="solo", tag="ci"))
    (entry,) = await books.entries()
    assert entry.outcome == "answered"
    assert entry.basis == "computed"
    assert entry.measures.nano == 100 * IN + 40 * OUT
    assert (entry.measures.cached_tokens, entry.measures.reasoning_tokens) == (60, 15)
    assert (entry.labels.step, entry.labels.pattern, entry.labels.tag) == ("judge", "solo", "ci")
    assert (entry.price_source, entry.price_version) == ("flat", "1")
    assert entry.unit_prices == {"input": "1", "output": "4"}
    assert entry.reserved_nano == WORST


@pytest.mark.requirement("cost.entry_per_attempt")
async def test_an_answer_that_took_a_day_is_counted_with_its_tokens(books: Books) -> None:
    vendor = Vendor(until=anyio.Event())
    async with anyio.create_task_group() as group:
        group.start_soon(books.metered(vendor).ask, question())
        await anyio.wait_all_tasks_blocked()
        while not vendor.calls:
            await anyio.lowlevel.checkpoint()
        books.clock.days(1)
        assert not await books.ledger.sweep(), "it may still be answered"
        assert vendor.until is not None
        vendor.until.set()
    (entry,) = await books.entries()
    assert (entry.outcome, entry.measures.output_tokens) == ("answered", 5)


@pytest.mark.requirement("cost.entry_per_attempt")
async def test_a_step_that_waited_for_the_assistant_is_a_call_once_it_is_answered(books: Books) -> None:
    vendor = Vendor(until=anyio.Event())
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(books.metered(vendor, patient=True).ask, question())
        while vendor.calls < 2:
            await anyio.lowlevel.checkpoint()
        assert not await books.open_calls()
        group.cancel_scope.cancel()  # the run is parked, cancelled, or its process leaves
    assert await books.entries() == []
    books.clock.days(1)
    await books.metered(Vendor(usage=None, text="yes"), patient=True).ask(question(step="judge"))
    with pytest.raises(ProviderError):
        await books.metered(Vendor(error=refused()), patient=True).ask(question())
    answered, declined = await books.entries()
    assert (answered.outcome, answered.labels.step) == ("answered", "judge")
    assert (answered.measures.output_tokens, answered.basis) == (tokens_of("yes"), "estimated")
    assert (declined.outcome, declined.error, declined.measures.calls) == ("failed", "provider", 1)


@pytest.mark.requirement("cost.entry_per_attempt")
async def test_an_amount_the_provider_billed_itself_is_reported(books: Books) -> None:
    await books.metered(Vendor(usage=Usage(100, 40, billed_nano=777))).ask(question())
    (entry,) = await books.entries()
    assert (entry.basis, entry.measures.nano, entry.measures.estimated_nano) == ("reported", 777, 0)


@pytest.mark.requirement("cost.entry_per_attempt")
async def test_more_than_was_reserved_is_recorded_as_it_is(books: Books) -> None:
    await books.budgeted(Vendor(usage=Usage(5_000, 9_000)), ROOM).ask(question())
    (entry,) = await books.entries()
    assert entry.measures.nano == 5_000 * IN + 9_000 * OUT > entry.reserved_nano
    assert entry.measures.uncertain_nano == 0


@pytest.mark.requirement("cost.entry_per_attempt")
@pytest.mark.requirement("cost.never_silently_zero")
async def test_an_answer_without_usage_is_estimated_and_the_rest_of_what_was_held_stays_uncertain(
    books: Books,
) -> None:
    await books.budgeted(Vendor(usage=None, text="yes it is"), ROOM).ask(question())
    (entry,) = await books.entries()
    expected = 10 * IN + tokens_of("yes it is") * OUT
    assert entry.basis == "estimated"
    assert entry.measures.nano == entry.measures.estimated_nano == expected
    assert entry.measures.uncertain_nano == WORST - expected


@pytest.mark.requirement("cost.entry_per_attempt")
async def test_a_refusal_costs_nothing_and_is_an_entry_all_the_same(books: Books) -> None:
    with pytest.raises(ProviderError):
        await books.budgeted(Vendor(error=refused()), ROOM).ask(question())
    (entry,) = await books.entries()
    assert (entry.outcome, entry.error) == ("failed", "provider")
    assert (entry.measures.calls, entry.measures.nano, entry.measures.uncertain_nano) == (1, 0, 0)


@pytest.mark.requirement("cost.never_silently_zero")
async def test_a_connection_that_broke_may_have_cost_all_that_was_held(books: Books) -> None:
    with pytest.raises(ProviderError):
        await books.budgeted(Vendor(error=lost()), ROOM).ask(question())
    (entry,) = await books.entries()
    assert (entry.measures.nano, entry.measures.uncertain_nano) == (0, WORST)


@pytest.mark.requirement("cost.entry_per_attempt")
async def test_a_cut_stream_costs_about_what_was_heard_and_that_much_was_wasted(books: Books) -> None:
    heard: list[str] = []
    with pytest.raises(ProviderError):
        await books.budgeted(Vendor(say=("first ", "second"), error=lost()), ROOM).ask(
            question(), heard.append
        )
    (entry,) = await books.entries()
    expected = 10 * IN + tokens_of("first second") * OUT
    assert heard == ["first ", "second"]
    assert entry.measures.nano == entry.measures.estimated_nano == entry.measures.wasted_nano == expected
    assert entry.measures.uncertain_nano == WORST - expected


@pytest.mark.requirement("cost.entry_per_attempt")
async def test_a_cancelled_stream_is_settled_by_what_was_heard(books: Books) -> None:
    begun, never = anyio.Event(), anyio.Event()
    llm = books.budgeted(Vendor(say=("half an ",), until=never, begun=begun.set), ROOM)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(llm.ask, question(), lambda text: None)
        await begun.wait()
        tasks.cancel_scope.cancel()
    (entry,) = await books.entries()
    assert (entry.outcome, entry.basis) == ("cancelled", "estimated")
    assert entry.measures.nano == 10 * IN + tokens_of("half an ") * OUT
    assert await books.open_calls() == 0


@pytest.mark.requirement("cost.entry_per_attempt")
async def test_what_never_left_this_machine_holds_and_costs_nothing(books: Books) -> None:
    with pytest.raises(BadSetting):
        await books.budgeted(Vendor(error=BadSetting("no key")), ROOM).ask(question())
    (entry,) = await books.entries()
    assert (entry.outcome, entry.error, entry.measures) == ("unsent", "bad_setting", Measures())
    assert await books.open_calls() == 0


@pytest.mark.requirement("cost.never_silently_zero")
async def test_a_call_without_a_price_is_counted_and_never_free(books: Books) -> None:
    await books.metered(Vendor()).ask(question(model="unknown-1"))
    (entry,) = await books.entries()
    assert entry.basis == "unpriced"
    assert (entry.measures.unpriced_calls, entry.measures.unpriced_tokens) == (1, 15)


async def test_a_model_the_vendor_calls_otherwise_is_priced_by_the_name_that_was_asked(
    books: Books,
) -> None:
    await books.metered(Vendor(model="unknown-snapshot-0301")).ask(question())
    (entry,) = await books.entries()
    assert (entry.model, entry.measures.nano) == ("unknown-snapshot-0301", USUAL)


@pytest.mark.requirement("cost.entry_per_attempt")
async def test_an_answer_from_the_cache_is_an_entry_that_says_what_it_saved(books: Books) -> None:
    reply = Reply("fine", "large", "vendor", usage=Usage(10, 5), cached=True)
    await saving(books.ledger, RECKONING)(question(), reply)
    (entry,) = await books.entries()
    assert entry.outcome == "cached"
    assert entry.measures == Measures(calls=1, saved_nano=USUAL)
