"""Which calls did other assistants make? The seam of usage logs: one file for each client.

Every file defines ``CLIENT``, a frozen :class:`Client`: where its logs lie, and how one of them is
read. Logs are text of other programs: read only, never followed, and what is not understood is
counted instead of guessed. Entry points of the group ``sophia_mcp.logs`` add more clients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sophia_mcp.registry import Folder
from sophia_mcp.security.paths import of_home
from sophia_mcp.types import Processing, Usage


@dataclass(frozen=True, slots=True)
class Machine:
    """The places of one person's machine. ``variable`` answers with another program's environment
    variable, or None."""

    home: Path
    variable: Callable[[str], str | None] = lambda name: None

    def named(self, variable: str, *default: str) -> Path:
        """The folder a variable names, else one below the home folder."""
        given = (self.variable(variable) or "").strip()
        return of_home(given) if given else self.home.joinpath(*default)

    @property
    def data(self) -> tuple[Path, ...]:
        """Where programs keep their own files on each platform."""
        return (
            self.named("XDG_DATA_HOME", ".local", "share"),
            self.home / "Library" / "Application Support",
            self.home / "AppData" / "Roaming",
            self.home / "AppData" / "Local",
        )

    @property
    def config(self) -> tuple[Path, ...]:
        """Where editors keep theirs."""
        return (
            self.named("XDG_CONFIG_HOME", ".config"),
            self.home / "Library" / "Application Support",
            self.home / "AppData" / "Roaming",
        )


@dataclass(frozen=True, slots=True)
class Call:
    """One call to a model that a client made. ``id`` is unique to the call among all of the client's
    logs, so that a copy of a log adds nothing. ``claimed_nano`` is what the client reckons it cost."""

    id: str
    at_ns: int
    provider: str
    model: str
    usage: Usage
    session: str = ""
    project: str = ""
    agent: str = ""
    processing: Processing = "standard"
    claimed_nano: int | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """What one file says. ``skipped`` counts records that should have been calls and were not understood."""

    calls: tuple[Call, ...] = ()
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Client:
    """One client's logs. ``files`` lists them, ``read`` reads one; both block. ``read`` raises OSError
    for a file that cannot be read now, and for nothing else. A higher ``version`` reads files again
    that have not changed."""

    title: str
    files: Callable[[Machine], Iterable[Path]]
    read: Callable[[Path], Log]
    version: int = 1


CLIENTS: Folder[Client] = Folder(__name__, "CLIENT", Client, group="sophia_mcp.logs")


def under(folders: Iterable[Path], *patterns: str) -> Iterator[Path]:
    """Ordinary files below these folders that match; each once, none through a link."""
    seen: set[Path] = set()
    for folder in folders:
        if not folder.is_dir():
            continue
        for pattern in patterns:
            for path in sorted(folder.glob(pattern)):
                if path not in seen and path.is_file() and not path.is_symlink():
                    seen.add(path)
                    yield path
