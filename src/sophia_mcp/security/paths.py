"""Which file does this path mean, and may it be read?

Two questions, two answers. ``Roots.resolve`` judges a path that an agent or a person wrote: it must
lie inside an allowed folder after every symbolic link is followed. ``open_inside`` opens a file that
a walk of that folder found: it steps from directory to directory by descriptor and follows no link
at all, so a tree that changes underneath can make it fail but cannot make it read anything outside.

Where the platform cannot open relative to a directory (Windows), ``open_inside`` checks the resolved
path before and after opening instead. That leaves a window between check and use, and it has not
been tested on Windows.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote, urlsplit

from sophia_mcp.errors import BadSetting, NotFound, OutsideRoots, TooLarge

LINK = "it is, or passes through, a symbolic link"
NOT_REGULAR = "it is not a regular file"
FOREIGN_LINK = "it is a hard link to a file of another owner"
DENIED = "permission denied"
MISSING = "it does not exist"
MALFORMED = "it is not a plain relative path"

DIRECTORIES_BY_DESCRIPTOR = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
"""Whether this platform can walk a tree without trusting its names twice."""

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO without a writer must not hang the reader
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
_DIRECTORY = _FLAGS | getattr(os, "O_DIRECTORY", 0)
_READ = 1 << 20

_NAMED = 8
"""Roots that a refusal names; a person may have hundreds."""

_DRIVE = re.compile(r"[A-Za-z]:")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]+:/")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\..*|:.*)?$")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)


def is_too_wide(folder: Path, home: Path) -> bool:
    """Whether a resolved folder is more than one project: the file system's root, the home folder, or
    what lies above it."""
    home = home.resolve()
    return folder == home or folder in home.parents or folder == Path(folder.anchor)


@dataclass(frozen=True, slots=True)
class Roots:
    """The folders that may be read. Build it with ``Roots.of``, which resolves them once."""

    allowed: tuple[Path, ...]

    @classmethod
    def of(cls, folders: Iterable[str | os.PathLike[str]]) -> Roots:
        """Roots of existing folders, resolved through their own links. Unreachable ones are left out."""
        found: dict[Path, None] = {}
        for folder in folders:
            real = os.path.realpath(folder)
            if os.path.isdir(real):
                found[Path(real)] = None
        return cls(tuple(found))

    def resolve(self, path: str | os.PathLike[str]) -> Path:
        """The real place that ``path`` means; a relative path is taken from the first root.

        The answer lies inside a root after all links were followed; it need not exist. Raises
        OutsideRoots for everything else: ``..``, ``~``, NUL, UNC and drive forms, URLs, names that
        turn into one of these under Unicode normalisation, links that lead out, and link loops.
        """
        text = os.fspath(path)
        reason = refusal(text, windows=os.name == "nt")
        if reason:
            self._refuse(text, reason)
        if not self.allowed:
            self._refuse(text, "no folder is allowed yet")
        try:
            real = os.path.realpath(os.path.join(self.allowed[0], text))
            loops = _holds_link(real)
        except (OSError, ValueError) as problem:
            self._refuse(text, f"it cannot be resolved ({type(problem).__name__})")
        if self.root_of(real) is None:
            self._refuse(text, "it leads outside every allowed folder")
        if loops:
            self._refuse(text, "its symbolic links form a loop")
        return Path(real)

    def root_of(self, real: str | os.PathLike[str]) -> Path | None:
        """The innermost root that holds an already resolved path, or None.

        Folders are compared by identity first, so that letter case and Unicode form cannot deceive
        on a file system that folds them, and a mere name prefix never counts.
        """
        place = Path(real)
        if place in self.allowed:
            return place
        by_identity = {_identity(root): root for root in self.allowed}
        by_identity.pop(None, None)
        for above in (place, *place.parents):
            if above in self.allowed:
                return above
            found = by_identity.get(_identity(above))
            if found is not None:
                return found
        return None

    def _refuse(self, path: str, why: str) -> NoReturn:
        allowed = ", ".join(str(root) for root in self.allowed[:_NAMED]) or "none"
        if len(self.allowed) > _NAMED:
            allowed += f" and {len(self.allowed) - _NAMED} more"
        raise OutsideRoots(
            f"the path {path[:200]!a} is not inside an allowed folder",
            why=why,
            next=f"give a path inside: {allowed}; or let a person run `sophia index PATH` to allow another folder",
        )


def check_home() -> None:
    """Raise BadSetting where this user has no home folder, as one of a container that only has a number."""
    try:
        Path.home()
    except RuntimeError as error:
        raise BadSetting(
            "this user has no home folder",
            why="HOME is not set, and the system knows none",
            next="set HOME to a folder that this user may write",
        ) from error


def of_home(place: str | Path) -> Path:
    """A path with its ``~``, which only a shell would have replaced, and not a file, an editor or an assistant;
    as it is written where nobody knows that home."""
    return Path(os.path.expanduser(place))


def known_home(place: str | Path) -> Path:
    """The same. Raises ValueError where nobody knows that home: a folder named ``~`` is not meant."""
    expanded = of_home(place)
    if expanded.parts[:1] and expanded.parts[0].startswith("~"):
        raise ValueError(f"nobody knows the home folder that {expanded.parts[0]} stands for")
    return expanded


def of_uri(uri: str) -> str:
    """The path that a ``file://`` URI of this machine means, as editors write folders and files; empty for
    any other text."""
    if uri[:5].casefold() != "file:":
        return ""
    try:
        parts = urlsplit(uri)
    except ValueError:  # brackets that hold no address
        return ""
    if not uri[5:].startswith("//") or parts.netloc not in ("", "localhost"):
        return ""
    path = unquote(parts.path)
    if "\0" in path:
        return ""
    # Windows drives come as /C:/folder.
    return path[1:] if os.name == "nt" and len(path) > 2 and path[2] == ":" else path


def refusal(path: str, *, windows: bool) -> str | None:
    """Why the spelling of ``path`` alone rules it out, or None. Touches no disk.

    ``windows`` adds the names that mean something else there: streams, devices, trailing dots.
    """
    if not path:
        return "the path is empty"
    if "\0" in path:
        return "it contains NUL"
    try:
        raw = os.fsencode(path)
    except UnicodeEncodeError:
        return "it contains characters that no file name can hold"
    if len(raw) > 4096:
        return "it is longer than 4096 bytes"
    reason = _spelling(path, windows=windows)
    if reason:
        return reason
    folded = _INVISIBLE.sub("", unicodedata.normalize("NFKC", path))
    if folded != path and (
        _spelling(folded, windows=windows) or (folded[:1] in "/\\" and path[0] not in "/\\")
    ):
        return "under Unicode normalisation it becomes another path"
    return None


def _spelling(path: str, *, windows: bool) -> str | None:
    if path.startswith(("//", "\\\\", "\\/", "/\\")):
        return "it is a network or device path"
    if _SCHEME.match(path):
        return "it is a URL"
    if _DRIVE.match(path) and not windows:
        return "it names a drive"
    if windows and re.match(r"[A-Za-z]:(?![\\/])", path):
        return "it is relative to the current folder of a drive"
    names = re.split(r"[\\/]", path)
    if ".." in names:
        return "it climbs with '..'"
    if any(re.fullmatch(r"\.[. ]*\.[. ]*", name) for name in names):
        return "it climbs with a disguised '..'"
    if names[0].startswith("~"):
        return "'~' is not expanded"
    if path.startswith("\\"):
        return "it is absolute in Windows' sense"
    if windows and any(_means_more(name) for name in (names[1:] if _DRIVE.match(path) else names)):
        return "a name in it is reserved on Windows"
    return None


def _means_more(name: str) -> bool:
    return ":" in name or bool(_RESERVED.match(name)) or (name not in ("", ".") and name[-1] in ". ")


def _identity(place: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(place)
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino) if found.st_ino else None


def _holds_link(real: str) -> bool:
    """Whether a resolved path still contains a link, which only a loop leaves behind."""
    above = ""
    while real != above:
        if os.path.islink(real):
            return True
        above, real = real, os.path.dirname(real)
    return False


def open_inside(root: Path, relative: str) -> int:
    """A descriptor of a regular file below ``root``, opened without following any link.

    ``relative`` is separated by ``/`` and may hold undecodable bytes as ``os.fsdecode`` writes them.
    The caller closes the descriptor. Raises OutsideRoots whose ``why`` is LINK, NOT_REGULAR,
    FOREIGN_LINK or MALFORMED, and NotFound whose ``why`` is MISSING or DENIED.
    """
    names = relative.split("/")
    if "\0" in relative or any(name in ("", ".", "..") for name in names):
        raise _outside(relative, MALFORMED)
    if not DIRECTORIES_BY_DESCRIPTOR:
        return _open_by_path(root, relative)
    try:
        place = os.open(root, _DIRECTORY)
    except OSError as problem:
        raise _unreadable(relative, problem) from problem
    try:
        owner = os.fstat(place).st_uid
        for name in names[:-1]:
            try:
                below = os.open(name, _DIRECTORY, dir_fd=place)
            except (OSError, ValueError) as problem:
                raise _unreadable(relative, problem) from problem
            os.close(place)
            place = below
        return open_entry(place, names[-1], owner)
    finally:
        os.close(place)


def open_entry(directory: int, name: str, owner: int) -> int:
    """A descriptor of the regular file ``name`` in an open directory, as ``open_inside`` opens it.

    For walks that hold the directory already. ``owner`` is the user id of the tree: a file with
    several names that belongs to someone else is refused, because whoever made the tree may have
    linked a file into it that only the reader can read.
    """
    try:
        _regular(name, os.stat(name, dir_fd=directory, follow_symlinks=False), owner)
        opened = os.open(name, _FLAGS, dir_fd=directory)
    except (OSError, ValueError) as problem:
        raise _unreadable(name, problem) from problem
    try:
        # The name may mean another file by now; what counts is what was opened.
        _regular(name, os.fstat(opened), owner)
    except BaseException:
        os.close(opened)
        raise
    return opened


def read_inside(root: Path, relative: str, limit: int) -> bytes:
    """The bytes of a file below ``root``, opened as ``open_inside`` does.

    Raises TooLarge beyond ``limit`` bytes, whatever size the file system claims, and the errors of
    ``open_inside``.
    """
    opened = open_inside(root, relative)
    try:
        return read_open(opened, relative, limit)
    finally:
        os.close(opened)


def read_open(opened: int, name: str, limit: int) -> bytes:
    """All bytes of an open regular file; TooLarge beyond ``limit``, NotFound when reading fails."""
    parts: list[bytes] = []
    left = limit + 1
    try:
        if os.fstat(opened).st_size > limit:
            raise _too_large(name, limit)
        while left > 0 and (part := os.read(opened, min(left, _READ))):
            parts.append(part)
            left -= len(part)
    except OSError as problem:
        raise _unreadable(name, problem) from problem
    if left <= 0:
        raise _too_large(name, limit)
    return b"".join(parts)


def _open_by_path(root: Path, relative: str) -> int:
    """The same promise where directories cannot be opened, but for the moment between two checks."""
    path = os.path.join(root, *relative.split("/"))
    top = os.path.realpath(root)
    try:
        before = os.lstat(path)
        if os.path.realpath(path) != os.path.join(top, *relative.split("/")):
            raise _outside(relative, LINK)
        _regular(relative, before, os.stat(root).st_uid)
        opened = os.open(path, _FLAGS)
    except (OSError, ValueError) as problem:
        raise _unreadable(relative, problem) from problem
    try:
        found = os.fstat(opened)
        _regular(relative, found, os.stat(root).st_uid)
        same = (found.st_dev, found.st_ino) == (before.st_dev, before.st_ino)
        if not same or os.path.realpath(path) != os.path.join(top, *relative.split("/")):
            raise _outside(relative, LINK)
    except BaseException:
        os.close(opened)
        raise
    return opened


def _regular(name: str, found: os.stat_result, owner: int) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise _outside(name, LINK)
    if not stat.S_ISREG(found.st_mode):
        raise _outside(name, NOT_REGULAR)
    if found.st_nlink > 1 and found.st_uid != owner:
        raise _outside(name, FOREIGN_LINK)


def _outside(name: str, why: str) -> OutsideRoots:
    return OutsideRoots(
        f"the file {name[:200]!a} is not read", why=why, next="name a regular file inside the repository"
    )


def _too_large(name: str, limit: int) -> TooLarge:
    return TooLarge(f"the file {name[:200]!a} is not read", why=f"it is larger than {limit} bytes")


def _unreadable(name: str, problem: OSError | ValueError) -> OutsideRoots | NotFound:
    code = getattr(problem, "errno", None)
    if code in (errno.ELOOP, errno.EMLINK):
        return _outside(name, LINK)
    if code == errno.ENOTDIR:
        # O_DIRECTORY with O_NOFOLLOW reports a link to a directory like any other non-directory.
        return _outside(name, LINK)
    if code in (errno.ENXIO, errno.ENODEV, errno.EISDIR):
        return _outside(name, NOT_REGULAR)
    why = (
        DENIED
        if code in (errno.EACCES, errno.EPERM)
        else MISSING
        if code == errno.ENOENT
        else str(problem)
    )
    return NotFound(
        f"the file {name[:200]!a} cannot be read", why=why, next="index the repository again"
    )
