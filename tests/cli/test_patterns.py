"""Patterns from the command line: listed, whatever one of them says, and begun under names that work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.outside import run

pytestmark = pytest.mark.requirement("swarm.patterns")


@pytest.mark.parametrize("name", ["MyReview", "code_review", "a-b", "été", "x" * 41])
def test_a_name_no_pattern_can_have_leaves_no_file(tmp_path: Path, alone: Path, name: str) -> None:
    refused = run("swarm", "create", name, "--project", cwd=tmp_path)
    assert refused.returncode != 0
    assert "cannot be the name" in refused.stderr
    assert not (tmp_path / ".sophia").exists()


def test_a_broken_pattern_hides_no_other(tmp_path: Path, alone: Path) -> None:
    made = run("swarm", "create", "our_review", "--project", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    (tmp_path / ".sophia" / "patterns" / "broken.toml").write_text("title = 1")
    listed = run("swarm", "list", "--json", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    names = {each["name"] for each in json.loads(listed.stdout)}
    assert {"solo", "code_review", "our_review"} <= names
    assert "broken.toml" in listed.stderr
