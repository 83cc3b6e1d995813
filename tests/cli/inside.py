"""Runs `sophia` inside the process of a test: the same entry point, streams and exit code, without a start.

What is about processes themselves (signals, pipes, two at once) uses `tests.cli.outside`.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
from pathlib import Path

from sophia_mcp.cli.main import main


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """What `sophia` with these arguments would have written and exited with in ``cwd``."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main(list(arguments))
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    return subprocess.CompletedProcess(list(arguments), code, out.getvalue(), err.getvalue())
