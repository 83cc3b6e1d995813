"""What a repository's settings include is read by libgit2 only where that comes to an end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.index.trees import make_repository

from sophia_mcp.index.disk.walk import walk

Write = Callable[..., Path]


@pytest.mark.requirement("index.hostile_tree")
@pytest.mark.parametrize("named", ["../pipe", '"../pipe"', "../pipe # mine", "../further"])
def test_a_repository_whose_settings_include_a_pipe_keeps_nobody_waiting(
    tree: Write, named: str
) -> None:
    top = tree({"in/a.py": "", "further": "[INCLUDE]\npath = pipe\n"})
    make_repository(top)
    os.mkfifo(top / "pipe")
    with (top / ".git" / "config").open("a") as config:
        config.write(f'[includeIf "gitdir:**"] path = {named}\n')
    assert "a.py" in walk(top / "in").files()
    found = walk(top)
    assert (found.detection, "in/a.py" in found.files()) == ("walk", True)


def test_a_repository_may_include_settings_of_its_own(tree: Write) -> None:
    top = tree({"a.py": "", "shared": "[core]\n"})
    make_repository(top)
    with (top / ".git" / "config").open("a") as config:
        config.write("[include]\n\tpath = ../shared\n\tpath = ../missing\n")
    assert walk(top).detection == "git"
