"""Which standard streams has this process? All three, whatever its parent closed."""

from __future__ import annotations

import os
import sys


def open_closed() -> None:
    """Take a closed standard input for an empty one, and let what is written to a closed stream be lost."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - as long as the process
