"""What does a cost report say? The sums, the budgets, what could be saved, and what is not certain."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sophia_mcp.cost import days, usd
from sophia_mcp.cost.ledger.entry import Measures
from sophia_mcp.cost.ledger.ledger import Ledger
from sophia_mcp.cost.ledger.sources import TIMES
from sophia_mcp.cost.reports import habits, outlook, report
from sophia_mcp.cost.reports.outlook import Outlook
from sophia_mcp.cost.reports.report import Group, Query, Sums
from sophia_mcp.cost.reports.suggest import Suggestion, suggest, wasted
from sophia_mcp.errors import NotFound
from sophia_mcp.llm.prices.catalogue import Catalogue
from sophia_mcp.security.text import counted

CURRENCY = "USD"
TREND_DAYS = 62
"""At most so many days of a trend are told, the newest."""

_DRILL = ("pattern", "model", "agent", "step", "run")


@dataclass(frozen=True, slots=True)
class CostReport:
    """One answer. ``facts`` is what every door tells of it."""

    query: Query
    sums: Sums
    budgets: tuple[Outlook, ...]
    suggestions: tuple[Suggestion, ...]
    notes: tuple[str, ...]
    next: str | None

    def facts(self) -> dict[str, Any]:
        """The whole answer for machines: money as exact decimal text."""
        trend = self.sums.trend[-TREND_DAYS:]
        return {
            "currency": CURRENCY,
            "since": days.label(self.query.since, "day"),
            "until": days.label(self.query.until - 1, "day"),
            "total": measured(self.sums.total),
            "groups": [{"key": dict(g.key), **measured(g.measures)} for g in self.sums.groups],
            "budgets": [budget(each) for each in self.budgets],
            "trend": [{"day": days.label(day, "day"), "usd": usd.text(m.nano)} for day, m in trend],
            "suggestions": [
                {"text": each.text, "saves_usd": usd.text(each.saves_nano)} for each in self.suggestions
            ],
            "next": self.next,
            "notes": list(self.notes),
        }


def measured(measures: Measures) -> dict[str, Any]:
    """Sums as a door tells them."""
    return {
        "usd": usd.text(measures.nano),
        "calls": measures.calls,
        "input_tokens": measures.input_tokens,
        "output_tokens": measures.output_tokens,
        "cached_tokens": measures.cached_tokens,
        "reasoning_tokens": measures.reasoning_tokens,
        "saved_usd": usd.text(measures.saved_nano),
        "uncertain_usd": usd.text(measures.uncertain_nano),
        "estimated_usd": usd.text(measures.estimated_nano),
        "unpriced_calls": measures.unpriced_calls,
    }


def budget(each: Outlook) -> dict[str, Any]:
    """One budget as a door tells it. What may have been spent counts as spent."""
    standing, ahead = each.standing, each.forecast
    limit = standing.limit
    return {
        "scope": each.whose,
        "period": limit.period,
        "hard": limit.hard,
        "limit_usd": usd.text(limit.nano),
        "spent_usd": usd.text(standing.used_nano),
        "uncertain_usd": usd.text(standing.uncertain_nano),
        "reserved_usd": usd.text(standing.reserved_nano),
        "remaining_usd": usd.text(each.remaining_nano),
        "forecast_usd": usd.text(ahead.nano) if ahead else None,
        "forecast_low_usd": usd.text(ahead.low_nano) if ahead else None,
        "forecast_high_usd": usd.text(ahead.high_nano) if ahead else None,
        "state": each.state,
    }


async def answer(ledger: Ledger, catalogue: Catalogue, asked: Query) -> CostReport:
    """The report of a query. What died with its process is written down as uncertain first."""
    await ledger.sweep()
    now = ledger.clock()
    async with ledger.db.read(ledger.scope) as tx:
        sums = await report.sums(tx, asked)
        budgets = await outlook.outlooks(tx, now)
        open_calls = await tx.rows(
            "SELECT count(*), coalesce(sum(reserved_nano), 0) FROM cost_attempts"
            " WHERE workspace = :workspace AND reserved_nano > 0"
        )
        found: list[Suggestion] = []
        if not asked.filters and sums.total.calls:
            newest = habits.newest(sums.trend, asked.until)
            found = suggest(
                await habits.uses(tx, asked.since, asked.until),
                await habits.repeats(tx, newest, asked.until),
                await habits.prefixes(tx, newest, asked.until),
                catalogue.price,
                _Cheaper(catalogue),
            )
    lost = wasted(sums.total)
    notes = _notes(sums, budgets, int(open_calls[0][0]), int(open_calls[0][1]))
    warning = catalogue.age(now).warning
    return CostReport(
        asked,
        sums,
        tuple(budgets),
        tuple([*found, lost] if lost else found),
        (*notes, warning) if warning else tuple(notes),
        _next(asked, sums),
    )


@dataclass(frozen=True, slots=True)
class _Cheaper:
    """The models of a provider's lower tiers."""

    catalogue: Catalogue

    def __call__(self, provider: str, model: str) -> Sequence[str]:
        tiers = []
        for tier in ("fast", "standard", "deep"):
            try:
                tiers.append(self.catalogue.tier(tier, provider))
            except NotFound:
                return ()
        below = tiers[: tiers.index(model)] if model in tiers else tiers[:2]
        return tuple(dict.fromkeys(each for each in below if each != model))


def _notes(sums: Sums, budgets: Sequence[Outlook], flying: int, held_nano: int) -> list[str]:
    total, notes = sums.total, []
    if not sums.trend:
        return ["no call is recorded in this time; days are UTC"]
    if total.uncertain_nano:
        notes.append(
            f"${usd.text(total.uncertain_nano)} more may have been spent by calls that were cut off; it counts"
            " in budgets until reconciled: sophia cost uncertain"
        )
    if flying:
        verbs = ("is", "holds") if flying == 1 else ("are", "hold")
        notes.append(
            f"{counted(flying, 'call')} {verbs[0]} in flight and {verbs[1]} ${usd.text(held_nano)}"
        )
    if total.unpriced_calls:
        notes.append(
            f"no price is known for {counted(total.unpriced_calls, 'call')}, which the sum leaves out: state it in"
            " prices.toml, then run: sophia cost prices again"
        )
    if total.estimated_nano and total.nano > 0:
        share = max(1, 100 * total.estimated_nano // total.nano)
        notes.append(f"{share} % of the sum is estimated")
    if sums.left_out:
        notes.append(f"groups not shown: {sums.left_out}, ${usd.text(sums.rest.nano)} in all")
    for each in budgets:
        if each.forecast is not None and each.state != "ok":
            ahead = each.forecast
            notes.append(
                f"{each.whose} {each.standing.limit.period}: ${usd.text(ahead.nano)} expected, four times in five"
                f" between ${usd.text(ahead.low_nano)} and ${usd.text(ahead.high_nano)}"
            )
    if len(sums.trend) > TREND_DAYS:
        notes.append(f"the trend shows the newest {TREND_DAYS} days with spending")
    return [*notes, "days are UTC"]


def _next(asked: Query, sums: Sums) -> str | None:
    """The call that looks into the dearest group, or imports what others spent where there is none."""
    if not sums.groups:
        return "sophia cost import"
    top: Group = max(sums.groups, key=lambda group: group.measures.nano)
    exact = {name: value for name, value in top.key.items() if name not in TIMES and value}
    filters = {
        name: value if len(value) > 1 else value[0] for name, value in (asked.filters or {}).items()
    }
    deeper = next((name for name in _DRILL if name not in top.key and name not in filters), None)
    if deeper is None or not top.measures.calls:
        return None
    since, until = days.label(asked.since, "day"), days.label(asked.until - 1, "day")
    return (
        f'cost_report(since="{since}", until="{until}", group_by=["{deeper}"],'
        f" filters={json.dumps({**filters, **exact}, ensure_ascii=False)})"
    )
