"""How does a git URL become a folder? Through libgit2, shallow, within limits, without credentials."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread
import pygit2
from pygit2.enums import ResetMode

from sophia_mcp.errors import BadArgument, NotAllowed, ProviderError, TooLarge
from sophia_mcp.index.git import plain_url

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>\S+)$")
_SCP = re.compile(r"[\w.-]+@[\w.-]+:(?!//)\S+$")
_SAFE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be cloned. ``schemes`` empty: nothing. Sizes are those of the transfer."""

    schemes: frozenset[str] = frozenset()
    max_bytes: int = 1 << 30
    max_seconds: float = 600.0


ALLOWED = Policy(frozenset({"https"}))
"""What a person allows by the setting: ssh and file need to be named."""


def is_url(text: str) -> bool:
    """Whether a text is meant as a git URL and not as a path."""
    return bool(_URL.match(text) or _SCP.match(text))


def scheme_of(url: str) -> str:
    """``https``, ``ssh``, ``file`` ... Raises BadArgument for what is no URL."""
    match = _URL.match(url)
    if match:
        return match["scheme"].lower()
    if _SCP.match(url):
        return "ssh"
    raise BadArgument(f"{url!r} is not a git URL", next="give https://host/owner/name")


def folder_for(url: str, clones: Path) -> Path:
    """Where the clone of a URL lies below ``clones``."""
    parts = [_SAFE.sub("_", part).strip(".") or "_" for part in plain_url(url).split("/") if part]
    return clones.joinpath(*parts[-4:])


def check(url: str, policy: Policy) -> None:
    """Whether a URL may be cloned at all. Raises NotAllowed for a scheme that the policy does not
    name, BadArgument for a URL with a password."""
    scheme = scheme_of(url)
    if scheme not in policy.schemes:
        raise NotAllowed(
            f"cloning over {scheme} is not allowed",
            why=f"allowed: {', '.join(sorted(policy.schemes)) or 'nothing'}",
            next="set SOPHIA_INDEX__ALLOW_CLONE=true for https, or clone it yourself and give the folder",
        )
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://[^/@]*:[^/@]*@", url):
        raise BadArgument(
            "the URL holds a password",
            why="it would be stored in the clone",
            next="leave it out of the URL",
        )


async def fetch(url: str, clones: Path, policy: Policy) -> Path:
    """Clone a URL below ``clones``, or bring its clone up to date; returns the folder.

    Raises what `check` raises, TooLarge beyond the limits, ProviderError when the other side refuses.
    """
    check(url, policy)
    return await anyio.to_thread.run_sync(_fetch, url, folder_for(url, clones), policy)


class _Limits(pygit2.RemoteCallbacks):
    """Stops a transfer that is too large or takes too long; offers no credentials."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self._policy = policy
        self._until = time.monotonic() + policy.max_seconds
        self.exceeded = ""

    def transfer_progress(self, stats: pygit2.remotes.TransferProgress) -> None:
        if stats.received_bytes > self._policy.max_bytes:
            self.exceeded = f"more than {self._policy.max_bytes >> 20} MB were sent"
        elif time.monotonic() > self._until:
            self.exceeded = f"it took longer than {self._policy.max_seconds:.0f} s"
        if self.exceeded:
            raise InterruptedError(self.exceeded)


def _fetch(url: str, folder: Path, policy: Policy) -> Path:
    limits = _Limits(policy)
    try:
        if (folder / ".git").is_dir():
            _update(folder, limits)
        else:
            _clone(url, folder, limits)
    except (pygit2.GitError, InterruptedError, KeyError, ValueError, OSError) as problem:
        if limits.exceeded:
            raise TooLarge(f"{plain_url(url)} was not cloned", why=limits.exceeded) from problem
        raise ProviderError(
            f"{plain_url(url)} could not be cloned",
            why=str(problem),
            next="check the URL; a repository that asks for a password must be cloned by hand",
        ) from problem
    return folder


def _clone(url: str, folder: Path, limits: _Limits) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".clone-", dir=folder.parent))
    try:
        _shallow_first(
            lambda depth: pygit2.clone_repository(
                url, str(beside / "tree"), callbacks=limits, depth=depth
            ),
            lambda: shutil.rmtree(beside / "tree", ignore_errors=True),
        )
        (beside / "tree").rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _update(folder: Path, limits: _Limits) -> None:
    repository = pygit2.Repository(str(folder / ".git"))
    remote = repository.remotes["origin"]
    _shallow_first(lambda depth: remote.fetch(callbacks=limits, depth=depth), lambda: None)
    for name in ("refs/remotes/origin/HEAD", f"refs/remotes/origin/{repository.head.shorthand}"):
        found = repository.references.get(name)
        if found is not None:
            repository.reset(found.peel(pygit2.Commit).id, ResetMode.HARD)
            return


def _shallow_first(act: Callable[[int], object], undo: Callable[[], None]) -> None:
    """Some transports, the local one among them, cannot leave history out."""
    try:
        act(1)
    except (pygit2.GitError, ValueError) as problem:
        if "shallow" not in str(problem).lower() and "depth" not in str(problem).lower():
            raise
        undo()
        act(0)
