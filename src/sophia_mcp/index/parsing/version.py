"""Which answers does the parser give? Those of a version."""

from __future__ import annotations

import sys
from pathlib import Path


def _installed(name: str) -> str:
    """The version of a distribution, by the name of the folder that tells of it: to have all parsed that is told there
    takes as long as a fortieth of a search in a new process."""
    for place in sys.path:
        if len(found := list(Path(place).glob(f"{name.replace('-', '_')}-*.dist-info"))) == 1:
            return found[0].name.removesuffix(".dist-info").rpartition("-")[2]
    from importlib.metadata import version  # noqa: PLC0415 - what it imports takes longest

    return version(name)


VERSION = f"20+{_installed('tree-sitter-language-pack')}"
"""Grows with every change of what ``parse`` answers; blobs of another version are redone."""
