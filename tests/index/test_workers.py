"""Workers may die; what they were asked for is still answered."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.to_thread
import psutil
import pytest
from tests.fresh import imported
from tests.index import encoders
from tests.index.trees import shown, skipped

from sophia_mcp.errors import NoWorker
from sophia_mcp.index.build import Index
from sophia_mcp.index.changes import in_order
from sophia_mcp.index.disk.stamp import Stamp, stamp_of
from sophia_mcp.index.parsing import parse
from sophia_mcp.index.workers.messages import (
    Gone,
    Outcome,
    Place,
    Prepared,
    Refused,
    Task,
    Unchanged,
)
from sophia_mcp.index.workers.pool import BATCH_FILES, CRASHED, Pool, cut
from sophia_mcp.index.workers.prepare import Preparer
from sophia_mcp.index.workers.reading import blob_hash
from sophia_mcp.types import Parsed

pytestmark = pytest.mark.anyio
Write = Callable[..., Path]


def task(root: Path, path: str, **more: str) -> Task:
    stamp = stamp_of(str(root / path))
    assert stamp is not None
    return Task(path, stamp, **more)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers find the encoders of these tests."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


async def prepare(pool: Pool, root: Path, tasks: list[Task]) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}

    async def take(outcomes: list[Outcome]) -> None:
        found.update({outcome.path: outcome for outcome in outcomes})

    try:
        await pool.run(Place(str(root)), tasks, take)
    finally:
        await pool.close()
    return found


@pytest.mark.requirement("index.skips_counted")
async def test_each_kind_of_outcome(tree: Write) -> None:
    root = tree({"a.py": "def f(): pass\n", "same.py": "x = 1\n", "gone.py": "", "b.txt": "b"})
    (root / "b.txt").write_bytes(b"\0\1\2\3")
    tasks = [
        task(root, "a.py"),
        task(root, "same.py", known=blob_hash(b"x = 1\n")),
        task(root, "gone.py"),
        task(root, "b.txt"),
    ]
    (root / "gone.py").unlink()
    found = await prepare(Pool(size=1), root, tasks)
    assert {path: type(outcome) for path, outcome in found.items()} == {
        "a.py": Prepared,
        "same.py": Unchanged,
        "gone.py": Gone,
        "b.txt": Refused,
    }
    first = found["a.py"]
    assert isinstance(first, Prepared)
    assert (first.hash, first.language) == (blob_hash(b"def f(): pass\n"), "python")


def test_a_worker_loads_nothing_that_files_on_disk_do_not_need() -> None:
    loaded = imported("import sophia_mcp.index.workers.worker")
    assert not loaded & {"pygit2", "pathspec", "re2", "charset_normalizer", "ssl"}


@pytest.mark.parametrize("text", ["DEADLY", "ENDLESS", "HUGE"])
@pytest.mark.requirement("index.parse_limit", "languages.bombs")
async def test_a_file_that_ends_its_worker_is_refused_and_the_others_are_not(
    tree: Write, text: str
) -> None:
    root = tree({f"f{i}.py": f"x = {i}\n" for i in range(6)} | {"f3.py": f"# {text}\n"})
    found = await prepare(
        Pool(encoders.Deadly, size=1), root, [task(root, f"f{i}.py") for i in range(6)]
    )
    assert len(found) == 6
    assert isinstance(found["f3.py"], Refused)
    assert found["f3.py"].reason.startswith("unreadable: ")
    assert all(isinstance(found[f"f{i}.py"], Prepared) for i in range(6) if i != 3)


@pytest.mark.requirement("index.parse_limit")
async def test_a_worker_that_grew_over_many_files_is_replaced(tree: Write) -> None:
    files = {f"f{i}.txt": f"line {i}\n" * 10_000 for i in range(30)}
    root = tree(files)
    found = await prepare(Pool(encoders.Hoarding, size=1), root, [task(root, path) for path in files])
    assert all(isinstance(found[path], Prepared) for path in files)


@pytest.mark.requirement("index.parse_limit")
async def test_a_model_that_memory_failed_in_the_middle_of_is_opened_anew(tree: Write) -> None:
    files = {f"f{i}.py": f"x = {i}\n" for i in range(6)}
    root = tree(files)
    found = await prepare(Pool(encoders.Interrupted, size=1), root, [task(root, path) for path in files])
    assert all(isinstance(found[path], Prepared) for path in files)


@pytest.mark.requirement("index.parse_limit")
async def test_a_worker_that_cannot_start_is_an_error_and_not_a_skip(tree: Write) -> None:
    root = tree({"a.py": "x = 1\n"})
    with pytest.raises(NoWorker, match="does not start"):
        await prepare(Pool(encoders.unopenable, size=1), root, [task(root, "a.py")])


@pytest.mark.requirement("index.parse_limit")
async def test_a_machine_that_starts_no_more_processes_is_a_clear_error(tree: Write) -> None:
    root = tree({"a.py": "x = 1\n"})
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        with pytest.raises(NoWorker, match=r"Too many open files.*lets you start more processes"):
            await prepare(Pool(size=1), root, [task(root, "a.py")])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.requirement("index.cancel")
async def test_no_worker_outlives_its_pool_nor_a_cancelled_run(tree: Write) -> None:
    root = tree({f"f{i}.py": f"x = {i}\n" for i in range(40)})
    before = set(psutil.Process().children(recursive=True))
    pool = Pool(size=2)
    with anyio.CancelScope() as scope:

        async def stop(outcomes: list[Outcome]) -> None:
            scope.cancel()
            await anyio.sleep(0)

        await pool.run(Place(str(root)), [task(root, f"f{i}.py") for i in range(40)], stop)
    assert scope.cancelled_caught
    await pool.close()
    left = set(psutil.Process().children(recursive=True)) - before
    assert not [child for child in left if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.requirement("index.parse_limit")
async def test_a_worker_takes_no_thread_from_questions(tree: Write) -> None:
    """Those that wait for a thread share forty, and a large machine has more workers."""
    root = tree({f"{name}.py": "def f(): pass\n" * 200 for name in "abcdef"})
    pool, shared, taken = Pool(size=1), anyio.to_thread.current_default_thread_limiter(), set()
    await pool.warm()

    async def look() -> None:
        while True:
            taken.add(shared.borrowed_tokens)
            await anyio.sleep(0.001)

    async def take(_: list[Outcome]) -> None:
        """They are of no interest here."""

    async with anyio.create_task_group() as group:
        group.start_soon(look)
        await pool.run(Place(str(root)), [task(root, f"{name}.py") for name in "abcdef"], take)
        group.cancel_scope.cancel()
    await pool.close()
    assert taken == {0}


@pytest.mark.requirement("index.parse_limit")
async def test_an_idle_worker_that_went_away_is_replaced(tree: Write) -> None:
    root = tree({"a.py": "x = 1\n"})
    pool = Pool(size=1)
    found: list[Outcome] = []

    async def take(outcomes: list[Outcome]) -> None:
        found.extend(outcomes)

    await pool.run(Place(str(root)), [task(root, "a.py")], take)
    for child in psutil.Process().children():
        if "sophia_mcp.index.workers.worker" in " ".join(child.cmdline()):
            child.kill()
    await pool.run(Place(str(root)), [task(root, "a.py")], take)
    await pool.close()
    assert [type(outcome) for outcome in found] == [Prepared, Prepared]


@pytest.mark.requirement("index.no_processes")
async def test_a_worker_does_not_import_from_the_folder_it_stands_in(
    tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(
        {"a.py": "x = 1\n", "numpy.py": "raise SystemExit(3)\n", "pickle.py": "raise SystemExit(3)\n"}
    )
    monkeypatch.chdir(root)
    found = await prepare(Pool(size=1), root, [task(root, "a.py")])
    assert isinstance(found["a.py"], Prepared)


@pytest.mark.requirement("index.incremental")
def test_batches_keep_the_order_and_stay_small(tree: Write) -> None:
    root = tree({"a.py": "x = 1\n"})
    tasks = [task(root, "a.py")._replace(path=f"{i}.py") for i in range(100)]
    batches = cut(tasks)
    assert [item for batch in batches for item in batch] == tasks
    assert max(map(len, batches)) <= BATCH_FILES
    assert cut([]) == []


def terms(outcome: Outcome) -> tuple[Outcome, list[list[list[str]]]]:
    """A prepared file, whenever it was looked at, and its words, however many spaces stand between them."""
    assert isinstance(outcome, Prepared)
    plain = outcome._replace(stamp=Stamp(0, 0, 0), words=[])
    return plain, [[field.split() for field in row] for row in outcome.words]


async def test_copies_are_prepared_as_each_of_them_is_alone(tree: Write) -> None:
    text = "class Cart:\n    def add(self, item):\n        return item\n"
    paths = ["a/cart.py", "b/trolley.py", "b/cart.js", "c/cart.py"]
    root = tree(dict.fromkeys(paths, text))
    tasks = [task(root, path) for path in paths]
    together = await prepare(Pool(encoders.Deadly, size=1), root, tasks)
    for each in tasks:
        alone = await prepare(Pool(encoders.Deadly, size=1), root, [each])
        assert terms(together[each.path]) == terms(alone[each.path])


def test_a_copy_of_the_file_before_it_is_not_parsed_again(
    tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"a.py": "x = 1\n", "b/c.py": "x = 2\n", "b/d.py": "x = 1\n"}
    root = tree(files)
    paths = in_order(files, {path: blob_hash(text.encode()) for path, text in files.items()})
    parsed: list[str] = []

    def counted(text: str, language: str | None) -> Parsed:
        parsed.append(text)
        return whole(text, language)

    whole = parse.parse
    monkeypatch.setattr(parse, "parse", counted)
    preparer = Preparer(Place(str(root)), None)
    preparer.finish([preparer.cut(task(root, path)) for path in paths])
    assert (paths, parsed) == (["a.py", "b/d.py", "b/c.py"], ["x = 1\n", "x = 2\n"])


@pytest.mark.requirement("index.skips_counted")
async def test_a_refused_file_is_listed_and_not_read_again_until_it_changes(
    index: Index, tree: Write
) -> None:
    root = tree({"a.py": "x = 1\n", "b.txt": "text"})
    (root / "b.txt").write_bytes(b"\0\1\2\3")
    old = 1_600_000_000
    for name in ("a.py", "b.txt"):
        os.utime(root / name, (old, old))
    await index.update(root)
    view = await index.resolve(str(root))
    assert await skipped(index, view) == {"b.txt": "binary"}
    (root / "b.txt").write_text("now it is text\n")
    await index.update(root)
    assert set(await shown(index, view)) == {"a.py", "b.txt"}
    assert CRASHED not in str(await skipped(index, view))
