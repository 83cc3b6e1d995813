"""One measured process: child.py PART HOME ROOT [OPTION ...], which prints its times as one JSON line.

Each part is a process of its own, so that its processor time and memory are its own. All of it goes
through the calls that the tools and the command line use.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.speed.corpus import git  # noqa: E402
from benchmarks.speed.questions import asked  # noqa: E402

from sophia_mcp.app import App, open_app  # noqa: E402
from sophia_mcp.errors import SophiaError  # noqa: E402
from sophia_mcp.index import views  # noqa: E402
from sophia_mcp.index.views import View  # noqa: E402
from sophia_mcp.settings import load  # noqa: E402
from sophia_mcp.types import LOCAL, Request  # noqa: E402

EDITED = 60
SWITCHED = 200
MARK = "quartzmarmoset"
MODES = {"words": "auto", "symbol": "symbol", "regex": "regex"}
"""How each sort of question is asked."""
OTHERS = 20
"""Names that questions of the sorts that are not timed are about, so that memory is that of all sorts."""


def now() -> float:
    return time.perf_counter()


async def cold(home: Path, root: Path, *_: str) -> dict[str, Any]:
    """Seconds from the start of indexing to the first hit, to ``ready``, and to the end of the run."""
    started, first, ready = now(), 0.0, 0.0
    async with open_app(load(None, home=home)) as app:
        run = await app.start_index(str(root), trusted=True)
        while not run.done.is_set():
            with anyio.move_on_after(0.25):
                await run.done.wait()
            if not first:
                answer = await app.answer(
                    Request("class definition", repo=str(root)), project=root, wait_s=0
                )
                first = now() - started if answer.hits else 0.0
            if not ready:
                view = await views.find(await app.database(), root)
                ready = now() - started if view is not None and view.state == "ready" else 0.0
        await run.wait(0)
        assert run.report is not None
        done = now() - started
        return {
            "first": first or done,
            "searchable": ready or done,
            "done": done,
            "files": run.report.files_indexed,
            "chunks": run.report.chunks,
            "memory": _memory(),
        }


async def edit(home: Path, root: Path, *_: str) -> dict[str, Any]:
    """Milliseconds from the delivered event to the new view, and to an answer that holds the edit."""
    async with open_app(load(None, home=home)) as app:
        view = await _view(app, root)
        chosen = random.Random(1).sample(await _shown(app, view), EDITED)
        index = await app.index()
        await app.answer(Request("warm up", repo=str(root)), project=root)
        await index.warm()
        known, found = [], []
        for number, file in enumerate([chosen[0], *chosen]):
            before = file.read_bytes()
            word = f"{MARK}{os.getpid()}n{number}"
            file.write_bytes(before + f"\n\ndef {word}():\n    return {number}\n".encode())
            path = file.relative_to(root).as_posix()
            started = now()
            index.live(view, 30)  # the watcher that delivered the event vouches for the rest
            await index.refresh(view, [path], wait=True)
            known.append((now() - started) * 1e3)
            answer = await app.answer(Request(word, repo=str(root)), project=root)
            found.append((now() - started) * 1e3)
            assert any(word in hit.text for hit in answer.hits), (path, answer.notes)
            file.write_bytes(before)
            await index.refresh(view, [path], wait=True)
        return {"known": known[1:], "found": found[1:]}


async def switch(home: Path, root: Path, *_: str) -> dict[str, Any]:
    """Seconds to bring the view to another branch of 200 changed files, and back."""
    _branch(root)
    seconds = []
    async with open_app(load(None, home=home)) as app:
        view = await _view(app, root)
        index = await app.index()
        await index.reconcile(view, now=True)
        for _time in range(3):
            for branch in ("other", "main"):
                git(root, "checkout", "-q", branch)
                started = now()
                await index.reconcile(view, now=True)
                seconds.append(now() - started)
                answer = await app.answer(Request(f"{MARK}_branch", repo=str(root)), project=root)
                shown = any(f"{MARK}_branch" in hit.text for hit in answer.hits)
                assert shown == (branch == "other"), (branch, answer.notes)
    return {"first": seconds[0], "seconds": seconds[1:]}


async def worktree(home: Path, root: Path, *_: str) -> dict[str, Any]:
    """Seconds and bytes of one more worktree of what is indexed; removed again."""
    seconds, grown = [], []
    async with open_app(load(None, home=home)) as app:
        database = await app.database()
        await app.index()
        for turn in range(5):
            place = root.parent / f"{root.name}-worktree-{turn}"
            subprocess.run(["rm", "-rf", place], check=True)
            git(root, "worktree", "prune")
            git(root, "worktree", "add", "-q", "--detach", str(place))
            try:
                before = await _used(database)
                started = now()
                run = await app.start_index(str(place), trusted=True)
                while not await run.wait(60):
                    pass
                seconds.append(now() - started)
                grown.append(await _used(database) - before)
                assert run.report is not None
                assert run.report.state == "ready"
                index = await app.index()
                await index.forget(await _view(app, place))
            finally:
                git(root, "worktree", "remove", "--force", str(place))
    return {"seconds": seconds, "bytes": grown}


async def query(home: Path, root: Path, *options: str) -> dict[str, Any]:
    """Milliseconds of calls of search_code through an MCP client in the same process."""
    # Imported here: what only indexes or only asks does not pay for a client.
    from mcp import Client

    from sophia_mcp.server.build import build_server

    @asynccontextmanager
    async def opened(project: Path | None) -> AsyncIterator[App]:
        async with open_app(load(project, home=home, index={"watch": "watched" in options})) as app:
            yield app

    count = int(options[0])
    questions = asked(root, count)
    times: dict[str, list[float]] = {}
    async with Client(build_server(opened, root=root)) as client:

        async def call(text: str, mode: str) -> float:
            started = now()
            result = await client.call_tool("search_code", {"query": text, "mode": mode})
            assert not result.is_error, result.content
            return (now() - started) * 1e3

        first = await call("where is the first answer", "auto")
        for sort, mode in MODES.items():
            for text in questions[sort][:5]:
                await call(text, mode)
        if "watched" in options:
            await anyio.sleep(8)  # until the watcher follows every folder
        for sort, mode in MODES.items():
            times[sort] = [await call(text, mode) for text in questions[sort]]
        for text in questions["symbol"][:OTHERS]:
            for mode in ("references", "callers", "similar"):
                await call(text, mode)
        await call(".", "outline")
        return {"first": first, "times": times, "memory": _memory()}


async def reader(home: Path, root: Path, *options: str) -> dict[str, Any]:
    """Milliseconds of answers for so many seconds, from one of several processes: one after the other
    without pause, or, where seconds from one question to the next are given, each counted from when it was
    to be asked. That is some moment of its turn, so that processes meet in every way."""
    seconds, number, signals, every = float(options[0]), options[1], Path(options[2]), float(options[3])
    questions = asked(root, 200)["words"]
    rng = random.Random(int(number))
    rng.shuffle(questions)
    planned = [(turn + rng.random()) * every for turn in range(int(seconds / every))] if every else None
    times: list[float] = []
    errors: list[str] = []
    async with open_app(load(None, home=home)) as app:
        for text in questions[:3]:
            await app.answer(Request(text, repo=str(root)), project=root)
        (signals / number).touch()
        while not (signals / "go").exists():
            await anyio.sleep(0.05)
        began, worked = now(), time.process_time()
        while len(times) < len(planned) if planned else now() < began + seconds:
            started = began + planned[len(times)] if planned else now()
            await anyio.sleep(max(started - now(), 0))
            try:
                await app.answer(Request(questions[len(times) % 200], repo=str(root)), project=root)
            except SophiaError as error:
                errors.append(repr(error))
            times.append((now() - started) * 1e3)
        return {"times": times, "errors": errors, "cpu": time.process_time() - worked}


async def writer(home: Path, root: Path, *options: str) -> dict[str, Any]:
    """Edits of one file after another until so many seconds have passed, each of them undone by the next: without
    pause, or so many seconds from one to the next."""
    every = float(options[1])
    rng = random.Random(2)
    written = 0
    async with open_app(load(None, home=home)) as app:
        view = await _view(app, root)
        files = await _shown(app, view)
        index = await app.index()
        end = now() + float(options[0])
        while now() < end:
            file = rng.choice(files)
            before = file.read_bytes()
            for content in (before + f"\n# {MARK} {written}\n".encode(), before):
                started = now()
                file.write_bytes(content)
                await index.refresh(view, [file.relative_to(root).as_posix()], wait=True)
                written += 1
                await anyio.sleep(max(started + every - now(), 0))
    return {"written": written}


async def _view(app: App, root: Path) -> View:
    view = await views.find(await app.database(), root)
    assert view is not None, f"{root} is not indexed"
    return view


async def _shown(app: App, view: View) -> list[Path]:
    """Python files of a common size that the view shows: generated ones are left out of it."""
    async with (await app.database()).read(LOCAL) as tx:
        rows = await tx.rows(
            "SELECT path FROM files WHERE view_id = :view AND size < 60000 AND path LIKE '%.py' ORDER BY path",
            {"view": view.id},
        )
    return [Path(view.root, path) for (path,) in rows]


async def _used(database: Any) -> int:
    """Bytes of the pages that hold something."""
    async with database.read(LOCAL) as tx:
        found = [
            int((await tx.rows(f"PRAGMA {name}"))[0][0]) for name in ("page_count", "freelist_count")
        ]
        size = int((await tx.rows("PRAGMA page_size"))[0][0])
    return (found[0] - found[1]) * size


def _branch(root: Path) -> None:
    """A branch ``other`` on which 200 files are different, and as no store has seen them."""
    known = subprocess.run(
        ["git", "rev-parse", "-q", "--verify", "other"], cwd=root, capture_output=True, check=False
    )
    if known.returncode == 0:
        git(root, "branch", "-q", "-D", "other")
    git(root, "checkout", "-q", "-b", "other")
    files = sorted(p for p in root.rglob("*.py") if p.stat().st_size < 60_000)
    for order, file in enumerate(random.Random(3).sample(files, SWITCHED)):
        name = f"{MARK}_branch_{os.getpid()}_{order}"
        file.write_bytes(file.read_bytes() + f"\n\ndef {name}():\n    pass\n".encode())
    git(root, "commit", "-q", "-a", "-m", "200 other files")
    git(root, "checkout", "-q", "main")


def _memory() -> dict[str, int]:
    """Resident bytes of this process: in all, and what is its own and not a mapped file's."""
    rows = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {name: int(rows[name].split()[0]) << 10 for name in ("VmRSS", "VmHWM", "RssAnon")}


PARTS = {part.__name__: part for part in (cold, edit, switch, worktree, query, reader, writer)}


def main() -> None:
    part, home, root, *options = sys.argv[1:]
    print(json.dumps(anyio.run(PARTS[part], Path(home), Path(root), *options)))


if __name__ == "__main__":
    main()
