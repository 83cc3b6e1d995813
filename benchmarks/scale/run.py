"""What happens as a repository grows? One command: 1,000, 10,000 and 100,000 files.

    .venv/bin/python benchmarks/scale/run.py --save
    .venv/bin/python benchmarks/scale/run.py --files 1000,10000

Each tree is indexed from nothing in a process of its own, then asked 200 different questions of each sort
through an MCP client. Memory is the highest of any single process, and of all processes of the run at one
moment (proportional set size, read every second). Trees come from benchmarks/speed/corpus.py and are kept:
that of 100,000 files has 1 GB and is made beforehand with

    .venv/bin/python benchmarks/speed/corpus.py 100000

Results go to benchmarks/results/scale-<commit>.json.
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.speed.corpus import size, tree  # noqa: E402
from benchmarks.speed.figures import bytes_of, keep, load_now, options, ran, spread  # noqa: E402
from benchmarks.speed.questions import asked  # noqa: E402

CHILD = HERE.parent / "speed" / "child.py"


@contextmanager
def watched() -> Iterator[list[int]]:
    """The bytes that all processes below this one hold together; the highest so far, once a second."""
    highest, done = [0], threading.Event()

    def look() -> None:
        while not done.wait(1):
            highest[0] = max(highest[0], sum(map(_held, psutil.Process().children(recursive=True))))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield highest
    finally:
        done.set()
        thread.join()


def _held(process: psutil.Process) -> int:
    """A process's share of memory: pages that several hold count for each in part."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def measured(files: int, questions: int) -> dict[str, Any]:
    """Seconds, memory and bytes of one tree, and the times of its answers."""
    started = time.perf_counter()
    root = tree(files)
    asked(root, questions)
    home = root.parent / f"scale-{files}"
    shutil.rmtree(home, ignore_errors=True)
    print(f"{files} files: {root}, {time.perf_counter() - started:.0f} s; indexing", flush=True)
    before = load_now()
    with watched() as indexing:
        made = ran([sys.executable, CHILD, "cold", home, root])
    source, store = size(root), bytes_of(home)
    found = {
        "files": made.said["files"],
        "chunks": made.said["chunks"],
        "source_mb": round(source / 1e6, 1),
        "first_answer_s": round(made.said["first"], 2),
        "searchable_s": round(made.said["searchable"], 1),
        "done_s": round(made.said["done"], 1),
        "cpu_s": round(made.cpu, 1),
        "indexing_memory_mb": {
            "largest_process": round(made.memory / 1e6, 1),
            "all_processes": round(indexing[0] / 1e6, 1),
        },
        "store_mb": round(store / 1e6, 1),
        "store_of_source": round(store / source, 3),
    }
    print(json.dumps(found, indent=1), flush=True)
    answered = ran([sys.executable, CHILD, "query", home, root, str(questions), "unwatched"])
    return found | {
        **{f"{sort}_ms": spread(times) for sort, times in answered.said["times"].items()},
        "first_query_ms": round(answered.said["first"], 1),
        "serving_memory_mb": {k: round(v / 1e6, 1) for k, v in answered.said["memory"].items()},
        "load": [*before, *load_now()],
    }


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--files", default="1000,10000,100000", help="default: %(default)s")
    parser.add_argument("--questions", type=int, default=200, help="of each sort; default: %(default)s")
    given = parser.parse_args()
    result: dict[str, Any] = {"trees": []}
    for count in map(int, given.files.split(",")):
        result["trees"].append(measured(count, given.questions))
        print(json.dumps(result["trees"][-1], indent=1), flush=True)
        if given.save:
            keep("scale", result)


if __name__ == "__main__":
    main()
