"""The stdio server over a disk that is full once it was told so: by SIGUSR1."""

from __future__ import annotations

import signal

from tests.faults.store.disks import Refusing, RefusingDisk

plan = Refusing()
disk = RefusingDisk(plan)  # before the store is imported: the store takes the default VFS

from sophia_mcp.server.entry import main  # noqa: E402

if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, lambda *_: plan.arm(1, "full", once=False))
    signal.signal(signal.SIGUSR2, lambda *_: plan.disarm())
    main()
