"""What happens as a repository grows? One command: 1,000, 10,000 and 100,000 files.

    .venv/bin/python benchmarks/scale/run.py --save
    .venv/bin/python benchmarks/scale/run.py --files 1000,10000

Each tree is indexed from nothing in a process of its own, then asked 200 different questions through an
MCP client. Memory is the highest of any single process of the run. Trees come from
benchmarks/speed/corpus.py. Results go to benchmarks/results/scale-<commit>.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.speed.corpus import size, tree  # noqa: E402
from benchmarks.speed.figures import bytes_of, keep, ran, spread  # noqa: E402
from benchmarks.speed.questions import asked  # noqa: E402

CHILD = HERE.parent / "speed" / "child.py"


def measured(files: int) -> dict[str, Any]:
    """Seconds, memory and bytes of one tree, and the times of its answers."""
    root = tree(files)
    home = root.parent / f"scale-{files}"
    shutil.rmtree(home, ignore_errors=True)
    asked(root, 200)
    before = os.getloadavg()
    made = ran([sys.executable, CHILD, "cold", home, root])
    source, store = size(root), bytes_of(home)
    answered = ran([sys.executable, CHILD, "query", home, root, "200", "unwatched"])
    return {
        "files": made.said["files"],
        "chunks": made.said["chunks"],
        "source_mb": round(source / 1e6, 1),
        "first_answer_s": round(made.said["first"], 2),
        "searchable_s": round(made.said["searchable"], 1),
        "done_s": round(made.said["done"], 1),
        "cpu_s": round(made.cpu, 1),
        "indexing_memory_mb": round(made.memory / 1e6, 1),
        "store_mb": round(store / 1e6, 1),
        "store_of_source": round(store / source, 3),
        **{f"{sort}_ms": spread(times) for sort, times in answered.said["times"].items()},
        "first_query_ms": round(answered.said["first"], 1),
        "serving_memory_mb": {k: round(v / 1e6, 1) for k, v in answered.said["memory"].items()},
        "load": [round(value, 1) for value in (*before, *os.getloadavg())],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", default="1000,10000,100000", help="default: %(default)s")
    parser.add_argument("--save", action="store_true", help="keep the result under benchmarks/results")
    given = parser.parse_args()
    result: dict[str, Any] = {"trees": []}
    for count in map(int, given.files.split(",")):
        result["trees"].append(measured(count))
        print(json.dumps(result["trees"][-1], indent=1), flush=True)
        if given.save:
            keep("scale", result)


if __name__ == "__main__":
    main()
