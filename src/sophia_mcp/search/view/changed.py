"""Which files differ from the base? Uncommitted work, and the branch against where it left its base.

Read through libgit2. The base is the merge base with the branch that others build on: what the
remote calls its head, else main or master.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio.to_thread
import pygit2
from pygit2.enums import DeltaStatus, DiffOption, FileMode, FileStatus

from sophia_mcp.errors import BadArgument
from sophia_mcp.index.disk.git import Checkout, Unreadable, checkout_above, open_checkout
from sophia_mcp.index.views import View
from sophia_mcp.security.secrets import is_secret_file

_BASES = (
    "refs/remotes/origin/HEAD",
    "refs/remotes/origin/main",
    "refs/remotes/origin/master",
    "refs/heads/main",
    "refs/heads/master",
    "refs/heads/trunk",
    "refs/heads/develop",
)

_UNTRACKED = (
    DiffOption.INCLUDE_UNTRACKED | DiffOption.RECURSE_UNTRACKED_DIRS | DiffOption.SHOW_UNTRACKED_CONTENT
)


@dataclass(frozen=True, slots=True)
class Changes:
    """Paths that differ from the base, and the lines of each that are new (1-based, inclusive)."""

    base: str
    paths: frozenset[str]
    removed: frozenset[str] = frozenset()
    lines: dict[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


async def of(view: View) -> Changes:
    """What changed in a view. Raises BadArgument where there is no git to compare with."""
    return await anyio.to_thread.run_sync(changes, view)


def changes(view: View) -> Changes:
    """Everything that differs: working tree and index against the merge base with the base branch.
    Blocking; run it in a thread."""
    if not view.root:
        raise _no_base("this view has no working tree")
    try:
        checkout = _checkout(Path(view.root))
        return differences(
            checkout.repository,
            on_disk=view.on_disk,
            root=Path(view.root),
            commit=view.commit if view.ref else "",
        )
    except (Unreadable, pygit2.GitError, KeyError, ValueError, OSError) as problem:
        raise _no_base(str(problem)) from problem


def _checkout(root: Path) -> Checkout:
    """The repository of a folder. Raises BadArgument where it has none, or is a part of one."""
    checkout = open_checkout(root)
    if checkout is not None:
        return checkout
    if (above := checkout_above(root)) is not None:
        raise _no_base(f"the folder is a part of the git repository {above.repository.workdir}")
    raise _no_base("the folder is not a git repository")


def differences(
    repository: pygit2.Repository, *, on_disk: bool, root: Path, commit: str = ""
) -> Changes:
    """The differences of a tree on disk, or of a commit, to where it left its base."""
    head = None if repository.head_is_unborn else repository.head.peel(pygit2.Commit)
    if commit:
        head = repository.revparse_single(commit).peel(pygit2.Commit)
    base = _base(repository, head)
    changed: set[str] = set()
    removed: set[str] = set()
    if head is not None and base is not None and base.id != head.id:
        diff = base.tree.diff_to_tree(head.tree)
        for delta in diff.deltas:
            (removed if delta.status == DeltaStatus.DELETED else changed).add(delta.new_file.path)
    if on_disk:
        left_out = _left_out(repository, root)
        for path, flags in repository.status(untracked_files="all").items():
            if path in left_out and flags == FileStatus.WT_DELETED:
                continue
            if (
                flags & (FileStatus.WT_DELETED | FileStatus.INDEX_DELETED)
                and not flags & FileStatus.WT_NEW
            ):
                removed.add(path)
                changed.discard(path)
            elif flags & ~FileStatus.IGNORED:
                changed.add(path)
                removed.discard(path)
        same = _reverted(repository, base, changed, root)
        changed -= same
        removed = {path for path in removed if base is not None and path in base.tree}
    return Changes(str(base.id) if base else "", frozenset(changed), frozenset(removed))


def patch(view: View, base: str = "", within: Sequence[str] = (), context_lines: int = 5) -> str:
    """The differences as a unified diff: of the tree on disk (new files included) or of a commit view,
    against the commit ``base`` or, without one, against where the branch left its base; only in the
    files and folders ``within``, where any are named. Files that hold secrets are left out. Blocking;
    run it in a thread. Raises BadArgument where there is no git."""
    if not view.root:
        raise _no_base("this view has no working tree")
    try:
        checkout = _checkout(Path(view.root))
        repository = checkout.repository
        head = None if repository.head_is_unborn else repository.head.peel(pygit2.Commit)
        if view.ref:
            head = repository.revparse_single(view.commit).peel(pygit2.Commit)
        start = repository.revparse_single(base).peel(pygit2.Commit) if base else _base(repository, head)
        if start is None:
            return ""
        if view.on_disk:
            diff = start.tree.diff_to_workdir(_UNTRACKED, context_lines=context_lines)
            left_out = _left_out(repository, Path(view.root))
        else:
            assert head is not None
            left_out = frozenset()
            diff = start.tree.diff_to_tree(head.tree, context_lines=context_lines)
        return "".join(
            one.text or ""
            for one in diff
            if one is not None
            and not (one.delta.status == DeltaStatus.DELETED and one.delta.new_file.path in left_out)
            and not is_secret_file(one.delta.new_file.path)
            and (not within or any(_inside(one.delta.new_file.path, place) for place in within))
        )
    except (Unreadable, pygit2.GitError, KeyError, ValueError, OSError) as problem:
        raise _no_base(str(problem)) from problem


def _inside(path: str, place: str) -> bool:
    """Whether a file is the one that was named, or lies in the folder that was."""
    folder = place.strip().removeprefix("./").rstrip("/")
    return folder in ("", ".", path) or path.startswith(f"{folder}/")


def _left_out(repository: pygit2.Repository, root: Path) -> frozenset[str]:
    """Files that a sparse checkout leaves out of its tree. libgit2 does not say which, so one that was
    removed from such a tree by hand, and not from git's index, passes for one of them."""
    try:
        if not repository.config.get_bool("core.sparseCheckout"):
            return frozenset()
    except (KeyError, ValueError):
        return frozenset()
    return frozenset(entry.path for entry in repository.index if not os.path.lexists(root / entry.path))


def _reverted(
    repository: pygit2.Repository, base: pygit2.Commit | None, changed: set[str], root: Path
) -> set[str]:
    """Files whose bytes on disk are again those of the base."""
    if base is None:
        return set()
    same: set[str] = set()
    for path in changed:
        try:
            entry = base.tree[path]
            same_bytes = str(entry.id) == str(pygit2.hashfile(str(root / path)))
            if same_bytes and _same_mode(repository, entry, root / path):
                same.add(path)
        except (KeyError, OSError, ValueError):
            continue
    return same


def _same_mode(repository: pygit2.Repository, entry: pygit2.Object, place: Path) -> bool:
    """Whether a file may be run as the base says, where the repository keeps that."""
    try:
        if not repository.config.get_bool("core.filemode"):
            return True
    except (KeyError, ValueError):
        return True
    return bool(place.lstat().st_mode & 0o100) == (entry.filemode == FileMode.BLOB_EXECUTABLE)


def _base(repository: pygit2.Repository, head: pygit2.Commit | None) -> pygit2.Commit | None:
    """Where the branch left its base; the head itself on the base branch."""
    if head is None:
        return None
    for name in _BASES:
        reference = repository.references.get(name)
        if reference is None:
            continue
        target = reference.resolve().peel(pygit2.Commit)
        meeting = repository.merge_base(head.id, target.id)
        if meeting is not None:
            return repository[meeting].peel(pygit2.Commit)
    return head


def _no_base(why: str) -> BadArgument:
    return BadArgument('scope="changed" needs git', why=why, next='ask again with scope="all"')
