"""How soon does `cost_report` answer over a million entries, and does it add up?

    .venv/bin/python benchmarks/cost/run.py --save
    .venv/bin/python benchmarks/cost/run.py --entries 50000 --rounds 1 --triples 20

A ledger of one year is written once (`books.py`), with budgets of every kind. Then every dimension,
every pair of dimensions and a drawn share of the triples are asked for, over the whole year and over
shorter times, with filters and without, in turn for as many rounds as wanted: through the App, written
down as the tool writes it, and once through the official MCP client and the stdio server.

Every answer of the first round is compared with sums made from the generated calls themselves, without
the ledger: exact decimals, for each group that is shown, for those left out, and for the total. A figure
is the median over the rounds. Questions are *rolled up* where sums by day hold the answer: one dimension
alone, or any of those that an entry is rolled up by together. A limit that is passed, or one wrong sum,
fails the run. Results go to benchmarks/results/cost-<commit>.json.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import tempfile
import time
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import numpy.typing as npt
from mcp import Client, StdioServerParameters

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.cost.books import DAYS, year  # noqa: E402
from benchmarks.speed.figures import bytes_of, keep, load_now, options, spread  # noqa: E402

from sophia_mcp.app import App, open_app  # noqa: E402
from sophia_mcp.cost import days  # noqa: E402
from sophia_mcp.cost.days import day_of  # noqa: E402
from sophia_mcp.cost.ledger import lines  # noqa: E402
from sophia_mcp.cost.ledger.entry import Limit  # noqa: E402
from sophia_mcp.cost.ledger.lines import Line  # noqa: E402
from sophia_mcp.cost.money import Money  # noqa: E402
from sophia_mcp.cost.reports import tables  # noqa: E402
from sophia_mcp.cost.reports.report import DIMENSIONS  # noqa: E402
from sophia_mcp.server.tools.cost_report import MOST_GROUPS  # noqa: E402
from sophia_mcp.settings import load  # noqa: E402

Integers = npt.NDArray[np.int64]

LIMITS = {"rolled_up_p95_ms": 200.0, "any_p95_ms": 2000.0}
BATCH = 5_000
SEED = 20261121
SINGLE = {"run", "agent", "step"}
"""Dimensions with sums of their own, but not together with others."""
TIMES = {"day", "week", "month", "workspace"}
BUDGETS = (
    Limit("workspace", "month", 10**15),
    Limit("workspace", "week", 10**14, hard=False),
    Limit("user", "day", 10**13),
    Limit("repo", "week", 10**13),
    Limit("run", "total", 10**12),
)


@dataclass(frozen=True, slots=True)
class Question:
    """One report: what it is grouped by, over how many days, and what is counted."""

    group_by: tuple[str, ...]
    days: int = DAYS
    filters: tuple[tuple[str, str], ...] = ()

    @property
    def rolled_up(self) -> bool:
        used = {*self.group_by, *(name for name, _ in self.filters)} - TIMES
        return len(used) < 2 or not used & SINGLE

    @property
    def title(self) -> str:
        chosen = "".join(f" {name}={value}" for name, value in self.filters)
        return f"{'+'.join(self.group_by)}{chosen} {self.days}d"

    def arguments(self) -> dict[str, Any]:
        """The tool's own."""
        since = f"-{self.days - 1}d"
        return {"since": since, "group_by": list(self.group_by), "filters": dict(self.filters)}


def questions(triples: int) -> list[Question]:
    """What is asked in each round."""
    draw = random.Random(SEED)
    three = list(combinations(DIMENSIONS, 3))
    asked = [Question(names) for size in (1, 2) for names in combinations(DIMENSIONS, size)]
    asked += [Question(names) for names in draw.sample(three, min(triples, len(three)))]
    asked += [Question((name,), days) for name in DIMENSIONS for days in (7, 30)]
    chosen = (
        (("model", "claude-large"),),
        (("model", "claude-*"), ("user", "user-3")),
        (("tag", "ci"),),
        (("run", "run-000000000100"),),
        (("step", "judge-9"), ("repo", "team/repository-1")),
        (("agent", "critic"),),
    )
    return asked + [
        Question(names, DAYS, filters)
        for filters in chosen
        for names in (("model",), ("month", "provider"), ("run", "user"))
    ]


@dataclass(frozen=True, slots=True)
class ByHand:
    """Sums that owe nothing to the ledger: nano-dollars, calls and tokens sent by key, and the keys'
    places. Integers of 64 bits, so nothing is rounded."""

    places: dict[str, dict[str, int]]
    names: tuple[str, ...]
    keys: Integers
    nano: Integers
    calls: Integers
    sent: Integers

    def of(self, key: dict[str, str]) -> tuple[int, int, int]:
        """The sums of one group."""
        code = 0
        for name in self.names:
            code = code * len(self.places[name]) + self.places[name][key[name]]
        at = int(np.searchsorted(self.keys, code))
        assert self.keys[at] == code, key
        return int(self.nano[at]), int(self.calls[at]), int(self.sent[at])


class Calls:
    """Every generated call as columns of numbers, for sums by hand."""

    def __init__(self, every: Iterable[Line]) -> None:
        self.places: dict[str, dict[str, int]] = {name: {} for name in DIMENSIONS}
        columns: dict[str, array[int]] = {name: array("q") for name in DIMENSIONS}
        numbers: dict[str, array[int]] = {name: array("q") for name in ("day", "nano", "sent")}
        for line in every:
            for name, value in _told(line).items():
                places = self.places[name]
                columns[name].append(places.setdefault(value, len(places)))
            for name, number in _counted(line).items():
                numbers[name].append(number)
        self.columns = {name: np.array(column) for name, column in columns.items()}
        self.day, self.nano, self.sent = (np.array(each) for each in numbers.values())

    def sums(self, asked: Question, today: int) -> ByHand:
        """What every group of a question comes to."""
        kept = self.day >= today - asked.days + 1
        for name, wanted in asked.filters:
            codes = [code for value, code in self.places[name].items() if _same(value, wanted)]
            kept &= np.isin(self.columns[name], codes)
        code = np.zeros(int(kept.sum()), dtype=np.int64)
        for name in asked.group_by:
            code = code * len(self.places[name]) + self.columns[name][kept]
        order = np.argsort(code, kind="stable")
        keys, starts, calls = np.unique(code[order], return_index=True, return_counts=True)
        nano, sent = (np.add.reduceat(each[kept][order], starts) for each in (self.nano, self.sent))
        return ByHand(self.places, asked.group_by, keys, nano, calls, sent)


def _told(line: Line) -> dict[str, str]:
    """What a call says of itself, by dimension."""
    attempt, labels = line.attempt, line.attempt.labels
    day = day_of(attempt.at_ns)
    own = {name: getattr(labels, name) for name in DIMENSIONS if hasattr(labels, name)}
    times = {name: _label(day, name) for name in ("day", "week", "month")}
    return own | times | {"model": attempt.model, "provider": attempt.provider, "workspace": "local"}


_label = lru_cache(None)(days.label)


def _counted(line: Line) -> dict[str, int]:
    """Its day, amount and tokens sent: an answer from the cache costs nothing and sends nothing."""
    priced, usage = line.settled.priced, line.settled.usage
    assert priced is not None
    assert usage is not None
    free = line.settled.outcome == "cached" and priced.nano is not None
    return {
        "day": day_of(line.attempt.at_ns),
        "nano": 0 if free else priced.nano or 0,
        "sent": 0 if free else usage.input_tokens,
    }


def _same(value: str, wanted: str) -> bool:
    return value.startswith(wanted[:-1]) if wanted.endswith("*") else value == wanted


def wrong(facts: dict[str, Any], left: tuple[int, int], sums: ByHand) -> list[str]:
    """What in an answer differs from the sums by hand. ``left``: groups and nano-dollars not shown."""
    found = []
    shown = Decimal(0)
    for group in facts["groups"]:
        nano, calls, sent = sums.of(group["key"])
        shown += Decimal(group["usd"])
        if Decimal(group["usd"]) != Decimal(nano) / 10**9:
            found.append(f"{group['key']}: {group['usd']} is not {Decimal(nano) / 10**9}")
        if (group["calls"], group["input_tokens"]) != (calls, sent):
            found.append(f"{group['key']}: calls or tokens differ")
    whole = Decimal(int(sums.nano.sum())) / 10**9
    total = facts["total"]
    if Decimal(total["usd"]) != whole or total["calls"] != int(sums.calls.sum()):
        found.append(f"total {total['usd']} is not {whole}")
    if shown + Decimal(left[1]) / 10**9 != whole or len(facts["groups"]) + left[0] != len(sums.keys):
        found.append(f"{left} left out, of {len(sums.keys)} groups and {whole}")
    if not {"day", "week", "month"} & set(sums.names):
        dearest = np.sort(sums.nano)[::-1][: len(facts["groups"])]
        if [Decimal(group["usd"]) * 10**9 for group in facts["groups"]] != dearest.tolist():
            found.append("other groups are dearer than those shown")
    return found


def _batches(every: Iterator[Line]) -> Iterable[list[Line]]:
    while some := list(islice(every, BATCH)):
        yield some


async def fill(money: Money, entries: int, today: int) -> float:
    """Write the year down; seconds taken."""
    started = time.perf_counter()
    for limit in BUDGETS:
        await money.set_limit(limit)
    for some in _batches(year(entries, today)):
        async with money.ledger.db.write(money.ledger.scope) as tx:
            await lines.write(tx, some, money.ledger.clock())
    return time.perf_counter() - started


Taken = tuple[float, float]
"""Milliseconds on the wall, and of processor time of this process."""


async def ask(money: Money, asked: Question) -> tuple[Taken, dict[str, Any], tuple[int, int]]:
    """One report as the tool makes it: how long it took, what it says, and what it leaves out."""
    started, spent = time.perf_counter(), time.process_time()
    report = await money.report(**asked.arguments(), limit=MOST_GROUPS)
    facts = report.facts()
    tables.written(facts, "table", asked.group_by)
    passed = (time.perf_counter() - started) * 1e3, (time.process_time() - spent) * 1e3
    return passed, facts, (report.sums.left_out, report.sums.rest.nano)


async def over_mcp(home: Path, asked: Sequence[Question]) -> dict[str, list[float]]:
    """Milliseconds of the same questions through the client and a server of its own process."""
    server = StdioServerParameters(
        command=str(Path(sys.executable).with_name("sophia-mcp")),
        env={**os.environ, "SOPHIA_HOME": str(home)},
        cwd=str(home.parent),
    )
    times: dict[str, list[float]] = {"first": [], "rolled_up": [], "any": []}
    async with Client(server) as client:
        for number, each in enumerate([asked[0], *asked]):
            started = time.perf_counter()
            result = await client.call_tool("cost_report", each.arguments())
            passed = (time.perf_counter() - started) * 1e3
            assert not result.is_error, result
            kind = "first" if number == 0 else "rolled_up" if each.rolled_up else "any"
            times[kind].append(passed)
    return times


async def measure(entries: int, rounds: int, triples: int, place: Path | None) -> dict[str, Any]:
    """Fill, open again as a new process would, ask in turn, and compare."""
    today = day_of(time.time_ns())
    asked = questions(triples)
    with tempfile.TemporaryDirectory(prefix="sophia-cost-") as own:
        home = (place or Path(own)) / "home"
        filled = 0.0
        if not home.exists():
            async with open_app(load(None, home=home)) as app:
                filled = await fill(await app.money(), entries, today)
        calls = Calls(year(entries, today))
        times: dict[Question, list[Taken]] = {each: [] for each in asked}
        faults: list[str] = []
        async with open_app(load(None, home=home)) as app:
            first = await _rounds(app, rounds, times, calls, today, faults)
        served = await over_mcp(home, asked)
        stored = bytes_of(home)
    return {
        "entries": entries,
        "questions": len(asked),
        "rounds": rounds,
        "fill_s": round(filled, 1),
        "first_report_s": round(first, 2),
        "store_mb": round(stored / 1e6, 1),
        "wrong": faults,
        "app": {kind: _figures(times, rounds, kind) for kind in ("rolled_up", "any")},
        "mcp": {
            "first_ms": round(served["first"][0]),
            "rolled_up_ms": spread(served["rolled_up"]),
            "any_ms": spread(served["any"]),
        },
        "slowest": _slowest(times),
    }


async def _rounds(
    app: App,
    rounds: int,
    times: dict[Question, list[Taken]],
    calls: Calls,
    today: int,
    faults: list[str],
) -> float:
    started = time.perf_counter()
    money = await app.money()
    await ask(money, Question(("model",), 7))
    first = time.perf_counter() - started
    for number in range(rounds):
        for asked in times:
            passed, facts, left = await ask(money, asked)
            times[asked].append(passed)
            if number == 0:
                faults += [
                    f"{asked.title}: {each}" for each in wrong(facts, left, calls.sums(asked, today))
                ]
        print(f"round {number + 1}: {len(faults)} answers wrong", file=sys.stderr, flush=True)
    return first


def _figures(times: dict[Question, list[Taken]], rounds: int, kind: str) -> dict[str, Any]:
    """Of the times on the wall and of the processor: the middle of what each round's questions came to."""
    chosen = [taken for asked, taken in times.items() if asked.rolled_up == (kind == "rolled_up")]
    return {
        unit: spread(*([taken[number][at] for taken in chosen] for number in range(rounds)))
        for at, unit in enumerate(("ms", "cpu_ms"))
    }


def _slowest(times: dict[Question, list[Taken]]) -> dict[str, tuple[float, ...]]:
    """The questions that take longest, on the wall and of the processor."""
    medians = {
        asked.title: tuple(round(statistics.median(each), 1) for each in zip(*taken, strict=True))
        for asked, taken in times.items()
    }
    return dict(sorted(medians.items(), key=lambda item: -item[1][1])[:16])


def main() -> int:
    parser = options(__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--triples", type=int, default=60, help="of 286; default: %(default)s")
    parser.add_argument("--place", type=Path, help="keep the store in this folder, or use the one there")
    given = parser.parse_args()
    before = load_now()
    result = anyio.run(measure, given.entries, given.rounds, given.triples, given.place)
    result["load_before"], result["limits"] = before, LIMITS
    print(json.dumps(result, indent=1))
    if given.save:
        keep("cost", result)
    app = result["app"]
    held = (
        app["rolled_up"]["ms"]["p95"] <= LIMITS["rolled_up_p95_ms"]
        and app["any"]["ms"]["p95"] <= LIMITS["any_p95_ms"]
    )
    return 0 if held and not result["wrong"] else 1


if __name__ == "__main__":
    sys.exit(main())
