"""What does it cost until an editor sees the tools, against an empty server on the same SDK?

    .venv/bin/python benchmarks/startup/run.py --rounds 7 --save

Each round starts both servers over stdio, by turns, and stops the clocks when the answer to
`tools/list` has arrived: processor seconds of the process (user and system) and seconds on the wall.
Results go to benchmarks/results/startup-<commit>.json. Processor seconds are the figure to compare:
the wall depends on what else the machine does.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.speed.figures import keep, load_now, options  # noqa: E402

LIMIT = 1.3
"""Our processor seconds over the empty server's; more fails the run."""

SERVERS = {
    "empty": [sys.executable, str(HERE / "empty_server.py")],
    "sophia": [str(Path(sys.executable).with_name("sophia-mcp"))],
}
OPENING = (
    {
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "startup", "version": "1"},
        },
    },
    {"method": "notifications/initialized"},
    {"id": 2, "method": "tools/list"},
)


def start(command: list[str], home: str) -> dict[str, float]:
    """Processor and wall seconds of one start, until the tools are listed, and of leaving."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "SOPHIA_HOME": home},
        cwd=ROOT,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for message in OPENING:
        process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    process.stdin.flush()
    while True:
        line = process.stdout.readline()
        answer = json.loads(line)
        if answer.get("id") == 2:
            break
    wall = time.perf_counter() - started
    assert answer["result"]["tools"]
    spent = psutil.Process(process.pid).cpu_times()
    leaving = time.perf_counter()
    process.stdin.close()
    process.wait(30)
    process.stdout.close()
    return {
        "cpu_s": spent.user + spent.system,
        "wall_s": wall,
        "exit_s": time.perf_counter() - leaving,
    }


def main() -> int:
    """Measure, print a table, keep the figures, say whether the limit holds."""
    parser = options("Start-up cost against an empty server.")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    rounds = given.rounds
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in SERVERS}
    load = load_now()[0]
    with tempfile.TemporaryDirectory() as home:
        for name, command in SERVERS.items():
            start(command, home)  # compiles what was never imported before
            assert name in seen
        for _ in range(rounds):
            for name, command in SERVERS.items():
                seen[name].append(start(command, home))
    figures = {
        name: {key: round(statistics.median(each[key] for each in starts), 3) for key in starts[0]}
        for name, starts in seen.items()
    }
    ratio = round(figures["sophia"]["cpu_s"] / figures["empty"]["cpu_s"], 3)
    print(f"{'':8}{'cpu s':>8}{'wall s':>8}{'exit s':>8}   median of {rounds}, load {load:.1f}")
    for name, values in figures.items():
        print(f"{name:8}{values['cpu_s']:8.2f}{values['wall_s']:8.2f}{values['exit_s']:8.2f}")
    print(f"processor seconds over the empty server's: {ratio} (limit {LIMIT})")
    if given.save:
        keep("startup", {"load": load, "rounds": rounds, "ratio": ratio, "servers": figures})
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
