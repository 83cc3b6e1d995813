"""Every shipped pattern, with models that lie: what reaches the answer is true, or there is none."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.swarm.liars import FILES, LIES, TRUE_FINDING, answer, lay, script, true, untouched
from tests.swarm.runs import ScriptedModels, Tree, open_swarm, order

from sophia_mcp.swarm.gates import Ground
from sophia_mcp.swarm.patterns import PATTERNS, Pattern
from sophia_mcp.swarm.swarm import Swarm
from sophia_mcp.types import Order, RunReport

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("swarm.lies")]

SHIPPED = PATTERNS.names()


@asynccontextmanager
async def opened(folder: Path, models: ScriptedModels) -> AsyncIterator[tuple[Swarm, Path]]:
    """A swarm with the shipped patterns, over a tree on disk."""
    root = lay(folder)

    async def ground(order: Order, pattern: Pattern, sources: Any) -> Ground:
        return Ground(sources.read, root=root)

    async with open_swarm(
        folder, models, tree=Tree(dict(FILES)), library=lambda order: PATTERNS, ground=ground
    ) as swarm:
        yield swarm, root


def wanted(name: str, provider: str = "scripted") -> Order:
    return order(
        pattern=name, provider=provider, paths=tuple(FILES), task="What is wrong, and since when?"
    )


async def ran(folder: Path, name: str, replies: Any) -> RunReport:
    async with opened(folder, ScriptedModels(replies)) as (swarm, root):
        report = await swarm.report(await swarm.start(wanted(name)), wait_s=40)
        untouched(root)
    return report


@pytest.mark.parametrize("name", SHIPPED)
async def test_what_is_true_comes_through(tmp_path: Path, name: str) -> None:
    pattern = PATTERNS.load(name)
    report = await ran(tmp_path, name, script(pattern, "truth"))
    assert report.status == "done", report.reason
    assert report.outcome is not None
    true(report.outcome, tmp_path)
    assert bool(report.outcome.patch) == ("patch" in pattern.gates)
    if "quotes" in pattern.gates:
        assert [finding.quote for finding in report.outcome.findings] == [TRUE_FINDING["quote"]]
    if "citations" in pattern.gates:
        assert report.outcome.summary == "- divide was added in version 3. [1]"
        assert [source.ref for source in report.outcome.sources] == ["docs/use.md"]
        assert any("no web connector is configured" in note for note in report.notes)
    assert all(gate.passed for gate in report.gates)


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("name", SHIPPED)
async def test_no_false_quote_and_no_broken_patch_reaches_the_answer(
    tmp_path: Path, name: str, lie: str
) -> None:
    pattern = PATTERNS.load(name)
    report = await ran(tmp_path, name, script(pattern, lie))
    assert report.status in ("done", "failed")
    true(report.outcome, tmp_path)
    if report.outcome is not None:
        assert not report.outcome.findings
        assert not report.outcome.sources
        assert not report.outcome.patch
    if "write" in {step.kind for step in pattern.steps}:
        assert report.status == "failed"
        assert "patch" in report.reason or "parses" in report.reason
    assert any(not gate.passed for gate in report.gates)


@pytest.mark.parametrize("name", SHIPPED)
async def test_of_a_mixture_only_the_truth_is_left(tmp_path: Path, name: str) -> None:
    report = await ran(tmp_path, name, script(PATTERNS.load(name), "half"))
    assert report.status == "done", report.reason
    assert report.outcome is not None
    true(report.outcome, tmp_path)
    assert len(report.outcome.findings) + len(report.outcome.sources) == 1


@pytest.mark.parametrize(
    ("name", "fail"),
    [
        *((name, fail) for name in SHIPPED for fail in ("bad_json", "endless")),
        *(("bug_fix", fail) for fail in ("cut", "server", "refused", "too_long")),
    ],
)
async def test_a_model_that_fails_ends_the_run_with_a_reason(
    tmp_path: Path, name: str, fail: str
) -> None:
    report = await ran(tmp_path, name, {"reply": [{"fail": fail}]})
    assert report.status in ("done", "failed")
    assert report.reason or report.notes
    true(report.outcome, tmp_path)
    assert report.outcome is None or not (report.outcome.findings or report.outcome.patch)


@pytest.mark.parametrize("value", ["text", 7, [], {}, {"findings": "x"}, {"unknown": 1}, None])
async def test_an_answer_of_another_shape_is_asked_again_and_then_fails(
    tmp_path: Path, value: Any
) -> None:
    replies = {"reply": [{"text": "null"} if value is None else {"json": value}]}
    report = await ran(tmp_path, "code_review", replies)
    assert report.status == "failed"
    assert report.reason


@pytest.mark.parametrize("name", SHIPPED)
async def test_silence_is_a_valid_outcome_and_says_so(tmp_path: Path, name: str) -> None:
    report = await ran(tmp_path, name, None)
    assert report.status == "done", report.reason
    assert report.outcome is not None
    assert report.outcome.summary
    assert not report.outcome.findings
    assert not report.outcome.patch


@pytest.mark.requirement("swarm.every_mode")
@pytest.mark.parametrize("provider", ["host", "sampling"])
@pytest.mark.parametrize("lie", ["truth", "false_quotes", "outside"])
@pytest.mark.parametrize("name", SHIPPED)
async def test_an_assistant_that_lies_gets_no_further_than_a_model(
    tmp_path: Path, name: str, lie: str, provider: str
) -> None:
    models = ScriptedModels()
    async with opened(tmp_path, models) as (swarm, root):
        run_id = await swarm.start(wanted(name, provider))
        rounds = 0
        while (report := await swarm.report(run_id, wait_s=40)).status == "needs_steps":
            rounds += 1
            assert rounds <= 8
            said = {step.key: answer(step.schema["properties"], lie) for step in report.steps}
            if provider == "host":
                await swarm.answer(run_id, said)
            else:  # the client's model says a text
                for key, value in said.items():
                    models.desk.answer(run_id, key, f"Here it is:\n{json.dumps(value)}")
        untouched(root)
    assert report.status in ("done", "failed")
    true(report.outcome, tmp_path)
    if lie in LIES and report.outcome is not None:
        found = (report.outcome.findings, report.outcome.sources, report.outcome.patch)
        assert not any(found)
    if lie == "truth":
        assert report.status == "done"
