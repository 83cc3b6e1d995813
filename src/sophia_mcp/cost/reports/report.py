"""What was spent, and by what? Sums of integers over the rows that hold the answer (`ledger/sources.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from difflib import get_close_matches
from typing import Any, Literal, cast

from sophia_mcp.cost import days
from sophia_mcp.cost.ledger.entry import NOTHING, Measures
from sophia_mcp.cost.ledger.sources import SHOWN, TIMES, Reach, Source, reach, source
from sophia_mcp.errors import BadArgument
from sophia_mcp.store.database import Transaction

Dimension = Literal[
    "day",
    "week",
    "month",
    "model",
    "provider",
    "pattern",
    "run",
    "agent",
    "step",
    "repo",
    "user",
    "workspace",
    "tag",
]
DIMENSIONS: tuple[Dimension, ...] = Dimension.__args__  # type: ignore[attr-defined]
MOST_DIMENSIONS = 3
MOST_GROUPS = 1000

_MONDAY = 3
"""Days from the Monday before 1970-01-01 to it."""
_SUMS = ", ".join(f"coalesce(sum(e.{name}), 0)" for name in SHOWN)


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked: the days from ``since`` to before ``until``, grouped, with only the entries whose
    dimension has one of the given values (``*`` stands for any text). At most ``limit`` groups."""

    since: int
    until: int
    group_by: tuple[Dimension, ...] = ("model",)
    filters: Mapping[str, tuple[str, ...]] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Group:
    """The sums of one group, under the value of each dimension."""

    key: Mapping[str, str]
    measures: Measures


@dataclass(frozen=True, slots=True)
class Sums:
    """Everything a query adds up to. ``groups`` are by time, else the dearest first; ``left_out`` are the
    groups beyond the limit and their sums. ``trend`` is (day, measures), every day that has any."""

    total: Measures
    groups: tuple[Group, ...]
    trend: tuple[tuple[int, Measures], ...]
    left_out: int = 0
    rest: Measures = NOTHING


def query(
    *,
    since: str,
    until: str | None,
    group_by: Sequence[str],
    filters: Mapping[str, Any] | None,
    today: int,
    limit: int = 50,
) -> Query:
    """The query that a person's words mean. Raises BadArgument for each that means nothing."""
    first = days.parse(since, today)
    last = today if until is None else days.parse(until, today, "until")
    if last < first:
        raise BadArgument(
            f"until ({days.label(last, 'day')}) lies before since ({days.label(first, 'day')})",
            next='give since="-30d", or a later until',
        )
    names = list(dict.fromkeys(group_by))
    if len(names) > MOST_DIMENSIONS:
        raise BadArgument(
            f"group_by names {len(names)} dimensions",
            why=f"at most {MOST_DIMENSIONS} are shown at once",
            next=f"keep {', '.join(names[:MOST_DIMENSIONS])}",
        )
    grouped = tuple(_dimension(name, "group_by") for name in names)
    wanted = {
        _filterable(name): _values(name, value)
        for name, value in (filters or {}).items()
        if value is not None
    }
    return Query(first, last + 1, grouped, wanted, max(1, min(limit, MOST_GROUPS)))


async def sums(tx: Transaction, asked: Query) -> Sums:
    """All sums of a query. Inside one read transaction, so that they agree with one another."""
    if not _own_workspace(tx, asked):
        return Sums(NOTHING, (), ())
    held = await reach(tx, asked.since, asked.until)
    by_day = await _grouped(tx, asked, ("day",), held)
    trend = tuple(sorted((int(key[0]), measures) for key, measures in by_day.items()))
    total = _total(measures for _, measures in trend)
    names = tuple(name for name in asked.group_by if name != "workspace")
    if not names:
        return Sums(total, (Group(dict.fromkeys(asked.group_by, tx.scope.workspace), total),), trend)
    timed = any(name in TIMES for name in names)
    if timed:
        found, count = await _newest(tx, asked, names, tuple(day for day, _ in trend), held)
    else:
        found, count = await _dearest(tx, asked, names, held)
    groups = [Group(_key(asked, names, key, tx.scope.workspace), each) for key, each in found.items()]
    if timed:
        groups.sort(key=lambda group: tuple(group.key[name] for name in names if name in TIMES))
    rest = total - _total(group.measures for group in groups)
    return Sums(total, tuple(groups), trend, count - len(groups), rest)


@dataclass(frozen=True, slots=True)
class _Periods:
    """The days that have any entry, and how weeks and months of them are told apart in a statement:
    a number that grows with time."""

    days: tuple[int, ...]

    def column(self, name: str, day: str) -> str:
        if name == "day":
            return day
        if name == "week":
            return f"({day} + {_MONDAY}) / 7"
        return _month(sorted({days.span(each, "month")[0] for each in self.days}), day)

    def newest(self, names: Sequence[str], count: int) -> int:
        """The first day of the newest ``count`` periods."""
        seen: dict[tuple[int, ...], int] = {}
        for day in reversed(self.days):
            at = tuple(days.span(day, cast("Any", name))[0] for name in names)
            if at not in seen and len(seen) == count:
                break
            seen[at] = day
        return min(seen.values(), default=0)


def _month(starts: Sequence[int], day: str) -> str:
    """The start of a day's month, found by halves."""
    if len(starts) < 2:
        return f"({next(iter(starts), 0)} + 0)"  # a number alone would name a column
    half = len(starts) // 2
    return (
        f"CASE WHEN {day} >= {starts[half]} THEN {_month(starts[half:], day)}"
        f" ELSE {_month(starts[:half], day)} END"
    )


async def _newest(
    tx: Transaction, asked: Query, names: Sequence[str], known: tuple[int, ...], held: Reach
) -> tuple[dict[tuple[Any, ...], Measures], int]:
    """Sums of the newest groups, in each period the dearest first, and how many groups there are. Only
    as many periods are added up as it takes. ``known``: the days that have any entry."""
    if not known:
        return {}, 0
    periods, taken = _Periods(known), 1
    while True:
        since = periods.newest([name for name in names if name in TIMES], taken)
        part = await reach(tx, since, asked.until)
        rows = await _newest_since(tx, replace(asked, since=since), names, periods, part)
        if len(rows) == asked.limit or since == known[0]:
            break
        taken = max(2 * taken, taken * asked.limit // max(1, len(rows)) + 1)
    found = {}
    for row in rows:
        key = tuple(_label(name, each) for name, each in zip(names, row, strict=False))
        found[key] = _measures(row[len(names) :])
    if len(rows) < asked.limit:
        return found, len(rows)
    rolled = source(names, asked.filters or {}, held)
    where, parameters = _where(asked, rolled)
    columns = ", ".join(_columns(names, rolled, periods))
    count = await tx.rows(
        f"SELECT count(*) FROM (SELECT DISTINCT {columns} FROM {rolled.rows} WHERE {where}) d",  # noqa: S608
        parameters,
    )
    return found, int(count[0][0])


async def _newest_since(
    tx: Transaction, asked: Query, names: Sequence[str], periods: _Periods, held: Reach
) -> list[tuple[Any, ...]]:
    rolled = source(names, asked.filters or {}, held)
    where, parameters = _where(asked, rolled)
    columns = _columns(names, rolled, periods)
    pairs = list(zip(names, columns, strict=True))
    order = ", ".join(
        [f"{each} DESC" for name, each in pairs if name in TIMES]
        + ["sum(e.nano) DESC"]
        + [each for name, each in pairs if name not in TIMES]
    )
    return await tx.rows(
        f"SELECT {', '.join(columns)}, {_SUMS} FROM {rolled.rows} WHERE {where}"  # noqa: S608
        f" GROUP BY {', '.join(columns)} ORDER BY {order} LIMIT {asked.limit}",
        parameters,
    )


def _columns(names: Sequence[str], rolled: Source, periods: _Periods) -> list[str]:
    column = rolled.column
    return [periods.column(name, column["day"]) if name in TIMES else column[name] for name in names]


def _label(name: str, value: Any) -> str:
    """What people call a value: periods come as the numbers they are told apart by."""
    if name not in TIMES:
        return str(value)
    return days.label(int(value) * 7 - _MONDAY if name == "week" else int(value), cast("Any", name))


def _key(asked: Query, names: Sequence[str], key: Sequence[Any], workspace: str) -> dict[str, str]:
    """The key in the order asked for."""
    values = dict(zip(names, map(str, key), strict=True)) | {"workspace": workspace}
    return {name: values[name] for name in asked.group_by}


async def _grouped(
    tx: Transaction, asked: Query, names: Sequence[str], held: Reach
) -> dict[tuple[Any, ...], Measures]:
    """Sums by these columns."""
    rolled = source(names, asked.filters or {}, held)
    where, parameters = _where(asked, rolled)
    columns = ", ".join(rolled.column[name] for name in names)
    rows = await tx.rows(
        f"SELECT {columns}, {_SUMS} FROM {rolled.rows} WHERE {where} GROUP BY {columns}",  # noqa: S608
        parameters,
    )
    return {tuple(row[: len(names)]): _measures(row[len(names) :]) for row in rows}


async def _dearest(
    tx: Transaction, asked: Query, names: Sequence[str], held: Reach
) -> tuple[dict[tuple[Any, ...], Measures], int]:
    """Sums of the dearest groups by these columns, and how many groups there are."""
    rolled = source(names, asked.filters or {}, held)
    where, parameters = _where(asked, rolled)
    columns = ", ".join(rolled.column[name] for name in names)
    # There may be as many groups as runs: then which are the dearest is found out first, by one column.
    many = "run" in names
    rows = await tx.rows(
        f"SELECT {columns}, {'sum(e.nano)' if many else _SUMS}, count(*) OVER () FROM {rolled.rows}"  # noqa: S608
        f" WHERE {where} GROUP BY {columns}{rolled.having}"
        f" ORDER BY sum(e.nano) DESC, {columns} LIMIT {asked.limit}",
        parameters,
    )
    count, width = int(rows[0][-1]) if rows else 0, len(names)
    if many and rows:
        wanted = [tuple(row[:width]) for row in rows]
        runs = tuple(dict.fromkeys(str(key[names.index("run")]) for key in wanted))
        known = {name: values for name, values in (asked.filters or {}).items() if name != "run"}
        found = await _grouped(tx, replace(asked, filters={**known, "run": runs}), names, held)
        return {key: found[key] for key in wanted}, count
    return {tuple(row[:width]): _measures(row[width:-1]) for row in rows}, count


def _where(asked: Query, rolled: Source) -> tuple[str, dict[str, Any]]:
    where, parameters = rolled.condition(asked.filters or {})
    return where, {"since": asked.since, "until": asked.until, **parameters}


def _measures(row: Sequence[int]) -> Measures:
    return Measures(**dict(zip(SHOWN, row, strict=True)))


def _own_workspace(tx: Transaction, asked: Query) -> bool:
    wanted = (asked.filters or {}).get("workspace")
    return wanted is None or tx.scope.workspace in wanted or "*" in wanted


def _total(each: Iterable[Measures]) -> Measures:
    columns = list(zip(*(astuple(measures) for measures in each), strict=True))
    return Measures(*map(sum, columns)) if columns else NOTHING


def _dimension(name: str, parameter: str) -> Dimension:
    if name in DIMENSIONS:
        return name
    near = get_close_matches(name, DIMENSIONS, 1)
    raise BadArgument(
        f"{parameter} names {name!r}",
        why=f"the dimensions are {', '.join(DIMENSIONS)}",
        next=f"use {near[0]!r}" if near else "choose one of them",
    )


def _filterable(name: str) -> str:
    if _dimension(name, "filters") in TIMES:
        raise BadArgument(
            f"filters names {name!r}",
            why="time is chosen by since and until",
            next='give since="2026-11-01"',
        )
    return name


def _values(name: str, value: Any) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if isinstance(values, Sequence) and values and all(isinstance(each, str) for each in values):
        return tuple(values)
    raise BadArgument(
        f"the filter {name} is {value!r}",
        why="it must be a text or a list of texts",
        next=f'write filters={{"{name}": "VALUE"}}; * stands for any text',
    )
