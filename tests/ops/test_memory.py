"""Free memory goes back to the system where the C library can give it."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from sophia_mcp.ops.memory import give_back


def resident() -> int:
    rows = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(rows["VmRSS"].split()[0]) << 10


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has malloc_trim")
def test_holes_between_living_blocks_are_given_back() -> None:
    blocks = [bytearray(b"x" * 20_000) for _ in range(3_000)]
    held = blocks[::100]
    del blocks
    before = resident()
    give_back()
    assert resident() < before - (20 << 20)
    assert len(held) == 30
