"""All gates together, on a folder that must stay as it is."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sophia_mcp.swarm.answers.proposals import propose
from sophia_mcp.swarm.gates import Allowed, Ground, gate

pytestmark = pytest.mark.anyio

FILE = "def f(x):\n    return x + 1\n"
ALL = ("quotes", "citations", "patch", "parses", "commands")
EDIT = {"path": "a.py", "old": "    return x + 1", "new": "    return x + 2"}
FINDING = {
    "severity": "high",
    "path": "a.py",
    "line": 2,
    "quote": "    return x + 1",
    "claim": "wrong",
    "suggestion": "",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "repository"
    place.mkdir()
    (place / "a.py").write_text(FILE)
    return place


def ground(root: Path, *commands: tuple[str, ...], on_disk: bool = True) -> Ground:
    async def read(path: str) -> str | None:
        place = root / path
        return place.read_text() if place.is_file() else None

    allowed = Allowed(commands, path=os.defpath)
    return Ground(read, root=root if on_disk else None, allowed=allowed)


def state(root: Path) -> Mapping[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.mark.requirement("swarm.patch")
async def test_edits_become_a_patch_and_the_folder_stays_as_it_was(root: Path) -> None:
    before = state(root)
    command = (sys.executable, "-c", "import a; assert a.f(1) == 3")
    gated = await gate(propose({"edits": [EDIT]}), ALL, ground(root, command))
    assert gated.passed, gated.advice
    assert [one.name for one in gated.results] == ["patch", "parses", "commands"]
    assert "+    return x + 2" in gated.proposal.patch
    assert not gated.proposal.edits
    assert state(root) == before


@pytest.mark.requirement("swarm.patch")
@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ({"edits": [EDIT | {"old": "    return y"}]}, "patch"),
        ({"edits": [EDIT | {"path": "../a.py"}]}, "patch"),
        ({"edits": [EDIT | {"path": ".git/config", "old": ""}]}, "patch"),
        ({"edits": [EDIT | {"new": "    return (x + 2"}]}, "parses"),
        ({"edits": [EDIT | {"new": "    return x + 1"}]}, "patch"),
        ({"edits": [EDIT | {"new": "    return x + 3"}]}, "commands"),
        ({"edits": [EDIT], "patch": "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+y\n"}, "patch"),
        (
            {
                "patch": "--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n def f(x):\n-    return x\n+    return 0\n"
            },
            "patch",
        ),
        ({"patch": "rm -rf /"}, "patch"),
    ],
)
async def test_a_patch_that_fails_a_gate_does_not_come_out(
    root: Path, answer: dict[str, Any], name: str
) -> None:
    command = (sys.executable, "-c", "import a; assert a.f(1) == 3")
    before = state(root)
    gated = await gate(propose(answer), ALL, ground(root, command))
    assert not gated.passed
    assert gated.proposal.patch == ""
    assert not gated.proposal.edits
    assert [one.name for one in gated.results if not one.passed] == [name]
    assert gated.advice.startswith(f"{name}: ")
    assert state(root) == before


@pytest.mark.requirement("swarm.quotes")
async def test_quotes_and_patches_are_checked_whatever_a_pattern_names(root: Path) -> None:
    answer = {
        "findings": [FINDING, FINDING | {"quote": "not there"}],
        "edits": [EDIT | {"old": "nowhere"}],
    }
    gated = await gate(propose(answer), (), ground(root))
    assert [one.quote for one in gated.proposal.findings] == ["    return x + 1"]
    assert gated.proposal.patch == ""


@pytest.mark.requirement("swarm.commands")
async def test_without_allowed_commands_none_is_run_and_none_is_claimed(root: Path) -> None:
    gated = await gate(propose({"edits": [EDIT]}), ALL, ground(root))
    assert gated.passed
    assert "commands" not in [one.name for one in gated.results]


@pytest.mark.requirement("swarm.commands")
async def test_a_commit_that_is_not_on_disk_cannot_pass_commands(root: Path) -> None:
    gated = await gate(propose({"edits": [EDIT]}), ALL, ground(root, ("true",), on_disk=False))
    assert not gated.passed
    assert gated.proposal.patch == ""


@pytest.mark.requirement("swarm.patch")
async def test_a_file_that_must_not_be_read_is_not_overwritten(root: Path) -> None:
    (root / "hidden.py").write_text("x = 1\n")

    async def read(path: str) -> str | None:
        return None

    answer = {"edits": [{"path": "hidden.py", "old": "", "new": "x = 2"}]}
    gated = await gate(propose(answer), ALL, Ground(read, root=root))
    assert not gated.passed
    assert "may not be read" in gated.advice


@pytest.mark.requirement("swarm.patch")
async def test_a_file_in_another_encoding_is_not_patched(root: Path) -> None:
    (root / "latin.py").write_bytes("# ä\nx = 1\n".encode("latin-1"))

    async def read(path: str) -> str | None:
        return "# ä\nx = 1\n"

    answer = {"edits": [{"path": "latin.py", "old": "x = 1", "new": "x = 2"}]}
    gated = await gate(propose(answer), ALL, Ground(read, root=root))
    assert "not UTF-8" in gated.advice


@pytest.mark.requirement("swarm.lies")
async def test_what_is_not_of_the_right_shape_is_said(root: Path) -> None:
    gated = await gate(propose({"findings": [FINDING, {"severity": "high"}]}), ALL, ground(root))
    assert len(gated.proposal.findings) == 1
    assert not gated.passed
    assert "shape" in gated.advice


@pytest.mark.requirement("swarm.patch")
async def test_too_many_files_are_refused(root: Path) -> None:
    answer = {"edits": [{"path": f"n{n}.py", "old": "", "new": "x = 1"} for n in range(41)]}
    assert "at most 40" in (await gate(propose(answer), ALL, ground(root))).advice
