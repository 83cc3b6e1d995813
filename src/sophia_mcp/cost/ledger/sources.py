"""Which rows hold the answer to a question about cost, and how are they told from the others?

| asked together | rows |
|---|---|
| one dimension, with days or without | `cost_days` |
| two names of a key, with days or without | `cost_pairs` |
| more of them | the totals in `cost_keys`, less the days outside in `cost_cube` |
| more of them, with days | `cost_cube`, from its keys where many entries are asked for, else from its days |
| an agent or a step with others | the totals in `cost_steps`, less the days outside in `cost_entries` |
| a run with others, or an agent or a step with days | `cost_entries` |

Everything adds up, so totals over all time less the days that were not asked for are the days that were.
That is done where fewer entries lie outside than inside; else the inside is added up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sophia_mcp.store.database import Transaction

TIMES = ("day", "week", "month")
SHOWN = (
    "calls input_tokens output_tokens cached_tokens reasoning_tokens nano estimated_nano uncertain_nano"
    " saved_nano wasted_nano unpriced_calls"
).split()
"""The measures of a report; the others stay 0 in its sums."""

KEYED = ("provider", "model", "pattern", "repo", "user", "tag")
"""The names of a key, in the order in which it has them."""

_KEYED = {name: f"k.{name}" for name in KEYED} | {"user": "k.user_name"}
_STEPPED = {"agent": "e.agent", "step": "e.step"}
_MANY = 5
"""A range that holds more than one in so many entries is read in the order of keys, not of days."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How many entries lie in a range of days, and how many outside."""

    inside: int
    outside: int

    @property
    def is_most(self) -> bool:
        """Whether it takes less to say what is not in it."""
        return self.inside > self.outside

    def has_many(self, entries: int) -> bool:
        """Whether so many are better read in another order than by day."""
        return _MANY * entries > self.inside + self.outside


@dataclass(frozen=True, slots=True)
class Source:
    """Rows ``e`` to add up, perhaps with their keys ``k``. ``column`` is where a dimension is found in
    them; ``where`` keeps the days that were asked for, ``having`` the groups that have any entry in them."""

    rows: str
    column: Mapping[str, str]
    where: str
    having: str = ""

    def condition(self, filters: Mapping[str, tuple[str, ...]]) -> tuple[str, dict[str, str]]:
        """The rows in which each of these dimensions has one of its values, and the parameters of that."""
        parts, parameters = [self.where], {}
        for number, (name, values) in enumerate(filters.items()):
            if name == "workspace":
                continue
            choices = []
            for each, value in enumerate(values):
                mark = f"f{number}_{each}"
                same = "LIKE :{} ESCAPE '~'" if "*" in value else "= :{}"
                choices.append(f"{self.column[name]} {same.format(mark)}")
                parameters[mark] = _like(value) if "*" in value else value
            parts.append(f"({' OR '.join(choices)})")
        return " AND ".join(parts), parameters


def pair(one: str, other: str) -> str:
    """What two names of a key are called together."""
    return " ".join(sorted((one, other), key=KEYED.index))


async def reach(tx: Transaction, since: int, until: int) -> Reach:
    """How much of everything the days from ``since`` to before ``until`` hold."""
    rows = await tx.rows(
        "SELECT coalesce(sum(CASE WHEN day >= :since AND day < :until THEN entries ELSE 0 END), 0),"
        " coalesce(sum(entries), 0) FROM cost_days"
        " WHERE workspace = :workspace AND dimension = '' AND name = ''",
        {"since": since, "until": until},
    )
    inside, every = map(int, rows[0])
    return Reach(inside, every - inside)


def source(names: Iterable[str], filters: Iterable[str], reach: Reach) -> Source:
    """The fewest rows that know all of these dimensions together."""
    grouped, kept = set(names), set(filters) - {"workspace"}
    used = (grouped | kept) - {*TIMES, "workspace"}
    timed = any(name in TIMES for name in grouped)
    if len(used) < 2:
        return _single(next(iter(used), ""))
    if len(used) == 2 and used <= set(KEYED):
        return _pair(*used)
    if "run" not in used and not timed:
        return _totals(reach, stepped=bool(used & set(_STEPPED)))
    if used <= set(KEYED):
        return _cube(by_key=bool(kept) or reach.has_many(reach.inside))
    return _entries(used, reach)


def _single(name: str) -> Source:
    where = f"e.workspace = :workspace AND e.dimension = '{name}' AND e.day >= :since AND e.day < :until"
    return Source("cost_days e", {name: "e.name", "day": "e.day"}, where)


def _pair(one: str, other: str) -> Source:
    name = pair(one, other)
    first, second = name.split()
    where = f"e.workspace = :workspace AND e.dimension = '{name}' AND e.day >= :since AND e.day < :until"
    return Source("cost_pairs e", {first: "e.name", second: "e.other", "day": "e.day"}, where)


def _cube(*, by_key: bool) -> Source:
    # CROSS JOIN keeps this order: few keys are wanted, or most rows of each.
    rows = "cost_keys k CROSS JOIN cost_cube e" if by_key else "cost_cube e CROSS JOIN cost_keys k"
    where = (
        "e.workspace = :workspace AND k.workspace = :workspace AND e.key_id = k.id"
        " AND e.day >= :since AND e.day < :until"
    )
    return Source(rows, _KEYED | {"day": "e.day"}, where)


def _totals(reach: Reach, *, stepped: bool) -> Source:
    key = "key_id, agent, step" if stepped else "key_id"
    plus, minus = ", ".join(SHOWN), ", ".join(f"-{name} AS {name}" for name in SHOWN)
    by_day, one = ("cost_entries", "1") if stepped else ("cost_cube", "entries")
    by_day += " WHERE workspace = :workspace AND"
    inside, outside = "day >= :since AND day < :until", ["day < :since", "day >= :until"]
    if reach.has_many(min(reach.inside, reach.outside)):
        # A plus keeps the index of days out: in the table's own order every page is read once.
        inside, outside = "+day >= :since AND +day < :until", ["(+day < :since OR +day >= :until)"]
    if not reach.is_most:
        rows = f"SELECT {key}, {one} AS entries, {plus} FROM {by_day} {inside}"  # noqa: S608
    else:
        every = "cost_steps" if stepped else "(SELECT *, id AS key_id FROM cost_keys) a"
        rows = f"SELECT {key}, entries, {plus} FROM {every} WHERE workspace = :workspace"  # noqa: S608
        if reach.outside:
            rows += "".join(
                f" UNION ALL SELECT {key}, -{one} AS entries, {minus} FROM {by_day} {each}"  # noqa: S608
                for each in outside
            )
    joined = f"({rows}) e JOIN cost_keys k ON k.id = e.key_id"
    return Source(joined, _KEYED | _STEPPED, "1 = 1", " HAVING sum(e.entries) <> 0")


def _entries(used: set[str], reach: Reach) -> Source:
    joined = " JOIN cost_keys k ON k.id = e.key_id" if used & set(KEYED) else ""
    day = "+e.day" if reach.has_many(reach.inside) else "e.day"
    where = f"e.workspace = :workspace AND {day} >= :since AND {day} < :until"
    return Source(f"cost_entries e{joined}", _KEYED | _STEPPED | {"run": "e.run", "day": "e.day"}, where)


def _like(value: str) -> str:
    for each in "~%_":
        value = value.replace(each, f"~{each}")
    return value.replace("*", "%")
