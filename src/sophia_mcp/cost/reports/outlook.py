"""How does each budget stand, and where is it heading?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sophia_mcp.cost.days import DAY_NS, FOREVER, day_of, span, to_date
from sophia_mcp.cost.ledger import spending
from sophia_mcp.cost.ledger.entry import Limit, Standing
from sophia_mcp.cost.reports.forecast import Forecast, forecast
from sophia_mcp.store.database import Transaction

PAST_DAYS = 56
MOST_SUBJECTS = 5
"""Of a budget that each user, repository or run has for itself, so many are listed."""

State = Literal["ok", "at_risk", "warning", "exceeded"]


@dataclass(frozen=True, slots=True)
class Outlook:
    """One budget. ``state``: ``exceeded``, ``warning`` from 75 % on, ``at_risk`` where the forecast lies
    above the limit, else ``ok``. No forecast without a period or enough days."""

    standing: Standing
    forecast: Forecast | None

    @property
    def whose(self) -> str:
        """For whom it is: ``workspace``, ``user ann``, or ``each user`` while nobody spent anything."""
        scope, subject = self.standing.limit.scope, self.standing.subject
        if scope == "workspace":
            return scope
        return f"{scope} {subject}" if subject else f"each {scope}"

    @property
    def state(self) -> State:
        used, limit = self.standing.used_nano, self.standing.limit.nano
        if used >= limit:
            return "exceeded"
        if 4 * used >= 3 * limit:
            return "warning"
        return "at_risk" if self.forecast is not None and self.forecast.nano > limit else "ok"

    @property
    def remaining_nano(self) -> int:
        """What calls may still take: neither used nor held."""
        standing = self.standing
        return max(0, standing.limit.nano - standing.used_nano - standing.reserved_nano)


async def outlooks(tx: Transaction, now_ns: int) -> list[Outlook]:
    """Every stored budget, for each subject it has; once where it has none yet."""
    found = []
    for limit in await spending.stored(tx):
        subjects = await _subjects(tx, limit, now_ns)
        if not subjects:
            start, end = span(day_of(now_ns), limit.period)
            found.append(Outlook(Standing(limit, "", start, end, 0, 0, 0), None))
        for subject in subjects:
            standing = await spending.standing(tx, limit, subject, day_of(now_ns))
            found.append(Outlook(standing, await _ahead(tx, standing, now_ns)))
    return found


async def _subjects(tx: Transaction, limit: Limit, now_ns: int) -> list[str]:
    """Whom a limit is for: the named one, or the dearest of the period (of runs: of today)."""
    if limit.scope == "workspace" or limit.name:
        return [limit.name]
    today = day_of(now_ns)
    start = today if limit.scope == "run" else span(today, limit.period)[0]
    rows = await tx.rows(
        "SELECT name FROM cost_days WHERE workspace = :workspace AND dimension = :scope AND name <> ''"
        " AND day >= :start AND day <= :today GROUP BY name ORDER BY sum(nano) DESC, name LIMIT :most",
        {"scope": limit.scope, "start": start, "today": today, "most": MOST_SUBJECTS},
    )
    return [row[0] for row in rows]


async def _ahead(tx: Transaction, standing: Standing, now_ns: int) -> Forecast | None:
    if standing.end >= FOREVER:
        return None
    today = day_of(now_ns)
    by_day = await spending.by_day(tx, standing, today - PAST_DAYS, today + 1)
    past = [by_day.get(day, 0) for day in range(today - PAST_DAYS, today)]
    rest = 1 - (now_ns % DAY_NS) / DAY_NS
    return forecast(
        past,
        standing.used_nano,
        to_date(today).weekday(),
        rest,
        standing.end - today - 1,
    )
