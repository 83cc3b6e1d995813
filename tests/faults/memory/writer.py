"""One of several processes that remember: ``python -m tests.faults.memory.writer HOME PROJECT NUMBER COUNT LOG``.

Appends the text of every memory whose writing was acknowledged to LOG, synced, and prints what it met.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

import anyio

from sophia_mcp.app import open_app
from sophia_mcp.errors import SophiaError
from sophia_mcp.memory.memory import Caller, Note
from sophia_mcp.settings import load

WORDS = "amber birch cedar delta ember fjord grove heron islet jetty kelp larch maple nectar otter pebble".split()


def text(number: int, turn: int) -> str:
    """What this process says at this turn; nobody else says it."""
    draw = random.Random(number * 1_000_003 + turn)
    name = "".join(draw.choice("bdfgklmnprst") + draw.choice("aeiou") for _ in range(4))
    return f"Process {number} saw {name} at {turn}: {' '.join(draw.sample(WORDS, 5))}"


async def main(home: Path, project: Path, number: int, count: int, log: Path) -> None:
    errors: Counter[str] = Counter()
    slowest = 0.0
    acknowledged = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    async with open_app(load(None, home=home)) as app:
        memory = await app.memory()
        print("go", flush=True)
        for turn in range(count):
            started = time.perf_counter()
            try:
                done = await memory.remember(Note(text(number, turn)), Caller(project=project))
                assert done.state == "added", done
            except SophiaError as error:
                errors[f"{type(error).__name__}: {error}"] += 1
                continue
            slowest = max(slowest, time.perf_counter() - started)
            os.write(acknowledged, (text(number, turn) + "\n").encode())
            os.fsync(acknowledged)
    print(json.dumps({"errors": dict(errors), "slowest_s": round(slowest, 2)}))


if __name__ == "__main__":
    home, project, number, count, log = sys.argv[1:]
    anyio.run(main, Path(home), Path(project), int(number), int(count), Path(log))
