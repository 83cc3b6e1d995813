"""Every hit says whether its text is that of the disk: fresh, reindexed or stale."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import pytest
from tests.search.conftest import Asked
from tests.search.sample import FILES

from sophia_mcp.store import leases

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.fresh")]

OLD, NEW = "def add_money", "def sum_money"


def edit(own: Asked) -> None:
    """Change a file unseen: a watcher has promised to report changes and has not done so yet."""
    own.index.live(own.view, 600)
    (own.root / "shop/money.py").write_text(FILES["shop/money.py"].replace(OLD, NEW))


@pytest.mark.parametrize(("format", "said"), [("text", "(reindexed)"), ("json", '"reindexed"')])
async def test_a_file_read_again_for_the_answer_is_called_reindexed(
    own: Asked, format: str, said: str
) -> None:
    edit(own)
    text = await own.text("add_money", format=format)
    assert said in text
    assert OLD not in text
    assert said not in await own.text("add_money", format=format)


async def test_a_file_that_cannot_be_read_again_in_time_is_called_stale(own: Asked) -> None:
    edit(own)
    repository = f"index:{own.view.repo_id}"
    assert await leases.take(own.engine.database, repository, "elsewhere:1:x", 600)
    answer = await own("add_money")
    assert {hit.path: hit.freshness for hit in answer.hits}["shop/money.py"] == "stale"
    assert answer.index.stale_files == 1
    assert {hit.freshness for hit in answer.hits if hit.path != "shop/money.py"} <= {"fresh"}
    assert "(stale)" in await own.text("add_money")


async def test_a_file_that_went_away_gives_no_hit_that_is_called_fresh(own: Asked) -> None:
    own.index.live(own.view, 600)
    (own.root / "shop/money.py").unlink()
    answer = await own("add_money")
    assert all(hit.freshness == "stale" for hit in answer.hits if hit.path == "shop/money.py")


@pytest.mark.requirement("search.not_here")
@pytest.mark.parametrize("followed", ["here", "elsewhere", ""])
@pytest.mark.parametrize("asked", ["add_kelvin", "kelvin of a furnace", r"kelvin\("])
async def test_nothing_is_said_to_be_missing_before_the_tree_was_looked_at_once_more(
    own: Asked, asked: str, followed: str
) -> None:
    assert "not here:" in await own.text(asked)
    if followed == "here":
        own.index.live(own.view, 600)  # says a watcher whose next events are still to come
    elif followed:
        await leases.take(own.engine.database, f"watch:{own.view.id}", "elsewhere:1:x", 600)
    (own.root / "shop/heat.py").write_text("def add_kelvin(furnace):\n    return furnace + 1\n")
    answer = await own(asked)
    assert [hit.path for hit in answer.hits][:1] == ["shop/heat.py"]
    assert "not here:" not in "".join(answer.notes)


@pytest.mark.requirement("search.not_here")
@pytest.mark.parametrize("what", ["shop/money.py", "shop"])
@pytest.mark.parametrize("followed", ["here", "elsewhere", ""])
async def test_what_was_moved_is_found_at_its_new_place(own: Asked, what: str, followed: str) -> None:
    """The hit is known by its old path, so that the first search misses nothing."""
    assert {hit.path for hit in (await own("add_money")).hits} >= {"shop/money.py"}
    if followed == "here":
        own.index.live(own.view, 600)
    elif followed:
        await leases.take(own.engine.database, f"watch:{own.view.id}", "elsewhere:1:x", 600)
    moved = what.replace("shop", "kiosk") if "/" not in what else "shop/coins.py"
    (own.root / what).rename(own.root / moved)
    answer = await own("add_money")
    assert answer.hits[0].path == (moved if "/" in moved else f"{moved}/money.py")
    assert answer.hits[0].freshness != "stale"
    assert not any((own.root / hit.path).exists() is False for hit in answer.hits)
    assert "not here:" not in "".join(answer.notes)


@pytest.mark.requirement("search.not_here")
async def test_a_definition_that_went_to_a_new_file_is_found_there(own: Asked) -> None:
    """Its old file is still there, and read again for the answer."""
    edit(own)
    (own.root / "shop/coins.py").write_text(f"{OLD}(a, b):\n    return a + b\n")
    answer = await own("add_money", mode="symbol")
    assert answer.hits[0].path == "shop/coins.py"
    assert "not here:" not in "".join(answer.notes)


@contextmanager
def full_disk() -> Iterator[None]:
    """Files that are longer than a page may not grow any more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_what_a_full_disk_keeps_out_of_an_answer_is_said_in_it(own: Asked) -> None:
    own.index.trees.seen(own.view).behind = True
    with full_disk():
        fresh = await own("add_money")
        (own.root / "shop/rebates.py").write_text("def halve_rebate(): pass\n")
        (own.root / "shop/money.py").write_text(FILES["shop/money.py"].replace(OLD, NEW))
        own.index.trees.seen(own.view).behind = True
        for _ in range(2):  # the next one, too, within the second in which nobody looks again
            missed = await own.text("halve_rebate")
            assert "is not in this answer: could not read or write index.db" in missed
            assert "next: check space" in missed
            assert "not here:" not in missed
        stale = await own("add_money")
    assert {hit.freshness for hit in fresh.hits} == {"fresh"}
    assert {hit.path: hit.freshness for hit in stale.hits}["shop/money.py"] == "stale"
    assert (await own("halve_rebate")).hits[0].path == "shop/rebates.py"


@pytest.mark.parametrize("watched", [False, True], ids=["unwatched", "watched by another process"])
async def test_what_waits_for_a_run_over_another_tree_of_the_repository_is_said(
    own: Asked, watched: bool
) -> None:
    own.index.trees.seen(own.view).behind = True
    if watched:
        assert await leases.take(own.engine.database, f"watch:{own.view.id}", "elsewhere:2:x", 600)
    repository = f"index:{own.view.repo_id}"
    assert await leases.take(own.engine.database, repository, "elsewhere:1:x", 600)
    (own.root / "shop/rebates.py").write_text("def halve_rebate(): pass\n")
    for _ in range(2):
        missed = await own.text("halve_rebate")
        assert "is not in this answer: another run over this repository is at work" in missed
        assert "not here:" not in missed
    await leases.release(own.engine.database, repository, "elsewhere:1:x")
    await leases.release(own.engine.database, f"watch:{own.view.id}", "elsewhere:2:x")
    assert (await own("halve_rebate")).hits[0].path == "shop/rebates.py"


async def test_what_could_not_be_brought_in_is_said_without_another_look(own: Asked) -> None:
    own.index.trees.seen(own.view).behind = True
    database, repository = own.engine.database, f"index:{own.view.repo_id}"
    assert await leases.take(database, repository, "elsewhere:1:x", 600)
    (own.root / "shop/rebates.py").write_text("def halve_rebate(): pass\n")
    first = await own.text("halve_rebate")
    looked = time.monotonic()
    second = await own.text("halve_rebate")
    since = time.monotonic() - looked
    assert own.index.trees.seen(own.view).age >= since
    # The other run has ended, and a third process looks now: what it finds is not stored yet.
    await leases.release(database, repository, "elsewhere:1:x")
    now = time.time_ns()
    own.index.clock = lambda: now
    assert await leases.take(database, f"look:{own.view.id}", "elsewhere:2:x", 1, clock=own.index.clock)
    third = await own.text("halve_rebate")
    for missed in (first, second, third):
        assert "is not in this answer" in missed
        assert "not here:" not in missed


async def test_what_a_watcher_waits_to_bring_in_is_said(own: Asked) -> None:
    own.index.trees.seen(own.view).behind = True
    own.index.live(own.view, 600)
    (own.root / "shop/rebates.py").write_text("def halve_rebate(): pass\n")
    missed = ""

    async def ask() -> None:
        nonlocal missed
        missed = await own.text("halve_rebate")

    # The watcher holds the lock for as long as it waits.
    async with own.index._steps.queue.free(own.view), anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
    assert "is not in this answer: another run over this repository is at work" in missed
    assert "not here:" not in missed
