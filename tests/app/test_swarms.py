"""A swarm as the product opens it: it reads repositories within bounds, counts its cost, and remembers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pygit2
import pytest
from tests.index.trees import commit_all, make_repository

from sophia_mcp.app import App, open_app, swarms
from sophia_mcp.errors import NotFound, OutsideRoots
from sophia_mcp.memory.note import Caller
from sophia_mcp.ops.workers import is_dead
from sophia_mcp.settings import load
from sophia_mcp.types import LOCAL, Order

pytestmark = pytest.mark.anyio

CALC = "def divide(a, b):\n    return a / b\n"
FINDING = {
    "severity": "high",
    "path": "src/calc.py",
    "line": 2,
    "quote": "    return a / b",
    "claim": "divide(1, 0) raises",
    "suggestion": "",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    make_repository(root)
    (root / "src").mkdir()
    (root / "src" / "calc.py").write_text(CALC)
    (root / ".env").write_text("TOKEN=sesame-street-4711\n")
    commit_all(pygit2.Repository(str(root)))
    return root


@asynccontextmanager
async def opened(tmp_path: Path, *replies: dict[str, Any], **settings: Any) -> AsyncIterator[App]:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"reply": replies}))
    llm = {"script": str(script)} | settings.pop("llm", {})
    async with open_app(load(home=tmp_path / "home", llm=llm, **settings)) as app:
        yield app


async def repository(app: App, project: Path) -> Any:
    order = await app.placed(Order("x"), project)
    assert order.repo is not None
    [index] = app.runs.values()
    await index.wait(60)
    swarm = await app.swarm()
    return await swarm.means.sources(order)


@pytest.mark.requirement("swarm.executes")
async def test_a_shipped_pattern_runs_from_order_to_outcome_with_its_cost_and_memory(
    tmp_path: Path, project: Path
) -> None:
    reply = {"step": "answer", "json": {"summary": "It divides.", "findings": [FINDING], "edits": []}}
    async with opened(tmp_path, reply) as app:
        swarm = await app.swarm()
        order = Order("divide by zero", pattern="solo", provider="scripted", paths=("src/calc.py",))
        run_id = await swarm.start(await app.placed(order, project))
        report = await swarm.report(run_id, wait_s=60)
        memory = await app.memory()
        similar = await memory.similar_runs("divide by zero", Caller(project=project))
    assert report.status == "done", report.reason
    assert report.outcome is not None
    assert [finding.path for finding in report.outcome.findings] == ["src/calc.py"]
    assert report.cost.spent_nano == 0
    assert report.cost.input_tokens > 100
    assert any("It divides." in memo.text for memo in similar)


async def test_a_run_that_asked_no_model_teaches_nothing(tmp_path: Path, project: Path) -> None:
    async with opened(tmp_path) as app:
        swarm, memory = await app.swarm(), await app.memory()
        order = Order("divide by zero", pattern="solo", provider="host", paths=("src/calc.py",))
        run_id = await swarm.start(await app.placed(order, project))
        assert (await swarm.report(run_id, wait_s=60)).status == "needs_steps"
        await swarm.cancel(run_id)
        assert (await swarm.report(run_id)).status == "cancelled"
        async with (await app.truth()).read(LOCAL) as tx:
            rows = await tx.rows("SELECT run FROM memory_runs WHERE workspace = :workspace")
        assert rows == []
        assert await memory.similar_runs("divide by zero", Caller(project=project)) == []


async def test_the_material_of_a_run_is_what_git_says_changed(tmp_path: Path, project: Path) -> None:
    async with opened(tmp_path) as app:
        sources = await repository(app, project)
        assert await sources.diff("") == ""
        (project / "src" / "calc.py").write_text(CALC.replace("a / b", "a // b"))
        (project / "new.py").write_text("fresh = 1\n")
        (project / ".env").write_text("TOKEN=open-door-0815\n")
        diff = await sources.diff("")
    assert "-    return a / b" in diff
    assert "+    return a // b" in diff
    assert "+fresh = 1" in diff
    assert "0815" not in diff


async def test_a_run_reads_files_and_maps_of_folders_but_no_secrets_and_nothing_outside(
    tmp_path: Path, project: Path
) -> None:
    (tmp_path / "outside.py").write_text("private = 1\n")
    async with opened(tmp_path) as app:
        sources = await repository(app, project)
        assert await sources.read("src/calc.py") == CALC
        assert "calc.py" in await sources.read("src")
        assert await sources.read(".env") is None
        assert await sources.read("../outside.py") is None
        assert await sources.read("missing.py") is None
        assert (project / ".git" / "config").is_file()
        assert await sources.read(".git/config") is None
        assert "def divide" in await sources.find("divide", 1000)


async def test_an_order_is_placed_inside_the_roots_for_good(tmp_path: Path, project: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    async with opened(tmp_path) as app:
        placed = await app.placed(Order("x"), project)
        assert placed.repo == str(project)
        assert (await app.placed(placed, project)).repo == str(project)
        assert await app.placed(Order("x"), None) == Order("x")
        with pytest.raises((OutsideRoots, NotFound)):
            await app.placed(Order("x", repo=str(tmp_path / "elsewhere")), project)


@pytest.mark.requirement("cost.hard_budget")
async def test_a_repository_is_booked_under_its_name_whatever_ref_is_read(
    tmp_path: Path, project: Path
) -> None:
    async with opened(tmp_path) as app:
        swarm, money = await app.swarm(), await app.money()
        for repo in (None, "project@HEAD"):
            order = Order("x", pattern="solo", repo=repo, provider="scripted")
            run_id = await swarm.start(await app.placed(order, project))
            assert (await swarm.report(run_id, wait_s=60)).status == "done"
        report = await money.report(group_by=["repo"])
        assert [(group.key["repo"], group.measures.calls) for group in report.sums.groups] == [
            ("project", 2)
        ]


async def test_an_order_without_a_repository_stands_on_what_it_brings(tmp_path: Path) -> None:
    diff = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a = 1\n+a = 2\n"
    reply = {"json": {"summary": "Looks fine.", "findings": [], "edits": []}}
    async with opened(tmp_path, reply) as app:
        swarm = await app.swarm()
        run_id = await swarm.start(Order("review", pattern="solo", provider="scripted", diff=diff))
        report = await swarm.report(run_id, wait_s=60)
    assert report.status == "done", report.reason
    assert report.outcome is not None
    assert report.outcome.summary == "Looks fine."


async def test_a_waiting_run_goes_on_in_another_life_of_the_product(
    tmp_path: Path, project: Path
) -> None:
    order = Order("divide", pattern="solo", provider="host", paths=("src/calc.py",))
    async with opened(tmp_path) as app:
        swarm = await app.swarm()
        run_id = await swarm.start(await app.placed(order, project))
        before = await swarm.report(run_id, wait_s=60)
        assert before.status == "needs_steps"
    async with opened(tmp_path) as app:
        swarm = await app.swarm()
        assert (await swarm.report(run_id)).steps == before.steps
        answer = {"summary": "By hand.", "findings": [FINDING], "edits": []}
        await swarm.answer(run_id, {"answer": answer})
        report = await swarm.report(run_id, wait_s=60)
    assert report.status == "done", report.reason
    assert report.outcome is not None
    assert len(report.outcome.findings) == 1


async def test_a_persons_own_pattern_and_limits_hold(tmp_path: Path, project: Path) -> None:
    config = tmp_path / "config" / "config.toml"
    own = config.parent / "patterns"
    own.mkdir(parents=True)
    config.write_text("")
    (own / "mine.toml").write_text(
        'title = "Mine"\nsummary = "Mine"\ngates = ["quotes"]\n[roles.a]\ntitle = "A"\nprompt_text = "You."\n'
        '[[steps]]\nkey = "read"\nkind = "read"\nrole = "a"\nprompt_text = "Read."\nschema = "findings"\n'
        "max_tokens = 300\n"
    )
    async with opened(tmp_path, config=config, swarm={"agents": 3, "wall_minutes": 2}) as app:
        swarm = await app.swarm()
        assert (swarm.means.limits.agents, swarm.means.limits.wall_s) == (3, 120)
        run_id = await swarm.start(Order("x", pattern="mine", provider="scripted"))
        assert (await swarm.report(run_id, wait_s=60)).status == "done"


async def test_all_work_of_a_process_is_written_under_names_that_another_can_judge(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as app:
        jobs, swarm, money = await app.jobs(), await app.swarm(), await app.money()
        assert swarm.means.worker == jobs.worker
        for name in (jobs.worker, money.ledger.holder):
            machine, number, _ = name.rsplit(":", 2)
            assert not is_dead(name)
            assert is_dead(f"{machine}:{number}:before")


@pytest.mark.requirement("swarm.retention")
async def test_old_runs_are_swept_when_runs_are_opened_and_what_they_cost_stays(tmp_path: Path) -> None:
    order = Order("x", pattern="solo", provider="scripted")
    async with opened(tmp_path) as app:
        swarm = await app.swarm()
        run_id = await swarm.start(order)
        assert (await swarm.report(run_id, wait_s=60)).status == "done"
        cost = await (await app.money()).run_cost(run_id)
        async with (await app.truth()).write(LOCAL) as tx:
            for column in ("created_ns", "updated_ns"):
                await tx.run(f"UPDATE runs SET {column} = {column} / 2 WHERE workspace = :workspace")
    async with opened(tmp_path, swarm={"kept_days": 7}) as app:
        swarm = await app.swarm()
        with anyio.fail_after(20):
            while await swarm.recent():
                await anyio.sleep(0.01)
        assert cost.input_tokens > 0
        assert await (await app.money()).run_cost(run_id) == cost


def test_the_key_of_fences_is_made_once_and_is_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "fence.key"
    first = swarms._fence_key(path)
    assert len(first) == 32
    assert swarms._fence_key(path) == first
    assert path.stat().st_mode & 0o077 == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["fence.key"]
