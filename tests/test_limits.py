"""The source stays small: the limits are checked by a test too, so that no change can forget them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.requirement("commands.check")
def test_nothing_in_the_source_is_over_a_limit() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "limits.py"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.requirement("commands.check")
def test_an_oversized_function_and_more_room_than_is_needed_are_found(tmp_path: Path) -> None:
    source = tmp_path / "src" / "sophia_mcp"
    source.mkdir(parents=True)
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "limits.toml").write_text('"file:gone.py" = 600\n')
    script = (ROOT / "scripts" / "limits.py").read_text()
    (tmp_path / "scripts" / "limits.py").write_text(script)
    body = "\n".join(f"    x{i} = {i}" for i in range(90))
    (source / "big.py").write_text(
        f"import os\n\ndef data_manager() -> None:\n{body}\n    os.environ.get('A')\n"
    )
    done = subprocess.run(
        [sys.executable, tmp_path / "scripts" / "limits.py"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "the limit is 80" in done.stdout
    assert "grants 600 to file:gone.py, which has 0" in done.stdout
    assert "data_manager" in done.stdout
    assert "environment" in done.stdout
