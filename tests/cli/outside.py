"""Runs `sophia` as a person and a build do: as a process. Most tests need none, and use `tests.cli.inside`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SOPHIA = Path(sys.executable).with_name("sophia")

CODE = '''"""Retries."""

MAX_RETRIES = 3


def retry_policy(attempt: int) -> bool:
    """Whether a failed request is sent again."""
    return attempt < MAX_RETRIES


class Client:
    def send(self, request: str) -> str:
        return request if retry_policy(1) else ""
'''
"""A file of the projects that the commands are run in."""


def run(
    *arguments: str, cwd: Path, said: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """What `sophia` with these arguments writes and exits with, told ``said``."""
    return subprocess.run(
        [SOPHIA, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        input=said,
        env={**os.environ, **environment},
    )
