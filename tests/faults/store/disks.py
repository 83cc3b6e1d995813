"""Disks that fail: SQLite VFSs that refuse writes, or forget what was not synced.

Both sit directly above the system's own VFS and make themselves the default, so whatever opens a
store afterwards goes through them, and the checksums of a ``truth`` file are computed above them.
For a process of its own: register before anything of the store is imported.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import apsw

SYSTEM = apsw.vfs_names()[0]


@dataclass
class Refusing:
    """Fails the ``at``-th write or sync: once, or from then on."""

    at: int = 0
    kind: Literal["full", "broken"] = "full"
    once: bool = False
    count: int = 0

    def arm(self, at: int, kind: Literal["full", "broken"], once: bool) -> None:
        self.at, self.kind, self.once, self.count = at, kind, once, 0

    def disarm(self) -> None:
        self.at = self.count = 0

    def step(self) -> None:
        self.count += 1
        if self.at and (self.count == self.at or (self.count > self.at and not self.once)):
            raise (apsw.FullError if self.kind == "full" else apsw.IOError)("injected")


@dataclass
class Forgetting:
    """Keeps what a disk would hold after the power went: synced bytes, and of later writes some,
    whole or torn at a sector."""

    at: int = 0
    count: int = 0
    dead: bool = False
    held: dict[str, bytearray] = field(default_factory=dict)
    pending: dict[str, list[tuple[int, bytes | None]]] = field(default_factory=dict)

    def step(self) -> None:
        self.count += 1
        if self.at and self.count >= self.at:
            self.dead = True
        if self.dead:
            raise apsw.IOError("power lost")

    def sync(self, name: str) -> None:
        for offset, data in self.pending[name]:
            _apply(self.held[name], offset, data)
        self.pending[name] = []

    def wake(self, folder: Path, draw: random.Random) -> None:
        """Write to ``folder`` what is there when the power comes back."""
        for name, synced in self.held.items():
            if name.endswith("-shm"):
                continue
            image = bytearray(synced)
            for offset, data in self.pending[name]:
                chance = draw.random()
                if chance < 0.4:
                    continue
                if data is not None and chance < 0.6:
                    data = data[: draw.randrange(0, len(data) // 512 + 1) * 512]
                _apply(image, offset, data)
            (folder / name).write_bytes(image)


def _apply(image: bytearray, offset: int, data: bytes | None) -> None:
    """A write at ``offset``, or with None a cut there."""
    if data is None:
        del image[offset:]
        return
    if len(image) < offset:
        image.extend(bytes(offset - len(image)))
    image[offset : offset + len(data)] = data


class _RefusingFile(apsw.VFSFile):
    def __init__(self, plan: Refusing, name: Any, flags: list[int]) -> None:
        super().__init__(SYSTEM, name, flags)
        self.plan = plan

    def xWrite(self, data: Any, offset: int) -> None:
        self.plan.step()
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self.plan.step()
        super().xSync(flags)


class _ForgettingFile(apsw.VFSFile):
    def __init__(self, disk: Forgetting, name: Any, flags: list[int]) -> None:
        super().__init__(SYSTEM, name, flags)
        given = name.filename() if hasattr(name, "filename") else (name or "temporary")
        self.disk, self.key = disk, os.path.basename(given)
        disk.held.setdefault(self.key, bytearray())
        disk.pending.setdefault(self.key, [])

    def xWrite(self, data: Any, offset: int) -> None:
        self.disk.step()
        self.disk.pending[self.key].append((offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:
        self.disk.step()
        self.disk.pending[self.key].append((size, None))
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:
        self.disk.step()
        super().xSync(flags)
        self.disk.sync(self.key)


class RefusingDisk(apsw.VFS):
    """Keep a reference to it as long as it is in use."""

    def __init__(self, plan: Refusing) -> None:
        super().__init__("refusing", SYSTEM, makedefault=True)
        self.plan = plan

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return _RefusingFile(self.plan, name, flags)


class ForgettingDisk(apsw.VFS):
    """Keep a reference to it as long as it is in use."""

    def __init__(self, disk: Forgetting) -> None:
        super().__init__("forgetting", SYSTEM, makedefault=True)
        self.disk = disk

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return _ForgettingFile(self.disk, name, flags)

    def xDelete(self, name: str, sync_folder: bool) -> None:
        key = os.path.basename(name)
        self.disk.held.pop(key, None)
        self.disk.pending.pop(key, None)
        super().xDelete(name, sync_folder)
