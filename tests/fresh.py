"""What does some code import? Told by an interpreter that has imported nothing else."""

from __future__ import annotations

import json
import subprocess
import sys


def imported(code: str) -> set[str]:
    """The names of all modules that are loaded after ``code`` ran in an interpreter of its own."""
    program = f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))
