"""Disks fail, power goes, processes die: a store loses nothing that was acknowledged and is never
half-written. The counts are small unless ``--long`` is given; each program prints its figures."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.faults.store import batches
from tests.faults.store.killed_migration import PACKAGES

from sophia_mcp.errors import StoreDamaged
from sophia_mcp.store import backup, leases
from sophia_mcp.store.engines.sqlite import open_database
from sophia_mcp.store.failures import damage_mark
from sophia_mcp.types import LOCAL

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]


def program(name: str, *arguments: object, timeout: float = 1500) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", f"tests.faults.store.{name}", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    print(name, *arguments, figures)
    return dict(figures)


@pytest.mark.requirement("store.nth_write_fails")
@pytest.mark.timeout(1600)
@pytest.mark.parametrize("durability", ["derived", "truth"])
def test_a_write_or_sync_that_fails_at_any_point_leaves_only_whole_units(
    durability: str, long: bool
) -> None:
    figures = program("refused_writes", durability, 100_000 if long else 30)
    assert figures["points"] >= (500 if long else 30)
    assert figures["violations"] == []
    assert figures["DiskFull"] > 0


@pytest.mark.requirement("store.power_cut")
@pytest.mark.timeout(1600)
def test_a_power_cut_never_loses_an_acknowledged_write_of_the_truth(long: bool, seed: int) -> None:
    figures = program("power_cuts", "truth", 400 if long else 25, seed)
    assert figures["corrupt"] == []
    assert figures["cuts_that_lost"] == 0


@pytest.mark.requirement("store.power_cut")
@pytest.mark.timeout(1600)
def test_a_power_cut_never_corrupts_what_is_derived(long: bool, seed: int) -> None:
    figures = program("power_cuts", "derived", 400 if long else 25, seed)
    assert figures["corrupt"] == []


class Crowd:
    """Processes on one store."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.acknowledged = path.parent / "acknowledged"
        self.processes: list[subprocess.Popen[str]] = []

    def add(self, role: str, seconds: float, number: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.faults.store.crowd",
                role,
                str(self.path),
                str(seconds),
                str(number),
                str(self.acknowledged),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def figures(self) -> list[dict[str, Any]]:
        """What the processes that were not killed printed at their end."""
        found = []
        for process in self.processes:
            out = process.communicate(timeout=300)[0].splitlines()
            if process.returncode == 0:
                found.append(json.loads(out[-1]))
        return found

    def written(self) -> set[int]:
        lines = self.acknowledged.read_text().splitlines(keepends=True)
        return {int(line) for line in lines if line.endswith("\n")}


@pytest.fixture
async def crowd(tmp_path: Path) -> Crowd:
    path = tmp_path / "index.db"
    db = await open_database(path, durability="derived")
    await db.migrate(batches.TABLES, leases.MIGRATIONS)
    for batch in range(40):
        await batches.write(db, batch)
    await db.close()
    return Crowd(path)


@pytest.fixture
def stopped(crowd: Crowd) -> Iterator[None]:
    yield
    for process in crowd.processes:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


async def sound(path: Path) -> set[int]:
    """The batches of a store in which nothing is wrong."""
    db = await open_database(path, durability="derived")
    held, wrong = await batches.state(db)
    await db.close()
    assert wrong == []
    assert not damage_mark(path).exists()
    return set(held)


@pytest.mark.requirement("store.many_processes")
@pytest.mark.usefixtures("stopped")
@pytest.mark.timeout(300)
async def test_eight_processes_with_one_writer_meet_no_lock_error(crowd: Crowd, long: bool) -> None:
    seconds = 20 if long else 3
    crowd.add("write", seconds, 1000)
    for number in range(7):
        crowd.add("ask", seconds, number * 17)
    figures = crowd.figures()
    for each in figures:
        print(each)
    assert len(figures) == 8
    assert [each["errors"] for each in figures] == [{}] * 8
    assert min(each["count"] for each in figures) > 0
    assert crowd.written() <= await sound(crowd.path)


@pytest.mark.usefixtures("stopped")
@pytest.mark.timeout(900)
async def test_writers_killed_at_any_moment_lose_nothing_acknowledged(
    crowd: Crowd, long: bool, seed: int
) -> None:
    draw = random.Random(seed)
    kills = 100 if long else 6
    running = [crowd.add("write", 600, 10_000 * (slot + 1)) for slot in range(3)]
    for kill in range(kills):
        victim = draw.randrange(len(running))
        assert running[victim].stdout is not None
        assert running[victim].stdout.readline() == "go\n"
        time.sleep(draw.uniform(0.0, 0.15))  # where in its work it dies is the point
        running[victim].send_signal(signal.SIGKILL)
        running[victim].wait()
        running[victim] = crowd.add("write", 600, 100_000 * (kill + 1))
    for process in running:
        process.kill()
        process.wait()
    written = crowd.written()
    print(f"{kills} kills, {len(written)} acknowledged batches")
    assert len(written) > kills / 2
    assert written <= await sound(crowd.path)


@pytest.mark.requirement("store.migrations")
@pytest.mark.timeout(900)
async def test_a_migration_killed_at_any_statement_resumes_or_rolled_back(
    tmp_path: Path, long: bool
) -> None:
    statement, died = 1, 0
    while True:
        path = tmp_path / f"{statement}.db"
        command = [
            sys.executable,
            "-m",
            "tests.faults.store.killed_migration",
            str(path),
            str(statement),
        ]
        ended = subprocess.run(command, cwd=ROOT, timeout=60).returncode
        if ended == 0:
            break
        assert ended == 9
        died += 1
        db = await open_database(path, durability="truth")
        async with db.read(LOCAL) as tx:
            names = {name for (name,) in await tx.rows("SELECT name FROM sqlite_schema")}
            steps = await tx.rows("SELECT package FROM migrations") if "migrations" in names else []
        recorded = {package for (package,) in steps}
        first_tables = {"leases": "leases", "jobs": "jobs", "cache": "cache", "index": "repos"}
        assert {package for package, table in first_tables.items() if table in names} == recorded
        await db.migrate(*PACKAGES)
        async with db.read(LOCAL) as tx:
            steps = await tx.rows("SELECT package, number FROM migrations")
            assert len(steps) == sum(len(package.steps) for package in PACKAGES)
            await tx.rows("SELECT count(*) FROM vectors")
        await db.close()
        statement += 1 if long else 7
    print(f"killed at {died} statements")
    assert died >= 5


@pytest.mark.requirement("store.damage_detected")
async def test_every_flipped_bit_of_the_truth_is_noticed(tmp_path: Path, long: bool, seed: int) -> None:
    draw = random.Random(seed)
    path = tmp_path / "state.db"
    db = await open_database(path, durability="truth")
    await db.migrate(batches.TABLES)
    for batch in range(10):
        await batches.write(db, batch)
    await db.close()
    whole = path.read_bytes()
    copy = tmp_path / "copy.db"
    missed = []
    for _ in range(1000 if long else 60):
        harmed = bytearray(whole)
        at, bit = draw.randrange(len(harmed)), draw.randrange(8)
        harmed[at] ^= 1 << bit
        copy.write_bytes(harmed)
        try:
            await backup.verify(copy)
            missed.append((at, bit))
        except StoreDamaged:
            pass
    assert missed == []
    copy.write_bytes(whole)
    await backup.verify(copy)


async def test_pages_zeroed_or_cut_off_are_noticed_and_a_derived_store_is_made_anew(
    tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    path = tmp_path / "index.db"
    db = await open_database(path, durability="derived")
    await db.migrate(batches.TABLES)
    for batch in range(10):
        await batches.write(db, batch)
    await db.close()
    whole = path.read_bytes()
    for harm in ("head", "zeros", "cut"):
        harmed = bytearray(whole)
        if harm == "head":
            harmed[:100] = draw.randbytes(100)
        elif harm == "zeros":
            for page in range(1, len(harmed) // 4096):
                harmed[page * 4096 : (page + 1) * 4096] = bytes(4096)
        else:
            harmed = harmed[: len(harmed) // 2]
        path.write_bytes(harmed)
        for _ in range(2):  # noticed, and at the next opening replaced
            try:
                db = await open_database(path, durability="derived")
                await db.migrate(batches.TABLES)
                held, wrong = await batches.state(db)
                await db.close()
            except StoreDamaged:
                await db.close()
                continue
            if not wrong:
                break
        db = await open_database(path, durability="derived")
        await db.migrate(batches.TABLES)
        held, wrong = await batches.state(db)
        assert (held, wrong) == ([], [])
        await batches.write(db, 1)
        await db.close()
        damage_mark(path).unlink(missing_ok=True)


FULL = """
import anyio, pathlib, resource, sys
from sophia_mcp.errors import DiskFull
from sophia_mcp.store.engines.sqlite import open_database
from tests.faults.store import batches

async def main():
    db = await open_database(pathlib.Path(sys.argv[1]), durability=sys.argv[2])
    await db.migrate(batches.TABLES)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    refused = 0
    for batch in range(40):
        try:
            await batches.write(db, batch)
        except DiskFull as error:
            refused += 1
            assert "next" in str(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await batches.write(db, 50)
    held, wrong = await batches.state(db)
    await db.close()
    print(refused, len(held), wrong)

anyio.run(main)
"""


@pytest.mark.parametrize("durability", ["derived", "truth"])
def test_a_file_that_may_not_grow_is_a_clear_error_and_nothing_is_half_written(
    tmp_path: Path, durability: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "store.db"), durability],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    refused, held, wrong = done.stdout.split(maxsplit=2)
    assert int(refused) > 0
    assert int(held) >= 1
    assert wrong.strip() == "[]"


READ_ONLY = """
import anyio, os, pathlib, sys
from sophia_mcp.errors import DiskFull
from sophia_mcp.store.engines.sqlite import open_database
from sophia_mcp.types import LOCAL

async def main():
    home = pathlib.Path(sys.argv[1])
    if os.geteuid() == 0:  # who may write anywhere
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    try:
        db = await open_database(home / "index.db", durability="derived")
        async with db.read(LOCAL) as tx:
            await tx.rows("SELECT 1")
    except DiskFull as error:
        print(error)

anyio.run(main)
"""


async def test_a_store_that_another_user_made_in_ones_own_folder_says_what_to_do() -> None:
    """As a run with `sudo` leaves it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        (Path(folder) / "index.db").touch(mode=0)
        done = await anyio.run_process([sys.executable, "-c", READ_ONLY, folder], cwd=ROOT, stderr=None)
        said = done.stdout.decode()
    assert "may not be read and written by you: another user may have made it" in said
    assert f"next: take over all of {folder}" in said


@pytest.mark.parametrize("mode", [0o555, 0], ids=["read-only", "closed"])
async def test_a_store_that_may_not_be_written_says_what_to_do(mode: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        db = await open_database(home / "index.db", durability="derived")
        await db.migrate(batches.TABLES)
        await db.close()
        (home / "index.db").chmod(0o444)
        home.chmod(mode)
        done = await anyio.run_process(
            [sys.executable, "-c", READ_ONLY, str(home)], cwd=ROOT, stderr=None
        )
        home.chmod(0o755)
    said = done.stdout.decode()
    assert "could not open index.db" in said
    assert f"{home} may not be written" in said
    assert "set SOPHIA_HOME to a copy of that folder" in said


async def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    def opened() -> int:
        return len(os.listdir("/proc/self/fd"))

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc")
    before = opened()
    for _ in range(5):
        db = await open_database(tmp_path / "state.db", durability="truth")
        await db.migrate(leases.MIGRATIONS)
        async with anyio.create_task_group() as tasks:
            for name in "abc":
                tasks.start_soon(leases.take, db, name, "me", 5.0)
        await db.close()
    assert opened() <= before + 1
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > before
