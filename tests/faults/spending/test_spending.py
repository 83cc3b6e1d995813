"""What a hard budget says holds against the service's own bill, whatever goes wrong on the way.

Several processes share one ledger and ask a service that counts up to 1.45 times our estimate, charges
its maximum at times, charges for answers that never arrive, and fails half the time. One process is
killed in the middle. Then every line of the service's bill is held against the ledger.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.faults.spending.place import Place
from tests.faults.spending.plan import RATES, REPOS, draw, warm
from tests.upstream.start import Charge, Upstream

WIDTH = 64


def killed_in_the_middle(child: subprocess.Popen[str], after: int) -> None:
    """Let a process begin so many runs, then end it as a power cut does."""
    assert child.stdout is not None
    begun = 0
    for line in child.stdout:
        begun += "run" in json.loads(line)
        if begun >= after:
            break
    assert begun >= after, child.communicate()[1][-3000:]
    child.kill()
    child.communicate()


def held_against(bill: Sequence[Charge], entries: Sequence[dict[str, Any]]) -> Counter[str]:
    """Compare the bill with the ledger, call by call; returns the counts that were compared."""
    counts: Counter[str] = Counter()
    billed, booked = defaultdict[str, list[Charge]](list), defaultdict[str, list[dict[str, Any]]](list)
    for line in bill:
        billed[line.call].append(line)
    for entry in entries:
        booked[entry["step"]].append(entry)
    for call, lines in billed.items():
        rows = [row for row in booked[call] if row["outcome"] not in ("unsent", "correction")]
        where = (call, [(n.fault, n.status, n.nano, n.reported) for n in lines], rows)
        assert len(rows) >= len(lines), f"an attempt has no entry: {where}"
        assert sum(row["nano"] + row["uncertain"] for row in rows) >= sum(n.nano for n in lines), where
        known = Counter(row["nano"] for row in rows if row["basis"] == "computed" and row["nano"])
        reported = Counter(line.nano for line in lines if line.reported)
        charged = Counter(line.nano for line in lines)  # a stream may have told it before it was cut
        assert not known - charged, f"an exact entry that nobody billed: {where}"
        unheard = sum(row["outcome"] in ("cancelled", "uncertain", "failed") for row in rows)
        # Of an answer without end the caller hangs up before the usage comes.
        unheard += sum(line.fault == "huge" for line in lines)
        missing = (reported - known).total()
        assert missing <= unheard, f"reported usage was not booked exactly: {where}"
        counts["attempts"] += len(lines)
        counts["reported"] += reported.total()
        counts["exact"] += (reported & known).total()
        counts["unheard"] += missing
        counts["charged"] += sum(line.nano > 0 for line in lines)
    return counts


@pytest.mark.requirement("cost.hard_budget")
@pytest.mark.requirement("cost.equals_bill")
@pytest.mark.long
@pytest.mark.timeout(3600)
def test_no_hard_budget_is_passed_and_the_ledger_equals_the_bill(
    tmp_path: Path, upstream: Upstream, gateway: str, long: bool, seed: int
) -> None:
    count, parts = (1200, 4) if long else (36, 2)
    rates = {name: rate for name, rate in RATES.items() if long or "stall" not in name}
    account = upstream.account(seed=seed, stretch=[1.0, 1.45], rates=rates, pace_s=0.3)
    place = Place(tmp_path / "person", account)
    place.prepare(gateway)
    runs = draw(seed, count)
    stored: list[dict[str, Any]] = [
        {"scope": "workspace", "period": "day", "nano": 3_000_000 * count},
        {"scope": "repo", "period": "month", "nano": 300_000 * count, "name": "alpha"},
        {"scope": "repo", "period": "total", "nano": 1_500_000 * count, "name": "beta"},
        {"scope": "run", "period": "total", "nano": 30_000_000},
        {"scope": "workspace", "period": "week", "nano": 1, "hard": False},
    ]
    place.finish(place.start("limits", json.dumps(stored)))
    children = [
        place.start("runs", str(seed), "r", str(count), str(part), str(parts), str(WIDTH // parts))
        for part in range(parts)
    ]
    killed_in_the_middle(children.pop(), count // parts // 2)
    heirs = draw(seed, count // parts, "heir")
    children.append(
        place.start("runs", str(seed), "heir", str(len(heirs)), "0", "1", str(WIDTH // parts))
    )
    ends: Counter[str] = Counter()
    for child in children:
        ends.update(place.finish(child)[-1]["ends"])
    account.release()
    entries, closing = place.audit()
    bill = account.bill()

    assert closing["held"] == 0
    counts = held_against(bill, entries)
    first = [run for part in range(parts) for mark in ("r", "heir") for run in warm(f"{mark}{part}")]
    by_run = {run.id: run for run in [*runs, *heirs, *first]}
    spent: Counter[tuple[str, str]] = Counter()
    for line in bill:
        run = by_run[line.call.partition(".")[0]]
        for scope in (("run", run.id), ("repo", run.repo), ("workspace", "")):
            spent[scope] += line.nano
    for run in by_run.values():
        assert spent["run", run.id] <= min(run.limit_nano or 30_000_000, 30_000_000), run
    assert spent["workspace", ""] <= stored[0]["nano"]
    assert spent["repo", "alpha"] <= stored[1]["nano"]
    assert spent["repo", "beta"] <= stored[2]["nano"]

    outcomes = Counter(entry["outcome"] for entry in entries)
    print(
        f"seed {seed}: {len(runs) + len(heirs)} runs, {dict(counts)}, entries {dict(outcomes)}, ends {dict(ends)}"
    )
    print(
        f"most at once {account.most_at_once()}, billed {spent['workspace', ''] / 1e9:.4f} of"
        f" {stored[0]['nano'] / 1e9:.4f}; repos {[(r, spent['repo', r] / 1e9) for r in REPOS]}"
    )
    heard = 0.9 if long else 0.75  # of few calls, those that were killed in flight are a larger share
    assert counts["exact"] >= counts["reported"] * heard, "most reported usage must have been heard"
    assert ends["budget_exceeded"], "the limits must have been reached, or they prove nothing"
    assert account.most_at_once() >= (WIDTH // 2 if long else WIDTH // 8)
