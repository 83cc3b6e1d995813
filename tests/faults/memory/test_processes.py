"""Many processes remember at once, and some are killed: nothing that was acknowledged is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.memory.conftest import opened

from sophia_mcp.memory.memory import Caller
from sophia_mcp.types import Memo

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
PROCESSES = 8


class Crowd:
    """Processes that remember in one store."""

    def __init__(self, folder: Path) -> None:
        self.home, self.project = folder / "home", folder / "project"
        self.log = folder / "acknowledged"
        self.project.mkdir()
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, number: int, count: int) -> subprocess.Popen[str]:
        arguments = (self.home, self.project, number, count, self.log)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.memory.writer", *map(str, arguments)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def acknowledged(self) -> set[str]:
        lines = self.log.read_text().splitlines(keepends=True) if self.log.exists() else []
        return {line.strip() for line in lines if line.endswith("\n")}

    async def held(self) -> list[Memo]:
        """Everything in the store, by a process of its own."""
        async with opened(self.home / "state.db", self.project, time.time_ns()) as mind:
            _, found = await mind.memory.recall(None, Caller(project=self.project), limit=100_000)
        return list(found.memos)


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Crowd]:
    made = Crowd(tmp_path)
    yield made
    for process in made.processes:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.mark.requirement("memory.processes")
@pytest.mark.timeout(1500)
async def test_eight_processes_that_remember_at_once_lose_nothing(crowd: Crowd, long: bool) -> None:
    count = 1000 if long else 25
    for number in range(PROCESSES):
        crowd.start(number, count)
    for process in crowd.processes:
        said = process.communicate(timeout=1400)[0].splitlines()
        assert process.returncode == 0
        figures = json.loads(said[-1])
        print(figures)
        assert figures["errors"] == {}
    acknowledged, held = crowd.acknowledged(), await crowd.held()
    assert len(acknowledged) == PROCESSES * count
    assert sorted(memo.text for memo in held) == sorted(acknowledged)
    async with opened(crowd.home / "state.db", crowd.project, time.time_ns()) as mind:
        for text in random.Random(1).sample(sorted(acknowledged), 20):
            assert text in [memo.text for memo in await mind.found(text)]


@pytest.mark.requirement("memory.processes")
@pytest.mark.timeout(900)
async def test_a_process_killed_at_any_moment_loses_nothing_it_acknowledged(
    crowd: Crowd, long: bool, seed: int
) -> None:
    draw = random.Random(seed)
    for number in range(20 if long else 3):
        process = crowd.start(number, 100_000)
        assert process.stdout is not None
        process.stdout.readline()
        deadline = time.monotonic() + 60
        before = len(crowd.acknowledged())
        wanted = before + draw.randrange(1, 40)
        while len(crowd.acknowledged()) < wanted and time.monotonic() < deadline:
            os.sched_yield()
        process.send_signal(signal.SIGKILL)
        process.wait()
        held = {memo.text for memo in await crowd.held()}
        assert crowd.acknowledged() <= held
        assert len(held - crowd.acknowledged()) <= number + 1
