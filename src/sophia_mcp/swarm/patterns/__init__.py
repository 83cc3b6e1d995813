"""Which patterns are there? The seam of swarm patterns: one TOML file each, prompts beside it.

Shipped ones stand in this folder; a person's own in the configuration folder; a repository's in
`.sophia/patterns/`. The first folder that has a name has it for good, so a repository cannot stand in
for a shipped pattern. Listing names parses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from sophia_mcp.errors import NotFound
from sophia_mcp.swarm.patterns.reading import read_pattern
from sophia_mcp.swarm.patterns.record import (
    Context,
    FanOut,
    GateName,
    Limits,
    Origin,
    Pattern,
    Role,
    Step,
    StepKind,
    Take,
)

__all__ = [
    "PATTERNS",
    "Context",
    "FanOut",
    "GateName",
    "Library",
    "Limits",
    "Origin",
    "Pattern",
    "Role",
    "Step",
    "StepKind",
    "Take",
]

_SHIPPED = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Library:
    """All patterns one project can use. ``user`` and ``project`` are folders that need not exist."""

    user: Path | None = None
    project: Path | None = None

    def names(self) -> tuple[str, ...]:
        """All names, sorted. Parses none."""
        return tuple(sorted(self._places()))

    def load(self, name: str) -> Pattern:
        """One pattern. Raises NotFound with near names, BadSetting naming the file and key."""
        places = self._places()
        if name not in places:
            near = get_close_matches(name, places, 3, 0.4)
            raise NotFound(
                f"no swarm pattern named {name!r}",
                why=f"known: {', '.join(sorted(places))}",
                next=f"use pattern={near[0]!r}" if near else "choose one of the known names",
            )
        file, origin = places[name]
        return read_pattern(file, origin)

    def all(self) -> Iterator[Pattern]:
        """Every pattern, read one by one. Raises as ``load``."""
        for name in self.names():
            yield self.load(name)

    def _places(self) -> dict[str, tuple[Path, Origin]]:
        folders: tuple[tuple[Path | None, Origin], ...] = (
            (_SHIPPED, "shipped"),
            (self.user, "user"),
            (self.project, "project"),
        )
        places: dict[str, tuple[Path, Origin]] = {}
        for folder, origin in folders:
            if folder is None or not folder.is_dir():
                continue
            if origin == "project" and (folder.is_symlink() or folder.parent.is_symlink()):
                continue  # a repository's link may lead anywhere
            for file in sorted(folder.glob("*.toml")):
                if origin != "project" or (file.is_file() and not file.is_symlink()):
                    places.setdefault(file.stem, (file, origin))
        return places


PATTERNS = Library()
"""The shipped patterns alone."""
