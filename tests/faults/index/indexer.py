"""Indexes a folder in a process of its own, so that a test can kill it: indexer.py STORE ROOT."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
from tests.index.trees import open_index


async def main(store: Path, root: Path) -> None:
    async with open_index(store) as index:
        print("begin", flush=True)
        await index.update(root, progress=lambda done, total, path: print(done, total, flush=True))
        print("end", flush=True)


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), Path(sys.argv[2]))
