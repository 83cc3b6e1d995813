"""How does every budget stand, and does one more call fit? The statements behind reservations.

All of it runs inside the caller's one immediate transaction, so that no other process can reserve
between the question and the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sophia_mcp.cost.days import day_of, span
from sophia_mcp.cost.ledger.entry import Attempt, Limit, Standing
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import Labels

_DIMENSION = {"workspace": "", "user": "user", "repo": "repo", "run": "run"}
_COLUMN = {"workspace": "''", "user": "user_name", "repo": "repo", "run": "run"}
"""Where an attempt says whose budget it holds."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an attempt does not fit. ``waiting``: it would, if calls in flight cost nothing, so it may
    fit once they have ended. ``standing`` is the budget that refuses, or None for the tokens of
    calls without a price."""

    standing: Standing | None
    waiting: bool
    used_tokens: int = 0


async def stored(tx: Transaction) -> list[Limit]:
    """The budgets a person set."""
    rows = await tx.rows(
        "SELECT scope, period, limit_nano, name, hard FROM cost_budgets WHERE workspace = :workspace"
        " ORDER BY scope, name, period, hard"
    )
    return [Limit(scope, period, nano, name, bool(hard)) for scope, period, nano, name, hard in rows]


async def keep(tx: Transaction, limit: Limit, now_ns: int) -> None:
    """Set a budget, in place of the one of the same scope, name, period and hardness."""
    await tx.run(
        "INSERT INTO cost_budgets (workspace, scope, name, period, hard, limit_nano, changed_ns)"
        " VALUES (:workspace, :scope, :name, :period, :hard, :nano, :now)"
        " ON CONFLICT (workspace, scope, name, period, hard) DO UPDATE SET"
        " limit_nano = excluded.limit_nano, changed_ns = excluded.changed_ns",
        {**_named(limit), "nano": limit.nano, "now": now_ns},
    )


async def drop(tx: Transaction, limit: Limit) -> bool:
    """Take a budget away, whatever its amount. False: there was none."""
    return bool(
        await tx.run(
            "DELETE FROM cost_budgets WHERE workspace = :workspace AND scope = :scope AND name = :name"
            " AND period = :period AND hard = :hard",
            _named(limit),
        )
    )


def _named(limit: Limit) -> dict[str, str | int]:
    return {
        "scope": limit.scope,
        "name": limit.name,
        "period": limit.period,
        "hard": int(limit.hard),
    }


async def standings(
    tx: Transaction, limits: Iterable[Limit], labels: Labels, at_ns: int
) -> list[Standing]:
    """Every limit that applies to a call with these labels, and how it stands."""
    day, found = day_of(at_ns), []
    for limit in limits:
        subject = limit.subject(labels)
        if subject is not None:
            found.append(await standing(tx, limit, subject, day))
    return found


async def standing(tx: Transaction, limit: Limit, subject: str, day: int) -> Standing:
    """How one limit stands for one subject in the period that holds ``day``."""
    start, end = span(day, limit.period)
    where = "workspace = :workspace AND day >= :start AND day < :end"
    column = _COLUMN[limit.scope]
    rows = await tx.rows(
        f"SELECT s.nano, s.uncertain, a.reserved FROM"  # noqa: S608 - columns of our own
        " (SELECT coalesce(sum(nano), 0) AS nano, coalesce(sum(uncertain_nano), 0) AS uncertain"
        f"  FROM cost_days WHERE {where} AND dimension = :dimension AND name = :subject) s,"
        " (SELECT coalesce(sum(reserved_nano), 0) AS reserved"
        f"  FROM cost_attempts WHERE {where} AND {column} = :subject) a",
        {"start": start, "end": end, "dimension": _DIMENSION[limit.scope], "subject": subject},
    )
    return Standing(limit, subject, start, end, *rows[0])


async def by_day(tx: Transaction, standing: Standing, since: int, until: int) -> dict[int, int]:
    """What the subject of a standing spent on each day."""
    rows = await tx.rows(
        "SELECT day, nano FROM cost_days WHERE workspace = :workspace AND dimension = :dimension"
        " AND name = :subject AND day >= :since AND day < :until",
        {
            "dimension": _DIMENSION[standing.limit.scope],
            "subject": standing.subject,
            "since": since,
            "until": until,
        },
    )
    return dict(rows)


def refusal(standings: Sequence[Standing], reserved_nano: int) -> Refused | None:
    """The hard limit that this much more would pass; one that no wait can mend comes first."""
    over = [
        each
        for each in standings
        if each.limit.hard
        and reserved_nano > 0
        and each.used_nano + each.reserved_nano + reserved_nano > each.limit.nano
    ]
    for each in over:
        if each.used_nano + reserved_nano > each.limit.nano:
            return Refused(each, waiting=False)
    return Refused(over[0], waiting=True) if over else None


async def refused_tokens(tx: Transaction, attempt: Attempt, allowed: int) -> Refused | None:
    """Whether the tokens of calls without a price would pass what a person allowed for a day."""
    rows = await tx.rows(
        "SELECT s.tokens, a.tokens FROM"
        " (SELECT coalesce(sum(unpriced_tokens), 0) AS tokens FROM cost_days WHERE workspace = :workspace"
        "  AND dimension = '' AND name = '' AND day = :day) s,"
        " (SELECT coalesce(sum(reserved_tokens), 0) AS tokens FROM cost_attempts"
        "  WHERE workspace = :workspace AND day = :day) a",
        {"day": day_of(attempt.at_ns)},
    )
    used, held = rows[0]
    if used + held + attempt.reserved_tokens <= allowed:
        return None
    return Refused(None, waiting=used + attempt.reserved_tokens <= allowed, used_tokens=used)
