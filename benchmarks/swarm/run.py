"""What does the engine of swarms cost, and how soon does it answer?

    .venv/bin/python benchmarks/swarm/run.py --rounds 5 --save

No model is asked: answers come at once, or after exactly one second. Measured are

- the engine alone: from one model's answer to the next question in a chain of steps, each written to
  the journal before and after on a store with full durability;
- the same with everything an answer passes on its way (repair, window, guard, meter, ledger), as a run
  costs it in all, by step;
- eight one-second questions at once, from the order to the outcome;
- how soon a run has an id, and how soon a cancel is effective, here and from another process;
- how long a run takes that died with its process: until it is at work again, and until its end;
- what the disk takes for one durable write of a commit's size, of which the engine makes one a step.

Results go to benchmarks/results/swarm-<commit>.json. A limit that is passed fails the run.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.speed.figures import keep, load_now, options, spread  # noqa: E402

from sophia_mcp.app import App, open_app  # noqa: E402
from sophia_mcp.llm.choose import Chosen  # noqa: E402
from sophia_mcp.llm.desk import Desk  # noqa: E402
from sophia_mcp.llm.providers import LLM, Hear  # noqa: E402
from sophia_mcp.settings import load  # noqa: E402
from sophia_mcp.swarm.swarm import Swarm  # noqa: E402
from sophia_mcp.types import Ask, Order, Reply  # noqa: E402

CHAIN = 36
LIMITS = {
    "engine_step_p95_ms": 5.0,
    "eight_seconds_s": 1.3,
    "run_id_s": 2.0,
    "cancel_s": 1.0,
    "cancel_elsewhere_s": 1.0,
    "resume_s": 2.0,
}
ANSWER = {"summary": "done", "tasks": []}
ROLE = '[roles.one]\ntitle = "One"\nprompt_text = "You are one."\n'


def step(key: str, kind: str, schema: str, **more: Any) -> str:
    lines = {
        "key": key,
        "kind": kind,
        "prompt_text": "Answer.",
        "schema": schema,
        "max_tokens": 256,
        **more,
    }
    return "[[steps]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())


def patterns(folder: Path) -> None:
    """A chain of steps that each need the one before, and eight readers at once."""
    folder.mkdir(parents=True)
    head = 'title = "Bench"\nsummary = "For measuring"\ngates = ["quotes"]\n'
    chain = [step("s0", "plan", "plan", role="one")]
    chain += [step(f"s{n}", "plan", "plan", role="one", needs=[f"s{n - 1}"]) for n in range(1, CHAIN)]
    (folder / "chain.toml").write_text(head + ROLE + "".join(chain))
    names = [f"r{number}" for number in range(8)]
    roles = "".join(f'[roles.{one}]\ntitle = "{one}"\nprompt_text = "You are {one}."\n' for one in names)
    (folder / "eight.toml").write_text(head + roles + step("read", "read", "findings", roles=names))


@dataclass
class Instant:
    """A model that answers at once, or later, and knows when it was asked and when it answered."""

    latency_s: float = 0.0
    name: str = "scripted"
    times: list[tuple[float, float]] = field(default_factory=list)

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        asked = time.perf_counter()
        if self.latency_s:
            await anyio.sleep(self.latency_s)
        value = {"findings": []} if ask.labels.step.startswith("read") else ANSWER
        self.times.append((asked, time.perf_counter()))
        return Reply(json.dumps(value), "instant", self.name, value=value)


@dataclass
class Bare:
    """Nothing stands around the model."""

    llm: Instant
    desk: Desk = field(default_factory=Desk)

    def choose(self, provider: str, *, can_sample: bool) -> Chosen:
        return Chosen("scripted", True, "")

    def open(self, name: str, **given: Any) -> LLM:
        return self.llm


@asynccontextmanager
async def opened(script: Any = None) -> AsyncIterator[App]:
    """The whole product on a fresh store."""
    with tempfile.TemporaryDirectory(prefix="sophia-bench-") as home:
        folder = Path(home)
        patterns(folder / "patterns")
        config = folder / "config.toml"
        config.touch()
        given: dict[str, Any] = {}
        if script is not None:
            (folder / "script.json").write_text(json.dumps(script))
            given["llm"] = {"script": str(folder / "script.json")}
        async with open_app(load(home=folder / "data", config=config, **given)) as app:
            yield app


def order(pattern: str) -> Order:
    return Order("measure", pattern=pattern, provider="scripted")


def bare(swarm: Swarm, app: App, llm: Instant) -> Swarm:
    return Swarm(replace(swarm.means, models=Bare(llm), ended=None), app.tasks)


async def engine_alone() -> list[float]:
    """Milliseconds between an answer and the next question."""
    async with opened() as app:
        llm = Instant()
        swarm = bare(await app.swarm(), app, llm)
        report = await swarm.report(await swarm.start(order("chain")), wait_s=60)
        assert report.status == "done", report
        gaps = zip(llm.times, llm.times[1:], strict=False)
        return [(later[0] - earlier[1]) * 1e3 for earlier, later in gaps]


async def whole_way() -> float:
    """Milliseconds of a run by step, with everything around the model."""
    async with opened({"reply": [{"json": ANSWER}]}) as app:
        swarm = await app.swarm()
        started = time.perf_counter()
        run_id = await swarm.start(order("chain"))
        report = await swarm.report(run_id, wait_s=120)
        assert report.status == "done", report
        return (time.perf_counter() - started) * 1e3 / CHAIN


async def eight_at_once() -> float:
    """Seconds from the order to the outcome of eight one-second questions."""
    async with opened() as app:
        swarm = bare(await app.swarm(), app, Instant(latency_s=1.0))
        started = time.perf_counter()
        report = await swarm.report(await swarm.start(order("eight")), wait_s=60)
        assert report.status == "done", report
        return time.perf_counter() - started


async def prompt() -> dict[str, float]:
    """Seconds until a run has an id, and until a cancel is effective: here, and from another process
    (a second engine on the same store, which shares nothing with the first but the store)."""
    async with opened() as app:
        whole = await app.swarm()
        llm = Instant(latency_s=600)
        swarm = bare(whole, app, llm)
        started = time.perf_counter()
        run_id = await swarm.start(order("eight"))
        known = time.perf_counter() - started
        await anyio.sleep(0.5)
        started = time.perf_counter()
        await swarm.cancel(run_id)
        cancelled = time.perf_counter() - started
        other = Swarm(whole.means, app.tasks)
        second = await swarm.start(replace(order("eight"), task="again"))
        await anyio.sleep(0.5)
        started = time.perf_counter()
        await other.cancel(second)
        while (await other.report(second)).status != "cancelled":
            await anyio.sleep(0.01)
        return {
            "run_id_s": known,
            "cancel_s": cancelled,
            "cancel_elsewhere_s": time.perf_counter() - started,
        }


async def child(home: Path) -> None:
    """Start a run that will not end, say its id, and wait to be killed."""
    async with open_app(load(home=home / "data", config=home / "config.toml")) as app:
        swarm = bare(await app.swarm(), app, Instant(latency_s=0.3))
        print(await swarm.start(order("chain")), flush=True)
        await anyio.sleep_forever()


async def killed() -> dict[str, float]:
    """Kill a process in the middle of a run; seconds until another one is at work on it again."""
    with tempfile.TemporaryDirectory(prefix="sophia-bench-") as home:
        folder = Path(home)
        patterns(folder / "patterns")
        (folder / "config.toml").touch()
        process = subprocess.Popen(
            [sys.executable, __file__, "--child", home], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        run_id = (await anyio.to_thread.run_sync(process.stdout.readline)).strip()
        async with open_app(load(home=folder / "data", config=folder / "config.toml")) as app:
            llm = Instant()
            swarm = bare(await app.swarm(), app, llm)
            while (await swarm.report(run_id)).done < 8:
                await anyio.sleep(0.05)
            process.send_signal(signal.SIGKILL)
            process.wait()
            before = {event.step for event in await swarm.timeline(run_id) if event.kind == "step.done"}
            started = time.perf_counter()
            assert (await swarm.report(run_id)).status == "interrupted"
            await swarm.resume(run_id)
            while not llm.times:
                await anyio.sleep(0.001)
            resumed = llm.times[0][0] - started
            report = await swarm.report(run_id, wait_s=60)
            assert report.status == "done", report
            assert len(llm.times) == CHAIN - len(before - {"@context"}), (
                "a finished step was asked again"
            )
            return {"resume_s": resumed, "killed_to_end_s": time.perf_counter() - started}


def disk() -> list[float]:
    """Milliseconds of one append of 32 kB until it is durable, as often as a run has steps."""
    taken: list[float] = []
    with tempfile.NamedTemporaryFile(prefix="sophia-bench-") as file:
        for _ in range(CHAIN):
            file.write(bytes(32 << 10))
            file.flush()
            started = time.perf_counter()
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - started) * 1e3)
            time.sleep(0.002)
    return taken


def named(name: str, times: list[float]) -> dict[str, float]:
    """The middle and the 95th percentile of milliseconds."""
    found = spread(times)
    return {f"{name}_{at}_ms": found[at] for at in ("p50", "p95")}


async def measure(rounds: int) -> dict[str, float]:
    """All figures: medians over the rounds, percentiles over all steps."""
    gaps: list[float] = []
    syncs: list[float] = []
    seen: dict[str, list[float]] = {}
    for _ in range(rounds):
        syncs += disk()
        gaps += await engine_alone()
        found = {"whole_step_ms": await whole_way(), "eight_seconds_s": await eight_at_once()}
        for name, value in {**found, **await prompt(), **await killed()}.items():
            seen.setdefault(name, []).append(value)
    return {
        **named("engine_step", gaps),
        **named("disk", syncs),
        **{name: statistics.median(values) for name, values in seen.items()},
    }


def main() -> int:
    """Measure, print a table, keep the figures, say whether the limits hold."""
    parser = options("Cost and promptness of the swarm engine.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        anyio.run(child, given.child)
        return 0
    load_before = load_now()[0]
    figures = {name: round(value, 3) for name, value in anyio.run(measure, given.rounds).items()}
    loads = [load_before, load_now()[0]]
    passed = True
    for name, value in figures.items():
        limit = LIMITS.get(name)
        passed &= limit is None or value <= limit
        print(f"{name:22}{value:10.3f}" + (f"   limit {limit}" if limit is not None else ""))
    print(f"rounds {given.rounds}, load {loads[0]} to {loads[1]}, {os.cpu_count()} cores")
    if given.save:
        keep("swarm", {"load": loads, "rounds": given.rounds, "figures": figures, "limits": LIMITS})
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
