"""What do the recorded calls look like where money could be saved? Read for the suggestions.

Single calls are looked at in the newest days of a report only, so that a report over years stays quick.
"""

from __future__ import annotations

from collections.abc import Sequence

from sophia_mcp.cost.days import DAY_NS
from sophia_mcp.cost.ledger.entry import MEASURES, Measures
from sophia_mcp.cost.reports.suggest import Prefix, Repeats, Use
from sophia_mcp.store.database import Transaction

CALLS_DAYS = 7
MOST_CALLS = 10_000
"""Single calls are looked at for so many days, or so many calls, whichever are fewer."""

MOST_USES = 12
_WARM_NS = 5 * 60 * 1_000_000_000
"""How long a provider keeps a prefix, at least."""

_SUMS = ", ".join(f"sum({name})" for name in MEASURES)


def newest(trend: Sequence[tuple[int, Measures]], until: int) -> int:
    """The day from which on single calls are looked at. ``trend`` is what each day has."""
    since, calls = until, 0
    for day, measures in reversed(trend):
        calls += measures.calls
        if day < until - CALLS_DAYS or (calls > MOST_CALLS and since < until):
            break
        since = day
    return since


async def uses(tx: Transaction, since: int, until: int) -> list[Use]:
    """What was spent on each model of each provider, the dearest first."""
    rows = await tx.rows(
        f"SELECT name, {_SUMS} FROM cost_days WHERE workspace = :workspace AND dimension = 'seller'"  # noqa: S608
        " AND day >= :since AND day < :until GROUP BY name ORDER BY sum(nano) DESC LIMIT :most",
        {"since": since, "until": until, "most": MOST_USES},
    )
    at_ns = until * DAY_NS - 1
    return [
        Use(provider, model, Measures(*sums), at_ns)
        for name, *sums in rows
        for provider, _, model in (name.partition(" "),)
    ]


async def repeats(tx: Transaction, since: int, until: int) -> Repeats:
    """Answered questions that had been asked word for word within the day before."""
    rows = await tx.rows(
        "SELECT count(*), coalesce(sum(nano), 0) FROM (SELECT nano, at_ns - lag(at_ns) OVER"
        " (PARTITION BY fingerprint ORDER BY at_ns) AS gap FROM cost_entries WHERE workspace = :workspace"
        " AND day >= :since AND day < :until AND fingerprint <> 0 AND outcome = 'answered' AND corrects = 0) e"
        " WHERE gap < :within",
        {"since": since, "until": until, "within": DAY_NS},
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
        {"since": since, "until": until, "within": _WARM_NS},
    )
    return [Prefix(*row) for row in rows]
