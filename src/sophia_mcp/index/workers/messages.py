"""What do the program and its workers say to each other? Tasks and outcomes, in frames.

Whoever brings a view to its tree needs these, and not what the work itself needs: a parser and its languages.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Sequence
from typing import BinaryIO, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.index.disk.refused import UNREADABLE
from sophia_mcp.index.disk.stamp import Stamp, settled
from sophia_mcp.types import Passage

_LENGTH = struct.Struct("<I")
READY = b"ready"
CUT = b"cut"
FAILED = b"failed"


class Encoder(Protocol):
    """A local embedder inside a worker."""

    def encode(self, passages: Sequence[Passage]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """int8 rows (n, dimensions) and their n scales."""
        ...


EncoderOpener = Callable[[], Encoder]
"""Opens an encoder inside a worker; must be picklable (a function or a partial of one)."""


class Place(NamedTuple):
    """Where the files of a batch are read: a folder on disk, or the objects of a repository."""

    root: str
    gitdir: str = ""
    max_bytes: int = 1_000_000


class Task(NamedTuple):
    """One file to prepare, with the stamp its walk saw. ``known`` is the hash of a blob that needs
    no work when it is still there; ``blob`` the object to read instead of the disk; ``lines`` says
    why not to parse it."""

    path: str
    stamp: Stamp
    known: str = ""
    blob: str = ""
    lines: str = ""


class Prepared(NamedTuple):
    """All rows of one file, but for their ids."""

    path: str
    stamp: Stamp
    hash: str
    lines: int
    encoding: str
    language: str
    fallback: str
    text: bytes
    chunks: list[tuple[int, int, int, str, str, str, str, str]]
    symbols: list[tuple[int, str, str, str, str, int, int, str]]
    edges: bytes
    words: list[tuple[str, str, str, str, str, str]]
    scales: bytes
    rows: bytes


class Unchanged(NamedTuple):
    """The file still holds the blob that was known."""

    path: str
    stamp: Stamp
    hash: str


class Refused(NamedTuple):
    """The file is left out for what it holds."""

    path: str
    stamp: Stamp
    reason: str
    hash: str = ""


class Gone(NamedTuple):
    """There is no such file any more."""

    path: str


Outcome = Prepared | Unchanged | Refused | Gone


def refuse(task: Task, why: str) -> Refused:
    """The outcome for a file that cannot be read; it is tried again when its stamp changes."""
    return Refused(task.path, settled(task.stamp, time.time_ns()), f"{UNREADABLE}: {why}")


def write_frame(stream: BinaryIO, payload: bytes) -> None:
    """One frame: four bytes of length, then the payload."""
    stream.write(_LENGTH.pack(len(payload)))
    stream.write(payload)


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next frame; None at the end of the stream or when it is cut off."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    size = _LENGTH.unpack(head)[0]
    payload = stream.read(size)
    return payload if len(payload) == size else None
