"""What does every part of memory stand on?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from sophia_mcp.memory.anchors import Find
from sophia_mcp.memory.finder import Finder
from sophia_mcp.memory.tiers import Lifetimes
from sophia_mcp.ops.clock import Clock, system
from sophia_mcp.store.database import Database
from sophia_mcp.types import LOCAL, Scope

Heard = Callable[[frozenset[str]], Awaitable[None]]
"""Called after a change with the ids and scopes it touched."""


async def _nowhere(root: Path, name: str) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Shelf:
    """The database with the tables of `schema`, what finds memories in it, and what a person set.
    ``find`` names paths that may define a symbol; ``heard`` are told of every change of this process."""

    db: Database
    finder: Finder
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    clock: Clock = system
    find: Find = _nowhere
    scope: Scope = LOCAL
    heard: list[Heard] = field(default_factory=list)

    async def tell(self, *touched: str) -> None:
        """Tell whoever listens."""
        for each in self.heard:
            await each(frozenset(touched))
