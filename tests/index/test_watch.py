"""A watched view follows its tree, and somebody else takes over when the watcher ends."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from tests.index.trees import commit_all, make_repository, open_index, shown, words

from sophia_mcp.index.build import Index
from sophia_mcp.index.turn import OWNER, SILENT_S, TTL_S
from sophia_mcp.index.views import View
from sophia_mcp.index.watch import watch
from sophia_mcp.store import leases

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("index.watch")]
Write = Callable[..., Path]


@asynccontextmanager
async def watching(index: Index, view: View) -> AsyncIterator[None]:
    armed = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: watch(index, view, armed=armed))
        with anyio.fail_after(20):
            await armed.wait()
        yield
        group.cancel_scope.cancel()


async def indexed(index: Index, tree: Write, source: str) -> tuple[Path, View]:
    """A folder with one file, ``a.py``, and its view."""
    root = tree({"a.py": source})
    await index.update(root)
    return root, await index.resolve(str(root))


async def until(check: Callable[[], object]) -> None:
    """Wait for what the watcher brings about; asked again after every change of the store."""
    with anyio.fail_after(20):
        while not await check():  # type: ignore[misc]
            await anyio.sleep(0.02)


@pytest.mark.requirement("index.watch")
async def test_an_edit_and_a_new_file_are_followed(index: Index, tree: Write) -> None:
    root, view = await indexed(index, tree, "def before(): pass\n")
    async with watching(index, view):
        (root / "a.py").write_text("def after(): pass\n")
        await until(lambda: words(index, view, "after"))
        assert await words(index, view, "befor") == set()
        (root / "b.py").write_text("def second(): pass\n")
        await until(lambda: words(index, view, "second"))
        (root / "a.py").unlink()

        async def gone() -> bool:
            return set(await shown(index, view)) == {"b.py"}

        await until(gone)


def replace_by_file(root: Path, name: str) -> None:
    """As editors save: the text is written elsewhere first."""
    (root / "../saved").write_text("x = 2\n")
    (root / "../saved").replace(root / name)


def replace_by_folder(root: Path, name: str) -> None:
    (root / name).unlink()
    (root / name).mkdir()
    (root / name / "f.py").write_text("x = 2\n")


@pytest.mark.requirement("index.watch", "index.skips_counted")
@pytest.mark.skipif(sys.platform == "win32", reason="there are no FIFOs")
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda root: replace_by_file(root, "link.py"), "link.py"),
        (lambda root: replace_by_file(root, "pipe.py"), "pipe.py"),
        (lambda root: (root / "large.py").write_text("x = 2\n"), "large.py"),
        (lambda root: replace_by_folder(root, "link.py"), "link.py/f.py"),
        (lambda root: replace_by_folder(root, "file.py"), "file.py/f.py"),
        (lambda root: shutil.rmtree(root / "inner" / ".git"), "inner/i.py"),
        (lambda root: (root / "env" / "pyvenv.cfg").unlink(), "env/e.py"),
        (lambda root: (root / ".sophiaignore").write_text(""), "asked.py"),
    ],
)
async def test_what_was_left_out_is_followed_as_soon_as_it_may_be_read(
    index: Index, tree: Write, change: Callable[[Path], object], expected: str
) -> None:
    root = tree(
        {
            "file.py": "x = 1\n",
            "large.py": "x = 1\n" * 200_000,
            "inner/i.py": "x = 2\n",
            "env/pyvenv.cfg": "",
            "env/e.py": "x = 2\n",
            "asked.py": "x = 2\n",
            ".sophiaignore": "asked.py\n.sophiaignore\n",
        }
    )
    make_repository(root / "inner")
    (root / "link.py").symlink_to(root / "nowhere.py")
    os.mkfifo(root / "pipe.py")
    await index.update(root)
    view = await index.resolve(str(root))
    assert set(await shown(index, view)) == {"file.py"}

    async def seen() -> bool:
        return expected in await shown(index, view)

    async with watching(index, view):
        change(root)
        await until(seen)


@pytest.mark.requirement("index.watch", "index.ignore_rules")
async def test_what_git_tracks_from_now_on_is_followed(index: Index, tree: Write) -> None:
    root = tree({"a.py": "x = 1\n", ".gitignore": "made/\n", "made/m.py": "x = 2\n"})
    repository = make_repository(root)
    commit_all(repository)
    await index.update(root)
    view = await index.resolve(str(root))
    assert "made/m.py" not in await shown(index, view)

    async def tracked() -> bool:
        return "made/m.py" in await shown(index, view)

    async with watching(index, view):
        repository.index.add("made/m.py")
        repository.index.write()
        await until(tracked)


@pytest.mark.requirement("index.watch", "index.ignore_rules")
async def test_a_rule_of_the_repository_around_a_folder_is_followed(index: Index, tree: Write) -> None:
    top = tree({"lib/pkg/a.py": "x = 1\n", "lib/pkg/made.py": "x = 2\n"})
    make_repository(top)
    await index.update(top / "lib" / "pkg")
    view = await index.resolve(str(top / "lib" / "pkg"))
    assert "made.py" in await shown(index, view)

    async def gone() -> bool:
        return "made.py" not in await shown(index, view)

    async with watching(index, view):
        (top / ".gitignore").write_text("made.py\n")
        await until(gone)


@pytest.mark.requirement("index.watch", "index.ignore_rules")
async def test_a_folder_follows_the_repository_around_it_that_ignores_the_whole_of_it_no_more(
    index: Index, tree: Write
) -> None:
    top = tree({".gitignore": "lib/\n*.log\n", "lib/a.py": "x = 1\n", "lib/b.log": "x = 2\n"})
    make_repository(top)
    await index.update(top / "lib")
    view = await index.resolve(str(top / "lib"))
    assert "b.log" in await shown(index, view)

    async def gone() -> bool:
        return set(await shown(index, view)) == {"a.py"}

    async with watching(index, view):
        (top / ".gitignore").write_text("*.log\n")
        await until(gone)


@pytest.mark.requirement("index.watch")
async def test_files_of_a_folder_made_with_them_are_followed(index: Index, tree: Write) -> None:
    root, view = await indexed(index, tree, "x = 1\n")
    async with watching(index, view):
        deep = root / "new" / "deeper"
        deep.mkdir(parents=True)
        (deep / "c.py").write_text("def far_away(): pass\n")
        await until(lambda: words(index, view, "far"))
        (deep / "c.py").write_text("def nearer_now(): pass\n")
        await until(lambda: words(index, view, "nearer"))


@pytest.mark.requirement("index.watch")
async def test_a_folder_that_was_replaced_by_one_of_its_name_is_followed(
    index: Index, tree: Write
) -> None:
    root = tree({"a.py": "x = 1\n", "sub/b.py": "def first_one(): pass\n"})
    await index.update(root)
    view = await index.resolve(str(root))
    async with watching(index, view):
        shutil.rmtree(root / "sub")
        tree({"sub/b.py": "def second_one(): pass\n"})
        await until(lambda: words(index, view, "second"))
        (root / "sub/b.py").write_text("def third_one(): pass\n")
        await until(lambda: words(index, view, "third"))


@pytest.mark.requirement("index.watch")
async def test_watching_ends_when_the_folder_is_gone(index: Index, tree: Write) -> None:
    root, view = await indexed(index, tree, "x = 1\n")
    armed = anyio.Event()
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: watch(index, view, armed=armed))
            await armed.wait()
            shutil.rmtree(root)
    tree({"a.py": "def again(): pass\n"})
    await index.reconcile(view)
    assert await words(index, view, "again") == {"a.py"}


@pytest.mark.parametrize("followed", [False, True], ids=["alone", "followed"])
@pytest.mark.requirement("index.watch")
async def test_a_tree_that_was_emptied_is_looked_at_by_whoever_asks(
    index: Index, tree: Write, followed: bool
) -> None:
    root, view = await indexed(index, tree, "def first_one(): pass\n")
    (root / "a.py").unlink()
    await index.reconcile(view, now=True)
    if followed:
        index.live(view, 60)  # says a watcher whose next events are still to come
    tree({"a.py": "def again(): pass\n"})
    await index.reconcile(view)
    assert await words(index, view, "again") == {"a.py"}


@pytest.mark.requirement("index.watch")
async def test_a_watcher_takes_no_thread_from_questions(index: Index, tree: Write) -> None:
    """Those that wait for a thread share forty."""
    _, view = await indexed(index, tree, "x = 1\n")
    shared = anyio.to_thread.current_default_thread_limiter()
    async with watching(index, view):
        taken = []
        for _ in range(10):
            await anyio.sleep(0.02)
            taken.append(shared.borrowed_tokens)
    assert taken == [0] * 10


@pytest.mark.requirement("index.watch")
async def test_another_branch_is_followed(index: Index, tree: Write) -> None:
    root = tree({"a.py": "x = 1\n"})
    repository = make_repository(root)
    commit_all(repository)
    await index.update(root)
    view = await index.resolve(str(root))
    async with watching(index, view):
        repository.branches.local.create("other", repository[repository.head.target])
        repository.checkout("refs/heads/other")

        async def switched() -> bool:
            return (await index.resolve(str(root))).branch == "other"

        await until(switched)


@pytest.mark.requirement("index.watch")
async def test_one_process_watches_and_the_next_takes_over(
    index: Index, tree: Write, tmp_path: Path
) -> None:
    _, view = await indexed(index, tree, "x = 1\n")
    name = f"watch:{view.id}"
    async with watching(index, view):
        assert await leases.owner_of(index.storage.database, name) is not None
        assert not await leases.take(index.storage.database, name, "somebody else", 1)
    assert await leases.take(index.storage.database, name, "somebody else", 1)


@pytest.mark.requirement("index.watch")
async def test_a_tree_is_looked_at_as_soon_as_its_watcher_has_ended(index: Index, tree: Write) -> None:
    root, view = await indexed(index, tree, "def before(): pass\n")
    async with watching(index, view):
        pass
    (root / "a.py").write_text("def after(): pass\n")
    _let_pass(index, view, 2)
    await index.reconcile(view)
    assert await words(index, view, "after") == {"a.py"}


@pytest.mark.requirement("index.watch")
async def test_a_watcher_that_overslept_takes_over_again(index: Index, tree: Write) -> None:
    _, view = await indexed(index, tree, "x = 1\n")
    database, name = index.storage.database, f"watch:{view.id}"

    async def watched_by_us() -> bool:
        return await leases.owner_of(database, name) == OWNER

    other = await anyio.run_process([sys.executable, "-c", "import os; print(os.getpid())"])
    ended = f"{platform.node()}:{int(other.stdout)}:x"
    async with watching(index, view):
        late = time.time_ns() + 3_600_000_000_000
        assert await leases.take(database, name, ended, 60, clock=lambda: late)
        await until(watched_by_us)


@pytest.mark.requirement("index.watch")
async def test_a_tree_that_another_process_watches_is_not_looked_at_twice(
    index: Index, tree: Write, tmp_path: Path
) -> None:
    root, view = await indexed(index, tree, "def before(): pass\n")
    await leases.take(index.storage.database, f"watch:{view.id}", "elsewhere:1:x", 60)
    (root / "a.py").write_text("def after(): pass\n")
    async with open_index(tmp_path / "store") as second:
        await second.reconcile(view)
        assert await words(second, view, "after") == set()
        await leases.release(index.storage.database, f"watch:{view.id}", "elsewhere:1:x")
        await second.reconcile(view)
        assert await words(second, view, "after") == {"a.py"}


@pytest.mark.requirement("index.watch", "search.fresh")
async def test_a_watcher_that_does_not_renew_its_lease_is_not_relied_on(
    index: Index, tree: Write, tmp_path: Path
) -> None:
    """It may have met a full disk, which keeps it from giving the lease back."""
    root, view = await indexed(index, tree, "def before(): pass\n")
    a_while_ago = time.time_ns() - int(SILENT_S + 1) * 1_000_000_000
    name = f"watch:{view.id}"
    await leases.take(index.storage.database, name, "elsewhere:1:x", TTL_S, clock=lambda: a_while_ago)
    (root / "a.py").write_text("def after(): pass\n")
    async with open_index(tmp_path / "store") as second:
        await second.reconcile(view)
        assert await words(second, view, "after") == {"a.py"}


@pytest.mark.requirement("index.watch", "search.fresh")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells so in /proc")
async def test_a_watcher_that_was_halted_is_not_relied_on(
    index: Index, tree: Write, tmp_path: Path
) -> None:
    """By Ctrl-Z: it has its lease, and sees nothing."""
    root, view = await indexed(index, tree, "def before(): pass\n")
    with subprocess.Popen(["sleep", "60"]) as watcher:
        try:
            watcher.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, watcher.pid, os.WSTOPPED | os.WNOWAIT)
            owner = f"{platform.node()}:{watcher.pid}:x"
            await leases.take(index.storage.database, f"watch:{view.id}", owner, TTL_S)
            (root / "a.py").write_text("def after(): pass\n")
            async with open_index(tmp_path / "store") as second:
                await second.reconcile(view)
                assert await words(second, view, "after") == {"a.py"}
        finally:
            watcher.kill()


@pytest.mark.requirement("index.incremental")
async def test_one_of_several_processes_looks_at_a_tree_that_nobody_watches(
    index: Index, tree: Write, tmp_path: Path
) -> None:
    root, view = await indexed(index, tree, "def before(): pass\n")
    database, name = index.storage.database, f"look:{view.id}"
    now = time.time_ns()
    index.clock = lambda: now
    await leases.take(database, name, "elsewhere:1:x", 1, clock=index.clock)
    (root / "a.py").write_text("def after(): pass\n")
    _let_pass(index, view, 2)
    await index.reconcile(view)
    assert await words(index, view, "after") == set()
    async with open_index(tmp_path / "store") as begun:
        await begun.reconcile(view)  # its first look is its own
        assert await words(begun, view, "after") == {"a.py"}
    (root / "a.py").write_text("def later(): pass\n")
    await leases.release(database, name, "elsewhere:1:x")
    await index.reconcile(view)
    assert await words(index, view, "later") == {"a.py"}
    assert await leases.owner_of(database, name, clock=index.clock) == OWNER  # which spares the others


@pytest.mark.requirement("index.incremental")
async def test_a_tree_is_looked_at_after_the_clock_was_set_back(index: Index, tree: Write) -> None:
    root, view = await indexed(index, tree, "def before(): pass\n")
    yesterday = time.time_ns() - 86_400_000_000_000
    # Another process looked, and asks nothing more that would say so again by the new time.
    await leases.take(index.storage.database, f"look:{view.id}", "elsewhere:1:x", 1)
    index.clock = lambda: yesterday
    (root / "a.py").write_text("def after(): pass\n")
    _let_pass(index, view, 2)
    await index.reconcile(view)
    assert await words(index, view, "after") == {"a.py"}


def _let_pass(index: Index, view: View, seconds: float) -> None:
    """As if the last look at the tree had been so much earlier."""
    index.trees.seen(view).checked -= seconds
