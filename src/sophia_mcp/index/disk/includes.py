"""May libgit2 open what a git configuration includes?

It opens each such file itself, and would wait for ever on a FIFO, or read a device without end.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

_DEEPEST = 10
"""As deep as git follows includes."""

_LONGEST = 1 << 20
_INCLUDES = re.compile(rb"\[\s*include", re.IGNORECASE)
_PATHS = re.compile(
    rb"^[ \t]*(?:\[[^\]\n]*\][ \t]*)?path[ \t]*=[ \t]*(.*?)[ \t\r]*$", re.IGNORECASE | re.MULTILINE
)


def are_plain(config: Path, depth: int = 0) -> bool:
    """Whether all that a configuration includes, and all that this includes, are regular files or missing."""
    try:
        with config.open("rb") as opened:
            text = opened.read(_LONGEST)
    except OSError:
        return True
    if _INCLUDES.search(text) is None:
        return True
    return depth < _DEEPEST and all(_is_plain(config, named, depth) for named in _PATHS.findall(text))


def _is_plain(config: Path, named: bytes, depth: int) -> bool:
    bare = named[1:-1] if named[:1] == named[-1:] == b'"' else named
    if re.search(rb'[\\"#;]|%\(', bare) is not None:  # it is written otherwise than it is meant
        return False
    place = config.parent / os.path.expanduser(os.fsdecode(bare))
    try:
        mode = place.stat().st_mode
    except (OSError, ValueError):
        return True
    return stat.S_ISREG(mode) and are_plain(place, depth + 1)
