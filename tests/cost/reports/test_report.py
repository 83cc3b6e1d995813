"""A report equals a sum by hand in exact decimals, whatever is asked, and says what is not certain."""

from __future__ import annotations

import csv
import io
import json
import random
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from itertools import combinations
from typing import Any

import anyio
import pytest
from tests.cost.books import DAY_NS, NOON, USUAL, WORST, Books, Cost, Vendor, question

from sophia_mcp.cost import days
from sophia_mcp.cost.ledger.entry import Entry, Limit, Record, Settled
from sophia_mcp.cost.reports import tables
from sophia_mcp.cost.reports.report import DIMENSIONS
from sophia_mcp.errors import BadArgument
from sophia_mcp.types import Labels, Usage

pytestmark = pytest.mark.anyio
TODAY = NOON // DAY_NS


def some(draw: random.Random, count: int) -> list[Record]:
    """Calls of every kind over seventy days, with prices no float could hold."""
    records = []
    for number in range(count):
        nano = draw.choice((None, draw.randrange(10**4), draw.randrange(10**17)))
        basis = "unpriced" if nano is None else draw.choice(("computed", "estimated", "reported"))
        outcome = draw.choice(("answered", "failed", "cancelled", "cached", "imported"))
        usage = Usage(draw.randrange(10**6), draw.randrange(10**5), cached_tokens=draw.randrange(9))
        settled = Settled(outcome, usage, Cost(nano, basis), uncertain_nano=draw.randrange(3) * 11)
        labels = Labels(
            run=draw.choice(("", "r1", "r2", "r3")),
            step=draw.choice(("", "s1", "s2")),
            pattern=draw.choice(("", "solo", "code_review")),
            agent=draw.choice(("", "judge")),
            repo=draw.choice(("", "shop", "a|b\nc")),
            user=draw.choice(("ann", "bo")),
            tag=draw.choice(("", "ci", "100%", "=cmd")),
        )
        at = NOON - draw.randrange(70 * DAY_NS)
        model = draw.choice(("small", "large"))
        records.append(
            Record(at, draw.choice(("one", "two")), model, settled, labels, origin=f"o{number}")
        )
    return records


def value(entry: Entry, name: str) -> str:
    if name in ("day", "week", "month"):
        return days.label(entry.at_ns // DAY_NS, name)  # type: ignore[arg-type]
    if name in ("model", "provider"):
        return str(getattr(entry, name))
    return "local" if name == "workspace" else str(getattr(entry.labels, name))


def by_hand(entries: list[Entry], names: tuple[str, ...]) -> dict[tuple[str, ...], Decimal]:
    sums: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for entry in entries:
        sums[tuple(value(entry, name) for name in names)] += Decimal(entry.measures.nano) / 10**9
    return dict(sums)


@pytest.mark.requirement("cost.report_exact")
async def test_every_grouping_equals_the_sum_by_hand(books: Books, seed: int) -> None:
    draw = random.Random(seed)
    await books.ledger.record(some(draw, 400))
    await books.ledger.record(some(draw, 150))  # known origins: corrections
    entries = await books.entries()
    assert any(entry.corrects for entry in entries)
    groupings = [pair for size in (1, 2, 3) for pair in combinations(DIMENSIONS, size)]
    for names in [*groupings[:91], *draw.sample(groupings[91:], 60)]:
        facts = (await books.money.report("-365d", group_by=names, limit=1000)).facts()
        shown = {tuple(group["key"].values()): Decimal(group["usd"]) for group in facts["groups"]}
        assert shown == by_hand(entries, names), names
        assert Decimal(facts["total"]["usd"]) == sum(shown.values())
        assert facts["total"]["calls"] == sum(entry.measures.calls for entry in entries)


@pytest.mark.requirement("cost.report_exact")
async def test_every_filter_equals_the_sum_by_hand(books: Books, seed: int) -> None:
    draw = random.Random(seed)
    await books.ledger.record(some(draw, 400))
    entries = await books.entries()
    filters: list[dict[str, Any]] = [
        {"model": "small"},
        {"run": ["r1", "r2"]},
        {"run": "r*"},
        {"run": ""},
        {"tag": "100%", "user": "ann"},
        {"tag": "1*%"},
        {"step": "s1", "provider": "one", "agent": "judge"},
        {"workspace": "local", "repo": "a|b\nc"},
        {"repo": "nowhere"},
        {"workspace": "another"},
    ]

    def kept(entry: Entry, chosen: dict[str, Any]) -> bool:
        import fnmatch

        return all(
            any(
                fnmatch.fnmatchcase(value(entry, name), each.replace("[", "[[]"))
                for each in ([wanted] if isinstance(wanted, str) else wanted)
            )
            for name, wanted in chosen.items()
        )

    for chosen in filters:
        for names in (("model",), ("run", "tag"), ("month", "step"), ("workspace",)):
            inside = [entry for entry in entries if kept(entry, chosen)]
            facts = (
                await books.money.report("-365d", group_by=names, filters=chosen, limit=1000)
            ).facts()
            shown = {tuple(group["key"].values()): Decimal(group["usd"]) for group in facts["groups"]}
            expected = by_hand(inside, names)
            assert {key: usd for key, usd in shown.items() if usd or key in expected} == expected, chosen


@pytest.mark.requirement("cost.report_exact")
async def test_since_and_until_are_whole_days_and_inclusive(books: Books, seed: int) -> None:
    await books.ledger.record(some(random.Random(seed), 300))
    entries = await books.entries()
    facts = (await books.money.report("2026-11-01", "2026-11-10", ["day"])).facts()
    inside = [entry for entry in entries if "2026-11-01" <= value(entry, "day") <= "2026-11-10"]
    assert (facts["since"], facts["until"]) == ("2026-11-01", "2026-11-10")
    assert [group["key"]["day"] for group in facts["groups"]] == sorted(
        {value(entry, "day") for entry in inside}
    )
    assert [(each["day"], Decimal(each["usd"])) for each in facts["trend"]] == sorted(
        (key[0], usd) for key, usd in by_hand(inside, ("day",)).items()
    )


@pytest.mark.requirement("cost.report_exact")
@pytest.mark.parametrize(
    ("since", "until"),
    [(-69, -60), (-69, -3), (-60, 0), (-40, -38), (-20, 0), (0, 0), (-400, -300)],
    ids=["oldest", "all but the newest", "most", "two days", "newest", "today", "before any"],
)
async def test_any_range_of_days_equals_the_sum_by_hand(
    books: Books, seed: int, since: int, until: int
) -> None:
    draw = random.Random(seed)
    await books.ledger.record(some(draw, 500))
    unsent = Settled("unsent", error="refused")  # adds nothing to any sum, and is there
    for ago, model in ((30, "mini"), (0, "tiny")):
        labels = Labels(run="quiet", step="still", agent="mute", repo=model, user="cy", tag="none")
        await books.ledger.record([Record(NOON - ago * DAY_NS, "one", model, unsent, labels)])
    first, last = (days.label(TODAY + each, "day") for each in (since, until))
    inside = [entry for entry in await books.entries() if first <= value(entry, "day") <= last]
    groupings = [pair for size in (1, 2, 3) for pair in combinations(DIMENSIONS, size)]
    for names in [*draw.sample(groupings, 60), ("model", "repo", "user"), ("agent", "repo"), ("month",)]:
        for chosen in ({}, {"model": "s*", "user": "ann"}, {"step": "s1", "repo": ["shop", "mini"]}):
            kept = [
                entry
                for entry in inside
                if all(value(entry, name) in _meant(wanted) for name, wanted in chosen.items())
            ]
            facts = (await books.money.report(first, last, names, chosen, limit=1000)).facts()
            shown = {tuple(group["key"].values()): Decimal(group["usd"]) for group in facts["groups"]}
            if names != ("workspace",):
                assert shown == by_hand(kept, names), (names, chosen)
            assert facts["total"]["calls"] == sum(entry.measures.calls for entry in kept)


def _meant(wanted: str | Sequence[str]) -> Sequence[str]:
    return ["small"] if wanted == "s*" else [wanted] if isinstance(wanted, str) else wanted


@pytest.mark.requirement("cost.report_exact")
@pytest.mark.parametrize(
    "names", [("model",), ("run", "model"), ("repo", "tag"), ("day",), ("day", "run")]
)
async def test_groups_beyond_the_limit_are_summed_up_in_a_note(
    books: Books, seed: int, names: tuple[str, ...]
) -> None:
    await books.ledger.record(some(random.Random(seed), 300))
    whole = (await books.money.report("-365d", group_by=names, limit=1000)).sums
    part = (await books.money.report("-365d", group_by=names, limit=1)).sums
    assert part.left_out == len(whole.groups) - 1
    assert part.rest + part.groups[0].measures == whole.total
    newest = [group for group in whole.groups if group.key.get("day") == whole.groups[-1].key.get("day")]
    assert part.groups[0] == newest[0], "of a time the newest, of that the dearest"


@pytest.mark.requirement("cost.never_silently_zero")
async def test_unpriced_estimated_and_uncertain_amounts_are_named(books: Books) -> None:
    await books.metered(Vendor()).ask(question(model="unknown-1"))
    await books.metered(Vendor(usage=None)).ask(question())
    report = await books.money.report()
    assert report.sums.total.unpriced_calls == 1
    assert any(note.startswith("no price is known for 1 call,") for note in report.notes)
    assert any("% of the sum is estimated" in note for note in report.notes)


async def test_only_calls_that_hold_something_are_told_to_be_in_flight(books: Books) -> None:
    vendor = Vendor(until=anyio.Event())
    async with anyio.create_task_group() as group:
        group.start_soon(books.metered(vendor).ask, question())
        while vendor.calls < 1:
            await anyio.lowlevel.checkpoint()
        assert not any("in flight" in note for note in (await books.money.report()).notes)
        await books.metered(Vendor()).ask(question())
        assert not any("in flight" in note for note in (await books.money.report()).notes)
        group.start_soon(books.budgeted(vendor, Limit("workspace", "day", 9 * WORST)).ask, question())
        while vendor.calls < 2:
            await anyio.lowlevel.checkpoint()
        assert "1 call is in flight and holds $0.00005" in (await books.money.report()).notes
        assert vendor.until is not None
        vendor.until.set()


@pytest.mark.requirement("cost.forecast")
async def test_a_budget_shows_what_is_spent_held_left_and_expected(books: Books) -> None:
    limit = Limit("workspace", "month", 200 * USUAL)
    llm = books.metered(Vendor())
    books.clock.days(-10)
    for _ in range(11):
        await llm.ask(question())
        books.clock.days(1)
    books.clock.days(-1)
    await books.money.set_limit(limit)
    (shown,) = (await books.money.report()).facts()["budgets"]
    assert shown["scope"] == "workspace"
    assert (shown["spent_usd"], shown["limit_usd"]) == ("0.00033", "0.006")
    assert shown["remaining_usd"] == "0.00567"
    assert shown["state"] == "ok"
    assert shown["forecast_usd"] is not None
    assert Decimal(shown["forecast_low_usd"]) <= Decimal(shown["forecast_usd"])


async def test_a_budget_for_each_user_is_listed_for_those_who_spent(books: Books) -> None:
    await books.money.set_limit(Limit("user", "day", USUAL, hard=False))
    for user in ("ann", "bo"):
        await books.metered(Vendor()).ask(question(user=user))
    shown = (await books.money.report()).facts()["budgets"]
    assert [(each["scope"], each["state"]) for each in shown] == [
        ("user ann", "exceeded"),
        ("user bo", "exceeded"),
    ]


async def test_a_budget_for_each_user_is_listed_before_anybody_spent(books: Books) -> None:
    await books.money.set_limit(Limit("user", "month", USUAL))
    await books.metered(Vendor()).ask(question(user=""))  # spending of nobody is not each user's
    (shown,) = (await books.money.report()).facts()["budgets"]
    assert (shown["scope"], shown["spent_usd"], shown["state"]) == ("each user", "0.00", "ok")


@pytest.mark.requirement("cost.formats")
async def test_every_format_tells_the_same_exact_amounts(books: Books, seed: int) -> None:
    await books.ledger.record(some(random.Random(seed), 200))
    named = ("repo", "tag")
    facts = (await books.money.report("-365d", group_by=named, limit=1000)).facts()
    amounts = [group["usd"] for group in facts["groups"]]
    assert json.loads(tables.written(facts, "json", named)) == facts
    rows = list(csv.DictReader(io.StringIO(tables.written(facts, "csv", named))))
    assert [row["usd"] for row in rows] == amounts
    assert "'=cmd" in {row["tag"] for row in rows}, "a spreadsheet must not run a name"
    for form in ("table", "markdown"):
        text = tables.written(facts, form, named)  # type: ignore[arg-type]
        assert all(amount in text for amount in amounts)
        assert facts["total"]["usd"] in text
    cells = [
        line for line in tables.written(facts, "markdown", named).splitlines() if line.startswith("|")
    ]
    assert {line.replace("\\|", "").count("|") for line in cells} == {cells[0].count("|")}


async def test_an_empty_ledger_says_so_and_what_to_do(books: Books) -> None:
    report = await books.money.report()
    assert report.facts()["total"]["usd"] == "0.00"
    assert any("no call is recorded" in note for note in report.notes)
    assert report.next == "sophia cost import"


async def test_an_empty_report_has_the_header_of_a_full_one(books: Books) -> None:
    headers = []
    for _ in range(2):
        report = await books.money.report(group_by=["repo", "day"])
        text = tables.written(report.facts(), "csv", report.query.group_by)
        headers.append(text.splitlines()[0])
        await books.metered(Vendor()).ask(question())
    assert headers[0] == headers[1]
    assert headers[0].startswith("repo,day,usd,")


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ({"group_by": ["modle"]}, "model"),
        ({"group_by": ["day", "run", "repo", "tag"]}, "at most 3"),
        ({"filters": {"usre": "x"}}, "user"),
        ({"filters": {"day": "2026-01-01"}}, "since"),
        ({"filters": {"model": 3}}, "list of texts"),
        ({"since": "last week"}, "-7d"),
        ({"since": "2026-02-30"}, "-7d"),
        ({"since": "today", "until": "2020-01-01"}, "earlier|later"),
    ],
)
async def test_what_means_nothing_is_refused_with_what_would(
    books: Books, asked: dict[str, Any], near: str
) -> None:
    with pytest.raises(BadArgument, match=near):
        await books.money.report(**asked)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", TODAY),
        ("yesterday", TODAY - 1),
        ("-7d", TODAY - 7),
        ("-2w", TODAY - 14),
        ("1970-01-02", 1),
        ("2026-11-21T23:30:00-05:00", TODAY + 1),
    ],
)
async def test_days_are_written_as_people_do(text: str, day: int) -> None:
    assert days.parse(text, TODAY) == day


async def test_periods_begin_where_calendars_say() -> None:
    assert days.label(days.span(TODAY, "week")[0], "day") == "2026-11-16"
    assert [days.label(each, "day") for each in days.span(TODAY, "month")] == [
        "2026-11-01",
        "2026-12-01",
    ]
    assert (days.label(TODAY, "week"), days.label(TODAY, "month")) == ("2026-W47", "2026-11")
    december = days.of_date(days.to_date(TODAY).replace(month=12))
    assert days.label(days.span(december, "month")[1], "day") == "2027-01-01"
