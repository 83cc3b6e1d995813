"""Whatever is done to a working tree, what is called changed is what git's own diff says."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pygit2
import pytest
from tests.index.trees import commit_all, make_repository

from sophia_mcp.search.view import changed

pytestmark = pytest.mark.requirement("search.scope_changed")

NAMES = ["a.py", "b.py", "src/c.go", "src/deep/d.rs", "docs/e.md", "f.txt", "g.log", "with space.py"]


def act(root: Path, rng: random.Random, step: int) -> None:
    """One thing that people do to files, the index or branches."""
    place = root / rng.choice(NAMES)
    action = rng.choice(["write", "write", "back", "remove", "rename", "stage", "commit", "unstage"])
    if action == "write":
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"{rng.randrange(6)}\n")
    elif action == "back":
        git(root, "checkout", "-q", "main", "--", place.relative_to(root).as_posix())
    elif action == "remove" and place.is_file():
        place.unlink()
    elif action == "rename" and place.is_file():
        place.rename(root / f"new{rng.randrange(4)}.py")
    elif action == "stage":
        git(root, "add", "-A")
    elif action == "commit":
        git(root, "add", "-A")
        git(root, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", f"step {step}")
    else:
        git(root, "reset", "-q")


def git(root: Path, *words: str) -> str:
    """What git prints; a command that has nothing to do may fail."""
    ran = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
    return ran.stdout


def by_git(root: Path) -> tuple[set[str], set[str]]:
    """Changed and removed paths by git: the tree on disk against where the branch left main."""
    base = git(root, "merge-base", "main", "HEAD").strip()
    untracked = {path for path in git(root, "ls-files", "-zo", "--exclude-standard").split("\0") if path}
    there = {path for path in git(root, "ls-tree", "-rz", "--name-only", base).split("\0") if path}
    found = {
        path for path in git(root, "diff", "-z", "--name-only", "--no-renames", base).split("\0") if path
    }
    removed = {path for path in found if not (root / path).exists()}
    again = {
        path
        for path in untracked & there
        if git(root, "hash-object", path) == git(root, "rev-parse", f"{base}:{path}")
    }
    return (found | untracked) - removed - again, removed


@pytest.mark.long
def test_changed_equals_the_diff_after_random_changes(tmp_path: Path, seed: int, long: bool) -> None:
    rng = random.Random(seed)
    repository = make_repository(tmp_path)
    (tmp_path / ".gitignore").write_text("*.log\n")
    for name in NAMES[:4]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("0\n")
    first = commit_all(repository)
    repository.branches.local.create("work", repository[first])
    repository.checkout("refs/heads/work")
    seen = 0
    for step in range(1_500 if long else 60):
        act(tmp_path, rng, step)
        opened = pygit2.Repository(str(tmp_path))
        found = changed.differences(opened, on_disk=True, root=tmp_path)
        paths, removed = by_git(tmp_path)
        assert set(found.paths) == paths, step
        assert set(found.removed) == removed, step
        seen += len(paths)
    assert seen
