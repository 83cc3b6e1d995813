"""A run of the index belongs to no caller: whoever leaves or fails, the next question is answered."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from tests.index.trees import commit_all, make_repository

from sophia_mcp.app import App, open_app
from sophia_mcp.errors import NotIndexed, SophiaError
from sophia_mcp.index.views import View
from sophia_mcp.settings import load
from sophia_mcp.types import LOCAL, Request

pytestmark = pytest.mark.anyio


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "calc.py").write_text("def divide(a, b):\n    return a / b\n")
    return root


def write_many(project: Path) -> None:
    """So many files that a run over them can be cancelled before its end."""
    for number in range(400):
        (project / f"m{number}.py").write_text(f"def f{number}():\n    return {number}\n")


@asynccontextmanager
async def opened(tmp_path: Path, **index: Any) -> AsyncIterator[App]:
    flags: dict[str, Any] = {
        "embed": {"provider": "hashing"},
        "index": {"workers": 1, "watch": False, **index},
    }
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


async def test_a_project_that_became_a_link_is_answered_from_where_it_leads(
    tmp_path: Path, project: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "calc.py").write_text("def multiply(a, b):\n    return a * b\n")
    async with opened(tmp_path) as app:
        await (await app.start_index(str(project), trusted=True)).wait(20)
        project.rename(project.with_name("away"))
        project.symlink_to(other)
        answer = await app.answer(Request("multiply", mode="symbol"), project=project, wait_s=20)
    assert [(hit.repo, hit.path) for hit in answer.hits] == [("other", "calc.py")]


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


@pytest.mark.requirement("index.cancel")
async def test_a_cancelled_run_is_answered_from_and_only_begun_again_by_who_asks_for_it(
    tmp_path: Path, project: Path
) -> None:
    write_many(project)
    async with opened(tmp_path) as app:
        run = await app.start_index(str(project), trusted=True)
        await run.registered()
        index = await app.index()
        assert await index.cancel(await app.existing(None, project))
        with pytest.raises(SophiaError, match="cancelled"):
            await run.wait(20)
        for _ in range(2):
            answer = await app.answer(Request("divide"), project=project, wait_s=20)
            assert (answer.index.state, answer.index.files_total) == ("failed", 401)
            assert answer.index.files_indexed < 401
            assert not any(note.startswith("not here:") for note in answer.notes)
            assert any(f'index_repo(path="{project}")' in note for note in answer.notes)
            await (await app.index()).reconcile(await app.existing(None, project), now=True)
        await (await app.begin(None, project)).wait(20)
        answer = await app.answer(Request("divide"), project=project)
        assert (answer.index.state, answer.index.files_indexed) == ("ready", 401)
    assert [hit.path for hit in answer.hits] == ["calc.py"]


@pytest.mark.requirement("index.cancel", "search.partial")
async def test_a_question_while_a_cancelled_run_comes_to_its_end_is_answered_and_begins_no_other(
    tmp_path: Path, project: Path
) -> None:
    write_many(project)
    async with opened(tmp_path) as app, opened(tmp_path) as other:
        run = await app.start_index(str(project), trusted=True)
        await run.registered()
        report, asked = await app.cancel(None, project)
        assert (report.state, asked) == ("failed", True)
        for asker in (app, other):
            answer = await asker.answer(Request("divide"), project=project, wait_s=20)
            assert (answer.index.state, answer.index.files_indexed < 401) == ("failed", True)
        assert not other.runs
        with pytest.raises(SophiaError, match="cancelled"):
            await run.wait(20)
        assert not any("cancelled" in note for note in (await app.reports(project))[0].notes)


@pytest.mark.requirement("search.partial")
async def test_a_question_does_not_wait_while_a_whole_index_is_read_again(
    tmp_path: Path, project: Path
) -> None:
    write_many(project)
    async with opened(tmp_path) as app:
        await (await app.start_index(str(project), trusted=True)).wait(60)
        again = await app.start_index(str(project), full=True)
        while (await app.existing(None, project)).state != "indexing":
            await anyio.lowlevel.checkpoint()
        answer = await app.answer(Request("divide"), project=project, wait_s=60)
        assert not again.done.is_set()
        assert [hit.path for hit in answer.hits] == ["calc.py"]
        assert answer.index.files_indexed == 401
        await app.stop(again)


@pytest.mark.requirement("search.partial")
async def test_hundreds_of_changed_files_are_read_though_whoever_asked_gives_up(
    tmp_path: Path, project: Path
) -> None:
    async with opened(tmp_path) as app:
        await (await app.start_index(str(project), trusted=True)).wait(60)
    write_many(project)
    async with opened(tmp_path) as app, anyio.create_task_group() as tasks:
        with anyio.CancelScope() as asked:

            async def leave() -> None:
                while not app.runs:
                    await anyio.sleep(0.01)
                asked.cancel()

            tasks.start_soon(leave)
            await app.answer(Request("f17"), project=project)
        assert asked.cancelled_caught
        (run,) = app.runs.values()
        assert await run.wait(60)
        answer = await app.answer(Request("f17"), project=project)
        assert answer.hits[0].path == "m17.py"


async def test_a_run_that_waits_for_one_of_the_same_folder_is_cancelled_with_it(
    tmp_path: Path, project: Path
) -> None:
    write_many(project)
    async with opened(tmp_path) as app:
        first = await app.start_index(str(project), trusted=True)
        await first.registered()
        second = await app.start_index(str(project), full=True)
        _, asked = await app.cancel(str(project), None)
        assert asked
        for run in (first, second):
            with pytest.raises(SophiaError, match="cancelled"):
                await run.wait(20)
        _, asked = await app.cancel(str(project), None)
        assert not asked


@pytest.mark.requirement("index.cancel", "index.clone")
async def test_a_clone_is_cancelled_while_the_other_side_is_silent(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/a/b"
        async with opened(tmp_path, allow_clone=True) as app:
            run = await app.begin(url, None)
            held, _ = await anyio.to_thread.run_sync(silent.accept)
            with held:
                report, asked = await app.cancel(url, None)
                assert (report.state, asked) == ("failed", True)
                with pytest.raises(SophiaError, match="cancelled"):
                    await run.wait(10)


@pytest.mark.requirement("index.cancel", "index.clone")
async def test_a_clone_in_one_process_is_known_to_another_and_cancelled_by_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/a/b"
        async with opened(tmp_path, allow_clone=True) as app, opened(tmp_path) as other:
            run = await app.begin(url, None)
            held, _ = await anyio.to_thread.run_sync(silent.accept)
            with held:
                with pytest.raises(NotIndexed, match="it is being cloned"):
                    await other.existing(url, None)
                report, asked = await other.cancel(url, None)
                assert (report.state, asked) == ("failed", True)
                with pytest.raises(SophiaError, match="cancelled"):
                    await run.wait(20)
            with pytest.raises(NotIndexed, match="never cloned"):
                await other.cancel(url, None)


async def test_what_is_asked_for_while_a_run_is_going_on_is_done_after_it(
    tmp_path: Path, project: Path
) -> None:
    (project / "notes.md").write_text("# Notes\n")
    async with opened(tmp_path) as app:
        first = await app.start_index(str(project))
        assert await app.start_index(str(project)) is first
        without = await app.start_index(str(project), exclude=["*.md"])
        assert without is not first
        assert await app.start_index(str(project), exclude=["*.md"]) is without
        assert await app.start_index(str(project)) is without
        assert await without.wait(20)
        assert without.report is not None
        assert without.report.files_indexed == 1
        plain = await app.start_index(str(project))
        again = await app.start_index(str(project), full=True)
        assert await again.wait(20)
        assert plain.report is not None
        assert again.report is not None
        assert (plain.report.files_changed, again.report.files_changed) == (0, 1)


async def test_a_clone_is_found_by_its_url_and_forgotten_with_its_folder(
    tmp_path: Path, project: Path
) -> None:
    url = "https://me@example.org/a/calc.git"
    async with opened(tmp_path) as app:
        with pytest.raises(NotIndexed, match="never cloned"):
            await app.existing(url, None)
        folder = tmp_path / "home" / "clones" / "example.org" / "a" / "calc"
        folder.parent.mkdir(parents=True)
        project.rename(folder)
        await (await app.start_index(str(folder))).wait(20)
        assert (await app.existing(url, None)).root == str(folder)
        answer = await app.answer(Request("divide", repo=url), project=None, wait_s=20)
        assert answer.hits[0].path == "calc.py"
        assert not await app.forget(await _indexed(app, tmp_path))
        assert (tmp_path / "own" / "own.py").exists()
        assert await app.forget(await app.existing(url, None))
        assert not folder.exists()


@pytest.mark.requirement("index.collect", "index.clone")
async def test_a_clone_that_was_forgotten_for_want_of_room_goes_with_a_later_run(
    tmp_path: Path, project: Path
) -> None:
    folder = tmp_path / "home" / "clones" / "example.org" / "a" / "calc"
    (folder / ".git").mkdir(parents=True)
    os.utime(folder / ".git", (0, 0))
    async with opened(tmp_path) as app:
        await (await app.start_index(str(project))).wait(20)
    assert not folder.exists()


async def _indexed(app: App, tmp_path: Path) -> View:
    own = tmp_path / "own"
    own.mkdir()
    (own / "own.py").write_text("x = 1\n")
    await (await app.start_index(str(own), trusted=True)).wait(20)
    return await app.existing(str(own), None)


@pytest.mark.requirement("index.names")
async def test_what_a_run_has_made_of_a_tag_with_an_at_in_it_is_told(
    tmp_path: Path, project: Path
) -> None:
    """As those of packages that share a repository are: ``@scope/lib@2.0.0``."""
    repository = make_repository(project)
    commit_all(repository)
    repository.references.create("refs/tags/lib@2.0.0", repository.head.target)
    async with opened(tmp_path) as app:
        run = await app.begin(f"{project}@lib@2.0.0", project)
        assert await run.wait(20)
        report = await app.report(run)
    assert (report.repo, report.state) == ("project@lib@2.0.0", "ready")


@pytest.mark.requirement("index.watch")
async def test_a_folder_is_watched_once_however_often_that_is_asked_for(
    tmp_path: Path, project: Path
) -> None:
    async with opened(tmp_path) as app:
        assert await (await app.start_index(str(project))).wait(20)
        async with anyio.create_task_group() as group:
            group.start_soon(app.watch, project)
            with anyio.fail_after(20):
                while not app.watched:
                    await anyio.sleep(0.01)
                await app.watch(project)
            group.cancel_scope.cancel()
        assert not app.watched


@pytest.mark.requirement("index.watch")
async def test_a_folder_that_is_forgotten_and_indexed_again_is_watched_again(
    tmp_path: Path, project: Path
) -> None:
    """Its first watcher hears of that seconds later."""
    async with opened(tmp_path) as app:
        for _ in range(2):
            assert await (await app.begin(str(project), project, watch=True)).wait(20)
            view = await app.existing(None, project)
            with anyio.fail_after(20):
                while (await app.existing(None, project)).generation == view.generation:
                    (project / "calc.py").write_text(f"x = {time.time_ns()}\n")
                    await anyio.sleep(0.5)
            await app.forget(view)


@pytest.mark.requirement("index.collect")
async def test_a_question_counts_as_a_use_of_what_it_asks_about(tmp_path: Path, project: Path) -> None:
    async with opened(tmp_path) as app:
        await (await app.start_index(str(project))).wait(20)
        database = await app.database()
        async with database.write(LOCAL) as tx:
            await tx.run("UPDATE views SET used_ns = 5")
        await app.answer(Request("divide"), project=project, wait_s=20)
        with anyio.fail_after(20):
            while (await app.existing(None, project)).used_ns == 5:
                await anyio.sleep(0.01)
