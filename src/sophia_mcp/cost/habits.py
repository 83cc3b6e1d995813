"""What do the recorded calls look like where money could be saved? Read for the suggestions.

Looks at the newest days of a report only, so that a report over years stays quick.
"""

from __future__ import annotations

from sophia_mcp.cost.days import DAY_NS
from sophia_mcp.cost.entry import MEASURES, Measures
from sophia_mcp.cost.suggest import Prefix, Repeats, Use
from sophia_mcp.store.database import Transaction

USES_DAYS = 30
CALLS_DAYS = 7
"""Sums are looked at for so many days, single calls for so many."""

MOST_USES = 12
_WARM_NS = 5 * 60 * 1_000_000_000
"""How long a provider keeps a prefix, at least."""

_SUMS = ", ".join(f"sum(e.{name})" for name in MEASURES)
_NAMED = ", ".join(f"sum({name}) AS {name}" for name in MEASURES)


async def uses(tx: Transaction, since: int, until: int) -> list[Use]:
    """What each pattern spent on each model, the dearest first."""
    rows = await tx.rows(
        f"SELECT k.provider, k.model, k.pattern, {_SUMS} FROM (SELECT key_id, {_NAMED} FROM cost_cube"  # noqa: S608
        " WHERE workspace = :workspace AND day >= :since AND day < :until GROUP BY workspace, key_id) e"
        " JOIN cost_keys k ON k.id = e.key_id GROUP BY k.provider, k.model, k.pattern"
        " ORDER BY sum(e.nano) DESC LIMIT :most",
        {"since": max(since, until - USES_DAYS), "until": until, "most": MOST_USES},
    )
    at_ns = until * DAY_NS - 1
    return [Use(row[0], row[1], row[2], Measures(*row[3:]), at_ns) for row in rows]


async def repeats(tx: Transaction, since: int, until: int) -> Repeats:
    """Answered questions that had been asked word for word within the day before."""
    rows = await tx.rows(
        "SELECT count(*), coalesce(sum(nano), 0) FROM (SELECT nano, at_ns - lag(at_ns) OVER"
        " (PARTITION BY fingerprint ORDER BY at_ns) AS gap FROM cost_entries WHERE workspace = :workspace"
        " AND day >= :since AND day < :until AND fingerprint <> 0 AND outcome = 'answered' AND corrects = 0) e"
        " WHERE gap < :within",
        {"since": max(since, until - CALLS_DAYS), "until": until, "within": DAY_NS},
    )
    return Repeats(*rows[0])


async def prefixes(tx: Transaction, since: int, until: int) -> list[Prefix]:
    """By model: calls whose shared beginning another had sent within five minutes, and that read
    nothing from the provider's cache."""
    rows = await tx.rows(
        "SELECT k.provider, k.model, count(*), sum(e.shared_tokens), max(e.at_ns) FROM"
        " (SELECT key_id, shared_tokens, cached_tokens, at_ns, at_ns - lag(at_ns) OVER"
        "  (PARTITION BY key_id, shared ORDER BY at_ns) AS gap FROM cost_entries"
        "  WHERE workspace = :workspace AND day >= :since AND day < :until AND shared <> 0"
        "  AND outcome = 'answered' AND corrects = 0) e JOIN cost_keys k ON k.id = e.key_id"
        " WHERE e.gap < :within AND e.cached_tokens = 0 GROUP BY k.provider, k.model",
        {"since": max(since, until - CALLS_DAYS), "until": until, "within": _WARM_NS},
    )
    return [Prefix(*row) for row in rows]
