"""How is a cost report written down for people, spreadsheets and pages?"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, Literal

from sophia_mcp.cost.reports.export import inert
from sophia_mcp.security.text import counted, json_of

Format = Literal["table", "json", "csv", "markdown"]

_COLUMNS = (
    ("usd", "usd"),
    ("calls", "calls"),
    ("input_tokens", "input"),
    ("output_tokens", "output"),
    ("cached_tokens", "cached"),
    ("reasoning_tokens", "reasoning"),
    ("saved_usd", "saved"),
    ("uncertain_usd", "uncertain"),
    ("estimated_usd", "estimated"),
    ("unpriced_calls", "unpriced"),
)
_ALWAYS = 4
_BRIEF = ("cached_tokens", "unpriced_calls")
_BUDGET = "scope period hard limit_usd spent_usd reserved_usd remaining_usd forecast_usd state".split()


def written(facts: dict[str, Any], format: Format, group_by: Sequence[str]) -> str:
    """The whole answer in one format. ``csv`` holds the groups alone, as exact text, under the names of
    ``group_by``, which are asked for whether or not there is a group."""
    if format == "json":
        return json_of(facts)
    if format == "csv":
        return _csv(facts, group_by)
    return _text(facts, markdown=format == "markdown")


def _csv(facts: dict[str, Any], names: Sequence[str]) -> str:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow([*names, *(field for field, _ in _COLUMNS)])
    for group in facts["groups"]:
        key = [inert(group["key"][name]) for name in names]
        rows.writerow([*key, *(group[field] for field, _ in _COLUMNS)])
    return out.getvalue()


def _text(facts: dict[str, Any], *, markdown: bool) -> str:
    lines = headline(facts)
    if facts["groups"]:
        lines += ["", *_rows(*group_table(facts), markdown=markdown)]
    if facts["budgets"]:
        lines += ["", "budgets", *([""] if markdown else [])]
        lines += _rows(*budget_table(facts), markdown=markdown)
    tail = [f"saves ${each['saves_usd']}: {each['text']}" for each in facts["suggestions"]]
    tail += [f"note: {note}" for note in facts["notes"]]
    tail.append(f"next: {facts['next'] or 'none needed'}")
    return "\n".join([*lines, "", *(f"- {each}" if markdown else each for each in tail)])


def headline(facts: dict[str, Any]) -> list[str]:
    """The total in one or two lines."""
    total = facts["total"]
    extra = [
        f"${total[field]} {word}"
        for field, word in (
            ("saved_usd", "saved by the cache"),
            ("uncertain_usd", "uncertain"),
            ("estimated_usd", "estimated"),
        )
        if total[field] != "0.00"
    ]
    return [
        f"{facts['since']} to {facts['until']}: ${total['usd']} for {counted(total['calls'], 'call')},"
        f" {total['input_tokens']} tokens in ({total['cached_tokens']} cached),"
        f" {total['output_tokens']} out ({total['reasoning_tokens']} reasoning)",
        *([", ".join(extra)] if extra else []),
    ]


def budget_table(facts: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the budgets."""
    body = [[_cell(each[name]) for name in _BUDGET] for each in facts["budgets"]]
    return [name.removesuffix("_usd") for name in _BUDGET], body


def group_table(facts: dict[str, Any], *, brief: bool = False) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the groups; columns that say nothing in any row are left out. ``brief``: as
    many as a terminal is wide."""
    names = list(facts["groups"][0]["key"]) if facts["groups"] else []
    used = [
        (field, title)
        for at, (field, title) in enumerate(_COLUMNS)
        if at < _ALWAYS
        or (
            (not brief or field in _BRIEF)
            and any(group[field] not in (0, "0.00") for group in facts["groups"])
        )
    ]
    body = [
        [
            *(" ".join(group["key"][name].split()) or "-" for name in names),
            *(str(group[field]) for field, _ in used),
        ]
        for group in facts["groups"]
    ]
    return [*names, *(title for _, title in used)], body


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return {True: "hard", False: "soft"}.get(value, "") if isinstance(value, bool) else str(value)


def _escaped(cell: str) -> str:
    return " ".join(cell.split()).replace("|", "\\|")


def _rows(header: Sequence[str], body: Sequence[Sequence[str]], *, markdown: bool) -> list[str]:
    if markdown:
        rows = [header, ["---"] * len(header), *body]
        return [f"| {' | '.join(map(_escaped, row))} |" for row in rows]
    widths = [max(len(row[at]) for row in (header, *body)) for at in range(len(header))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (header, *body)
    ]
