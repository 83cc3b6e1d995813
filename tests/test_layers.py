"""The contract about layers holds, and notices an import that points up."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINT = Path(sys.executable).parent / "lint-imports"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT, "--no-cache", "--config", ROOT / "pyproject.toml"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.requirement("design.layers")
def test_no_import_points_up_and_one_that_does_is_named(tmp_path: Path) -> None:
    done = lint(ROOT / "src")
    assert done.returncode == 0, done.stdout + done.stderr
    copy = tmp_path / "sophia_mcp"
    shutil.copytree(
        ROOT / "src" / "sophia_mcp",
        copy,
        ignore=shutil.ignore_patterns("__pycache__", "weights", "*.bin"),
    )
    words = copy / "words.py"
    words.write_text(words.read_text(encoding="utf-8") + "\nimport sophia_mcp.search.answer\n")
    broken = lint(tmp_path)
    assert broken.returncode == 1, broken.stdout + broken.stderr
    assert "sophia_mcp.words" in broken.stdout
