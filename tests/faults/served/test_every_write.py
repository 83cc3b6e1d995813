"""A server is killed at every commit of a run of every shipped pattern; another one goes on with it.

One server lives on all the while and takes the runs over; now and then it is one that is started anew.
What is paid again is read from the service's own bill.
"""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.processes import BIN
from tests.e2e.wire import Wire
from tests.faults.served.test_runs import ENDED, call, order, served, until
from tests.faults.spending.place import Place
from tests.swarm.liars import FILES, answer
from tests.trees import write_tree
from tests.upstream.start import Account

from sophia_mcp.swarm.patterns import PATTERNS

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.requirement("swarm.killed")]

SHIPPED = PATTERNS.names()
ANEW = 7
"""Every so many kills it is a server started afterwards that goes on."""
MOST = 400


def truthful(account: Account, name: str) -> None:
    """Every step of the pattern is answered as it should be, known by a field only its schema has."""
    schemas = [dict(step.schema["properties"]) for step in PATTERNS.load(name).steps if step.schema]
    for fields in schemas:
        others = {field for other in schemas if other.keys() != fields.keys() for field in other}
        own = next(field for field in fields if field not in others)
        account.answer(f'"{own}": {{', json.dumps(answer(fields, "truth")))


@dataclass(frozen=True)
class Shop:
    """A person, a repository, and the service that is paid."""

    place: Place
    repository: Path
    account: Account
    pattern: str

    @contextmanager
    def server(self, *killed: str) -> Iterator[Wire]:
        program = [str(BIN / Path(sys.executable).name), "-m", "tests.faults.served.mortal_server"]
        with served(self.place, self.repository, *([*program, *killed] if killed else ())) as wire:
            yield wire

    def order(self, wire: Wire, number: object) -> dict[str, Any]:
        paths = sorted(FILES)
        task = f"What is wrong, and since when? ({number})"
        return order(wire, pattern=self.pattern, task=task, paths=paths, wait_s=0)

    def events(self, run: str) -> list[tuple[str, str]]:
        """(kind, step) of everything that is written of a run."""
        place = self.place.folder / "data" / "state.db"
        with closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True)) as db:
            return db.execute(
                "SELECT kind, step FROM run_events WHERE run_id = ? ORDER BY number", (run,)
            ).fetchall()

    def newest(self) -> str:
        """The run that was written down last."""
        place = self.place.folder / "data" / "state.db"
        with closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True)) as db:
            return str(db.execute("SELECT id FROM runs ORDER BY created_ns DESC LIMIT 1").fetchone()[0])

    def questions(self, run: str) -> set[str]:
        """The steps that have answered."""
        return {step for kind, step in self.events(run) if kind == "step.done" and step[0] != "@"}


@pytest.fixture
def shop(tmp_path: Path, account: Account, gateway: str, request: pytest.FixtureRequest) -> Shop:
    place = Place(tmp_path / "person", account)
    place.prepare(gateway)
    truthful(account, request.param)
    return Shop(place, write_tree(tmp_path / "repository", FILES), account, request.param)


def ordered_until_death(shop: Shop, where: str, at: int) -> tuple[str, bool]:
    """The run of a server that dies at that commit, and whether it died before the run was done."""
    before = shop.newest()
    with shop.server(where, str(at)) as wire:
        try:
            shop.order(wire, f"{where} {at}")
            status = ""
            while status not in ENDED:
                status = call(wire, "get_run", run_id=shop.newest())["status"]
                time.sleep(0.01)
        except (AssertionError, OSError):
            wire.process.wait(30)
            assert wire.process.returncode == -signal.SIGKILL, wire.errors.seen
        died = wire.process.poll() is not None
    after = shop.newest()
    return ("" if after == before else after), died


def taken_over(shop: Shop, wire: Wire, run: str, lines: int) -> tuple[float, int]:
    """Go on with a run in that server: seconds until its first question (or its end), and how many
    questions, of those the dead server had asked, were asked again."""
    paid = len(shop.account.bill()) - lines
    begun = time.monotonic()
    found = call(wire, "get_run", run_id=run)
    assert found["status"] in {"interrupted", "done"}, found
    finished = shop.questions(run)
    if found["status"] == "interrupted":
        call(wire, "run_swarm", action="resume", run_id=run, wait_s=0)
    known = lines + paid
    while len(shop.account.bill()) == known and (
        call(wire, "get_run", run_id=run)["status"] not in ENDED
    ):
        time.sleep(0.005)
    took = time.monotonic() - begun
    until(lambda: call(wire, "get_run", run_id=run)["status"] in ENDED)
    ended = call(wire, "get_run", run_id=run, view="result")
    assert ended["status"] == "done", ended
    steps = shop.questions(run)
    asked = len(shop.account.bill()) - known
    assert asked == len(steps - finished), f"a finished step was paid again: {finished}"
    again = paid + asked - len(steps)
    kinds = Counter(kind for kind, _ in shop.events(run))
    assert 0 <= again <= kinds["step.uncertain"], (again, kinds)
    spent = sum(line.nano for line in shop.account.bill()[lines:])
    cost = ended["cost"]
    booked = round((float(cost["usd"]) + float(cost["reserved_usd"])) * 1e9)
    assert booked >= spent, "what was in flight is uncertain, never forgotten"
    return took, again


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("shop", SHIPPED, indirect=True)
def test_killed_at_any_commit_of_a_run_another_server_goes_on_and_pays_nothing_again(
    shop: Shop, long: bool, seed: int
) -> None:
    dice = random.Random(seed)
    if not long and shop.pattern != dice.choice(SHIPPED):
        pytest.skip("without --long one pattern is drawn by the seed")
    kills, took, again = Counter[str](), list[float](), 0
    with shop.server() as survivor:
        shop.order(survivor, "whole")
        until(lambda: call(survivor, "get_run", run_id=shop.newest())["status"] in ENDED)
        whole = len(shop.account.bill())
        assert len(shop.questions(shop.newest())) == whole
        for at in range(1, MOST) if long else (dice.randint(6, 12),):
            where = ("before", "after")[at % 2] if long else "before"
            lines = len(shop.account.bill())
            run, died = ordered_until_death(shop, where, at)
            if not died:
                break
            if not run:
                kills["before there was a run"] += 1
                continue
            kills["in the run"] += 1
            if kills["in the run"] % ANEW == 0:
                with shop.server() as fresh:
                    call(fresh, "get_run")
                    seconds, more = taken_over(shop, fresh, run, lines)
            else:
                seconds, more = taken_over(shop, survivor, run, lines)
            took.append(seconds)
            again += more
    assert kills["in the run"] >= (whole * 2 if long else 1)
    took.sort()
    print(
        f"{shop.pattern}: {whole} questions, {dict(kills)}; at work again after at most {took[-1]:.2f} s"
        f" (median {took[len(took) // 2]:.2f}); {again} questions in flight were asked again, none that had ended"
    )
