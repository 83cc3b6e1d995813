"""How is a process timed, a list of times put into a figure, and a result kept?"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"


@dataclass(frozen=True, slots=True)
class Ran:
    """A process that ended: seconds from start to end, processor seconds of it and its children, what
    it printed last, and the highest resident memory of it or any child, in bytes."""

    seconds: float
    cpu: float
    memory: int
    said: Any


def ran(
    command: Sequence[str | Path],
    environment: Mapping[str, str] | None = None,
    fine: Sequence[int] = (0,),
) -> Ran:
    """Run a command to its end, with one of the ``fine`` exit codes. ``said`` is its last line, read as JSON where it is JSON."""
    started = time.perf_counter()
    child = subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
        text=True,
    )
    assert child.stdout is not None
    lines = child.stdout.read().strip().splitlines()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in fine:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {child.returncode}")
    return Ran(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10, _read(lines))


def _read(lines: Sequence[str]) -> Any:
    try:
        return json.loads(lines[-1])
    except (IndexError, ValueError):
        return lines[-1] if lines else None


def spread(*rounds: Sequence[float]) -> dict[str, Any]:
    """Count, median, 95th percentile and highest of a list of times, rounded. Of several rounds, the middle
    of what each says, and what each says."""
    several = [_spread(values) for values in rounds]
    middles = {name: round(statistics.median(one[name] for one in several), 3) for name in several[0]}
    return middles if len(several) == 1 else middles | {"rounds": several}


def _spread(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    at = min(len(ordered) - 1, int(len(ordered) * 0.95))
    return {
        "n": len(ordered),
        "p50": round(statistics.median(ordered), 3),
        "p95": round(ordered[at], 3),
        "max": round(ordered[-1], 3),
    }


def middle(values: Sequence[float]) -> dict[str, Any]:
    """The median and every value it was taken from."""
    return {"median": round(statistics.median(values), 3), "all": [round(value, 3) for value in values]}


def bytes_of(*folders: Path) -> int:
    """Bytes that the files below some folders hold."""
    return sum(p.stat().st_size for folder in folders for p in folder.rglob("*") if p.is_file())


def options(about: str | None) -> argparse.ArgumentParser:
    """The options of a benchmark; each keeps its result if it is told to."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--save", action="store_true", help="keep the result under benchmarks/results")
    return parser


def load_now() -> list[float]:
    """The load of the machine over one, five and fifteen minutes."""
    return [round(value, 1) for value in os.getloadavg()]


def keep(name: str, result: dict[str, Any]) -> Path:
    """Write a result under its commit, with the machine's load and what the machine is."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    stated = {
        "commit": commit,
        "at": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()),
        "command": "python " + " ".join(sys.argv),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": sys.version,
        "load_at_end": load_now(),
    }
    RESULTS.mkdir(exist_ok=True)
    place = RESULTS / f"{name}-{commit}.json"
    place.write_text(json.dumps(stated | result, indent=1) + "\n")
    return place
