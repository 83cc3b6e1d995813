"""How fast is memory when there is much of it? Writes and recalls at 100,000 memories, truth on disk.

    .venv/bin/python benchmarks/memory/run.py --save
    .venv/bin/python benchmarks/memory/run.py --items 10000 --questions 100

The store is filled row by row in batches, then asked through the facade that the tools
call: each question is words of a memory drawn by a fixed seed, with two of them left out and the order
changed. Times are those of the wall, with the processor time of this process beside them: on a busy
machine only the latter says much. One memory in ten is anchored to a file of a small tree. Between
questions something is remembered now and then, so that recall also takes up changes. Last, eight
processes write a thousand memories each into one store at once, and another counts what is there.
Results go to benchmarks/results/memory-<commit>.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import anyio

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.speed.figures import bytes_of, keep, load_now, options, spread  # noqa: E402

from sophia_mcp.app import App, open_app  # noqa: E402
from sophia_mcp.memory import repos, rows  # noqa: E402
from sophia_mcp.memory.anchors import Pin, pin  # noqa: E402
from sophia_mcp.memory.memory import Caller, Memory, Note  # noqa: E402
from sophia_mcp.memory.rows import Kept  # noqa: E402
from sophia_mcp.memory.similar import digest  # noqa: E402
from sophia_mcp.settings import load  # noqa: E402
from sophia_mcp.store.text import TextRow  # noqa: E402
from sophia_mcp.types import Memo  # noqa: E402
from sophia_mcp.words import text_terms  # noqa: E402

SEED = 20261121
FILES = 200
BATCH = 200
PROCESSES = 8
KINDS = ("fact", "decision", "lesson", "preference")

SUBJECTS = "cache parser scheduler ledger gateway invoice session webhook retry migration index router tokenizer exporter cart login queue worker upload report budget timeline editor plugin deploy".split()
VERBS = "keeps drops rejects renews batches sorts compresses masks rounds locks splits retries signs encodes merges counts validates expires rewrites streams".split()
OBJECTS = "rows headers amounts tokens chunks events leases prices cookies paths errors payloads hashes quotas columns frames timestamps names keys messages".split()
REASONS = "latency memory privacy billing backups upgrades mobile auditors clients parsers races outages locales fixtures browsers replicas invoices support".split()


def sentence(draw: random.Random, number: int) -> str:
    """A statement nobody else made: its words come from lists, its names are drawn."""
    name = "".join(draw.choice("bcdfghklmnprstvz") + draw.choice("aeiou") for _ in range(3))
    return (
        f"The {draw.choice(SUBJECTS)} {name}_{number % 977} {draw.choice(VERBS)} {draw.choice(OBJECTS)} and "
        f"{draw.choice(VERBS)} {draw.choice(OBJECTS)} before {draw.choice(OBJECTS)}, because of "
        f"{draw.choice(REASONS)} and {draw.choice(REASONS)} in release {draw.randrange(90)}."
    )


def question(draw: random.Random, text: str) -> str:
    """Words of a memory, some left out, in another order."""
    words = [word.strip(".,") for word in text.split() if len(word) > 3]
    kept = draw.sample(words, max(3, len(words) - 2))
    return " ".join(kept[:8])


def tree(root: Path) -> Path:
    """A small tree to anchor to."""
    for number in range(FILES):
        place = root / f"part{number % 10}" / f"mod{number}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        body = "\n\n\n".join(
            f"def step_{number}_{at}(value):\n    return value + {at}" for at in range(20)
        )
        place.write_text(f'"""Module {number}."""\n\n\n{body}\n')
    return root


async def fill(app: App, memory: Memory, root: Path, count: int) -> list[str]:
    """Put memories in, in batches of one transaction; returns their texts."""
    draw = random.Random(SEED)
    repo = await memory.places.repo(None, root, trusted=True)
    places = [f"part{n % 10}/mod{n}.py" for n in range(0, FILES, 4)]
    pins = []
    for first in range(0, len(places), 8):
        pins += await pin(root, places[first : first + 8], memory.shelf.find)
    texts = [sentence(draw, number) for number in range(count)]
    for first in range(0, count, BATCH):
        await _batch(memory, repo, texts, range(first, min(first + BATCH, count)), pins)
    return texts


async def _batch(memory: Memory, repo: Any, texts: list[str], numbers: range, pins: list[Pin]) -> None:
    now, finder = time.time_ns(), memory.shelf.finder
    words: list[TextRow] = []
    async with memory.shelf.db.write(memory.shelf.scope) as tx:
        space = await repos.settle(tx, "repo", repo)
        changed = await rows.touch(tx, space.id)
        number = await rows.next_number(tx)
        for at in numbers:
            memo = Memo(
                rows.new_id(),
                texts[at],
                KINDS[at % 4],  # type: ignore[arg-type]
                "repo",
                space.name,
                "lasting",
                "assistant",
                now - at * 1_000_000,
                now,
                0,
                0,
            )
            await rows.insert(tx, Kept(memo, number, space.id, 0, 0, digest(texts[at])), changed)
            await finder.put(tx, number, finder.vector(texts[at]))
            words.append(TextRow(number, ("", "", "", "", "", " ".join(text_terms(texts[at])))))
            if at % 10 == 0:
                await rows.put_pins(tx, memo.id, [pins[at % len(pins)]])
            number += 1
        await finder.text.add(tx, space.id, words)


async def measure(items: int, questions: int, writes: int, place: Path | None) -> dict[str, Any]:
    """Fill, open again as a new process would, then time recalls and writes."""
    with tempfile.TemporaryDirectory(prefix="sophia-memory-") as own:
        folder = place or Path(own)
        root, home = tree(folder / "project"), folder / "home"
        caller = Caller(project=root)
        known = home.exists()
        draw, filling = random.Random(SEED + 1), random.Random(SEED)
        async with open_app(load(None, home=home)) as app:
            started = time.perf_counter()
            if known:
                texts = [sentence(filling, number) for number in range(items)]
            else:
                texts = await fill(app, await app.memory(), root, items)
            filled = time.perf_counter() - started
        async with open_app(load(None, home=home)) as app:
            memory = await app.memory()
            started = time.perf_counter()
            await _ask(memory, "warm up the words and vectors", caller)
            first = time.perf_counter() - started
            found, asked, mixed = 0, [], []
            spent = time.process_time()
            for _ in range(questions):
                wanted = texts[draw.randrange(items)]
                put = question(draw, wanted)
                started = time.perf_counter()
                memos = await _ask(memory, put, caller)
                asked.append((time.perf_counter() - started) * 1e3)
                found += any(memo.text == wanted for memo in memos)
            recall_cpu = (time.process_time() - spent) * 1e3 / questions
            listed = []
            for _ in range(20):
                started = time.perf_counter()
                _, page = await memory.recall(None, caller)
                listed.append((time.perf_counter() - started) * 1e3)
                assert page.total >= items
            written = []
            write_cpu = 0.0
            for turn in range(writes):
                note = Note(sentence(draw, items + turn) + f" Case {turn}.", source="assistant")
                started, spent = time.perf_counter(), time.process_time()
                await memory.remember(note, caller)
                written.append((time.perf_counter() - started) * 1e3)
                write_cpu += (time.process_time() - spent) * 1e3
                if turn % 4 == 0:
                    put = question(draw, texts[draw.randrange(items)])
                    started = time.perf_counter()
                    await _ask(memory, put, caller)
                    mixed.append((time.perf_counter() - started) * 1e3)
        return {
            "items": items,
            "fill_s": round(filled, 1),
            "first_recall_s": round(first, 2),
            "recall_ms": spread(asked),
            "recall_cpu_ms": round(recall_cpu, 2),
            "recall_between_writes_ms": spread(mixed),
            "list_ms": spread(listed),
            "write_ms": spread(written),
            "write_cpu_ms": round(write_cpu / writes, 2),
            "asked_memory_in_the_first_8": round(found / questions, 3),
            "store_mb": round(bytes_of(home) / 1e6, 1),
        }


async def write(home: Path, root: Path, number: int, count: int) -> None:
    """What one of several processes does: remember so many things that nobody else does."""
    draw = random.Random(SEED * 1000 + number)
    async with open_app(load(None, home=home)) as app:
        memory = await app.memory()
        for turn in range(count):
            text = f"{sentence(draw, turn)} Said by writer_{number} in case {turn}."
            await memory.remember(Note(text), Caller(project=root))


async def crowd(count: int) -> dict[str, Any]:
    """Eight processes write at once; what another one then finds."""
    with tempfile.TemporaryDirectory(prefix="sophia-memory-") as own:
        folder = Path(own)
        root = folder / "project"
        root.mkdir()
        started = time.perf_counter()
        writers = [
            subprocess.Popen(
                [sys.executable, __file__, "--writer", str(number), str(count), str(folder)],
                env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
            )
            for number in range(PROCESSES)
        ]
        failed = sum(writer.wait() != 0 for writer in writers)
        seconds = time.perf_counter() - started
        async with open_app(load(None, home=folder / "home")) as app:
            memory = await app.memory()
            _, found = await memory.recall(None, Caller(project=root), limit=PROCESSES * count * 2)
        said = {tuple(memo.text.rpartition(" by ")[2].split()) for memo in found.memos}
        return {
            "processes": PROCESSES,
            "writes_each": count,
            "failed_processes": failed,
            "lost": PROCESSES * count - len(said),
            "seconds": round(seconds, 1),
        }


async def _ask(memory: Memory, text: str, caller: Caller) -> tuple[Memo, ...]:
    """What the tool does: recall, and the text within 1,000 tokens."""
    asked, found = await memory.recall(text, caller)
    await memory.told(asked, found, 1000, {"query": text})
    return found.memos


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--items", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument("--questions", type=int, default=400, help="default: %(default)s")
    parser.add_argument("--writes", type=int, default=400, help="default: %(default)s")
    parser.add_argument("--place", type=Path, help="keep the store in this folder, or use the one there")
    parser.add_argument("--crowd", type=int, default=1000, help="writes of each of eight processes")
    parser.add_argument("--writer", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.writer:
        number, count, folder = given.writer
        anyio.run(write, Path(folder) / "home", Path(folder) / "project", int(number), int(count))
        return
    before = load_now()
    result = anyio.run(measure, given.items, given.questions, given.writes, given.place)
    result["real_time_priority"] = os.sched_getscheduler(0) != os.SCHED_OTHER
    result["load_before"] = before
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    result["at_once"] = anyio.run(crowd, given.crowd)
    print(json.dumps(result, indent=1))
    if given.save:
        keep("memory", result)


if __name__ == "__main__":
    main()
