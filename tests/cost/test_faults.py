"""Several processes and sudden deaths: no hard budget is passed, no entry is lost, every sum still holds."""

from __future__ import annotations

import random
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import apsw
import pytest
from tests.cost.books import IN, OUT, USUAL, WORST, open_books
from tests.e2e.processes import running

from sophia_mcp.cost.ledger.entry import MEASURES

pytestmark = [pytest.mark.anyio, pytest.mark.long, pytest.mark.timeout(1800)]


def spender(
    folder: Path, calls: int, limit: int, seed: int, width: int = 8
) -> AbstractContextManager[subprocess.Popen[str]]:
    return running("tests.cost.crowd", folder, calls, limit, seed, width)


def billed(lines: str) -> int:
    """What the vendor charges for the answers told of, in nano-dollars."""
    rows = (line.split() for line in lines.splitlines())
    return sum(int(sent) * IN + int(made) * OUT for sent, made in rows)


def whole(folder: Path) -> str:
    connection = apsw.Connection(str(folder / "state.db"))
    try:
        return str(connection.execute("PRAGMA integrity_check(1)").fetchall()[0][0])
    finally:
        connection.close()


async def check_sums(folder: Path) -> tuple[int, int]:
    """Every roll-up equals the entries it adds up; returns (known, uncertain) nano-dollars in all."""
    sums = ", ".join(f"sum({name})" for name in MEASURES)
    async with open_books(folder, "check", dead=lambda holder: True) as books:
        await books.ledger.sweep()
        entries = await books.rows(f"SELECT day, {sums} FROM cost_entries GROUP BY day ORDER BY day")
        for dimension in ("", "model", "run", "repo", "user", "step", "seller"):
            rolled = await books.rows(
                f"SELECT day, {sums} FROM cost_days WHERE dimension = '{dimension}' GROUP BY day ORDER BY day"
            )
            assert rolled == entries, dimension
        cube = await books.rows(f"SELECT day, {sums} FROM cost_cube GROUP BY day ORDER BY day")
        assert cube == entries
        for pair in ("provider model", "pattern repo", "repo user", "user tag"):
            rolled = await books.rows(
                f"SELECT day, {sums} FROM cost_pairs WHERE dimension = '{pair}' GROUP BY day ORDER BY day"
            )
            assert rolled == entries, pair
        whole_time = await books.rows(f"SELECT count(*), {sums} FROM cost_entries")
        for totals in ("cost_keys", "cost_steps"):
            rolled = await books.rows(f"SELECT sum(entries), {sums} FROM {totals}")
            assert rolled == whole_time, totals
        assert await books.open_calls() == 0
        total = (await books.money.report("-365d")).sums.total
        return total.nano, total.uncertain_nano


@pytest.mark.requirement("cost.hard_budget")
@pytest.mark.requirement("cost.nothing_lost")
async def test_four_processes_together_never_pass_a_hard_budget(
    tmp_path: Path, seed: int, long: bool
) -> None:
    async with open_books(tmp_path):
        pass
    calls = 250 if long else 40
    limit = (3 * calls) * USUAL
    out: list[str] = []
    with (
        spender(tmp_path, calls, limit, seed) as a,
        spender(tmp_path, calls, limit, seed + 1) as b,
        spender(tmp_path, calls, limit, seed + 2) as c,
        spender(tmp_path, calls, limit, seed + 3) as d,
    ):
        for child in (a, b, c, d):
            told, _ = child.communicate(timeout=600)
            assert child.returncode == 0
            out.append(told)
    known, uncertain = await check_sums(tmp_path)
    assert known == sum(map(billed, out)), "the ledger equals the bill"
    assert known + uncertain <= limit
    async with open_books(tmp_path) as books:
        entries = await books.entries()
    answered = [entry for entry in entries if entry.outcome == "answered"]
    assert len(answered) == sum(len(told.splitlines()) for told in out), "no entry is lost"


@pytest.mark.requirement("cost.nothing_lost")
@pytest.mark.requirement("cost.hard_budget")
@pytest.mark.requirement("cost.uncertain")
async def test_after_every_kill_all_sums_hold_and_the_bill_is_covered(
    tmp_path: Path, seed: int, long: bool
) -> None:
    draw = random.Random(seed)
    async with open_books(tmp_path):
        pass
    limit, bill = 10_000 * WORST, 0
    for round_ in range(60 if long else 6):
        with spender(tmp_path, 10_000, limit, seed + round_, width=16) as child:
            assert child.stdout is not None
            lines = [child.stdout.readline() for _ in range(draw.randrange(1, 60))]
            child.kill()
            lines.append(child.stdout.read())
        bill += billed("".join(lines))
        assert whole(tmp_path) == "ok"
        known, uncertain = await check_sums(tmp_path)
        # Each answer is either settled at its price, or was in flight and counts with all it held.
        assert known <= bill <= known + uncertain
