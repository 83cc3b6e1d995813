"""Runs of a swarm in a real server, over the protocol, while everything around them fails.

The model is a service on loopback with its own bill: what it was asked, and what that cost, is not the
product's word.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.processes import BIN
from tests.e2e.wire import Wire, stdio
from tests.faults.spending.place import TOP, Place
from tests.faults.spending.plan import RATES
from tests.trees import write_tree
from tests.upstream.start import Account

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(240)]

FILES = {
    "shop/basket.py": "def add_to_basket(basket, item):\n    basket.append(item)\n    return len(basket)\n",
    "shop/price.py": "def total(prices):\n    return sum(prices[1:])\n",
}
QUOTE = "    return sum(prices[1:])"
FINDING = {
    "severity": "high", "path": "shop/price.py", "line": 2, "quote": QUOTE,
    "claim": "the first price is left out", "suggestion": "sum(prices)",
}  # fmt: skip
LIE = {**FINDING, "quote": "    return eval(prices)", "claim": "prices are evaluated"}
STEPS = 6
"""Questions of a code review that finds something: four reviewers, a verifier, a judge."""
CENT = 0.05
ENDED = {"done", "failed", "cancelled", "over_budget"}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "shop", FILES)


@pytest.fixture
def person(tmp_path: Path, account: Account, gateway: str) -> Place:
    place = Place(tmp_path / "person", account)
    place.prepare(gateway)
    # The role's own sentence comes last, so the first answer that fits is the one of the step.
    account.answer("", json.dumps({"findings": [FINDING, LIE]}))
    account.answer(
        '"verdicts"', json.dumps({"verdicts": [{"id": "F1", "holds": True, "reason": "read"}]})
    )
    account.answer(
        '"keep"', json.dumps({"summary": "One fault.", "keep": [{"id": "F1", "same_as": []}]})
    )
    return place


@contextmanager
def served(place: Place, repository: Path, *command: str, **variables: str) -> Iterator[Wire]:
    given = {
        "SOPHIA_HOME": str(place.folder / "data"),
        "SOPHIA_CONFIG": str(place.folder / "config.toml"),
        "STAND_IN_KEY": place.account.key,
        "PYTHONPATH": f"{TOP}{os.pathsep}{TOP / 'src'}",
    }
    with stdio(repository, command=command or ("sophia-mcp",), **(given | variables)) as wire:
        wire.initialize()
        yield wire


def call(wire: Wire, tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured answer of a call that did not fail."""
    result = wire.call(tool, **arguments)
    assert not result.get("isError"), result
    told: dict[str, Any] = result["structuredContent"]
    return told


def order(wire: Wire, **changed: Any) -> dict[str, Any]:
    """A code review of the shop."""
    arguments = {
        "task": "find faults",
        "paths": ["shop"],
        "provider": "openai",
        "max_cost_usd": CENT,
        "wait_s": 50,
    }
    return call(wire, "run_swarm", **(arguments | changed))


def until(met: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for what nothing announces."""
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)


def asked(account: Account) -> Counter[str]:
    """How often each question, word for word, reached the service."""
    return Counter(
        hashlib.sha256(json.dumps(line.body, sort_keys=True).encode()).hexdigest()
        for line in account.bill(bodies=True)
    )


def everything_kept(place: Place) -> bytes:
    """Every byte of the person's data folder."""
    return b"".join(
        path.read_bytes() for path in sorted((place.folder / "data").rglob("*")) if path.is_file()
    )


@pytest.mark.requirement("swarm.gates")
def test_a_run_keeps_what_is_true_drops_the_lie_and_costs_what_was_billed(
    person: Place, repository: Path, account: Account
) -> None:
    with served(person, repository) as wire:
        told = order(wire)
    assert told["status"] == "done", told
    [finding] = told["outcome"]["findings"]
    assert (finding["path"], finding["line"], finding["quote"].strip()) == (
        "shop/price.py",
        2,
        QUOTE.strip(),
    )
    assert "eval" not in json.dumps(told["outcome"])
    assert len(account.bill()) == STEPS
    assert f"{float(told['cost']['usd']):.12f}" == f"{account.total():.12f}"
    assert account.key.encode() not in everything_kept(person)


@pytest.mark.requirement("swarm.killed")
@pytest.mark.long
def test_a_server_killed_at_any_moment_pays_no_finished_step_again(
    person: Place, repository: Path, account: Account, long: bool, seed: int
) -> None:
    dice = random.Random(seed)
    account.change(pace_s=0.25)
    resumed_after: list[float] = []
    more: list[tuple[int, str, int]] = []
    for number in range(24 if long else 1):
        before, lines = account.total(), len(account.bill())
        moment = lines + dice.randint(1, STEPS)
        with served(person, repository) as wire:
            told = order(wire, task=f"find faults {number}", wait_s=0)
            run = told["run_id"]
            until(
                lambda moment=moment, wire=wire, run=run: (
                    len(account.bill()) >= moment or call(wire, "get_run", run_id=run)["status"] in ENDED
                )
            )
            time.sleep(dice.random() * 0.3)
            wire.process.kill()
        with served(person, repository) as wire:
            found = call(wire, "get_run", run_id=run)
            assert found["status"] in {"interrupted", "done"}, found
            events = wire.call("get_run", run_id=run, view="timeline")["content"][0]["text"]
            finished = len(set(re.findall(r"step\.done|✓ \S+", events)))
            known, begun = len(account.bill()), time.monotonic()
            wire.send("tools/call", {
                "name": "run_swarm",
                "arguments": {"action": "resume", "run_id": run, "wait_s": 0},
            })  # fmt: skip
            if found["status"] == "interrupted" and known - lines < STEPS:
                until(lambda known=known: len(account.bill()) > known)
                resumed_after.append(time.monotonic() - begun)
            until(lambda run=run: call(wire, "get_run", run_id=run)["status"] in ENDED)
            ended = call(wire, "get_run", run_id=run, view="result")
        assert ended["status"] == "done", (ended, finished)
        assert len(ended["outcome"]["findings"]) == 1
        spent = account.total() - before
        assert spent <= float(CENT)
        again = len(account.bill()) - lines - STEPS
        more.append((moment - lines, found["status"], again))
        assert again <= 4, "only what was in flight may be asked again: one round of reviewers"
        booked = float(ended["cost"]["usd"]) + float(ended["cost"]["reserved_usd"])
        assert booked >= float(spent) - 1e-12, "what was in flight is uncertain, never forgotten"
        if again == 0 and found["status"] == "done":
            assert float(ended["cost"]["usd"]) == pytest.approx(float(spent), abs=1e-12)
    print(f"resumed after {[round(each, 2) for each in resumed_after]} s; asked again: {more}")
    repeats = [count for count in asked(account).values() if count > 2]
    assert not repeats


@pytest.mark.requirement("llm.keys")
def test_a_wrong_key_ends_the_run_with_words_that_do_not_show_it(
    person: Place, repository: Path, account: Account
) -> None:
    wrong = "sk-wrong-1234567890abcdefghijklmnopqrstuv"
    with served(person, repository, STAND_IN_KEY=wrong) as wire:
        told = order(wire)
        view = wire.call("get_run", run_id=told["run_id"], view="timeline")
        assert call(wire, "run_swarm", action="estimate", task="x", paths=["shop"], provider="openai")
        wire.close_input()
        wire.ended_within(20)
    assert told["status"] == "failed"
    assert "401" in told["reason"]
    assert "key" in told["reason"]
    assert float(told["cost"]["usd"]) == float(told["cost"]["reserved_usd"]) == 0
    shown = json.dumps([told, view]) + "".join(wire.errors.seen)
    assert wrong not in shown
    assert wrong.encode() not in everything_kept(person)


@pytest.mark.requirement("llm.errors")
def test_a_host_that_cannot_be_reached_ends_the_run_soon_and_costs_nothing(
    person: Place, repository: Path
) -> None:
    config = person.folder / "config.toml"
    config.write_text(config.read_text().replace(person.account.url, "http://127.0.0.1:9/v1"))
    with served(person, repository) as wire:
        told = order(wire)
    assert told["status"] == "failed", told
    assert "no connection" in told["reason"] or "127.0.0.1" in told["reason"]
    assert float(told["cost"]["usd"]) == float(told["cost"]["reserved_usd"]) == 0


@pytest.mark.requirement("cost.hard_budget")
def test_a_run_stops_at_its_limit_and_says_so(person: Place, repository: Path, account: Account) -> None:
    account.change(charge="max", stretch=[1.45, 1.45])
    with served(person, repository) as wire:
        for limit in (0.00001, 0.0005, 0.002):
            before = account.total()
            told = order(wire, max_cost_usd=limit)
            assert account.total() - before <= limit
            assert told["status"] == "over_budget", told
            assert float(told["cost"]["usd"]) <= limit
            assert "budget" in told["reason"] or "max_cost_usd" in told["reason"]
            assert {each["state"] for each in told["left_out"]} == {"skipped"}
            assert all("budget" in each["reason"] for each in told["left_out"])


@pytest.mark.requirement("swarm.raised_limit")
def test_a_run_that_met_its_limit_ends_within_the_higher_one_it_is_given(
    person: Place, repository: Path, account: Account
) -> None:
    before = account.total()
    with served(person, repository) as wire:
        short = order(wire, max_cost_usd=0.002)
        assert short["status"] == "over_budget", short
        assert any("max_cost_usd in that call" in note for note in short["notes"])
        spent = account.total() - before
        assert spent <= 0.002
        raised = {"action": "resume", "run_id": short["run_id"], "max_cost_usd": CENT, "wait_s": 50}
        told = call(wire, "run_swarm", **raised)
    assert (told["status"], told["left_out"]) == ("done", []), told
    assert spent < account.total() - before <= CENT
    assert abs(float(told["cost"]["usd"]) - float(account.total() - before)) < 1e-9


@pytest.mark.requirement("swarm.any_answer")
@pytest.mark.long
def test_whatever_the_service_does_a_run_ends_in_words_and_within_its_limit(
    person: Place, repository: Path, account: Account, long: bool, seed: int
) -> None:
    with served(person, repository) as wire:
        ends = []
        for number in range(30 if long else 2):
            before = account.total()
            rates = {name: 2 * rate for name, rate in RATES.items() if "stall" not in name}
            account.change(seed=seed + number, rates=rates, stretch=[1.0, 1.45])
            told = order(wire, task=f"find faults [[call c{number}]]")
            until(lambda told=told: call(wire, "get_run", run_id=told["run_id"])["status"] in ENDED, 200)
            told = call(wire, "get_run", run_id=told["run_id"], view="result")
            ends.append(told["status"])
            assert account.total() - before <= CENT
            assert "eval" not in json.dumps(told["outcome"]), "a lie reached the answer"
            assert told["reason"] or told["status"] == "done", told
            booked = float(told["cost"]["usd"]) + float(told["cost"]["reserved_usd"])
            assert booked >= float(account.total() - before) - 1e-12
    print(f"seed {seed}: {Counter(ends)}")
    assert "done" in ends


@pytest.mark.requirement("swarm.one_run")
def test_the_same_order_at_two_servers_is_one_run(
    person: Place, repository: Path, account: Account
) -> None:
    account.change(pace_s=0.3)
    with served(person, repository) as one, served(person, repository) as two:
        arguments = {
            "task": "find faults", "paths": ["shop"], "provider": "openai", "max_cost_usd": CENT, "wait_s": 0,
        }  # fmt: skip
        sent = [
            wire.send("tools/call", {"name": "run_swarm", "arguments": arguments}) for wire in (one, two)
        ]
        told = [
            wire.answer(number)["result"]["structuredContent"]
            for wire, number in zip((one, two), sent, strict=True)
        ]
        assert told[0]["run_id"] == told[1]["run_id"]
        for wire in (one, two):
            until(lambda wire=wire: call(wire, "get_run", run_id=told[0]["run_id"])["status"] == "done")
    assert len(account.bill()) == STEPS


@pytest.mark.requirement("swarm.cancel")
def test_a_run_that_hangs_is_cancelled_from_another_server_and_pays_no_more(
    person: Place, repository: Path, account: Account
) -> None:
    account.script(*["stall"] * 50)
    with served(person, repository) as one, served(person, repository) as two:
        told = order(one, wait_s=0)
        until(lambda: len(account.bill()) >= 4)
        call(two, "run_swarm", action="cancel", run_id=told["run_id"])
        until(lambda: call(one, "get_run", run_id=told["run_id"])["status"] == "cancelled", 10)
        ended = call(one, "get_run", run_id=told["run_id"])
        asked_by_then = len(account.bill())
        time.sleep(1.0)
        assert len(account.bill()) == asked_by_then
    assert float(ended["cost"]["reserved_usd"]) >= float(account.total()), "it may be billed: uncertain"


@pytest.mark.requirement("swarm.full_disk")
def test_a_full_disk_ends_the_run_in_words_and_the_server_lives(
    person: Place, repository: Path, account: Account
) -> None:
    account.change(pace_s=0.3)
    program = [str(BIN / Path(sys.executable).name), "-m", "tests.faults.served.full_disk_server"]
    with served(person, repository, *program) as wire:
        told = order(wire, wait_s=0)
        until(lambda: len(account.bill()) >= 4)  # what is not begun by then never is
        wire.process.send_signal(signal.SIGUSR1)
        time.sleep(2.0)
        asked_by_then = len(account.bill())
        refused = wire.call(
            "run_swarm", task="another", paths=["shop"], provider="openai", max_cost_usd=CENT
        )
        assert refused["isError"]
        assert "disk" in refused["content"][0]["text"] or "space" in refused["content"][0]["text"]
        assert len(account.bill()) == asked_by_then, "nothing is asked that cannot be written down"
        wire.process.send_signal(signal.SIGUSR2)
        found = call(wire, "get_run", run_id=told["run_id"])
        assert found["status"] in {"failed", "interrupted", "running"}, found
        call(wire, "run_swarm", action="resume", run_id=told["run_id"], wait_s=50)
        until(lambda: call(wire, "get_run", run_id=told["run_id"])["status"] == "done")
        ended = call(wire, "get_run", run_id=told["run_id"])
    booked = float(ended["cost"]["usd"]) + float(ended["cost"]["reserved_usd"])
    assert booked >= float(account.total()) - 1e-12
