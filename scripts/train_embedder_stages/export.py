"""How does a trained table become the files that ship?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.embed.quantise import quantise

from .archives import Package
from .licences import judge

MAX_BYTES = 12_000_000
HEADER_WEIGHT = 3.0
"""Of the header in the shipped model: more finds files a little better, less finds lines better."""

_HEAD = """# The packages that this model learned from. Each was taken because its registry metadata states an
# allowed licence and the licence file it carries reads as one; files of a package under another licence
# were left out. After each name stand its version, its licence, and the sha256 of its archive, or of its archives
# in order. Written by scripts/train_embedder, checked by tests/embed/test_sources.py.
"""


def export(
    table: NDArray[np.float32], vocabulary: list[str], packages: Iterable[Package], folder: Path
) -> int:
    """Write the model into ``folder`` and return its size in bytes. Raises ValueError when too large."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, scales = quantise(table)
    parts = (
        rows.tobytes(),
        scales.tobytes(),
        "\n".join(vocabulary).encode(),
        str(HEADER_WEIGHT).encode(),
    )
    digest = hashlib.sha256(b"".join(parts)).hexdigest()
    np.save(folder / "table.npy", rows)
    np.save(folder / "scales.npy", scales)
    (folder / "vocabulary.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    (folder / "model.toml").write_text(
        f'id = "sophia-static-{digest[:12]}"\n'
        f"dimensions = {table.shape[1]}\n"
        f"rows = {len(vocabulary)}\n"
        f"header_weight = {HEADER_WEIGHT}\n",
        encoding="utf-8",
    )
    (folder / "SOURCES.toml").write_text(_sources(packages), encoding="utf-8")
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    if size > MAX_BYTES:
        raise ValueError(f"the model has {size} bytes, more than {MAX_BYTES}: learn fewer rows")
    return size


def _sources(packages: Iterable[Package]) -> str:
    """One line for each package, below its registry: the list is part of what the model may weigh."""
    lines = [_HEAD.rstrip("\n")]
    for registry, members in groupby(packages, key=lambda package: package.registry):
        lines += ["", f"[{registry}]"]
        lines += [
            f'"{package.name}" = ["{package.version}", "{judge(package).licence}", "{package.sha256()}"]'
            for package in members
        ]
    return "\n".join(lines) + "\n"
