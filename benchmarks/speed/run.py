"""How fast, how small? One command, with semble in the same run where it does the same thing.

    .venv/bin/python benchmarks/speed/run.py --save                 # everything, on 10,000 files
    .venv/bin/python benchmarks/speed/run.py --files 1000 --rounds 1
    .venv/bin/python benchmarks/speed/run.py --parts cold,query

Every figure is the median of ``--rounds`` (five), but for branches and worktrees, which are changed several times
in one; the load of the machine is printed and kept with every part. Results go to benchmarks/results/speed-<files>-<commit>.json.
"""

from __future__ import annotations

import compileall
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.rivals.environment import rival_python  # noqa: E402
from benchmarks.speed.corpus import size, tree  # noqa: E402
from benchmarks.speed.figures import Ran, bytes_of, keep, load_now, middle, options, ran, spread  # noqa: E402
from benchmarks.speed.questions import asked  # noqa: E402

READERS = 8
READ_S = 20
LOADS = {"without_pause": 0.0, "twice_a_second": 0.5}
"""Seconds from one question of a reader to its next, and from one edit of the writer to its next. Without
pause, the readers' own number saturates a small machine, and its times are waits of one for the other; at a
pace they are those of people at work."""
BESIDE = ("alone", "beside_a_writer")
ASKED = 200
"""Questions of each sort."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured on, and where the stores are kept."""

    root: Path
    work: Path
    rounds: int

    @property
    def home(self) -> Path:
        """The store that was indexed last."""
        return self.work / "home"

    def child(self, part: str, *options: str, home: Path | None = None) -> Ran:
        """One part in a process of its own."""
        return ran([sys.executable, HERE / "child.py", part, home or self.home, self.root, *options])

    def semble(self, part: str, *words: str) -> Ran:
        """The rival in a process of its own, with our vectors and a cache of its own."""
        model = self.work / "model"
        script = HERE.parent / "rivals" / "semble_speed.py"
        environment = {
            "HF_HUB_OFFLINE": "1",
            "HOME": str(self.work),
            "SEMBLE_CACHE_LOCATION": str(self.work / "semble"),
        }
        if not model.is_dir():
            ran([rival_python(), script, "model", self.root, model], environment)
        return ran([rival_python(), script, part, self.root, model, *words], environment)


def cold(bench: Bench) -> dict[str, Any]:
    """Index from nothing, ours and semble's in turn."""
    ours, theirs = [], []
    for _ in range(bench.rounds):
        shutil.rmtree(bench.home, ignore_errors=True)
        ours.append(bench.child("cold"))
        shutil.rmtree(bench.work / "semble", ignore_errors=True)
        theirs.append(bench.semble("index"))
    source = size(bench.root)
    store = bytes_of(bench.home)
    return {
        "files": ours[-1].said["files"],
        "chunks": ours[-1].said["chunks"],
        "first_answer_s": middle([one.said["first"] for one in ours]),
        "searchable_s": middle([one.said["searchable"] for one in ours]),
        "edges_and_trigrams_s": middle([one.said["done"] for one in ours]),
        "cpu_s": middle([one.cpu for one in ours]),
        "memory_mb": middle([one.memory / 1e6 for one in ours]),
        "semble_files": theirs[-1].said["files"],
        "semble_chunks": theirs[-1].said["chunks"],
        "semble_searchable_s": middle([one.said["searchable"] for one in theirs]),
        "semble_cpu_s": middle([one.cpu for one in theirs]),
        "semble_memory_mb": middle([one.memory / 1e6 for one in theirs]),
        "cpu_of_semble": round(sum(o.cpu for o in ours) / sum(t.cpu for t in theirs), 3),
        "source_mb": round(source / 1e6, 1),
        "store_mb": round(store / 1e6, 1),
        "store_of_source": round(store / source, 3),
        "semble_store_of_source": round(bytes_of(bench.work / "semble") / source, 3),
    }


def edit(bench: Bench) -> dict[str, Any]:
    """One file changed, again and again."""
    said = [bench.child("edit").said for _ in range(bench.rounds)]
    return {
        "refreshed_ms": spread(*(one["known"] for one in said)),
        "found_by_a_question_ms": spread(*(one["found"] for one in said)),
    }


def switch(bench: Bench) -> dict[str, Any]:
    """Another branch, and back."""
    said = bench.child("switch").said
    return {"first_time_s": round(said["first"], 3), "seconds": middle(said["seconds"])}


def worktree(bench: Bench) -> dict[str, Any]:
    """One more worktree."""
    said = bench.child("worktree").said
    return {"seconds": middle(said["seconds"]), "bytes": middle(said["bytes"])}


def query(bench: Bench) -> dict[str, Any]:
    """Warm answers over MCP, on a tree that nobody watches and on one that is watched."""
    result: dict[str, Any] = {}
    for state in ("unwatched", "watched"):
        said = [bench.child("query", str(ASKED), state).said for _ in range(bench.rounds)]
        for sort in said[0]["times"]:
            result[f"{sort}_{state}_ms"] = spread(*(one["times"][sort] for one in said))
        result[f"first_{state}_ms"] = middle([one["first"] for one in said])
        result[f"memory_{state}_mb"] = {
            name: middle([one["memory"][name] / 1e6 for one in said]) for name in said[0]["memory"]
        }
    return result


def process(bench: Bench) -> dict[str, Any]:
    """A new process to its first answer: the command line, and semble opening what it kept."""
    program = Path(sys.executable).with_name("sophia")
    questions = asked(bench.root, ASKED)["words"][: max(5, bench.rounds)]
    ours, theirs = [], []
    environment = {"SOPHIA_HOME": str(bench.home)}
    indexed = bench.semble("index")  # what it kept is void when a file's time changed since
    for text in questions:
        ours.append(ran([program, "search", text, "--repo", bench.root], environment, fine=(0, 1)))
        theirs.append(bench.semble("query", text))
    mine, other = middle([one.seconds for one in ours]), middle([one.seconds for one in theirs])
    return {
        "seconds": mine,
        "cpu_s": middle([one.cpu for one in ours]),
        "semble_seconds": other,
        "semble_cpu_s": middle([one.cpu for one in theirs]),
        "semble_index_cpu_s": round(indexed.cpu, 1),
        "of_semble": round(mine["median"] / other["median"], 3),
    }


def readers(bench: Bench) -> dict[str, Any]:
    """Eight processes that ask, first alone, then beside one that writes: all without pause, and each of the
    nine twice a second."""
    result: dict[str, Any] = {"readers": READERS, "seconds": READ_S}
    for load, every in LOADS.items():
        found: dict[str, list[_Many]] = {name: [] for name in BESIDE}
        for _ in range(bench.rounds):
            for name in BESIDE:
                found[name].append(_asked_by_many(bench, every, name != "alone"))
        stated = {name: _stated(rounds) for name, rounds in found.items()}
        ratio = stated["beside_a_writer"]["p95"] / stated["alone"]["p95"]
        result[load] = stated | {"p95_ratio": round(ratio, 3)}
    return result


@dataclass(frozen=True, slots=True)
class _Many:
    """What several readers at once measured in one round, in milliseconds and processor seconds."""

    times: list[float]
    errors: list[str]
    cpu: float
    writes: int


def _stated(rounds: Sequence[_Many]) -> dict[str, Any]:
    errors = [error for one in rounds for error in one.errors]
    return spread(*(one.times for one in rounds)) | {
        "cpu_ms_an_answer": middle([one.cpu * 1e3 / len(one.times) for one in rounds]),
        "errors": len(errors),
        "examples": errors[:3],
        "writes": middle([one.writes for one in rounds]),
    }


def _asked_by_many(bench: Bench, every: float, writes: bool) -> _Many:
    """The times of all readers under one load, with a writer where asked."""
    with tempfile.TemporaryDirectory() as signals:
        children = [
            _started(bench, "reader", str(READ_S), str(n), signals, str(every)) for n in range(READERS)
        ]
        while len(list(Path(signals).iterdir())) < READERS:
            time.sleep(0.1)
        if writes:
            children.append(_started(bench, "writer", str(READ_S + 2), str(every)))
            time.sleep(2)
        Path(signals, "go").touch()
        said = [json.loads(child.communicate()[0]) for child in children]
    return _Many(
        [one for each in said for one in each.get("times", ())],
        [one for each in said for one in each.get("errors", ())],
        sum(each.get("cpu", 0) for each in said),
        sum(each.get("written", 0) for each in said),
    )


def _started(bench: Bench, part: str, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, HERE / "child.py", part, bench.home, bench.root, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )


PARTS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    part.__name__: part for part in (cold, edit, switch, worktree, query, process, readers)
}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", default=",".join(PARTS), help="default: %(default)s")
    given = parser.parse_args()
    root = tree(given.files)
    work = root.parent / f"work-{given.files}"
    work.mkdir(exist_ok=True)
    bench = Bench(root, work, given.rounds)
    asked(root, ASKED)
    # As installers do: a checkout may hold no compiled modules, which every process would then compile.
    compileall.compile_dir(HERE.parents[1] / "src", quiet=1)
    result: dict[str, Any] = {"files": given.files, "rounds": given.rounds, "parts": {}}
    chosen = given.parts.split(",")
    if "cold" not in chosen and not bench.home.is_dir():
        bench.child("cold")
    for name in chosen:
        before = load_now()
        found = PARTS[name](bench)
        found["load"] = [*before, *load_now()]
        result["parts"][name] = found
        print(name, json.dumps(found, indent=1), flush=True)
        if given.save:
            keep(f"speed-{given.files}", result)


if __name__ == "__main__":
    main()
