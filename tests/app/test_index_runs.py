"""A run of the index belongs to no caller: whoever leaves or fails, the next question is answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from sophia_mcp.app import App, open_app
from sophia_mcp.errors import SophiaError
from sophia_mcp.settings import load
from sophia_mcp.types import Request

pytestmark = pytest.mark.anyio


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "calc.py").write_text("def divide(a, b):\n    return a / b\n")
    return root


@asynccontextmanager
async def opened(tmp_path: Path) -> AsyncIterator[App]:
    flags: dict[str, Any] = {"embed": {"provider": "hashing"}, "index": {"workers": 1, "watch": False}}
    async with open_app(load(home=tmp_path / "home", **flags)) as app:
        yield app


async def test_a_caller_that_gives_up_while_the_index_opens_leaves_no_run_that_never_ends(
    tmp_path: Path, project: Path
) -> None:
    async with opened(tmp_path) as app:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await app.start_index(str(project))
        assert scope.cancelled_caught
        run = await app.start_index(str(project))
        assert await run.wait(20)
        assert run.report is not None
        assert run.report.state == "ready"


async def test_the_error_of_a_run_is_not_that_of_every_later_question(
    tmp_path: Path, project: Path
) -> None:
    away = project.with_name("away")
    async with opened(tmp_path) as app:
        await (await app.start_index(str(project), trusted=True)).wait(20)
        project.rename(away)
        with pytest.raises(SophiaError):
            await (await app.start_index(str(project), trusted=True)).wait(20)
        away.rename(project)
        answer = await app.answer(Request("divide"), project=project, wait_s=20)
    assert [hit.path for hit in answer.hits] == ["calc.py"]


async def test_a_question_after_a_cancelled_run_is_answered(tmp_path: Path, project: Path) -> None:
    for number in range(400):
        (project / f"m{number}.py").write_text(f"def f{number}():\n    return {number}\n")
    async with opened(tmp_path) as app:
        run = await app.start_index(str(project), trusted=True)
        await run.registered()
        index = await app.index()
        assert await index.cancel(await app.existing(None, project))
        with pytest.raises(SophiaError, match="cancelled"):
            await run.wait(20)
        answer = await app.answer(Request("divide"), project=project, wait_s=20)
    assert [hit.path for hit in answer.hits] == ["calc.py"]
