"""`sophia serve` on a disk that kills it: mortal_server.py WHERE N [arguments of the server].

The process ends by SIGKILL, as in a power cut, ``before`` or ``after`` the N-th sync of the log of
``state.db``, where runs and money are written: each sync is one commit.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import apsw

SYSTEM = apsw.vfs_names()[0]


class MortalFile(apsw.VFSFile):
    """Counts its own syncs."""

    def __init__(self, name: Any, flags: list[int], where: str, at: int) -> None:
        super().__init__(SYSTEM, name, flags)
        self.where, self.at, self.count = where, at, 0

    def xSync(self, flags: int) -> None:
        self.count += 1
        if self.count == self.at and self.where == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        super().xSync(flags)
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


class MortalDisk(apsw.VFS):
    """Only one log of it is counted: that of the one connection that writes."""

    def __init__(self, where: str, at: int) -> None:
        super().__init__("mortal", SYSTEM, makedefault=True)
        self.where, self.at = where, at

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        given = name.filename() if hasattr(name, "filename") else (name or "")
        if given.endswith("state.db-wal"):
            return MortalFile(name, flags, self.where, self.at)
        return apsw.VFSFile(SYSTEM, name, flags)


disk = MortalDisk(sys.argv[1], int(sys.argv[2]))  # before the store is imported
del sys.argv[1:3]

from sophia_mcp.server.entry import main  # noqa: E402

if __name__ == "__main__":
    main()
