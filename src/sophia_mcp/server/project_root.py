"""Which folder is the client working in?

In order: the root a person set (`--root`, `SOPHIA_ROOT`, `root` in their configuration),
`CLAUDE_PROJECT_DIR`, the client's own roots, the working folder walked up to its repository. The file
system's root, the home folder and what lies above it are refused: editors start servers there when no
project is open.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

from sophia_mcp.errors import NoProjectRoot
from sophia_mcp.security.paths import is_too_wide, of_home, of_uri

ClientRoots = Callable[[], Awaitable[Sequence[str]]]
"""Asks the client for the `file://` URIs of its roots; empty where it has none to tell."""

_HOW = "pass repo=<folder>, start the server with --root <folder>, or open the project in the editor"


async def find(
    *,
    configured: Path | None,
    claude_project: str | None,
    client_roots: ClientRoots,
    working: Path,
    home: Path,
) -> Path:
    """The project root, resolved. Raises NoProjectRoot where every candidate is missing or refused."""
    if configured is not None:
        chosen = _usable(configured, home)
        if chosen is None:
            raise NoProjectRoot(
                f"the project root {configured} cannot be used", why=_fault(configured, home), next=_HOW
            )
        return chosen
    refused: list[str] = []
    for candidate in _candidates([claude_project] if claude_project else []):
        if (chosen := _usable(candidate, home)) is not None:
            return chosen
        refused.append(f"{candidate}: {_fault(candidate, home)}")
    for candidate in _candidates(of_uri(uri) for uri in await client_roots()):
        if (chosen := _usable(candidate, home)) is not None:
            return chosen
        refused.append(f"{candidate}: {_fault(candidate, home)}")
    top = repository_above(working)
    if (chosen := _usable(top, home)) is not None:
        return chosen
    refused.append(f"{top}: {_fault(top, home)}")
    raise NoProjectRoot("no project root was found", why="; ".join(refused), next=_HOW)


def working_folder(before: Path = Path(os.sep)) -> Path:
    """The working folder of this process; ``before`` where it was removed since, so that one that is put
    back is found again."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return before


def repository_above(folder: Path) -> Path:
    """The nearest folder at or above that has a `.git`, or the folder itself."""
    for each in (folder, *folder.parents):
        if os.path.exists(each / ".git"):
            return each
    return folder


def _candidates(names: Iterable[str]) -> list[Path]:
    return [Path(name) for name in names if name]


def _usable(folder: Path, home: Path) -> Path | None:
    try:
        resolved = of_home(folder).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        return None
    return resolved if resolved.is_dir() and not is_too_wide(resolved, home) else None


def _fault(folder: Path, home: Path) -> str:
    try:
        resolved = of_home(folder).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        return "it does not exist"
    if not resolved.is_dir():
        return "it is not a folder"
    if is_too_wide(resolved, home):
        return "it is the home folder or above it, which is more than one project"
    return "it cannot be used"
