"""A suggestion states what it would have saved on the recorded calls, and nothing else is suggested."""

from __future__ import annotations

import anyio
import pytest
from tests.cost.books import DAY_NS, IN, NOON, OUT, Books, Cost, Vendor, question

from sophia_mcp.cost.ledger.entry import Measures
from sophia_mcp.cost.reports import habits
from sophia_mcp.cost.reports.suggest import Prefix, Repeats, Use, suggest, wasted
from sophia_mcp.types import Ask, Message, Usage

pytestmark = pytest.mark.requirement("cost.suggestions")
NONE = Repeats(0, 0)
TODAY = NOON // DAY_NS


def price(usage: Usage, *, provider: str, model: str, at_ns: int, processing: str = "standard") -> Cost:
    """The small model costs a tenth, reading from the cache a tenth; long calls cost double."""
    factor = 1 if model == "small" else 10
    plain = usage.input_tokens - usage.cached_tokens
    nano = (plain * IN + usage.cached_tokens * IN // 10 + usage.output_tokens * OUT) * factor
    return Cost(nano * (2 if usage.input_tokens > 200_000 else 1))


def cheaper(provider: str, model: str) -> tuple[str, ...]:
    return ("small",) if model == "large" else ()


def use(model: str, calls: int) -> Use:
    one = Measures(
        calls=1, input_tokens=10_000, output_tokens=1_000, nano=(10_000 * IN + 1_000 * OUT) * 10
    )
    total = Measures()
    for _ in range(calls):
        total = total + one
    return Use("vendor", model, total, 1)


def test_a_cheaper_model_is_priced_on_the_same_tokens() -> None:
    (found,) = suggest([use("large", 100), use("small", 100)], NONE, [], price, cheaper)
    assert found.saves_nano == 100 * 9 * (10_000 * IN + 1_000 * OUT)
    assert "not measured" in found.text


def test_many_short_calls_are_not_priced_like_one_long_one() -> None:
    (found,) = suggest([use("large", 1_000)], NONE, [], price, cheaper)
    assert found.saves_nano == 1_000 * 9 * (10_000 * IN + 1_000 * OUT)


def test_repeated_questions_and_cold_prefixes_say_what_they_cost() -> None:
    found = suggest(
        [], Repeats(4, 50_000_000), [Prefix("vendor", "large", 3, 30_000, 1)], price, cheaper
    )
    assert [each.saves_nano for each in found] == [30_000 * IN * 9, 50_000_000]


def test_savings_below_a_cent_are_not_worth_a_sentence() -> None:
    assert suggest([], Repeats(1, 9_999_999), [], price, cheaper) == []
    assert wasted(Measures(nano=10**9, wasted_nano=9_999_999)) is None


def test_what_brought_no_answer_is_named_with_its_share() -> None:
    found = wasted(Measures(nano=10**9, wasted_nano=10**8))
    assert found is not None
    assert "10 %" in found.text


@pytest.mark.anyio
async def test_repeats_and_shared_beginnings_are_found_in_the_ledger(books: Books) -> None:
    llm = books.metered(Vendor())
    await llm.ask(question("same"))
    await llm.ask(question("same"))
    books.clock.days(2)
    await llm.ask(question("same"))
    await llm.ask(question("another"))
    shared = Message("system", "the shared beginning of all", shared=True)

    async def step(number: int) -> None:
        await llm.ask(Ask((shared, Message("user", str(number))), "large", 10))

    async with anyio.create_task_group() as tasks:
        for number in range(3):
            tasks.start_soon(step, number)
    async with books.ledger.db.read(books.ledger.scope) as tx:
        repeats = await habits.repeats(tx, 0, TODAY + 3)
        (prefix,) = await habits.prefixes(tx, 0, TODAY + 3)
        (found,) = await habits.uses(tx, 0, TODAY + 3)
    assert repeats.calls == 1
    assert (prefix.calls, prefix.model, prefix.tokens % 2) == (2, "large", 0)
    assert (found.provider, found.model, found.measures.calls) == ("vendor", "large", 7)
