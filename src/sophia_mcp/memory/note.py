"""What does someone want remembered, who asks, and what became of it? Values only: a door speaks of memory
by them without opening it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sophia_mcp.types import Memo, MemoryKind, MemoryScope, MemoryTier

State = Literal["added", "reinforced", "restored", "forgotten", "undone"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a repository by name or path (None: the project's; ``*``: all that may be read), the
    project, and whether a person at the keyboard is behind it."""

    repo: str | None = None
    project: Path | None = None
    trusted: bool = False


ANYONE = Caller()
"""Who is in no project."""


@dataclass(frozen=True, slots=True)
class Note:
    """What someone wants remembered. ``source``: ``assistant``, ``person`` or ``run:ID``."""

    text: str
    kind: MemoryKind = "fact"
    scope: MemoryScope = "repo"
    anchors: tuple[str, ...] = ()
    ttl_days: int | None = None
    pinned: bool = False
    source: str = "assistant"
    tier: MemoryTier | None = None


@dataclass(frozen=True, slots=True)
class Remembered:
    """What became of it. ``rivals`` say nearly the same with another number, name or negation."""

    memo: Memo
    state: State
    notes: tuple[str, ...] = ()
    rivals: tuple[Memo, ...] = ()
