"""What does git know about this folder, read through libgit2 and never by running git?

A repository is untrusted data. libgit2 runs no hook, filter, file-system monitor or credential
program, but a crafted ``.git`` can still point at somebody else's repository or at a device, so a
checkout is opened only when everything it consists of lies where its owner must have put it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pygit2
from pygit2.enums import ConfigLevel, FileMode, FileStatus, ObjectType, SortMode
from pygit2.ffi import C, ffi

from sophia_mcp.index.disk.includes import are_plain
from sophia_mcp.index.disk.urls import plain_url
from sophia_mcp.security.paths import is_too_wide, of_home

MOST_FILES = 2_000_000
"""A commit of more files, folders and submodules is not listed."""

_HEAVIEST = 1 << 62
"""Nothing is weighed beyond this: each level of folders can double a number, and so add to its length."""

ROOT_WALK = 50_000
"""Commits visited at most to find the first one of a history."""

BROKEN = (pygit2.GitError, KeyError, OSError, ValueError, MemoryError)
"""What libgit2 raises on repositories that are broken, on purpose or not; an object that claims to
be larger than memory is the last one."""

_TRACKED_CHANGE = (
    FileStatus.WT_MODIFIED
    | FileStatus.WT_DELETED
    | FileStatus.WT_TYPECHANGE
    | FileStatus.WT_RENAMED
    | FileStatus.WT_UNREADABLE
    | FileStatus.WT_NEW
)
_CONFIGS = ("config", "config.worktree")
_PLAIN = ("HEAD", "index", "packed-refs", "commondir", "gitdir", "info/exclude", "shallow")
_NOT_NAMES = ("", ".", "..", ".git")
_INNER = ("objects", "refs", "info", "objects/pack", "objects/info")

# Nothing that belongs to a repository is run, so it does not matter whose it is.
pygit2.settings.owner_validation = False


class Unreadable(Exception):
    """libgit2 cannot, or must not, read this repository; the message says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a commit: its blob id and whether it is an ordinary file."""

    path: str
    blob: str
    kind: str  # file | symlink | submodule


class Checkout:
    """An opened repository and the folder it is checked out in, or with ``within`` (``a/b/``) one below that;
    paths are those from ``root`` on. Use it from one thread."""

    def __init__(self, root: Path, repository: pygit2.Repository, within: str = "") -> None:
        self.root = root
        self.repository = repository
        self.within = within

    def head(self) -> tuple[str, str]:
        """(commit id, branch); either is empty when there is none."""
        try:
            if self.repository.head_is_unborn:
                target = self.repository.references.get("HEAD")
                name = str(target.target) if target is not None else ""
                return "", name.removeprefix("refs/heads/")
            head = self.repository.head
            branch = "" if self.repository.head_is_detached else str(head.shorthand)
            return str(head.target), branch
        except BROKEN as problem:
            raise Unreadable(f"HEAD cannot be read: {problem}") from problem

    def tracked(self) -> dict[str, str]:
        """Path to blob id of every ordinary file in the index; submodules carry an empty id."""
        try:
            index = self.repository.index
            # As libgit2 holds them: iterating makes four objects of each, which took a sixth of a look at the tree.
            held = (C.git_index_get_byindex(index._index, place) for place in range(len(index)))
            return {
                path[len(self.within) :]: ""
                if entry.mode == FileMode.COMMIT
                else ffi.buffer(entry.id.id)[:].hex()
                for entry in held
                if (path := os.fsdecode(ffi.string(entry.path))).startswith(self.within)
            }
        except BROKEN as problem:
            raise Unreadable(f"its index cannot be read: {problem}") from problem

    def dirty(self) -> frozenset[str]:
        """Tracked paths whose bytes on disk are not the ones the index names."""
        try:
            found = self.repository.status(untracked_files="no", ignored=False)
        except BROKEN as problem:
            raise Unreadable(f"its status cannot be read: {problem}") from problem
        return frozenset(
            path[len(self.within) :]
            for path, flags in found.items()
            if flags & _TRACKED_CHANGE and path.startswith(self.within)
        )

    def ignored(self, path: str) -> bool:
        """Whether git's ignore rules name ``path``; a folder is written with a trailing slash."""
        try:
            return bool(self.repository.path_is_ignored(self.within + path))
        except BROKEN as problem:
            raise Unreadable(f"its ignore rules cannot be read: {problem}") from problem

    def note_folders(self) -> list[str]:
        """The folders in which git notes another HEAD, branch or exclude rule, and those whose rules hold here, too."""
        gitdir = Path(self.repository.path)
        common = _common(gitdir)
        heads = [folder for folder, _, _ in os.walk(common / "refs" / "heads")]
        found = [str(gitdir), str(common), str(common / "info"), *heads, *map(str, self.above())]
        return [folder.rstrip("/") for folder in dict.fromkeys(found)]

    def deciding(self) -> list[str]:
        """The files in which git notes what is tracked, checked out and excluded; those of a worktree
        lie apart from its folder, and a person's own rules apart from every repository."""
        gitdir = Path(self.repository.path)
        common = _common(gitdir)
        noted = (gitdir / "index", gitdir / "HEAD", common / "info" / "exclude", common / "config")
        above = (folder / ".gitignore" for folder in self.above())
        return [*map(str, noted), *map(str, above), _own_rules(self.repository)]

    def above(self) -> list[Path]:
        """The folders of the repository around ``root``, the nearest first."""
        return list(self.root.parents)[: self.within.count("/")]

    def identities(self) -> tuple[str, ...]:
        """What two checkouts of one repository share: git folder, first commit, remote."""
        common = os.path.realpath(_common(Path(self.repository.path)))
        found = [f"dir:{common}"]
        first = self._first_commit()
        if first:
            found.append(f"root:{first}")
        remote = origin(self.repository)
        if remote:
            found.append(f"remote:{remote}")
        return tuple(found)

    def _first_commit(self) -> str:
        commit, _ = self.head()
        if not commit or self.repository.is_shallow:
            return ""
        try:
            walk = self.repository.walk(pygit2.Oid(hex=commit), SortMode.NONE)
            walk.simplify_first_parent()
            for number, step in enumerate(walk):
                if not step.parent_ids:
                    return str(step.id)
                if number >= ROOT_WALK:
                    break
        except BROKEN:
            return ""
        return ""


def open_checkout(root: Path) -> Checkout | None:
    """The repository checked out in ``root``; None where there is no ``.git``.

    Raises Unreadable when there is one that libgit2 cannot read, or that lies elsewhere without
    the other place agreeing.
    """
    place = root / ".git"
    try:
        mode = place.lstat().st_mode
    except OSError:
        return None
    gitdir = _gitdir(root, place, mode)
    _check_plain(gitdir)
    common = _common(gitdir)
    if common != gitdir:
        _check_plain(common)
    try:
        repository = pygit2.Repository(str(gitdir))
        workdir = repository.workdir
    except BROKEN as problem:
        raise Unreadable(f"libgit2 cannot open it: {problem}") from problem
    if workdir is None:
        raise Unreadable("its configuration calls it bare")
    if os.path.realpath(workdir) != os.path.realpath(root):
        raise Unreadable("its configuration names another working tree")
    _check_rule_files(repository)
    return Checkout(root, repository)


def checkout_above(root: Path) -> Checkout | None:
    """The nearest repository that can be read around a folder that has none of its own, or None. One of the home
    folder holds a person's settings, and one of another owner is as anybody may make it in a shared folder."""
    top = next((folder for folder in root.parents if _mode(folder / ".git") is not None), None)
    if top is None or is_too_wide(top, Path.home()):
        return None
    with suppress(Unreadable, OSError):
        is_ours = (top / ".git").lstat().st_uid == root.stat().st_uid
        found = open_checkout(top) if is_ours else None
        if found is not None:
            checkout = Checkout(root, found.repository, f"{root.relative_to(top).as_posix()}/")
            rules = (
                above / name for above in checkout.above() for name in (".gitignore", ".gitattributes")
            )
            return checkout if all(map(_is_file_or_none, rules)) else None
    return None


def is_bare(root: Path) -> bool:
    """Whether a folder without ``.git`` is a repository itself: its files are git's own, and may hold the
    credentials of remotes."""
    head = _mode(root / "HEAD")
    folders = [_mode(root / name) for name in ("objects", "refs")]
    return (
        head is not None
        and stat.S_ISREG(head)
        and all(mode is not None and stat.S_ISDIR(mode) for mode in folders)
    )


def open_objects(gitdir: str) -> pygit2.Repository:
    """The object store of a checkout that ``open_checkout`` accepted. Raises Unreadable."""
    try:
        return pygit2.Repository(gitdir)
    except BROKEN as problem:
        raise Unreadable(f"libgit2 cannot open it: {problem}") from problem


def find_commit(repository: pygit2.Repository, ref: str) -> str:
    """The commit id a branch, remote branch, tag or (short) id names. Raises KeyError."""
    for name in (
        f"refs/heads/{ref}",
        f"refs/tags/{ref}",
        f"refs/remotes/{ref}",
        f"refs/remotes/origin/{ref}",
    ):
        try:
            found = repository.references.get(name)
        except BROKEN:
            continue
        if found is not None:
            return str(found.peel(pygit2.Commit).id)
    try:
        return str(repository.revparse_single(ref).peel(pygit2.Commit).id)
    except BROKEN as problem:
        raise KeyError(ref) from problem


def commit_entries(repository: pygit2.Repository, commit: str) -> Iterator[Entry]:
    """Every file of a commit, depth first, each folder in git's order. Raises Unreadable."""
    try:
        top = repository[commit].peel(pygit2.Commit).tree
        if weight(repository, top)[0] > MOST_FILES:
            raise Unreadable(f"commit {commit[:12]} has more than {MOST_FILES:,} files and folders")
        stack: list[tuple[str, Iterator[pygit2.Object]]] = [("", iter(top))]
        while stack:
            prefix, entries = stack[-1]
            entry = next(entries, None)
            if entry is None:
                stack.pop()
                continue
            if entry.name is None or entry.name in _NOT_NAMES or "/" in entry.name:
                continue  # git never writes such a name; joined to a folder it would lead out
            path = f"{prefix}{entry.name}"
            if entry.filemode == FileMode.COMMIT:
                yield Entry(path, "", "submodule")
            elif entry.type == ObjectType.TREE:
                stack.append((path + "/", iter(repository[entry.id])))  # type: ignore[call-overload]
            else:
                link = entry.filemode == FileMode.LINK
                yield Entry(path, str(entry.id), "symlink" if link else "file")
    except BROKEN as problem:
        raise Unreadable(f"commit {commit[:12]} cannot be read: {problem}") from problem


def weight(
    repository: pygit2.Repository,
    tree: pygit2.Tree,
    *,
    sized: bool = False,
    look: Callable[[], object] = lambda: None,
) -> tuple[int, int]:
    """How many files, folders and submodules a tree has with all below it, and the bytes of its files where they are
    ``sized``, each up to 1 << 62. Each folder is looked at once, however often it is named: a few hundred bytes can
    hold a billion files, or empty folders, which take as long to walk. ``look`` is called before each object is,
    and may raise."""

    def bytes_of(blob: pygit2.Oid) -> int:
        look()
        return int(repository.odb.read_header(blob)[1])

    known: dict[pygit2.Oid, tuple[int, int]] = {}
    waiting = [tree.id]
    while waiting:
        if waiting[-1] in known:
            waiting.pop()
            continue
        look()
        held = repository[waiting[-1]]
        if not isinstance(held, pygit2.Tree):
            raise ValueError(f"{waiting[-1]} should be a folder, and is none")
        folders = [entry.id for entry in held if entry.filemode == FileMode.TREE]
        if unknown := {name for name in folders if name not in known}:
            waiting += unknown
            continue
        blobs = [entry.id for entry in held if entry.filemode not in (FileMode.TREE, FileMode.COMMIT)]
        below = [known[name] for name in folders]
        entries = len(held) + sum(count for count, _ in below)
        size = sum(bytes_of(name) for name in blobs if sized) + sum(size for _, size in below)
        if entries >= _HEAVIEST:  # then the tree above holds as many
            return _HEAVIEST, min(size, _HEAVIEST)
        known[waiting.pop()] = entries, min(size, _HEAVIEST)
    return known[tree.id]


def object_size(repository: pygit2.Repository, blob: str) -> int:
    """Bytes of a blob without reading it; -1 when it is missing (a partial clone)."""
    try:
        return int(repository.odb.read_header(pygit2.Oid(hex=blob))[1])
    except BROKEN:
        return -1


def read_object(repository: pygit2.Repository, blob: str, limit: int) -> bytes | None:
    """The bytes of a blob; None when it is missing or larger than ``limit``."""
    size = object_size(repository, blob)
    if size < 0 or size > limit:
        return None
    try:
        found = repository[blob]
    except BROKEN:
        return None
    return found.data if isinstance(found, pygit2.Blob) else None


def blob_at(repository: pygit2.Repository, commit: str, path: str) -> str:
    """The blob id of ``path`` in a commit, or empty."""
    try:
        entry = repository[commit].peel(pygit2.Commit).tree[path]
    except BROKEN:
        return ""
    return str(entry.id) if entry.type == ObjectType.BLOB and entry.filemode != FileMode.LINK else ""


def origin(repository: pygit2.Repository) -> str:
    """The URL of ``origin`` without credentials, in one spelling; empty when there is none."""
    try:
        url = repository.config["remote.origin.url"]
    except BROKEN:
        return ""
    return plain_url(url or "")


def _gitdir(root: Path, place: Path, mode: int) -> Path:
    """Where the repository lies, if that place agrees. Raises Unreadable."""
    if stat.S_ISDIR(mode):
        return place
    if not stat.S_ISREG(mode):
        raise Unreadable("its .git is neither a folder nor a file")
    line = _line(place)
    if not line.startswith("gitdir:"):
        raise Unreadable("its .git file names no repository")
    gitdir = Path(os.path.normpath(root / line.removeprefix("gitdir:").strip()))
    if not gitdir.is_dir():
        raise Unreadable("its .git file names a repository that does not exist")
    back = _line(gitdir / "gitdir")
    if back and os.path.realpath(gitdir / back) == os.path.realpath(place):
        return gitdir
    if _worktree_setting(gitdir, root):
        return gitdir
    raise Unreadable("its .git file names a repository that does not name it back")


def _worktree_setting(gitdir: Path, root: Path) -> bool:
    """Whether a submodule's repository says that it is checked out in ``root``."""
    config = gitdir / "config"
    try:
        if not (stat.S_ISREG(config.lstat().st_mode) and are_plain(config)):
            return False
        named = pygit2.Config(str(config))["core.worktree"]
    except BROKEN:
        return False
    return os.path.realpath(gitdir / (named or "")) == os.path.realpath(root)


def _common(gitdir: Path) -> Path:
    """The folder that all worktrees of a repository share."""
    named = _line(gitdir / "commondir")
    return Path(os.path.normpath(gitdir / named)) if named else gitdir


def _check_plain(gitdir: Path) -> None:
    """Raise Unreadable when a part of a repository is a link, device or FIFO, or lies elsewhere."""
    for name in (*_PLAIN, *_CONFIGS):
        if not _is_file_or_none(gitdir / name):
            raise Unreadable(f"its {name} is not a regular file")
    if not all(are_plain(gitdir / name) for name in _CONFIGS):
        raise Unreadable("its config includes what may not be a regular file")
    for name in _INNER:
        mode = _mode(gitdir / name)
        if mode is not None and not stat.S_ISDIR(mode):
            raise Unreadable(f"its {name} is not a folder")
    if _mode(gitdir / "objects" / "info" / "alternates") is not None:
        raise Unreadable("it borrows objects from another repository")
    _check_references(gitdir)
    common = _common(gitdir)
    if common != gitdir and gitdir.parent != common / "worktrees":
        raise Unreadable("it shares a repository that lies elsewhere")


def _check_references(gitdir: Path) -> None:
    """libgit2 opens loose references itself and would wait for ever on a FIFO among them."""
    for folder, below, files in os.walk(gitdir / "refs"):
        for name in (*below, *files):
            mode = _mode(Path(folder, name))
            if mode is not None and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise Unreadable("one of its references is not a regular file")


def _check_rule_files(repository: pygit2.Repository) -> None:
    """The same for the rule files that its configuration names."""
    for name in ("core.excludesfile", "core.attributesfile"):
        try:
            named = repository.config[name]
        except BROKEN:
            continue
        try:
            mode = of_home(named or "").stat().st_mode
        except OSError:
            continue
        if not stat.S_ISREG(mode):
            raise Unreadable(f"its {name} is not a regular file")


def _own_rules(repository: pygit2.Repository) -> str:
    """Where the ignore rules are that a person has for all repositories, or would be."""
    try:
        named = repository.config["core.excludesfile"]
    except BROKEN:
        named = f"{pygit2.settings.search_path[ConfigLevel.XDG]}/ignore"
    return os.path.realpath(of_home(named or ""))


def _is_file_or_none(path: Path) -> bool:
    return stat.S_ISREG(_mode(path) or stat.S_IFREG)


def _mode(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except OSError:
        return None


def _line(path: Path) -> str:
    """The first line of a small regular file, or empty."""
    try:
        opened = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return ""
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            return ""
        return os.fsdecode(os.read(opened, 8192)).split("\n", 1)[0].strip()
    except OSError:
        return ""
    finally:
        os.close(opened)
