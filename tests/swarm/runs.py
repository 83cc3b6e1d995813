"""What runs need in a test: a real store, a scripted model, a small tree, and no prices."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio

from sophia_mcp.errors import BudgetExceeded
from sophia_mcp.llm.choose import Chosen
from sophia_mcp.llm.desk import Desk
from sophia_mcp.llm.providers import LLM, PROVIDERS, Hear
from sophia_mcp.llm.wrappers.structured import Structured
from sophia_mcp.ops.background import Background
from sophia_mcp.ops.clock import Clock, system
from sophia_mcp.ops.workers import enrol
from sophia_mcp.store import jobs
from sophia_mcp.store.database import Database
from sophia_mcp.store.engines.sqlite import open_database
from sophia_mcp.store.jobs import Jobs
from sophia_mcp.swarm import schema
from sophia_mcp.swarm.gates import Ground
from sophia_mcp.swarm.history.book import Book
from sophia_mcp.swarm.history.journal import Pen
from sophia_mcp.swarm.patterns import Library, Limits, Pattern
from sophia_mcp.swarm.running.means import Means
from sophia_mcp.swarm.swarm import Swarm
from sophia_mcp.types import LOCAL, Ask, Order, Reply, RunCost, Scope, Tier

FILE = """def divide(a, b):
    return a / b


def total(values):
    return sum(values)
"""
QUOTE = "    return a / b"
FINDING = {
    "severity": "high",
    "path": "calc.py",
    "line": 2,
    "quote": QUOTE,
    "claim": "divide(1, 0) raises ZeroDivisionError",
    "suggestion": "check b",
}
LIE = FINDING | {"quote": "    return eval(a)", "claim": "eval of input"}


@dataclass
class Tree:
    """The sources of a run: files in memory. ``asked`` counts what was looked up."""

    files: dict[str, str] = field(default_factory=lambda: {"calc.py": FILE})
    changes: str = ""
    asked: int = 0

    async def find(self, question: str, max_tokens: int) -> str:
        self.asked += 1
        return "\n".join(f"{path}\n{text}" for path, text in self.files.items())

    async def read(self, path: str) -> str | None:
        return self.files.get(path)

    async def diff(self, within: Sequence[str]) -> str:
        return self.changes

    async def recall(self, question: str, max_tokens: int) -> str:
        return ""


@dataclass
class Free:
    """Nothing costs anything."""

    async def run(self, run_id: str) -> RunCost:
        return RunCost()

    async def step(self, run_id: str, key: str) -> int | None:
        return 0

    async def quote(
        self, provider: str, tier: Tier, *, input_tokens: int, output_tokens: int
    ) -> int | None:
        return input_tokens + 4 * output_tokens


@dataclass
class Watched:
    """A model that keeps what it was asked, and refuses steps for which there is no money."""

    inner: LLM
    models: ScriptedModels

    @property
    def name(self) -> str:
        return self.inner.name

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        if any(part in ask.labels.step for part in self.models.broke):
            raise BudgetExceeded("the run's budget does not allow this call", why="$0.01 are left")
        self.models.asked.append(ask)
        self.models.under_way.add(ask.labels.step)
        self.models.log.append(f"asked {ask.labels.step}")

        def heard(piece: str) -> None:
            self.models.log.append(f"heard {ask.labels.step}")
            if hear is not None:
                hear(piece)

        self.models.most = max(self.models.most, len(self.models.under_way))
        try:
            while not self.models.until():
                await anyio.sleep(0.001)
            return await self.inner.ask(ask, heard)
        finally:
            self.models.under_way.discard(ask.labels.step)


@dataclass
class ScriptedModels:
    """Scripted models, and the desk. ``asked`` is every question that reached a model, ``most`` how many
    were open at once; none is answered before ``until`` holds."""

    script: Any = None
    broke: tuple[str, ...] = ()
    cheap: bool = True
    warm: bool = False
    desk: Desk = field(default_factory=Desk)
    asked: list[Ask] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    under_way: set[str] = field(default_factory=set)
    most: int = 0
    until: Callable[[], bool] = lambda: True
    limits: list[int | None] = field(default_factory=list)

    def choose(self, provider: str, *, can_sample: bool) -> Chosen:
        name = "host" if provider == "auto" else provider
        return Chosen(name, self.cheap or PROVIDERS.load(name).free is False, "for the test")

    def open(self, name: str, **given: Any) -> LLM:
        self.limits.append(given.get("max_cost_nano"))
        options: dict[str, Any] = {"desk": self.desk} if name in ("host", "sampling") else {}
        if name == "scripted" and self.script is not None:
            options["script"] = self.script
        return Structured(Watched(PROVIDERS.load(name).open(options), self))

    def steps(self) -> list[str]:
        return [ask.labels.step for ask in self.asked]


LIMITS = Limits()

ALONE = """
title = "Alone"
summary = "One reads"
gates = ["quotes"]
requires = ["task", "paths", "diff"]
[context]
search = 2000
diff = 2000
[roles.reader]
title = "Reader"
prompt_text = "You read."
[[steps]]
key = "answer"
kind = "read"
role = "reader"
prompt_text = "Answer."
schema = {type = "object", required = ["summary", "findings"], properties = {summary = {type = "string"}, findings = {type = "array", items = {type = "object"}}}}
max_tokens = 500
"""

PANEL = """
title = "Panel"
summary = "Three read, one verifies, one judges"
gates = ["quotes"]
[context]
search = 2000
[roles.one]
title = "One"
prompt_text = "You are the first."
[roles.two]
title = "Two"
prompt_text = "You are the second."
[roles.three]
title = "Three"
prompt_text = "You are the third."
[[steps]]
key = "review"
kind = "read"
roles = ["one", "two", "three"]
prompt_text = "Find faults."
schema = "findings"
max_tokens = 500
quorum = 2
debate = true
[[steps]]
key = "verify"
kind = "verify"
role = "one"
prompt_text = "Verify."
schema = "verdicts"
max_tokens = 500
needs = ["review"]
[[steps]]
key = "judge"
kind = "judge"
role = "two"
prompt_text = "Judge."
schema = "ranking"
max_tokens = 500
needs = ["verify"]
"""

EDITOR = """
title = "Editor"
summary = "One plans, one writes"
gates = ["patch", "parses"]
[roles.planner]
title = "Planner"
prompt_text = "You plan."
[roles.editor]
title = "Editor"
prompt_text = "You write."
[[steps]]
key = "plan"
kind = "plan"
role = "planner"
prompt_text = "Plan."
schema = "plan"
max_tokens = 500
[[steps]]
key = "write"
kind = "write"
role = "editor"
prompt_text = "Write."
schema = "edits"
max_tokens = 500
needs = ["plan"]
repairs = 1
"""


def eight() -> str:
    """A pattern of eight readers and nothing else."""
    names = [f"r{number}" for number in range(8)]
    roles = "".join(f'[roles.{one}]\ntitle = "{one}"\nprompt_text = "You are {one}."\n' for one in names)
    return (
        'title = "Eight"\nsummary = "Eight read"\ngates = ["quotes"]\n'
        f'{roles}[[steps]]\nkey = "read"\nkind = "read"\nroles = {names}\nprompt_text = "Read."\n'
        'schema = "findings"\nmax_tokens = 300\n'
    )


def library(folder: Path) -> Path:
    """A person's own pattern folder."""
    place = folder / "patterns"
    place.mkdir(exist_ok=True)
    for name, text in {"alone": ALONE, "panel": PANEL, "editor": EDITOR, "eight": eight()}.items():
        (place / f"{name}.toml").write_text(text)
    return place


@asynccontextmanager
async def open_swarm(
    folder: Path,
    models: ScriptedModels | None = None,
    *,
    tree: Tree | None = None,
    clock: Clock = system,
    pen: Callable[[Database, Scope], Pen] = Pen,
    rows: type[Jobs] = Jobs,
    **changes: Any,
) -> AsyncIterator[Swarm]:
    """A swarm on the store in ``folder``, as one process has it."""
    database = await open_database(folder / "state.db", durability="truth")
    await database.migrate(jobs.MIGRATIONS, schema.MIGRATIONS)
    stands, patterns = tree or Tree(), library(folder)

    async def sources(order: Order) -> Tree:
        return stands

    async def ground(order: Order, pattern: Pattern, sources: Any) -> Ground:
        return Ground(sources.read)

    means = Means(
        book=Book(database, rows(database, enrol(), clock=clock), LOCAL, clock),
        pen=pen(database, LOCAL),
        models=models or ScriptedModels(),
        library=lambda order: Library(user=patterns),
        sources=sources,
        ground=ground,
        costs=Free(),
        caches=lambda name: models is not None and models.warm,
        fence=b"0123456789abcdef",
        tell=lambda run_id: None,
        limits=LIMITS,
    )
    try:
        async with anyio.create_task_group() as group:
            yield Swarm(replace(means, **changes), Background(group))
            group.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await database.close()


def order(**given: Any) -> Order:
    """A free order of the control arm, with changes."""
    return Order(**({"task": "What can go wrong?", "pattern": "alone", "provider": "scripted"} | given))


def replies(*entries: Mapping[str, Any]) -> dict[str, Any]:
    """A script."""
    return {"reply": [dict(entry) for entry in entries]}
