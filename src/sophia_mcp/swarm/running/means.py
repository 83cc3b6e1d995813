"""What is a run done with? The parts that every run of a process shares, and what it asks of others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from sophia_mcp.llm.desk import Desk
from sophia_mcp.llm.providers import LLM
from sophia_mcp.swarm.asking.material import Sources
from sophia_mcp.swarm.gates import Ground
from sophia_mcp.swarm.history.book import Book, Run
from sophia_mcp.swarm.history.journal import Pen
from sophia_mcp.swarm.patterns import Library, Limits, Pattern
from sophia_mcp.types import Labels, Order, RunCost, Scope, Tier


class Chosen(Protocol):
    """The provider of a run. ``why`` says how it came to be chosen."""

    @property
    def name(self) -> str: ...
    @property
    def free(self) -> bool: ...
    @property
    def why(self) -> str: ...


class Models(Protocol):
    """Where models come from."""

    @property
    def desk(self) -> Desk: ...

    def choose(self, provider: str, *, can_sample: bool) -> Chosen:
        """The provider that a name, or ``auto``, means now."""
        ...

    def open(
        self,
        name: str,
        *,
        run_id: str,
        max_cost_nano: int | None,
        tier: Tier,
        tell: Callable[[Labels, str], None],
    ) -> LLM:
        """The models of a provider by tier, with the run's budget around them. ``tell`` hears what is
        done to a question on its way."""
        ...


class Costs(Protocol):
    """What runs cost, as the ledger knows it."""

    async def run(self, run_id: str) -> RunCost:
        """Everything a run has cost so far."""
        ...

    async def step(self, run_id: str, key: str) -> int | None:
        """What one step has cost, in nano-dollars; None where that is not known."""
        ...

    async def quote(
        self, provider: str, tier: Tier, *, input_tokens: int, output_tokens: int
    ) -> int | None:
        """What a question of that size costs at most, in nano-dollars; None without a known price."""
        ...


@dataclass(frozen=True)
class Means:
    """What every run of a process is done with. ``ground`` is what a run's
    proposals are checked against; ``tell`` is called
    with a run's id when something about it has changed; ``park_s`` is how long a run whose steps wait
    for the assistant stays in memory. ``caches``: whether a provider serves repeated beginnings of
    questions for less. ``ended`` is told of every run that came to an end of its own. ``label`` is the
    repository of an order as its cost is booked, whatever ref of it is read; ``advise`` what past runs
    have to say about one."""

    book: Book
    pen: Pen
    models: Models
    library: Callable[[Order], Library]
    sources: Callable[[Order], Awaitable[Sources]]
    ground: Callable[[Order, Pattern, Sources], Awaitable[Ground]]
    costs: Costs
    fence: bytes
    tell: Callable[[str], None]
    limits: Limits
    step_s: float = 180.0
    park_s: float = 300.0
    caches: Callable[[str], bool] = lambda provider: False
    ended: Callable[[Run], Awaitable[None]] | None = None
    label: Callable[[Order], str] = lambda order: order.repo or ""
    advise: Callable[[Order], Awaitable[tuple[str, ...]]] | None = None

    @property
    def scope(self) -> Scope:
        return self.book.scope

    @property
    def worker(self) -> str:
        return self.book.jobs.worker
