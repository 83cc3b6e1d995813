"""The ledger is only added to: crashes, corrections, new prices and repeated imports keep its history."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.cost.books import (
    IN,
    OUT,
    USUAL,
    WORST,
    Books,
    Cost,
    Vendor,
    lost,
    open_books,
    price,
    question,
)

from sophia_mcp.cost.ledger.entry import Attempt, Limit, Record, Settled
from sophia_mcp.cost.ledger.ledger import Allowed
from sophia_mcp.errors import BadArgument, NotFound, ProviderError
from sophia_mcp.types import Labels, Usage

pytestmark = pytest.mark.anyio


def doubled(usage: Usage, **terms: object) -> Cost:
    return Cost(2 * (usage.input_tokens * IN + usage.output_tokens * OUT), version="2")


async def left_behind(folder: Path) -> Attempt:
    """An attempt whose process died before it ended."""
    async with open_books(folder, "test:1:dead") as gone:
        attempt = replace(gone.ledger.attempt(question(), "vendor"), reserved_nano=WORST)
        allowed = await gone.ledger.reserve(attempt)
        assert isinstance(allowed, Allowed)
        return allowed.attempt


def dead(holder: str) -> bool:
    return holder == "test:1:dead"


@pytest.mark.requirement("cost.uncertain")
async def test_what_a_dead_process_held_becomes_uncertain_and_is_shown_as_such(tmp_path: Path) -> None:
    await left_behind(tmp_path)
    async with open_books(tmp_path, "test:2:b", dead=dead) as books:
        report = await books.money.report()
        assert report.sums.total.uncertain_nano == WORST
        assert report.sums.total.nano == 0
        assert any("sophia cost uncertain" in note for note in report.notes)
        assert (await books.ledger.run_cost("run-1")).reserved_nano == WORST
        (shown,) = await books.money.uncertain()
        assert (shown.uncertain_nano, shown.run) == (WORST, "run-1")


@pytest.mark.requirement("cost.uncertain")
async def test_an_attempt_whose_time_is_over_is_uncertain_whoever_made_it(books: Books) -> None:
    attempt = books.ledger.attempt(question(), "vendor")
    await books.ledger.begin(replace(attempt, reserved_nano=WORST))
    assert await books.ledger.sweep() == 0
    books.clock.now_ns = attempt.until_ns
    assert await books.ledger.sweep() == 1


@pytest.mark.requirement("cost.uncertain")
async def test_the_end_of_a_call_believed_lost_replaces_the_uncertainty(tmp_path: Path) -> None:
    attempt = await left_behind(tmp_path)
    async with open_books(tmp_path, "test:2:b", dead=dead) as books:
        await books.ledger.sweep()
        used = Usage(10, 5)
        priced = price(used, provider="vendor", model="large", at_ns=0)
        await books.ledger.settle(attempt, Settled("answered", used, priced))
        total = (await books.money.report()).sums.total
        assert (total.calls, total.nano, total.uncertain_nano) == (1, USUAL, 0)
        first, second = await books.entries()
        assert (first.outcome, first.measures.uncertain_nano) == ("uncertain", WORST)
        assert (second.outcome, second.corrects) == ("correction", first.id)
        assert await books.money.uncertain() == []


@pytest.mark.requirement("cost.uncertain")
async def test_a_person_settles_what_is_uncertain_once(books: Books) -> None:
    with pytest.raises(ProviderError):
        await books.budgeted(Vendor(error=lost()), Limit("workspace", "day", 10 * WORST)).ask(question())
    (entry,) = await books.entries()
    await books.ledger.reconcile(entry.id, 12_345)
    total = (await books.money.report()).sums.total
    assert (total.nano, total.uncertain_nano, total.wasted_nano, total.calls) == (12_345, 0, 12_345, 1)
    for wrong in (entry.id, 1):
        with pytest.raises(NotFound, match="uncertain"):
            await books.ledger.reconcile(wrong, 1)


@pytest.mark.requirement("cost.append_only")
async def test_settling_twice_changes_nothing(books: Books) -> None:
    attempt = await books.ledger.begin(books.ledger.attempt(question(), "vendor"))
    used = Usage(10, 5)
    settled = Settled("answered", used, price(used, provider="v", model="large", at_ns=0))
    await books.ledger.settle(attempt, settled)
    await books.ledger.settle(attempt, settled)
    assert len(await books.entries()) == 1
    assert (await books.money.report()).sums.total.nano == USUAL


def imported(output: int, origin: str = "log:1") -> Record:
    used = Usage(10, output)
    priced = price(used, provider="vendor", model="large", at_ns=0)
    return Record(
        1, "vendor", "large", Settled("imported", used, priced), Labels(run="s"), origin=origin
    )


@pytest.mark.requirement("cost.append_only")
async def test_a_call_read_from_a_log_again_is_corrected_by_the_difference_or_left_alone(
    books: Books,
) -> None:
    assert await books.ledger.record([imported(3), imported(3, "log:2")]) == (2, 0)
    assert await books.ledger.record([imported(3), imported(3, "log:2")]) == (0, 0)
    assert await books.ledger.record([imported(8)]) == (0, 1)
    assert await books.ledger.record([imported(8)]) == (0, 0)
    entries = await books.entries()
    assert [entry.measures.output_tokens for entry in entries] == [3, 3, 5]
    assert [entry.measures.calls for entry in entries] == [1, 1, 0]
    total = (await books.money.report("1970-01-01")).sums.total
    assert (total.calls, total.output_tokens) == (2, 11)
    assert total.nano == 20 * IN + 11 * OUT


async def test_of_one_call_told_twice_at_once_the_last_telling_counts(books: Books) -> None:
    assert await books.ledger.record([imported(3), imported(8)]) == (1, 0)
    (entry,) = await books.entries()
    assert entry.measures.output_tokens == 8


@pytest.mark.requirement("cost.reprice")
async def test_new_prices_are_appended_and_the_old_ones_stay(books: Books) -> None:
    llm = books.metered(Vendor())
    await llm.ask(question())
    await llm.ask(question(model="unknown-1"))
    await books.metered(Vendor(usage=Usage(10, 5, billed_nano=7))).ask(question())

    assert await books.ledger.reprice(doubled) == (2, USUAL + 2 * USUAL)
    assert await books.ledger.reprice(doubled) == (0, 0)
    total = (await books.money.report()).sums.total
    assert (total.nano, total.unpriced_calls, total.calls) == (4 * USUAL + 7, 0, 3)
    entries = await books.entries()
    assert [entry.measures.nano for entry in entries] == [USUAL, 0, 7, USUAL, 2 * USUAL]
    assert [entry.price_version for entry in entries] == ["1", "", "1", "2", "2"]


@pytest.mark.requirement("cost.append_only")
async def test_nothing_ever_changes_or_removes_an_entry() -> None:
    import re

    import sophia_mcp.cost

    folder = Path(sophia_mcp.cost.__file__).parent
    texts = [path.read_text() for path in folder.rglob("*.py")]
    assert not [text for text in texts if re.search(r"(UPDATE|DELETE FROM)\s+cost_entries", text)]
    assert [text for text in texts if "DELETE FROM cost_attempts" in text]


async def test_the_entries_of_one_run_are_read_alone_and_in_order(books: Books) -> None:
    llm = books.metered(Vendor())
    for run in ("a", "b", "a"):
        await llm.ask(question(run=run))
    found = [entry async for entry in books.ledger.entries(run="a")]
    assert [entry.labels.run for entry in found] == ["a", "a"]
    assert found[0].id < found[1].id
    cost = await books.ledger.run_cost("a")
    assert (cost.spent_nano, cost.input_tokens, cost.output_tokens) == (2 * USUAL, 20, 10)


async def test_who_is_not_named_is_the_user_of_the_process(tmp_path: Path) -> None:
    async with open_books(tmp_path, user="owner") as books:
        await books.metered(Vendor()).ask(question(user=""))
        await books.metered(Vendor()).ask(question(user="guest"))
        assert [entry.labels.user for entry in await books.entries()] == ["owner", "guest"]


@pytest.mark.parametrize("wrong", ["", "abc", "-1", "1e400", "nan", "0.0000000001"])
def test_an_amount_that_is_none_is_refused_with_how_to_write_one(wrong: str) -> None:
    from sophia_mcp.cost import usd

    with pytest.raises(BadArgument, match=r"12\.50"):
        usd.parse(wrong)


def test_amounts_are_exact_text_and_back() -> None:
    from sophia_mcp.cost import usd

    for nano, text in (
        (0, "0.00"),
        (1, "0.000000001"),
        (-1_500_000_000, "-1.50"),
        (12 * 10**9, "12.00"),
    ):
        assert usd.text(nano) == text
    assert usd.parse("$12.500000001") == 12_500_000_001
    assert usd.parse(0.1) == 100_000_000


async def test_a_step_costs_what_its_entries_and_their_corrections_come_to(books: Books) -> None:
    llm = books.metered(Vendor())
    for run, step in (("a", "read"), ("a", "read"), ("a", "judge"), ("b", "read"), ("", "read")):
        await llm.ask(question(run=run, step=step))
    await books.ledger.reprice(doubled)
    assert await books.ledger.step_cost("a", "read") == 4 * USUAL
    assert await books.ledger.step_cost("a", "judge") == 2 * USUAL
    assert await books.ledger.step_cost("a", "verify") is None
    assert await books.ledger.step_cost("", "read") is None
