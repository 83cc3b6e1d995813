"""What was spent, by what, and how does every budget stand? Sums of integers, from roll-ups where
they hold the answer and from the entries where they do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from difflib import get_close_matches
from typing import Any, Literal, cast

from sophia_mcp.cost import days
from sophia_mcp.cost.entry import NOTHING, Measures
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

_KEYED = {"model": "k.model", "provider": "k.provider", "pattern": "k.pattern", "repo": "k.repo"}
_KEYED |= {"user": "k.user_name", "tag": "k.tag"}
"""What is added up together, in every combination."""
_ENTERED = {"run": "e.run", "agent": "e.agent", "step": "e.step"}
"""What only the entries know in combination with others."""
TIMES = ("day", "week", "month")
_MONDAY = 3
"""Days from the Monday before 1970-01-01 to it."""
SHOWN = (
    "calls input_tokens output_tokens cached_tokens reasoning_tokens nano estimated_nano uncertain_nano"
    " saved_nano wasted_nano unpriced_calls"
).split()
"""The measures of a report; the others stay 0 in its sums."""
_SUMS = ", ".join(f"coalesce(sum(e.{name}), 0)" for name in SHOWN)
_NAMED_SUMS = ", ".join(f"sum({name}) AS {name}" for name in SHOWN)


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
    by_day = await _grouped(tx, asked, ("day",))
    trend = tuple(sorted((int(key[0]), measures) for key, measures in by_day.items()))
    total = _total(measures for _, measures in trend)
    names = tuple(name for name in asked.group_by if name != "workspace")
    if not names:
        return Sums(total, (Group(dict.fromkeys(asked.group_by, tx.scope.workspace), total),), trend)
    periods = _Periods(tuple(day for day, _ in trend))
    if any(name in TIMES for name in names):
        found, count = await _newest(tx, asked, names, periods)
    else:
        found, count = await _dearest(tx, asked, names)
    groups = [Group(_key(asked, names, key, tx.scope.workspace), each) for key, each in found.items()]
    if any(name in TIMES for name in names):
        groups.sort(key=lambda group: tuple(group.key[name] for name in names if name in TIMES))
    rest = total - _total(group.measures for group in groups)
    return Sums(total, tuple(groups), trend, count - len(groups), rest)


@dataclass(frozen=True, slots=True)
class _Periods:
    """The days that have any entry, and how weeks and months of them are told apart in a statement:
    a number that grows with time."""

    days: tuple[int, ...]

    def column(self, name: str) -> str:
        if name == "day":
            return "e.day"
        if name == "week":
            return f"(e.day + {_MONDAY}) / 7"
        starts = dict.fromkeys(days.span(day, "month")[0] for day in reversed(self.days))
        cases = " ".join(f"WHEN e.day >= {start} THEN {start}" for start in starts)
        return f"CASE {cases} ELSE 0 END"

    def newest(self, names: Sequence[str], count: int) -> int:
        """The first day of the newest ``count`` periods."""
        seen: dict[tuple[int, ...], int] = {}
        for day in reversed(self.days):
            at = tuple(days.span(day, cast("Any", name))[0] for name in names)
            if at not in seen and len(seen) == count:
                break
            seen[at] = day
        return min(seen.values(), default=0)


async def _newest(
    tx: Transaction, asked: Query, names: Sequence[str], periods: _Periods
) -> tuple[dict[tuple[Any, ...], Measures], int]:
    """Sums of the newest groups, in each period the dearest first, and how many groups there are. Only
    as many periods are added up as it takes."""
    if not periods.days:
        return {}, 0
    table, column = _table(asked, names)
    expressions = [periods.column(name) if name in TIMES else column[name] for name in names]
    columns = ", ".join(expressions)
    times = [name for name in names if name in TIMES]
    order = ", ".join(
        [f"{each} DESC" for name, each in zip(names, expressions, strict=True) if name in TIMES]
        + ["sum(e.nano) DESC"]
        + [each for name, each in zip(names, expressions, strict=True) if name not in TIMES]
    )
    taken, rows = 1, []
    while True:
        since = periods.newest(times, taken)
        where, parameters = _where(replace(asked, since=since), column)
        rows = await tx.rows(
            f"SELECT {columns}, {_SUMS} FROM {table} WHERE {where} GROUP BY {columns}"  # noqa: S608
            f" ORDER BY {order} LIMIT {asked.limit}",
            parameters,
        )
        if len(rows) == asked.limit or since == periods.days[0]:
            break
        taken = max(2 * taken, taken * asked.limit // max(1, len(rows)) + 1)
    where, parameters = _where(asked, column)
    count = await tx.rows(
        f"SELECT count(*) FROM (SELECT DISTINCT {columns} FROM {table} WHERE {where}) d",  # noqa: S608
        parameters,
    )
    found = {}
    for row in rows:
        key = tuple(_label(name, each) for name, each in zip(names, row, strict=False))
        found[key] = _measures(row[len(names) :])
    return found, int(count[0][0])


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
    tx: Transaction, asked: Query, names: Sequence[str]
) -> dict[tuple[Any, ...], Measures]:
    """Sums by these columns."""
    table, column = _table(asked, names)
    where, parameters = _where(asked, column)
    columns = ", ".join(column[name] for name in names)
    rows = await tx.rows(
        f"SELECT {columns}, {_SUMS} FROM {table} WHERE {where} GROUP BY {columns}",  # noqa: S608
        parameters,
    )
    return {tuple(row[: len(names)]): _measures(row[len(names) :]) for row in rows}


async def _dearest(
    tx: Transaction, asked: Query, names: Sequence[str]
) -> tuple[dict[tuple[Any, ...], Measures], int]:
    """Sums of the dearest groups by these columns, and how many groups there are."""
    table, column = _table(asked, names, mostly=await _is_mostly(tx, asked))
    where, parameters = _where(asked, column)
    columns = ", ".join(column[name] for name in names)
    # There may be as many groups as runs: then which are the dearest is found out first, by one column.
    many = "run" in names
    rows = await tx.rows(
        f"SELECT {columns}, {'sum(e.nano)' if many else _SUMS}, count(*) OVER () FROM {table}"  # noqa: S608
        f" WHERE {where} GROUP BY {columns} ORDER BY sum(e.nano) DESC, {columns} LIMIT {asked.limit}",
        parameters,
    )
    count, width = int(rows[0][-1]) if rows else 0, len(names)
    if many and rows:
        wanted = [tuple(row[:width]) for row in rows]
        runs = tuple(dict.fromkeys(str(key[names.index("run")]) for key in wanted))
        known = {name: values for name, values in (asked.filters or {}).items() if name != "run"}
        found = await _grouped(tx, replace(asked, filters={**known, "run": runs}), names)
        return {key: found[key] for key in wanted}, count
    return {tuple(row[:width]): _measures(row[width:-1]) for row in rows}, count


def _measures(row: Sequence[int]) -> Measures:
    return Measures(**dict(zip(SHOWN, row, strict=True)))


async def _is_mostly(tx: Transaction, asked: Query) -> bool:
    """Whether a query is about a third or more of all days."""
    rows = await tx.rows(
        "SELECT count(*), coalesce(sum(CASE WHEN day >= :since AND day < :until THEN 1 ELSE 0 END), 0)"
        " FROM cost_days WHERE workspace = :workspace AND dimension = '' AND name = ''",
        {"since": asked.since, "until": asked.until},
    )
    return 3 * int(rows[0][1]) >= int(rows[0][0])


def _table(asked: Query, names: Iterable[str], *, mostly: bool = False) -> tuple[str, dict[str, str]]:
    """The smallest table that knows all these dimensions together, and its column for each; where it
    adds up by one alone, ``dimension`` is that one. ``mostly``: most of it is asked for."""
    used = {*names, *(asked.filters or {})} - {*TIMES, "workspace"}
    column = {"day": "e.day"}
    if len(used) < 2:
        one = next(iter(used), "")
        return "cost_days e", column | {one: "e.name", "dimension": one}
    column |= _KEYED | _ENTERED
    joined = " JOIN cost_keys k ON k.id = e.key_id" if used & set(_KEYED) else ""
    if used & set(_ENTERED):
        return f"cost_entries e{joined}", column
    if any(name in TIMES for name in names):
        return f"cost_cube e{joined}", column
    # Days are added up before keys are looked up: most rows are of the same keys. A plus keeps the index
    # of days out where most of the table is read: in its own order nothing has to be sorted.
    day = "+day" if mostly else "day"
    cube = (
        f"(SELECT workspace, key_id, min(day) AS day, {_NAMED_SUMS} FROM cost_cube"  # noqa: S608
        f" WHERE workspace = :workspace AND {day} >= :since AND {day} < :until GROUP BY workspace, key_id) e"
    )
    return cube + joined, column


def _where(asked: Query, column: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    parts = ["e.workspace = :workspace", "e.day >= :since", "e.day < :until"]
    parameters: dict[str, Any] = {"since": asked.since, "until": asked.until}
    if "dimension" in column:
        parts.append("e.dimension = :dimension")
        parameters["dimension"] = column["dimension"]
    for number, (name, values) in enumerate((asked.filters or {}).items()):
        if name == "workspace":
            continue
        choices = []
        if name == "run" and all(value and "*" not in value for value in values):
            parts.append(f"{column[name]} <> ''")  # so that the index of runs serves
        for each, value in enumerate(values):
            mark = f"f{number}_{each}"
            same = "LIKE :{} ESCAPE '~'" if "*" in value else "= :{}"
            choices.append(f"{column[name]} {same.format(mark)}")
            parameters[mark] = _like(value) if "*" in value else value
        parts.append(f"({' OR '.join(choices)})")
    return " AND ".join(parts), parameters


def _like(value: str) -> str:
    for each in "~%_":
        value = value.replace(each, f"~{each}")
    return value.replace("*", "%")


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
