"""How does a line get into the ledger's tables, and out of them again? Statements, no decisions.

All of it runs inside the caller's transaction: an entry, the sums it belongs to and the end of its
attempt are written together or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from operator import add, attrgetter
from typing import Any

from sophia_mcp.cost.days import day_of
from sophia_mcp.cost.ledger.entry import (
    MEASURES,
    Attempt,
    Entry,
    Measures,
    Outcome,
    Priced,
    Settled,
    mark,
)
from sophia_mcp.cost.ledger.sources import KEYED, pair
from sophia_mcp.store.database import Row, Transaction
from sophia_mcp.types import Labels

_ENTRY = (
    "id workspace day key_id run step agent at_ns recorded_ns outcome basis processing price_id"
    " reserved_nano corrects origin error fingerprint shared shared_tokens"
).split()
_ATTEMPT = (
    "id workspace day at_ns until_ns holder provider model processing run step pattern agent repo"
    " user_name tag reserved_nano reserved_tokens fingerprint shared shared_tokens"
).split()
_SUMS = ", ".join(f"coalesce(sum({name}), 0)" for name in MEASURES)
_ADDED = ("entries", *MEASURES)
_measures = attrgetter(*MEASURES)
_KEY = "id workspace provider model pattern repo user_name tag".split()
ORIGINS_AT_ONCE = 200


def _insert(table: str, columns: Sequence[str], ending: str = "") -> str:
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}){ending}"  # noqa: S608 - own columns


_INSERT_ENTRY = _insert("cost_entries", [*_ENTRY, *MEASURES])
_INSERT_ATTEMPT = _insert("cost_attempts", _ATTEMPT)
_INSERT_PRICE = _insert(
    "cost_prices", "id source version unit_prices".split(), " ON CONFLICT (id) DO NOTHING"
)


_PAIRS = [(pair(KEYED[a], KEYED[b]), a + 2, b + 2) for a, b in combinations(range(len(KEYED)), 2)]
"""The name of each pair of names, and their places in a key's row."""


def _add(table: str, key: Sequence[str], unique: int = 4) -> str:
    """A statement that adds to the row of a key; the first ``unique`` of its columns tell it apart."""
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in _ADDED)
    at = ", ".join(key[:unique])
    return _insert(table, [*key, *_ADDED], f" ON CONFLICT ({at}) DO UPDATE SET {added}")


_ADD_KEY = _add("cost_keys", _KEY, 1)
_ADD_DAY = _add("cost_days", ("workspace", "dimension", "name", "day"))
_ADD_PAIR = _add("cost_pairs", ("workspace", "dimension", "name", "other", "day"), 5)
_ADD_CUBE = _add("cost_cube", ("workspace", "key_id", "day"))
_ADD_STEP = _add("cost_steps", ("workspace", "key_id", "agent", "step"))
_SELECT_ENTRY = (
    "SELECT e.id, e.at_ns, e.recorded_ns, k.provider, k.model, e.run, e.step, k.pattern, e.agent, k.repo,"  # noqa: S608
    " k.user_name, k.tag, e.processing, e.outcome, e.basis, e.reserved_nano, e.error, e.corrects, e.origin,"
    " coalesce(p.source, ''), coalesce(p.version, ''), coalesce(p.unit_prices, '{}'), "
    f"{', '.join(f'e.{name}' for name in MEASURES)}"
    " FROM cost_entries e JOIN cost_keys k ON k.id = e.key_id"
    " LEFT JOIN cost_prices p ON p.id = e.price_id WHERE e.workspace = :workspace"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One entry about to be written. ``attempt`` says what it is about (its id is the entry's),
    ``measures`` what it adds to every sum; ``corrects`` is the entry it mends, or 0."""

    attempt: Attempt
    settled: Settled
    measures: Measures
    corrects: int = 0
    origin: str = ""

    @property
    def outcome(self) -> Outcome:
        return "correction" if self.corrects else self.settled.outcome


async def next_id(tx: Transaction, now_ns: int) -> int:
    """An id above every other, of all workspaces, that tells roughly when it was given."""
    rows = await tx.rows(
        "SELECT max(coalesce((SELECT max(id) FROM cost_entries), 0),"
        " coalesce((SELECT max(id) FROM cost_attempts), 0))"
    )
    return max(now_ns, int(rows[0][0]) + 1)


async def start(tx: Transaction, attempt: Attempt, holder: str, now_ns: int) -> Attempt:
    """Write an attempt; returns it with its id."""
    attempt = replace(attempt, id=await next_id(tx, now_ns))
    labels = attempt.labels
    row = (
        attempt.id,
        tx.scope.workspace,
        day_of(attempt.at_ns),
        attempt.at_ns,
        attempt.until_ns,
        holder,
        attempt.provider,
        attempt.model,
        attempt.processing,
        labels.run,
        labels.step,
        labels.pattern,
        labels.agent,
        labels.repo,
        labels.user,
        labels.tag,
        attempt.reserved_nano,
        attempt.reserved_tokens,
        attempt.fingerprint,
        attempt.shared,
        attempt.shared_tokens,
    )
    await tx.many(_INSERT_ATTEMPT, [row])
    return attempt


async def ended(tx: Transaction, attempt_id: int) -> Attempt | None:
    """Take an attempt out of those in flight; None when it is not there any more."""
    rows = await tx.rows(
        "DELETE FROM cost_attempts WHERE id = :id AND workspace = :workspace RETURNING id, at_ns, provider,"
        " model, run, step, pattern, agent, repo, user_name, tag, processing, reserved_nano,"
        " reserved_tokens, until_ns, fingerprint, shared, shared_tokens",
        {"id": attempt_id},
    )
    if not rows:
        return None
    id_, at_ns, provider, model, *labels = rows[0][:11]
    return Attempt(id_, at_ns, provider, model, Labels(*labels), *rows[0][11:])


async def write(tx: Transaction, lines: Sequence[Line], now_ns: int) -> None:
    """Append entries and add them to every sum."""
    workspace = tx.scope.workspace
    prices: dict[int, tuple[object, ...]] = {}
    entries = []
    by_key, steps, days = _Totals(), _Totals(), _Totals()
    for line in lines:
        attempt, settled = line.attempt, line.settled
        key = _key(line, workspace)
        price = _price(settled.priced)
        prices[price[0]] = price
        day, labels, measures = day_of(attempt.at_ns), attempt.labels, _measures(line.measures)
        entries.append(
            (
                attempt.id,
                workspace,
                day,
                key[0],
                labels.run,
                labels.step,
                labels.agent,
                attempt.at_ns,
                now_ns,
                line.outcome,
                settled.basis,
                attempt.processing,
                price[0],
                attempt.reserved_nano,
                line.corrects,
                line.origin,
                settled.error,
                attempt.fingerprint,
                attempt.shared,
                attempt.shared_tokens,
                *measures,
            )
        )
        added = (1, *measures)
        by_key.add((day, *key), added)
        steps.add((workspace, key[0], labels.agent, labels.step), added)
        for dimension in ("run", "agent", "step"):
            days.add((workspace, dimension, getattr(labels, dimension), day), added)
    if any(prices):
        await tx.many(_INSERT_PRICE, [row for id_, row in prices.items() if id_])
    await tx.many(_INSERT_ENTRY, entries)
    for statement, totals in ((_ADD_STEP, steps), (_ADD_DAY, days), *_rolled_up(by_key)):
        await tx.many(statement, [(*at, *added) for at, added in totals.items()])


class _Totals(dict[tuple[object, ...], tuple[int, ...]]):
    """What is added to each row of a table of sums."""

    def add(self, at: tuple[object, ...], added: tuple[int, ...]) -> None:
        known = self.get(at)
        self[at] = added if known is None else tuple(map(add, known, added))


def _rolled_up(by_key: _Totals) -> list[tuple[str, _Totals]]:
    """What is added where, of sums by day and key."""
    keys, cube, days, pairs = _Totals(), _Totals(), _Totals(), _Totals()
    for (day, *key), added in by_key.items():
        id_, workspace, provider, model, *_ = key
        keys.add(tuple(key), added)
        cube.add((workspace, id_, day), added)
        days.add((workspace, "", "", day), added)
        days.add((workspace, "seller", f"{provider} {model}", day), added)
        for dimension, name in zip(KEYED, key[2:], strict=True):
            days.add((workspace, dimension, name, day), added)
        for dimension, one, other in _PAIRS:
            pairs.add((workspace, dimension, key[one], key[other], day), added)
    return [(_ADD_KEY, keys), (_ADD_CUBE, cube), (_ADD_DAY, days), (_ADD_PAIR, pairs)]


def _key(line: Line, workspace: str) -> tuple[Any, ...]:
    """What the entry is rolled up by. The id follows from the names, so nobody has to look it up."""
    attempt, labels = line.attempt, line.attempt.labels
    names = (
        workspace,
        line.settled.provider or attempt.provider,
        line.settled.model or attempt.model,
        labels.pattern,
        labels.repo,
        labels.user,
        labels.tag,
    )
    return (mark("\0".join(names)), *names)


def _price(priced: Priced | None) -> tuple[Any, ...]:
    if priced is None or priced.nano is None:
        return (0, "", "", "")
    units = json.dumps(_plain(getattr(priced, "unit_prices", {})), sort_keys=True, default=str)
    return (
        mark("\0".join((priced.source, priced.version, units))),
        priced.source,
        priced.version,
        units,
    )


def _plain(unit_prices: object) -> object:
    return dict(unit_prices) if isinstance(unit_prices, Mapping) else unit_prices


async def find(tx: Transaction, entry_id: int) -> tuple[Entry, Measures] | None:
    """An entry, and what it comes to with all its corrections."""
    rows = await tx.rows(_SELECT_ENTRY + " AND e.id = :id", {"id": entry_id})
    if not rows:
        return None
    sums = await tx.rows(
        f"SELECT {_SUMS} FROM cost_entries WHERE workspace = :workspace AND corrects = :id AND corrects <> 0",  # noqa: S608
        {"id": entry_id},
    )
    entry = _entry(rows[0])
    return entry, entry.measures + Measures(*sums[0])


async def of_origins(tx: Transaction, origins: Iterable[str]) -> dict[str, int]:
    """The ids of the entries that stand for these calls of another program's log."""
    names = list(dict.fromkeys(origins))
    found: dict[str, int] = {}
    for at in range(0, len(names), ORIGINS_AT_ONCE):
        some = {f"o{i}": name for i, name in enumerate(names[at : at + ORIGINS_AT_ONCE])}
        marks = ", ".join(f":{each}" for each in some)
        rows = await tx.rows(
            f"SELECT origin, id FROM cost_entries WHERE workspace = :workspace AND origin IN ({marks}) AND origin <> ''",  # noqa: S608
            some,
        )
        found.update(dict(rows))
    return found


async def page(
    tx: Transaction, since: int, until: int, after: int, limit: int, *, run: str | None = None
) -> list[Entry]:
    """Entries of the days from ``since`` to before ``until`` with ids above ``after``, by id."""
    where = " AND e.day >= :since AND e.day < :until AND e.id > :after"
    where += "" if run is None else " AND e.run = :run"
    rows = await tx.rows(
        _SELECT_ENTRY + where + " ORDER BY e.id LIMIT :limit",
        {"since": since, "until": until, "after": after, "limit": limit, "run": run or ""},
    )
    return [_entry(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Uncertain:
    """A call that may have cost ``uncertain_nano`` more than the ``nano`` that is known."""

    id: int
    at_ns: int
    model: str
    run: str
    step: str
    nano: int
    uncertain_nano: int
    why: str


async def uncertain(tx: Transaction, limit: int) -> list[Uncertain]:
    """Calls whose cost is not settled, the newest first. Whoever settles one appends a correction, so
    the sum over an entry and its corrections tells what is left."""
    rows = await tx.rows(
        "SELECT e.id, e.at_ns, k.model, e.run, e.step, e.nano + e.more_nano, e.uncertain_nano + e.more, e.error"
        " FROM (SELECT o.*, coalesce((SELECT sum(c.uncertain_nano) FROM cost_entries c"
        "   WHERE c.workspace = :workspace AND c.corrects = o.id AND c.corrects <> 0), 0) AS more,"
        "  coalesce((SELECT sum(c.nano) FROM cost_entries c"
        "   WHERE c.workspace = :workspace AND c.corrects = o.id AND c.corrects <> 0), 0) AS more_nano"
        "  FROM cost_entries o WHERE o.workspace = :workspace AND o.uncertain_nano > 0 AND o.corrects = 0) e"
        " JOIN cost_keys k ON k.id = e.key_id WHERE e.uncertain_nano + e.more > 0"
        " ORDER BY e.id DESC LIMIT :limit",
        {"limit": limit},
    )
    return [Uncertain(*row) for row in rows]


def _entry(row: Row) -> Entry:
    id_, at_ns, recorded_ns, provider, model = row[:5]
    processing, outcome, basis, reserved, error, corrects, origin, source, version, units = row[12:22]
    return Entry(
        id_,
        at_ns,
        recorded_ns,
        provider,
        model,
        Labels(*row[5:12]),
        processing,
        outcome,
        basis,
        Measures(*row[22:]),
        reserved,
        error,
        corrects,
        origin,
        source,
        version,
        json.loads(units),
    )


def as_attempt(entry: Entry) -> Attempt:
    """What an entry was about, for a line that corrects it."""
    return Attempt(0, entry.at_ns, entry.provider, entry.model, entry.labels, entry.processing)
