"""How does a git URL become a folder? Through libgit2, shallow, within limits, without credentials."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pygit2
from pygit2.enums import ResetMode

from sophia_mcp.errors import BadArgument, DiskFull, NotAllowed, ProviderError, TooLarge
from sophia_mcp.index.disk.git import weight
from sophia_mcp.index.disk.urls import plain_url
from sophia_mcp.security.paths import of_uri

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>\S+)$")
_SCP = re.compile(r"[\w.-]+@[\w.-]+:(?!//)\S+$")
_WEB = re.compile(
    r"(?:[^@/?#]*@)?(?P<host>[^@:/?#]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d+))?(?P<path>/[^@?#]*)?$"
)
_SAFE = re.compile(r"[^\w.-]+")
_CONNECT_MS, _SILENCE_MS = 15_000, 30_000
"""How long the other side may take to accept a connection, and then to send anything."""

_DEPTH = 4
"""Folders below that of all clones in which one may lie."""

_BESIDE = ".clone-"
_LEFT_S = 3600.0
"""A folder that a clone is made in is nobody's any more after so long."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be cloned. ``schemes`` empty: nothing. ``max_bytes`` may be sent; the files that come of it are
    at most ``max_files``, folders included, of ``max_tree_bytes`` in all."""

    schemes: frozenset[str] = frozenset()
    max_bytes: int = 1 << 30
    max_tree_bytes: int = 4 << 30
    max_files: int = 1_000_000
    max_seconds: float = 600.0


ALLOWED = Policy(frozenset({"https"}))
"""What a person allows by the setting: ssh and file need to be named."""


def is_url(text: str) -> bool:
    """Whether a text is meant as a git URL and not as a path, which a ``file://`` URI of this machine is."""
    return not of_uri(text) and bool(_URL.match(text) or _SCP.match(text))


def scheme_of(url: str) -> str:
    """``https``, ``ssh``, ``file`` ... Raises BadArgument for what is no URL."""
    match = _URL.match(url)
    if match:
        return match["scheme"].lower()
    if _SCP.match(url):
        return "ssh"
    raise BadArgument(f"{url!r} is not a git URL", next="give https://host/owner/name")


def address(url: str) -> str:
    """Which repository a URL means, in one spelling and without who asks: host, port where it is not the
    usual one, and path. Two repositories never have the same. Raises BadArgument as `check` does."""
    scheme = scheme_of(url)
    if scheme == "file" or not _URL.match(url):
        return plain_url(url)
    port = _web(url)["port"] or ""
    host, _, path = plain_url(url).partition("/")
    usual = {"https": "443", "http": "80", "ssh": "22"}.get(scheme, "")
    return f"{host}:{port}/{path}" if port.lstrip("0") not in ("", usual) else f"{host}/{path}"


def plain(url: str) -> str:
    """A URL that means the same repository, without who asks. Raises BadArgument as `check` does."""
    return f"{scheme_of(url)}://{address(url)}"


def folder_for(url: str, clones: Path) -> Path:
    """Where the clone of a URL lies below ``clones``: a folder of its own for each address. One whose
    address is long, or holds what a folder's name should not, has a part of its hash at the end."""
    where = address(url)
    named = [part for part in where.split("/") if part]
    parts = [_SAFE.sub("_", part).strip(".")[:80] or "_" for part in named][-_DEPTH:]
    host = named[0] if named else ""
    if parts != [host if "_" in host else host.replace(":", "_"), *named[1:]]:
        digest = hashlib.sha256(where.encode("utf-8", "replace")).hexdigest()[:10]
        parts = [*parts[:-1], f"{parts[-1] if parts else '_'}-{digest}"]
    return clones.joinpath(*parts)


def check(url: str, policy: Policy) -> None:
    """Whether a URL may be cloned at all. Raises NotAllowed for a scheme that the policy does not
    name, BadArgument for a URL that holds a password or more than host and path. Neither repeats it."""
    scheme = scheme_of(url)
    if scheme not in policy.schemes:
        raise NotAllowed(
            f"cloning over {scheme} is not allowed",
            why=f"allowed: {', '.join(sorted(policy.schemes)) or 'nothing'}",
            next="clone it yourself and give the folder"
            if policy.schemes
            else "set SOPHIA_INDEX__ALLOW_CLONE=true for https, or clone it yourself and give the folder",
        )
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://[^/@]*:[^/@]*@", url):
        raise BadArgument(
            "the URL holds a password",
            why="it would be stored in the clone",
            next="leave it out of the URL",
        )
    if scheme != "file" and _URL.match(url):
        _web(url)


def _web(url: str) -> re.Match[str]:
    """The parts of a URL with a host. Raises BadArgument without repeating it: what is in a wrong place may
    be a password."""
    match = _URL.match(url)
    found = _WEB.match(match["rest"]) if match else None
    if found is None:
        raise BadArgument(
            "this is no plain git URL",
            why="after the host there is a path, without a query, a branch or a second @",
            next="give https://host/owner/name",
        )
    return found


def _anonymous(url: str) -> str:
    """A web URL without the name of who asks, which is often a token. No credentials are offered anyway,
    and a clone keeps its URL."""
    if scheme_of(url) not in ("https", "http"):
        return url
    return re.sub(r"(?<=://)[^@/]*@", "", url, count=1)


async def fetch(url: str, clones: Path, policy: Policy) -> Path:
    """Clone a URL below ``clones``, or bring its clone up to date; returns the folder.

    Raises what `check` raises, TooLarge beyond the limits, ProviderError when the other side refuses
    or falls silent. When cancelled it is left behind, and ends with the next thing the other side sends.
    """
    check(url, policy)
    limits = _Limits(policy)
    try:
        return await _in_background(
            partial(_fetch, _anonymous(url), folder_for(url, clones), clones, limits)
        )
    finally:
        limits.exceeded = limits.exceeded or "nobody waits for it any more"


async def _in_background(work: Callable[[], Path]) -> Path:
    """What ``work`` returns, from a thread that no process waits for when it ends."""
    found: Future[Path] = Future()

    def carry_out() -> None:
        try:
            found.set_result(work())
        except Exception as problem:  # noqa: BLE001 - whoever waits for it raises it
            found.set_exception(problem)

    found.set_running_or_notify_cancel()
    threading.Thread(target=carry_out, name="clone", daemon=True).start()
    return await asyncio.wrap_future(found)


def sweep(clones: Path, shown: Collection[str]) -> None:
    """Remove the clones that no view shows any more (``shown``: the folders of all), and that nobody
    fetched for a while: what was fetched just now may be about to be shown."""
    clones = clones.resolve()
    for folder in _below(clones, _DEPTH):
        if str(folder) in shown:
            continue
        # Another process may be faster, or the disk full: the next run sweeps again.
        with suppress(OSError):
            if (folder / ".git").stat().st_mtime < time.time() - _LEFT_S:
                remove(clones, folder)


def remove(clones: Path, folder: Path) -> None:
    """Remove a clone at once, so that none is ever met half removed."""
    beside = Path(tempfile.mkdtemp(prefix=_BESIDE, dir=clones))
    with suppress(OSError):  # another process was faster
        folder.rename(beside / "tree")
    shutil.rmtree(beside, ignore_errors=True)
    with suppress(OSError):  # it holds another clone
        for above in folder.relative_to(clones).parents:
            (clones / above).rmdir()


def _below(folder: Path, depth: int) -> Iterator[Path]:
    """The clones below a folder."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:  # nothing was cloned yet, or another process removed it
        return
    for entry in entries:
        if entry.name.startswith(_BESIDE) or entry.is_symlink():
            continue
        if (entry / ".git").is_dir():
            yield entry
        elif depth > 1:
            yield from _below(entry, depth - 1)


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
        self.check()

    def check_tree(self, repository: pygit2.Repository, commit: pygit2.Commit) -> None:
        """Before anything is written: a few hundred bytes can hold a tree of a billion files, by naming the same
        folder again and again. Raises InterruptedError, also when weighing it takes too long."""
        files, size = weight(repository, commit.tree, sized=True, look=self.check)
        if files > self._policy.max_files:
            self.exceeded = f"it has more than {self._policy.max_files:,} files and folders"
        elif size > self._policy.max_tree_bytes:
            self.exceeded = f"its files have more than {self._policy.max_tree_bytes >> 20} MB"
        self.check()

    def sideband_progress(self, string: str) -> None:
        self.check()

    def check(self) -> None:
        """Raises InterruptedError where a limit is exceeded, or nobody waits any more."""
        if not self.exceeded and time.monotonic() > self._until:
            self.exceeded = f"it took longer than {self._policy.max_seconds:.0f} s"
        if self.exceeded:
            raise InterruptedError(self.exceeded)


def _fetch(url: str, folder: Path, clones: Path, limits: _Limits) -> Path:
    pygit2.settings.server_connect_timeout = _CONNECT_MS
    pygit2.settings.server_timeout = _SILENCE_MS
    try:
        if (folder / ".git").is_dir():
            _update(folder, limits)
        else:
            _clone(url, folder, clones, limits)
    except (pygit2.GitError, InterruptedError, KeyError, ValueError, OSError) as problem:
        if limits.exceeded:
            raise TooLarge(
                f"{address(url)} was not cloned",
                why=limits.exceeded,
                next="clone it yourself and give the folder",
            ) from problem
        if "no space left" in str(problem).lower():
            raise DiskFull(
                f"{address(url)} could not be cloned",
                why="no space is left on the disk",
                next=f"free space on the disk that holds {clones}; nothing was left there",
            ) from problem
        raise ProviderError(
            f"{address(url)} could not be cloned",
            why=str(problem),
            next="check the URL and the network; a repository that asks for a password must be cloned by hand",
        ) from problem
    return folder


def _clone(url: str, folder: Path, clones: Path, limits: _Limits) -> None:
    clones.mkdir(parents=True, exist_ok=True)
    for left in clones.glob(f"{_BESIDE}*"):
        if left.stat().st_mtime < time.time() - _LEFT_S:
            shutil.rmtree(left, ignore_errors=True)  # its process was killed
    beside = Path(tempfile.mkdtemp(prefix=_BESIDE, dir=clones))
    try:
        git = beside / "tree" / ".git"
        _shallow_first(
            lambda depth: pygit2.clone_repository(url, str(git), True, callbacks=limits, depth=depth),
            lambda: shutil.rmtree(git, ignore_errors=True),
        )
        bare = pygit2.Repository(str(git))
        if not bare.head_is_unborn:
            limits.check_tree(bare, bare.head.peel(pygit2.Commit))
        bare.config["core.bare"] = False
        repository = pygit2.Repository(str(git))
        if not repository.head_is_unborn:
            repository.reset(repository.head.target, ResetMode.HARD)
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            (beside / "tree").rename(folder)
        except OSError:
            if not (folder / ".git").is_dir():  # else another process was faster
                raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _update(folder: Path, limits: _Limits) -> None:
    repository = pygit2.Repository(str(folder / ".git"))
    remote = repository.remotes["origin"]
    _shallow_first(lambda depth: remote.fetch(callbacks=limits, depth=depth), lambda: None)
    for name in ("refs/remotes/origin/HEAD", f"refs/remotes/origin/{repository.head.shorthand}"):
        found = repository.references.get(name)
        if found is not None:
            commit = found.peel(pygit2.Commit)
            limits.check_tree(repository, commit)
            repository.reset(commit.id, ResetMode.HARD)
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
