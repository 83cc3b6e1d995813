"""`sophia cost` as a person uses it: processes, exit codes, text for people and JSON for machines."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.cli.outside import SOPHIA, run
from tests.cost.books import USUAL, WORST, Books, Vendor, lost, open_books, question

from sophia_mcp.cost.ledger.entry import Limit
from sophia_mcp.errors import ProviderError
from sophia_mcp.ops.clock import system

pytestmark = pytest.mark.requirement("cost.cli")


def spend(*work: Callable[[Books], Any]) -> None:
    """Do paid work in the store that the commands read, now."""

    async def inside() -> None:
        home = Path(os.environ["SOPHIA_HOME"])
        home.mkdir(parents=True, exist_ok=True)
        async with open_books(home, "elsewhere:1:a", clock=system) as books:
            for each in work:
                await each(books)

    anyio.run(inside)


async def answered(books: Books) -> None:
    await books.metered(Vendor()).ask(question(model="large"))
    await books.metered(Vendor()).ask(question(model="small", tag="ci"))


async def cut_off(books: Books) -> None:
    with pytest.raises(ProviderError):
        await books.budgeted(Vendor(error=lost()), Limit("workspace", "total", 10**9)).ask(question())


def test_an_empty_ledger_is_nothing_found_and_says_how_to_begin(tmp_path: Path) -> None:
    done = run("cost", "report", cwd=tmp_path)
    assert done.returncode == 3
    assert "no call is recorded" in done.stderr
    assert run("cost", "budget", cwd=tmp_path).returncode == 3
    assert run("cost", "uncertain", cwd=tmp_path).returncode == 3


def test_what_was_spent_is_shown_in_every_format(tmp_path: Path) -> None:
    spend(answered)
    text = run("cost", "report", cwd=tmp_path)
    assert text.returncode == 0
    assert "$0.00006 for 2 calls" in text.stdout
    facts = json.loads(run("cost", "report", "--json", cwd=tmp_path).stdout)
    assert facts["total"]["usd"] == "0.00006"
    rows = run("cost", "report", "--by", "tag", "--by", "model", "--format", "csv", cwd=tmp_path)
    listed = list(csv.DictReader(io.StringIO(rows.stdout)))
    assert {(row["tag"], row["model"], row["usd"]) for row in listed} == {
        ("", "large", "0.00003"),
        ("ci", "small", "0.00003"),
    }
    only = run("cost", "report", "--only", "tag=ci", "--format", "markdown", cwd=tmp_path)
    assert "| small | 0.00003 |" in only.stdout
    assert "large" not in only.stdout


@pytest.mark.parametrize(
    "wrong",
    [
        ("--by", "modle"),
        ("--since", "ages"),
        ("--only", "model"),
        ("--only", "modle=x"),
    ],
    ids=" ".join,
)
def test_a_wrong_question_is_wrong_usage_and_says_what_would_be_right(
    tmp_path: Path, wrong: tuple[str, ...]
) -> None:
    done = run("cost", "report", *wrong, cwd=tmp_path)
    assert done.returncode == 2
    assert "next:" in done.stderr


def test_fewer_groups_than_one_are_wrong_usage(tmp_path: Path) -> None:
    assert run("cost", "report", "--limit", "-3", cwd=tmp_path).returncode == 2


def test_budgets_are_set_listed_and_taken_away(tmp_path: Path) -> None:
    spend(answered)
    assert run("cost", "budget", "set", "0.0001", "--period", "total", cwd=tmp_path).returncode == 0
    soft = ("--scope", "user", "--name", "person", "--period", "total", "--soft")
    assert run("cost", "budget", "set", "1", *soft, cwd=tmp_path).returncode == 0
    listed = json.loads(run("cost", "budget", "--json", cwd=tmp_path).stdout)
    assert [
        (each["scope"], each["hard"], each["spent_usd"], each["remaining_usd"]) for each in listed
    ] == [
        ("user person", False, "0.00006", "0.99994"),
        ("workspace", True, "0.00006", "0.00004"),
    ]
    shown = run("cost", "budget", cwd=tmp_path).stdout
    assert "soft" in shown
    assert "hard" in shown
    assert run("cost", "budget", "remove", *soft, cwd=tmp_path).returncode == 0
    assert run("cost", "budget", "remove", *soft, cwd=tmp_path).returncode == 3
    done = run("cost", "budget", "set", "2", "--soft", "--json", cwd=tmp_path)
    assert json.loads(done.stdout) == {
        "state": "set",
        "budget": {
            "scope": "workspace",
            "name": "",
            "period": "month",
            "hard": False,
            "limit_usd": "2.00",
        },
    }
    gone = run("cost", "budget", "remove", "--soft", "--json", cwd=tmp_path)
    assert json.loads(gone.stdout)["state"] == "removed"
    assert run("cost", "budget", "set", "plenty", cwd=tmp_path).returncode == 2
    assert run("cost", "budget", "set", "1", "--name", "x", cwd=tmp_path).returncode == 2


def test_an_amount_below_zero_is_an_amount_and_no_option(tmp_path: Path) -> None:
    below = run("cost", "budget", "set", "-5", cwd=tmp_path)
    assert below.returncode == 2
    assert "dollars from 0" in below.stderr


def test_a_misspelt_command_is_answered_with_the_one_that_was_meant(tmp_path: Path) -> None:
    done = run("cost", "reprot", cwd=tmp_path)
    assert done.returncode == 2
    assert "the nearest: sophia cost report\n" in done.stderr


@pytest.mark.requirement("cost.uncertain")
def test_what_is_uncertain_is_listed_and_settled_by_a_person(tmp_path: Path) -> None:
    spend(cut_off)
    (found,) = json.loads(run("cost", "uncertain", "--json", cwd=tmp_path).stdout)
    assert found["uncertain_usd"] == "0.00005"
    assert WORST == 50_000
    settled = run("cost", "uncertain", "settle", found["id"], "0.00002", "--json", cwd=tmp_path)
    assert json.loads(settled.stdout) == {"id": found["id"], "usd": "0.00002"}
    total = json.loads(run("cost", "report", "--json", cwd=tmp_path).stdout)["total"]
    assert (total["usd"], total["uncertain_usd"]) == ("0.00002", "0.00")
    again = run("cost", "uncertain", "settle", found["id"], "0", cwd=tmp_path)
    assert again.returncode == 3
    assert "reconciled already" in again.stderr
    assert USUAL == 30_000


@pytest.mark.requirement("cost.export")
def test_whoever_reads_only_the_beginning_of_an_export_gets_no_error(tmp_path: Path) -> None:
    with subprocess.Popen(
        [SOPHIA, "cost", "export"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as done:
        assert done.stdout is not None
        assert done.stderr is not None
        done.stdout.close()
        assert done.stderr.read() == ""


def test_every_command_has_help_with_an_example(tmp_path: Path) -> None:
    for words in (
        (),
        ("report",),
        ("budget",),
        ("budget", "set"),
        ("uncertain",),
        ("uncertain", "settle"),
    ):
        done = run("cost", *words, "--help", cwd=tmp_path)
        assert done.returncode == 0
        assert "Example: sophia cost" in done.stdout
