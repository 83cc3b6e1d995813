"""How do entries leave the ledger? As CSV, JSON, JSON lines or a Markdown table, in exact decimals.

Every entry is a row, corrections too: rows add up to the report. In CSV and Markdown no cell can act: a
text that a spreadsheet would take for a formula begins with an apostrophe, and one that would break a
table is escaped.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Literal

from sophia_mcp.cost import usd
from sophia_mcp.cost.ledger.entry import NO_LABELS, Entry, Measures

Format = Literal["csv", "json", "jsonl", "markdown"]

_MONEY = ("nano", "estimated_nano", "uncertain_nano", "saved_nano", "wasted_nano")
_TOKENS = (
    "calls",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "searches",
    "unpriced_calls",
    "unpriced_tokens",
)
_LABELS = ("run", "step", "pattern", "agent", "repo", "user", "tag")
_BRIEF = ("at", "provider", "model", "repo", "tag", "input_tokens", "output_tokens", "usd", "basis")
"""What a Markdown table shows: as much as a page is wide."""

Cell = str | int


def row(entry: Entry) -> dict[str, Cell]:
    """One entry as plain values: times in ISO 8601 UTC, money as exact decimal text in dollars."""
    measures, labels = entry.measures, entry.labels
    cells: dict[str, Cell] = {
        "id": str(entry.id),
        "at": _iso(entry.at_ns),
        "provider": entry.provider,
        "model": entry.model,
        **{name: str(getattr(labels, name)) for name in _LABELS},
        "outcome": entry.outcome,
        "processing": entry.processing,
        **{name: int(getattr(measures, name)) for name in _TOKENS},
        **{_dollars(name): usd.text(getattr(measures, name)) for name in _MONEY},
        "basis": entry.basis,
        "price_source": entry.price_source,
        "price_version": entry.price_version,
        "unit_prices": json.dumps(dict(entry.unit_prices), sort_keys=True) if entry.unit_prices else "",
        "corrects": str(entry.corrects) if entry.corrects else "",
        "origin": entry.origin,
        "error": entry.error,
        "recorded": _iso(entry.recorded_ns),
    }
    return cells


async def written(entries: AsyncIterator[Entry], format: Format) -> AsyncIterator[str]:
    """The whole export, a piece at a time, each ending with a line break: memory stays small however
    many entries there are. An export of nothing is valid, too."""
    number = 0
    async for entry in entries:
        cells = row(entry)
        if format == "jsonl":
            yield json.dumps(cells, ensure_ascii=False) + "\n"
        elif format == "json":
            yield ("[\n" if number == 0 else ",\n") + json.dumps(cells, ensure_ascii=False)
        else:
            if number == 0:
                yield header(format)
            yield _line(cells, format)
        number += 1
    if format == "json":
        yield "\n]\n" if number else "[]\n"
    elif format in ("csv", "markdown") and not number:
        yield header(format)


def header(format: Format) -> str:
    """The first lines of a table."""
    if format == "csv":
        return _csv(list(row(_NONE)))
    return f"| {' | '.join(_BRIEF)} |\n|{'---|' * len(_BRIEF)}\n"


def inert(cell: Cell) -> str:
    """A cell that no spreadsheet runs: a text that begins like a formula gets an apostrophe in front.
    Numbers stay numbers, the negative ones of corrections too."""
    text = str(cell)
    if text[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n") or _is_number(text):
        return text
    return f"'{text}"


def _line(cells: dict[str, Cell], format: Format) -> str:
    if format == "csv":
        return _csv([inert(cell) for cell in cells.values()])
    return f"| {' | '.join(_markdown(cells[name]) for name in _BRIEF)} |\n"


def _csv(cells: list[str]) -> str:
    # Lines end as RFC 4180 says, which also makes the writer quote a lone carriage return.
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def _markdown(cell: Cell) -> str:
    """A cell that ends no table and begins no link, image or tag."""
    text = " ".join(str(cell).split())
    for sign in "\\|`<>[]*_":
        text = text.replace(sign, f"\\{sign}")
    return text


def _is_number(text: str) -> bool:
    whole, _, rest = text.removeprefix("-").partition(".")
    return whole.isdecimal() and whole.isascii() and (not rest or (rest.isdecimal() and rest.isascii()))


def _dollars(name: str) -> str:
    return "usd" if name == "nano" else f"{name.removesuffix('_nano')}_usd"


def _iso(at_ns: int) -> str:
    seconds, rest = divmod(at_ns, 10**9)
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{rest // 10**6:03d}Z"


_NONE = Entry(0, 0, 0, "", "", NO_LABELS, "standard", "answered", "computed", Measures())
