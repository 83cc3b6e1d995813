"""The demo, as a newcomer runs it, over a small tree of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.processes import ROOT, environment
from tests.trees import write_tree

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(240)]


@pytest.mark.requirement("commands.demo")
def test_the_demo_indexes_the_tree_it_stands_in_and_prints_a_ranked_answer(tmp_path: Path) -> None:
    tree = write_tree(
        tmp_path / "tree",
        {
            "pack.py": "def pack_answer(spans, budget):\n    return [span for span in spans if span.cost <= budget]\n"
        },
    )
    (tree / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "demo.py", tree / "scripts" / "demo.py")
    done = subprocess.run(
        [sys.executable, tree / "scripts" / "demo.py", "pack an answer into a budget"],
        env=environment(SOPHIA_HOME=str(tmp_path / "home"), SOPHIA_EMBED__PROVIDER="hashing"),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pack.py:1-2" in done.stdout
    assert "2 files" in done.stdout
    assert "first answer in" in done.stdout


@pytest.mark.requirement("commands.demo")
def test_the_demo_installs_before_it_runs() -> None:
    text = (ROOT / "scripts" / "demo").read_text(encoding="utf-8")
    assert text.index("scripts/setup run") < text.index("scripts/demo.py")
