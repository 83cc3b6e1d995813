"""Whatever happens to a tree, its index is the one a fresh run would make."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.index.trees import commit_all, contents, make_repository, open_index

from sophia_mcp.index.build import Index
from sophia_mcp.index.views import find

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("index.equals_fresh")]

_WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa".split()
_NAMES = [
    "a.py",
    "b.py",
    "src/c.py",
    "src/d.go",
    "src/deep/e.rs",
    "docs/f.md",
    "g.txt",
    "tests/test_h.py",
    "i.min.js",
]


def _text(rng: random.Random, path: str) -> str:
    names = [f"{rng.choice(_WORDS)}_{rng.randrange(1000)}" for _ in range(rng.randrange(1, 6))]
    if path.endswith(".go"):
        return "package a\n\n" + "\n".join(f"func {name}() int {{ return 1 }}\n" for name in names)
    if path.endswith(".rs"):
        return "\n".join(f"fn {name}() {{}}\n" for name in names)
    if path.endswith(".md"):
        return "\n".join(f"# {name}\n\ntext\n" for name in names)
    return "\n".join(f"def {name}():\n    return {i}\n" for i, name in enumerate(names))


class World:
    """A repository, its worktrees, and random things that people do to them."""

    def __init__(self, root: Path, rng: random.Random) -> None:
        self.root, self.rng = root, rng
        self.trees = [root / "main"]
        self.trees[0].mkdir(parents=True)
        self.repository = make_repository(self.trees[0])
        for name in _NAMES[:4]:
            self.write(self.trees[0], name)
        commit_all(self.repository)
        self.branches = ["main"]

    def write(self, tree: Path, name: str) -> None:
        place = tree / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_symlink() or place.is_dir():
            return
        place.write_text(_text(self.rng, name))

    def git(self, tree: Path, *arguments: str) -> None:
        subprocess.run(["git", "-C", str(tree), *arguments], capture_output=True, check=False)

    def step(self) -> Path:
        """Do one random thing; returns the tree it was done to."""
        tree = self.rng.choice(self.trees)
        actions = [self.edit] * 6 + [self.rename, self.delete, self.ignore, self.commit, self.switch]
        actions += [self.folder, self.same_size, self.worktree, self.link, self.binary]
        self.rng.choice(actions)(tree)
        return tree

    def edit(self, tree: Path) -> None:
        self.write(tree, self.rng.choice(_NAMES))

    def files(self, tree: Path) -> list[Path]:
        return sorted(
            p for p in tree.rglob("*") if p.is_file() and not p.is_symlink() and ".git" not in p.parts
        )

    def rename(self, tree: Path) -> None:
        files = self.files(tree)
        if files:
            target = tree / self.rng.choice(_NAMES).replace(".", f"{self.rng.randrange(9)}.")
            target.parent.mkdir(parents=True, exist_ok=True)
            self.rng.choice(files).rename(target)

    def delete(self, tree: Path) -> None:
        files = self.files(tree)
        if len(files) > 1:
            self.rng.choice(files).unlink()

    def ignore(self, tree: Path) -> None:
        name = self.rng.choice([".gitignore", ".sophiaignore", "src/.gitignore"])
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text(
            self.rng.choice(["", "*.go\n", "docs/\n", "*.txt\n!g.txt\n", "/a.py\n"])
        )

    def commit(self, tree: Path) -> None:
        self.git(tree, "add", "-A")
        self.git(
            tree, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "step"
        )

    def switch(self, tree: Path) -> None:
        if self.rng.random() < 0.4 or len(self.branches) < 2:
            name = f"branch{len(self.branches)}"
            self.branches.append(name)
            self.git(tree, "checkout", "-q", "-b", name)
        else:
            self.git(tree, "checkout", "-q", "-f", self.rng.choice(self.branches))

    def folder(self, tree: Path) -> None:
        place = tree / "src"
        if place.is_dir() and self.rng.random() < 0.5:
            shutil.rmtree(place)
        else:
            self.write(tree, f"pkg{self.rng.randrange(3)}/deep{self.rng.randrange(3)}/m.py")

    def same_size(self, tree: Path) -> None:
        files = [place for place in self.files(tree) if place.stat().st_size > 4]
        if files:
            place = self.rng.choice(files)
            raw = bytearray(place.read_bytes())
            at = self.rng.randrange(len(raw))
            raw[at] = ord("x") if raw[at] != ord("x") else ord("y")
            place.write_bytes(bytes(raw))

    def worktree(self, tree: Path) -> None:
        if len(self.trees) < 3:
            place = self.root / f"tree{len(self.trees)}"
            name = f"branch{len(self.branches)}"
            self.git(self.trees[0], "worktree", "add", "-q", "-b", name, str(place))
            if place.exists():
                self.branches.append(name)
                self.trees.append(place)

    def link(self, tree: Path) -> None:
        place = tree / "linked.py"
        if not place.exists() and not place.is_symlink():
            place.symlink_to(tree / "a.py")

    def binary(self, tree: Path) -> None:
        (tree / "blob.txt").write_bytes(b"\0\1\2" if self.rng.random() < 0.5 else b"now text\n")


async def _same_as_fresh(index: Index, world: World, home: Path) -> None:
    async with open_index(home) as fresh:
        for tree in world.trees:
            await fresh.update(tree)
            kept, made = await index.resolve(str(tree)), await fresh.resolve(str(tree))
            assert (kept.commit, kept.branch, kept.detection) == (
                made.commit,
                made.branch,
                made.detection,
            )
            assert await contents(index, kept) == await contents(fresh, made)
    shutil.rmtree(home)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.requirement("index.equals_fresh")
async def test_after_random_changes_the_index_equals_a_fresh_one(
    index: Index, tmp_path: Path, seed: int, long: bool
) -> None:
    rng = random.Random(seed)
    world = World(tmp_path / "world", rng)
    for tree in world.trees:
        await index.update(tree)
    steps, every = (10_000, 100) if long else (150, 30)
    for step in range(1, steps + 1):
        tree = world.step()
        if rng.random() < 0.7:
            view = await find(index.storage.database, tree)
            if view is None or rng.random() < 0.3:
                await index.update(tree)
            else:
                await index.reconcile(view, now=True)
        if step % every == 0:
            for each in world.trees:
                await index.update(each)
            await _same_as_fresh(index, world, tmp_path / f"fresh{step}")
