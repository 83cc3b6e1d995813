"""`sophia swarm`, as a person and a build use it: as processes, in a repository with a real change."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.cli.inside import run
from tests.cli.outside import SOPHIA
from tests.cli.outside import run as run_process
from tests.cli.runs import ALONE, SLOW, SOLO_REPLY, machine, started
from tests.server.conftest import Place, text_of
from tests.server.swarms import BEFORE, FINDING, QUOTE, facts_of, written

from sophia_mcp.ops.workers import enrol
from sophia_mcp.store.engines.sqlite import open_database
from sophia_mcp.types import LOCAL

pytestmark = [pytest.mark.requirement("cli.swarm"), pytest.mark.timeout(240)]


def test_patterns_are_listed_and_one_of_ones_own_is_made_listed_and_run(
    project: Path, alone: Path
) -> None:
    shipped = {each["name"]: each for each in machine("swarm", "list", cwd=project)}
    assert {"solo", "code_review", "bug_fix", "web_research"} <= set(shipped)
    assert shipped["solo"]["origin"] == "shipped"
    assert "code_review\t" in run("swarm", "list", cwd=project).stdout
    made = machine("swarm", "create", "our_review", cwd=project)
    assert Path(made["file"]) == alone / "patterns" / "our_review.toml"
    here = machine("swarm", "create", "of_this_project", "--project", cwd=project)
    assert Path(here["file"]) == project / ".sophia" / "patterns" / "of_this_project.toml"
    known = {each["name"]: each["origin"] for each in machine("swarm", "list", cwd=project)}
    assert (known["our_review"], known["of_this_project"]) == ("user", "project")
    written(project.parent, {"step": "read", "json": {"findings": [FINDING]}})
    report = machine(
        *("swarm", "run", "our_review", "--task", "x", "--path", "shop", "--provider", "scripted"),
        cwd=project,
        code=1,
    )
    assert [each["claim"] for each in report["outcome"]["findings"]] == [FINDING["claim"]]


@pytest.mark.parametrize(
    ("name", "says"),
    [("code_review", "it is shipped"), ("not a name", "letters"), ("../up", "letters")],
)
def test_a_name_that_cannot_be_a_pattern_is_refused(project: Path, name: str, says: str) -> None:
    done = run("swarm", "create", name, cwd=project)
    assert done.returncode == 2
    assert says in done.stderr


def test_a_pattern_is_never_written_over(project: Path) -> None:
    file = Path(machine("swarm", "create", "ours", cwd=project)["file"])
    file.write_text(file.read_text() + "# mine\n")
    done = run("swarm", "create", "ours", cwd=project)
    assert done.returncode == 2
    assert "exists" in done.stderr
    assert file.read_text().endswith("# mine\n")


@pytest.mark.requirement("swarm.sarif")
def test_a_build_reviews_its_change_and_fails_by_severity(project: Path) -> None:
    review = ("swarm", "run", "code_review", "--provider", "scripted", "--diff")
    sarif = project.parent / "review.sarif"  # in the project it would be a part of the next change
    done = run_process(*review, "--sarif", str(sarif), cwd=project)
    assert done.returncode == 1, done.stderr
    assert f"[high] shop/price.py:6 {FINDING['claim']}" in done.stdout
    assert "eval" not in done.stdout
    log = json.loads(sarif.read_text())
    (result,) = log["runs"][0]["results"]
    assert result["ruleId"] == "code_review/high"
    region = result["locations"][0]["physicalLocation"]["region"]
    assert (region["startLine"], region["snippet"]["text"]) == (6, QUOTE)
    assert run(*review, "--fail-on", "critical", cwd=project).returncode == 0
    assert run(*review, "--fail-on", "medium", cwd=project).returncode == 1
    assert run(*review, "--fail-on", "never", cwd=project).returncode == 0
    (once,) = machine("swarm", "list", "--runs", cwd=project)
    assert once["status"] == "done", "the same order within a minute is one run"


def test_a_review_is_of_a_revision_a_file_or_what_comes_in(project: Path) -> None:
    review = ("swarm", "run", "code_review", "--provider", "host", "--diff")
    against = machine(*review, "HEAD", cwd=project, code=1)
    assert f"+{QUOTE}" in against["steps"][0]["prompt"]
    other = "--- a/shop/price.py\n+++ b/shop/price.py\n@@ -1,1 +1,1 @@\n-only = 1\n+only = 'file'\n"
    (project / "my.diff").write_text(other)
    assert "+only = 'file'" in machine(*review, "my.diff", cwd=project, code=1)["steps"][0]["prompt"]
    piped = subprocess.run(
        [SOPHIA, *review, "-", "--json"],
        cwd=project,
        input=other.replace("file", "pipe"),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert "+only = 'pipe'" in json.loads(piped.stdout)["steps"][0]["prompt"]
    elsewhere = machine(*review, "HEAD", "--path", "README.md", "--task", "x", cwd=project, code=1)
    assert f"+{QUOTE}" not in elsewhere["steps"][0]["prompt"]
    assert "README.md could not be read" in elsewhere["notes"]
    unknown = run(*review, "no-such-revision", cwd=project)
    assert unknown.returncode == 2
    assert "no-such-revision" in unknown.stderr


def test_a_build_in_which_nothing_changed_passes_and_asks_nobody(project: Path) -> None:
    (project / "shop" / "price.py").write_text(BEFORE)
    review = ("swarm", "run", "code_review", "--provider", "scripted", "--diff")
    report = machine(*review, "--sarif", "review.sarif", cwd=project)
    assert (report["run_id"], report["status"], report["outcome"]) == (None, "done", None)
    assert report["notes"] == ["nothing has changed, so no model was asked"]
    assert json.loads((project / "review.sarif").read_text())["runs"][0]["results"] == []
    assert run("swarm", "list", "--runs", cwd=project).returncode == 3


def test_an_estimate_begins_nothing(project: Path) -> None:
    order = ("swarm", "run", "code_review", "--diff", "--provider", "scripted", "--estimate")
    guess = machine(*order, "--debate", "2", cwd=project)
    assert (guess["provider"], guess["free"], guess["calls"]) == ("scripted", True, 14)
    assert guess["input_tokens"] > 500
    said = run(*order, cwd=project)
    assert "6 calls" in said.stdout
    assert "free" in said.stdout
    assert run("swarm", "list", "--runs", cwd=project).returncode == 3


@pytest.mark.requirement("cli.exit_codes")
@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("run", "no_such_pattern", "--task", "x"), 3, "code_review"),
        (("run", "solo", "--task", "x", "--provider", "no-such"), 3, "portkey"),
        (("run", "solo", "--task", "x", "--provider", "sampling"), 1, "host"),
        (("run", "solo", "--task", "x", "--max-cost", "much"), 2, "12.50"),
        (("run", "solo", "--task", "x", "--fail-on", "worst"), 2, "critical"),
        (("run", "solo", "--task", "x", "--debate", "3"), 2, "debate"),
        (("run", "solo", "--task", "x", "--sarif", "no/such/folder/a.sarif"), 2, "no folder"),
        (("run", "bug_fix", "--provider", "host"), 2, "needs one of: task"),
        (("run", "solo", "--task", "x", "--repo", "no-such-repository"), 3, "no-such-repository"),
        (("run", "code_review", "--provider", "host", "--diff", "shop/price.py"), 2, "the diff is none"),
        (("resume", "swarm-nowhere"), 3, "no run 'swarm-nowhere'"),
        (("resume", "swarm-nowhere"), 3, "next: run sophia swarm list --runs for the recent ones"),
        (("cancel", "swarm-nowhere"), 3, "no run 'swarm-nowhere'"),
        (("eval", "no_such_pattern", "--provider", "scripted"), 3, "no_such_pattern"),
        (("eval", "solo", "--provider", "host"), 2, "nobody is there to do its steps"),
        (("eval", "solo"), 2, "not openai"),
        (("list", "--runs"), 3, ""),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_exit_codes_and_words_tell_what_was_wrong(
    project: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    done = run("swarm", *arguments, cwd=project)
    assert done.returncode == code, done.stdout + done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_what_costs_money_needs_a_limit(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOPHIA_LLM__OPENAI__BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("SOPHIA_LLM__OPENAI__VENDOR", "openai")
    monkeypatch.setenv("SOPHIA_LLM__OPENAI__STANDARD", "gpt-4o")
    order = ("swarm", "run", "solo", "--task", "x", "--provider", "openai")
    done = run(*order, cwd=project)
    assert done.returncode == 2
    assert "--max-cost is missing" in done.stderr
    assert 'run it again with --max-cost, for example "0.50"; --estimate says' in done.stderr
    assert "max_cost_usd" not in done.stderr
    guess = machine(*order, "--estimate", cwd=project)
    assert float(guess["usd"]) > 0
    over = machine(*order, "--max-cost", "0.000001", cwd=project, code=1)
    assert over["next"] == f"sophia swarm resume {over['run_id']} --max-cost USD"
    run("cost", "budget", "set", "0.000001", cwd=project)
    over = machine(*order, "--max-cost", "1", cwd=project, code=1)
    assert over["next"].startswith("raise the budget (sophia cost budget set), then sophia swarm resume")


@pytest.mark.requirement("swarm.host")
def test_steps_are_answered_from_files_until_the_review_is_done(project: Path) -> None:
    from tests.server.swarms import step_answer

    report = machine("swarm", "run", "--diff", "HEAD", "--provider", "host", cwd=project, code=1)
    for _ in range(3):
        assert report["status"] == "needs_steps"
        resume = f"sophia swarm resume {report['run_id']} --results FILE"
        assert report["next"] == resume
        answers = {step["key"]: step_answer(step["key"]) for step in report["steps"]}
        (project / "answers.json").write_text(json.dumps(answers))
        report = machine(
            *("swarm", "resume", report["run_id"], "--results", "answers.json"), cwd=project, code=1
        )
    assert report["status"] == "done"
    assert [each["severity"] for each in report["outcome"]["findings"]] == ["high"]
    assert report["next"] is None
    again = run("swarm", "resume", report["run_id"], "--fail-on", "never", cwd=project)
    assert again.returncode == 0, "what is done is left alone, and told"


def test_results_that_are_none_are_refused(project: Path) -> None:
    order = ("swarm", "run", "solo", "--task", "x", "--provider", "host")
    report = machine(*order, cwd=project, code=1)
    resume = ("swarm", "resume", report["run_id"], "--results", "answers.json")
    for text, code, says in (
        ("{", 2, "not JSON"),
        ("[1]", 2, "no JSON object"),
        ("{}", 2, "results is empty"),
        ('{"nobody": 1}', 3, "waiting now: answer"),
        ('{"answer": {"summary": 1}}', 2, "not of the form"),
    ):
        (project / "answers.json").write_text(text)
        done = run(*resume, cwd=project)
        assert done.returncode == code, done.stderr
        assert says in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.requirement("swarm.cancel")
def test_a_run_is_cancelled_from_another_process(project: Path) -> None:
    written(project.parent, SLOW)
    with started(*ALONE, cwd=project) as (process, said, run_id):
        done = run_process("swarm", "cancel", run_id, cwd=project)
        assert done.returncode == 0, done.stderr
        assert " · cancelled · " in done.stdout
        assert process.wait(20) == 1
        assert said.wait_for(f"next: sophia swarm resume {run_id}")
    again = machine("swarm", "cancel", run_id, cwd=project)
    assert again["status"] == "cancelled"
    written(project.parent, SOLO_REPLY)
    machine("swarm", "resume", run_id, "--fail-on", "never", cwd=project)
    late = run("swarm", "cancel", run_id, cwd=project)
    assert late.returncode == 1
    assert "nothing was cancelled: it is done" in late.stderr


@pytest.mark.requirement("swarm.cancel")
def test_a_cancel_that_was_not_heeded_yet_is_not_called_none(
    project: Path, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sophia_mcp.cli.commands.swarm._STOP_S", 0.1)
    written(project.parent, SLOW)
    with started(*ALONE, cwd=project) as (process, _, run_id):
        process.kill()
        process.wait()

    async def have_it_seem_alive() -> None:
        store = await open_database(alone / "data" / "state.db", durability="truth")
        async with store.write(LOCAL) as tx:
            given = {"worker": enrol()}
            await tx.run("UPDATE jobs SET worker = :worker WHERE workspace = :workspace", given)
        await store.close()

    anyio.run(have_it_seem_alive)
    done = run("swarm", "cancel", run_id, cwd=project)
    assert done.returncode == 1
    assert "it was asked to stop, and its process has not yet" in done.stderr
    assert "nothing was cancelled" not in done.stderr


@pytest.mark.requirement("swarm.kill")
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_was_cut_off_is_resumed(project: Path, blow: signal.Signals) -> None:
    written(project.parent, SLOW)
    with started(*ALONE, cwd=project) as (process, said, run_id):
        process.send_signal(blow)
        code = process.wait(60)
        said.join()
        assert code == (1 if blow is signal.SIGINT else -signal.SIGKILL)
        assert not [line for line in said.seen if "Traceback" in line]
    (row,) = machine("swarm", "list", "--runs", cwd=project)
    assert (row["run_id"], row["status"]) == (run_id, "interrupted")
    written(project.parent, SOLO_REPLY)
    report = machine("swarm", "resume", run_id, "--fail-on", "never", cwd=project)
    assert (report["run_id"], report["status"]) == (run_id, "done")
    assert len(report["outcome"]["findings"]) == 1


@pytest.mark.requirement("swarm.evaluate")
def test_patterns_are_compared_on_tasks_of_ones_own(project: Path) -> None:
    cases = project.parent / "cases"
    cases.mkdir()
    for number in range(2):
        (cases / f"price_{number}.toml").write_text(
            f"language = 'python'\ntask = 'Review shop/price.py, case {number}.'\n"
            f"[[files]]\npath = 'shop/price.py'\ntext = '''\n{BEFORE.replace('(prices)', '(prices[1:])', 2)}'''\n"
            f"[[seeds]]\npath = 'shop/price.py'\ntext = 'return sum(prices[1:])'\nclaim = 'the first is left out'\n"
        )
    order = ("swarm", "eval", "code_review", "--cases", str(cases), "--provider", "scripted")
    (found,) = machine(*order, cwd=project)
    assert (found["pattern"], found["tasks"]) == ("code_review", 2)
    assert found["quality"] == 1.0
    assert found["control"] == 1.0
    assert found["recommended"] is False, "a script proves nothing about quality"
    assert (found["failed"], found["control_failed"]) == (0, 0)
    kept = run("memory", "list", "--repo", "*", cwd=project)
    assert kept.returncode == 3, f"trees that are gone leave no memory: {kept.stdout}"
    table = run(*order, cwd=project)
    assert table.stdout.startswith("code_review\t2\t1.000\t1.000\t")
    (project.parent / "script.json").unlink()
    away = run(*order, cwd=project)
    assert away.returncode == 1, "what compared nothing did not compare"
    assert "code_review failed on 2 of 2 tasks, solo on 2, for example: " in away.stderr
    empty = project.parent / "empty"
    empty.mkdir()
    refused = run("swarm", "eval", "code_review", "--cases", str(empty), cwd=project)
    assert refused.returncode == 1
    assert "holds no tasks" in refused.stderr


@pytest.mark.requirement("swarm.one_answer")
def test_both_faces_tell_the_same_of_a_run(project: Path, alone: Path) -> None:
    done = machine(
        *("swarm", "run", "code_review", "--provider", "scripted", "--diff", "HEAD"),
        cwd=project,
        code=1,
    )
    waits = machine("swarm", "run", "solo", "--task", "x", "--provider", "host", cwd=project, code=1)
    words = run("swarm", "resume", done["run_id"], cwd=project).stdout
    rows = machine("swarm", "list", "--runs", cwd=project)
    place = Place(project, alone / "data")

    async def over_the_protocol() -> tuple[list[dict[str, Any]], str, list[Any]]:
        async with place.connect("auto") as client:
            found = [
                await client.call_tool("get_run", {"run_id": mine["run_id"], "view": "result"})
                for mine in (done, waits)
            ]
            listed = facts_of(await client.call_tool("get_run", {}))["runs"]
            return [facts_of(each) for each in found], text_of(found[0]), listed

    theirs, text, listed = anyio.run(over_the_protocol)
    assert words.strip() in text
    assert listed == rows
    for mine, other in zip((done, waits), theirs, strict=True):
        assert other.pop("runs") == []
        for telling in (mine, other):
            telling.pop("next")  # each names the next step in its own words
        assert other == mine


def test_help_names_every_command(project: Path) -> None:
    done = run("swarm", "--help", cwd=project)
    for name in ("list", "create", "run", "resume", "cancel", "eval"):
        assert f"\n  {name} " in done.stdout
