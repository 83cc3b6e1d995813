"""Entries leave the ledger exactly, and as nothing that acts."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sophia_mcp.cost.ledger.entry import Entry, Measures
from sophia_mcp.cost.reports.export import Format, inert, row, written
from sophia_mcp.types import Labels

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("cost.export")]


def entry(number: int = 1, nano: int = 1_234_567_891, **more: object) -> Entry:
    values: dict[str, object] = {
        "id": 1_794_300_000_000_000_000 + number,
        "at_ns": 1_794_300_000_123_456_789,
        "recorded_ns": 1_794_300_001_000_000_000,
        "provider": "openai",
        "model": "gpt-5.5",
        "labels": Labels(run="r1", repo="shop"),
        "processing": "standard",
        "outcome": "answered",
        "basis": "computed",
        "measures": Measures(calls=1, input_tokens=10, output_tokens=20, nano=nano),
        "unit_prices": {"output": "30", "input": "5"},
    }
    return Entry(**{**values, **more})  # type: ignore[arg-type]


async def text(format: Format, *entries: Entry) -> str:
    async def all_of() -> AsyncIterator[Entry]:
        for each in entries:
            yield each

    return "".join([piece async for piece in written(all_of(), format)])


async def test_every_format_holds_every_entry_with_its_exact_amount() -> None:
    entries = [entry(1), entry(2, nano=1), entry(3, nano=-1_000_000_000)]
    amounts = ["1.234567891", "0.000000001", "-1.00"]
    rows = list(csv.DictReader(io.StringIO(await text("csv", *entries), newline="")))
    assert [each["usd"] for each in rows] == amounts
    assert [each["usd"] for each in json.loads(await text("json", *entries))] == amounts
    lines = (await text("jsonl", *entries)).splitlines()
    assert [json.loads(line)["usd"] for line in lines] == amounts
    table = (await text("markdown", *entries)).splitlines()
    assert [line.split(" | ")[7] for line in table[2:]] == amounts


async def test_rows_say_when_what_and_on_which_prices() -> None:
    (cells,) = json.loads(await text("json", entry()))
    assert cells["at"] == "2026-11-10T08:40:00.123Z"
    assert cells["id"] == "1794300000000000001"
    assert json.loads(cells["unit_prices"]) == {"input": "5", "output": "30"}
    assert (cells["run"], cells["repo"], cells["input_tokens"]) == ("r1", "shop", 10)


@pytest.mark.parametrize("format", get_args(Format))
async def test_an_export_of_nothing_is_whole(format: Format) -> None:
    nothing = await text(format)
    if format == "json":
        assert json.loads(nothing) == []
    elif format == "jsonl":
        assert nothing == ""
    else:
        assert nothing.startswith("id,at" if format == "csv" else "| at | provider")


async def test_all_rows_of_a_table_have_the_columns_of_its_header() -> None:
    rows = list(
        csv.reader(io.StringIO(await text("csv", entry(1), entry(2, origin='a,b\n"c')), newline=""))
    )
    assert {len(each) for each in rows} == {len(row(entry()))}
    assert rows[0] == list(row(entry()))


@pytest.mark.requirement("cost.export_safe")
@pytest.mark.parametrize(
    "bad", ['=HYPERLINK("http://x","y")', "+1+1", "-2+3|cmd", "@SUM(A1)", "\t=1", "\r=1", "=1"]
)
async def test_no_text_becomes_a_formula(bad: str) -> None:
    dangerous = entry(labels=Labels(run=bad, repo=bad, tag=bad), model=bad, error=bad, origin=bad)
    (cells,) = csv.DictReader(io.StringIO(await text("csv", dangerous), newline=""))
    for name in ("run", "repo", "tag", "model", "error", "origin"):
        assert cells[name] == f"'{bad}"


@pytest.mark.requirement("cost.export_safe")
@given(st.text(max_size=20))
def test_an_inert_cell_never_begins_like_a_formula_unless_it_is_a_number(cell: str) -> None:
    shown = inert(cell)
    if shown[:1] in ("=", "+", "-", "@", "\t", "\r", "\n"):
        Decimal(shown)
    assert shown.removeprefix("'") == cell.removeprefix("'")


async def test_a_markdown_cell_cannot_leave_its_table_or_become_a_link() -> None:
    bad = entry(model="a|b](http://x)\n| c <img src=x> `d`")
    lines = (await text("markdown", bad)).splitlines()
    assert len(lines) == 3
    assert "\\|b\\](http://x) \\| c \\<img src=x\\>" in lines[2]
    assert lines[2].replace("\\|", "").count("|") == lines[0].count("|")
