"""What does an SQLite error mean to the one who can act on it?"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import apsw

from sophia_mcp.errors import BadArgument, DiskFull, SophiaError, StoreBusy, StoreDamaged
from sophia_mcp.store.driver import Durability

_DAMAGED_READS = {apsw.SQLITE_IOERR_DATA, apsw.SQLITE_IOERR_CORRUPTFS, apsw.SQLITE_IOERR_SHORT_READ}
_REFUSALS = (apsw.IOError, apsw.CantOpenError, apsw.ReadOnlyError, apsw.PermissionsError, OSError)
_ROOM = 64 << 10
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_TOO_MANY = {errno.EMFILE, errno.ENFILE}

MADE_ANEW = (
    "your project is indexed anew with the next question; run `sophia index` again for every other folder, and for"
    " includes and excludes you chose"
)
"""What to do after a ``derived`` file was replaced: what a person chose in it is nowhere else."""


class translated:
    """Raise leaves of our error tree in place of errors of apsw and of the system. A damaged ``derived`` file is
    marked, so that the next opening replaces it. (A generator in its place costs each statement 20 µs.)"""

    def __init__(self, path: Path, durability: Durability) -> None:
        self._path, self._durability = path, durability

    def __enter__(self) -> None:
        """Nothing is prepared."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, apsw.Error | UnicodeEncodeError | OSError):
            return
        meaning = _meaning(error, self._path, self._durability)
        if meaning is None:
            return
        if isinstance(meaning, StoreDamaged) and self._durability == "derived":
            mark_damaged(self._path)
        raise meaning from error


def aside(path: Path) -> Path:
    """Where a damaged ``path`` is kept until the next one."""
    return path.with_name(path.name + ".aside")


def damage_mark(path: Path) -> Path:
    """The empty file whose presence says that ``path`` was found damaged."""
    return path.with_name(path.name + ".damaged")


def mark_damaged(path: Path) -> None:
    """Leave the mark, if the folder lets us."""
    try:
        damage_mark(path).touch()
    except OSError:
        return


def _meaning(error: Exception, path: Path, durability: Durability) -> SophiaError | None:
    if isinstance(error, UnicodeEncodeError):
        return BadArgument(
            "a text is not valid Unicode", why=str(error), next="decode it with replacement first"
        )
    if is_damage(error):
        return damaged(path, durability, str(error))
    if isinstance(error, apsw.BusyError | apsw.LockedError | apsw.ProtocolError):
        return StoreBusy(
            f"{path.name} stayed locked",
            why=f"another process holds it ({error})",
            next="try again; if it stays, look for a stuck sophia process",
        )
    if isinstance(error, apsw.FullError) or (
        isinstance(error, _REFUSALS) and _is_full(error, path.parent)
    ):
        return DiskFull(
            f"could not write {path.name}",
            why=f"no space left ({error})",
            next=_room(path, durability),
        )
    return _refused(error, path) if isinstance(error, _REFUSALS) else None


def _refused(error: Exception, path: Path) -> DiskFull:
    """Why the system did not let us have a file, as far as can be seen from outside."""
    elsewhere = "set SOPHIA_HOME to another folder"
    if os.path.isdir(path.parent) and not os.access(path.parent, os.W_OK):
        return DiskFull(
            f"could not open {path.name}",
            why=f"{path.parent} may not be written, which even reading needs ({error})",
            next="set SOPHIA_HOME to a copy of that folder in a place that may be written, or to another folder",
        )
    if isinstance(error, OSError) and error.errno in _TOO_MANY:
        return DiskFull(
            f"could not open {path.name}",
            why=f"too many files are open ({error})",
            next="close other programs, or allow more (`ulimit -n`), and try again",
        )
    if not os.path.exists(path):
        return DiskFull(
            f"could not make {path.name}",
            why=str(error),
            next=f"see that {path} can be made, or {elsewhere}",
        )
    if not os.path.isfile(path):
        return DiskFull(
            f"could not open {path.name}",
            why=f"{path} is not a file",
            next=f"move it away, or {elsewhere}",
        )
    if not os.access(path, os.R_OK | os.W_OK):
        return DiskFull(
            f"could not open {path.name}",
            why=f"{path} may not be read and written by you: another user may have made it ({error})",
            next=f"take over all of {path.parent} (chown, chmod), or {elsewhere}",
        )
    return DiskFull(
        f"could not read or write {path.name}",
        why=str(error),
        next=f"check space, permissions and the disk of {path.parent}; nothing was half-written",
    )


def removed(path: Path) -> DiskFull:
    """The error of a file that is not the one that was opened."""
    return DiskFull(
        f"{path.name} is not there any more",
        why=f"{path} was removed, moved or replaced while it was in use",
        next="put it back if it was moved, then start this server or command again: a new one is made where none is",
    )


def _room(path: Path, durability: Durability) -> str:
    """How a person makes room."""
    told = f"free space on the disk that holds {path.parent}; nothing was half-written"
    if durability != "derived" or not path.exists():
        return told
    held = path.stat().st_size >> 20
    if not held:
        return told
    return f"{told}; deleting {path.name} while no server runs frees {held} MB: all of it can be indexed anew"


def _is_full(error: Exception, folder: Path) -> bool:
    """Whether there is no room even for what SQLite keeps beside a file that is only read, which it calls a
    failure of the disk; or for the name of another file."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return True
    try:
        return shutil.disk_usage(folder).free < _ROOM
    except OSError:
        return False


def is_damage(error: Exception) -> bool:
    """Whether the file itself cannot be trusted."""
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return True
    return isinstance(error, apsw.IOError) and getattr(error, "extendedresult", 0) in _DAMAGED_READS


def damaged(path: Path, durability: Durability, why: str) -> StoreDamaged:
    """The error of a file that cannot be trusted, with what its reader can do."""
    if durability == "derived":
        return StoreDamaged(
            f"{path.name} is damaged",
            why=why,
            next=f"ask again: it is set aside; {MADE_ANEW}",
        )
    return StoreDamaged(
        f"{path.name} is damaged",
        why=why,
        next=f"put a copy of it back in its place, or move {path} away to begin anew without it",
    )
