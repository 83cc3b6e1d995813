"""Which budget has just crossed a level, and who is told? Each level once in each period.

That a level was crossed is written in the transaction that crossed it, so of several processes exactly
one tells. Telling happens after it, and a listener that fails costs nobody the call.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sophia_mcp.cost import usd
from sophia_mcp.cost.days import FOREVER, to_date
from sophia_mcp.cost.ledger.entry import Standing
from sophia_mcp.errors import BadSetting
from sophia_mcp.store.database import Transaction

LEVELS = (50, 75, 90, 100)
"""Percent of a budget."""

_log = logging.getLogger("sophia_mcp.cost")


@dataclass(frozen=True, slots=True)
class Alert:
    """A budget crossed ``level`` percent. ``refused``: a call that would have passed it was stopped."""

    standing: Standing
    level: int
    refused: bool = False

    @property
    def text(self) -> str:
        """One sentence for a person."""
        limit = self.standing.limit
        whose = f"{limit.scope} {self.standing.subject}".strip()
        what = f"{whose} budget of ${usd.text(limit.nano)} a {limit.period}"
        if limit.period == "total":
            what = f"{whose} budget of ${usd.text(limit.nano)}"
        state = f"${usd.text(self.standing.used_nano)} used"
        if self.refused:
            return f"{what}: a call was refused, {state}"
        return f"{what}: {self.level} % reached, {state}"

    def facts(self) -> dict[str, Any]:
        """The same for a program: exact decimal text, no prompt, no key."""
        limit = self.standing.limit
        until = self.standing.end
        return {
            "event": "budget",
            "level": self.level,
            "refused": self.refused,
            "scope": limit.scope,
            "name": self.standing.subject,
            "period": limit.period,
            "hard": limit.hard,
            "limit_usd": usd.text(limit.nano),
            "used_usd": usd.text(self.standing.used_nano),
            "uncertain_usd": usd.text(self.standing.uncertain_nano),
            "until": None if until >= FOREVER else to_date(until).isoformat(),
            "text": self.text,
        }


Listener = Callable[[Alert], Awaitable[None]]


async def crossed(
    tx: Transaction, standings: Iterable[Standing], now_ns: int, *, refused: bool = False
) -> list[Alert]:
    """The levels that these budgets have now reached for the first time in their period; of several
    at once only the highest is told. ``refused``: a hard budget stopped a call, which is its 100 %."""
    alerts = []
    for each in standings:
        nano = each.limit.nano
        share = 100 * each.used_nano // nano if nano else (100 if each.used_nano else 0)
        reached = [level for level in LEVELS if share >= level or refused]
        new = [level for level in reached if await _first(tx, each, level, now_ns)]
        if new:
            alerts.append(Alert(each, new[-1], refused=refused))
    return alerts


async def _first(tx: Transaction, standing: Standing, level: int, now_ns: int) -> bool:
    limit = standing.limit
    rows = await tx.rows(
        "INSERT INTO cost_alerts (workspace, scope, name, period, hard, limit_nano, start_day, level,"
        " used_nano, at_ns) VALUES (:workspace, :scope, :name, :period, :hard, :limit, :start, :level,"
        " :used, :now) ON CONFLICT DO NOTHING RETURNING level",
        {
            "scope": limit.scope,
            "name": standing.subject,
            "period": limit.period,
            "hard": int(limit.hard),
            "limit": limit.nano,
            "start": standing.start,
            "level": level,
            "used": standing.used_nano,
            "now": now_ns,
        },
    )
    return bool(rows)


async def told(alerts: Iterable[Alert], listeners: Iterable[Listener]) -> None:
    """Log every alert and tell each listener. One that fails is logged; the others are still told."""
    for alert in alerts:
        _log.warning("budget alert: %s", alert.text)
        for listen in listeners:
            try:
                await listen(alert)
            except (OSError, RuntimeError, ValueError) as error:
                _log.warning("a budget alert did not arrive: %s", type(error).__name__)


def check_webhook(url: str) -> str:
    """The address itself where alerts may be sent there: https, or plain http on this machine.
    Raises BadSetting without repeating what may be a secret part of it."""
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and local)):
        return url
    raise BadSetting(
        "cost.webhook is no address that alerts may be sent to",
        why="it must begin with https://, or with http:// on this machine",
        next="write https://host/path, or a reference to it such as env:NAME",
    )
