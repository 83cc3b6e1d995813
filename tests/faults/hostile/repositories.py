"""Git repositories whose configuration, attributes or layout attack whoever reads them.

Each vector is one function that prepares an ordinary repository. Commands they plant only leave a
mark in a folder outside; a reader that runs any of them is caught by the mark.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pygit2
from tests.faults.hostile.trees import SENTINEL

AUTHOR = pygit2.Signature("Sample", "sample@example.invalid", 1_700_000_000, 0)


@dataclass(frozen=True, slots=True)
class Attack:
    """A prepared repository. ``marks`` fills with one file per command that was run; ``outside``
    holds what must not be read."""

    root: Path
    outside: Path
    marks: Path

    def command(self, name: str) -> str:
        """A shell command that leaves the mark ``name`` and passes its input through."""
        script = self.marks.parent / f"run-{name}"
        script.write_text(
            f"#!/bin/sh\necho run >> '{self.marks}/{name}'\ncat\nexit 0\n", encoding="utf-8"
        )
        script.chmod(0o755)
        return str(script)

    def config(self, text: str) -> None:
        """Append to the repository's own configuration."""
        with (self.root / ".git" / "config").open("a", encoding="utf-8") as file:
            file.write(text)

    def run(self) -> list[str]:
        """The commands that were run."""
        return sorted(path.name for path in self.marks.iterdir())


def ordinary(place: Path) -> Attack:
    """A small repository: two commits, one edited, one untracked file."""
    root, outside, marks = place / "repo", place / "outside", place / "marks"
    for folder in (root / "src", outside, marks):
        folder.mkdir(parents=True)
    (outside / "secret.py").write_text(f"{SENTINEL} = 1\n", encoding="utf-8")
    repository = pygit2.init_repository(str(root), initial_head="main")
    (root / "src" / "kept.py").write_text("def kept_function():\n    return 1\n", encoding="utf-8")
    (root / "src" / "edited.py").write_text("def edited_function():\n    return 1\n", encoding="utf-8")
    _commit(repository, "first")
    (root / "src" / "edited.py").write_text("def edited_function():\n    return 2\n", encoding="utf-8")
    (root / "src" / "untracked.py").write_text(
        "def untracked_function():\n    return 3\n", encoding="utf-8"
    )
    return Attack(root, outside, marks)


def _commit(repository: pygit2.Repository, message: str) -> pygit2.Oid:
    repository.index.add_all()
    repository.index.write()
    tree = repository.index.write_tree()
    parents = [] if repository.head_is_unborn else [repository.head.target]
    return repository.create_commit("HEAD", AUTHOR, AUTHOR, message, tree, parents)


def fsmonitor(attack: Attack) -> None:
    command = attack.command("fsmonitor")
    attack.config(
        f"[core]\n\tfsmonitor = {command}\n\tfsmonitorHookVersion = 1\n\tuntrackedCache = true\n"
    )


def hooks(attack: Attack) -> None:
    folder = attack.marks.parent / "hooks"
    folder.mkdir()
    for name in (
        "post-index-change", "post-checkout", "pre-commit", "post-commit", "reference-transaction", "fsmonitor-watchman",
        "pre-auto-gc", "post-merge", "post-rewrite", "query-watchman", "sendemail-validate",
    ):  # fmt: skip
        for target in (folder / name, attack.root / ".git" / "hooks" / name):
            target.parent.mkdir(exist_ok=True)
            os.symlink(attack.command(f"hook-{name}"), target)
    attack.config(f"[core]\n\thooksPath = {folder}\n")


def filters(attack: Attack) -> None:
    attack.config(
        f'[filter "evil"]\n\tclean = {attack.command("clean")}\n\tsmudge = {attack.command("smudge")}\n'
        f"\tprocess = {attack.command('process')}\n\trequired = true\n"
    )
    (attack.root / ".gitattributes").write_text("* filter=evil\n", encoding="utf-8")
    (attack.root / ".git" / "info").mkdir(exist_ok=True)
    (attack.root / ".git" / "info" / "attributes").write_text("* filter=evil\n", encoding="utf-8")


def diffs(attack: Attack) -> None:
    attack.config(
        f'[diff "evil"]\n\ttextconv = {attack.command("textconv")}\n\tcommand = {attack.command("diff-driver")}\n'
        f"\tcachetextconv = true\n[diff]\n\texternal = {attack.command('diff-external')}\n"
        f'[merge "evil"]\n\tdriver = {attack.command("merge-driver")}\n'
    )
    (attack.root / ".gitattributes").write_text("* diff=evil merge=evil\n", encoding="utf-8")


def programs(attack: Attack) -> None:
    lines = {
        "core": ("pager", "editor", "sshCommand", "gitProxy", "askPass", "alternateRefsCommand"),
        "gpg": ("program",), "credential": ("helper",), "sequence": ("editor",), "man": ("viewer",),
        "uploadpack": ("packObjectsHook",), "interactive": ("diffFilter",), "log": ("showSignature",),
    }  # fmt: skip
    for section, keys in lines.items():
        attack.config(f"[{section}]\n" + "".join(f"\t{key} = !{attack.command(key)}\n" for key in keys))
    attack.config(
        f'[alias]\n\tstatus = !{attack.command("alias")}\n[remote "origin"]\n\turl = ext::{attack.command("ext")}\n'
    )


def includes(attack: Attack) -> None:
    other = attack.marks.parent / "included"
    other.write_text(f"[core]\n\tfsmonitor = {attack.command('included')}\n", encoding="utf-8")
    attack.config(f'[include]\n\tpath = {other}\n[includeIf "gitdir:**"]\n\tpath = {other}\n')


def included_devices(attack: Attack) -> None:
    os.mkfifo(attack.marks.parent / "settings")
    attack.config(
        f"[include]\n\tpath = /dev/zero\n[include]\n\tpath = {attack.marks.parent / 'settings'}\n"
    )


def include_loop(attack: Attack) -> None:
    attack.config("[include]\n\tpath = config\n")


def fifo_excludes(attack: Attack) -> None:
    for name in ("excludes", "attributes"):
        os.mkfifo(attack.marks.parent / name)
    attack.config(
        f"[core]\n\texcludesFile = {attack.marks.parent / 'excludes'}\n\tattributesFile = {attack.marks.parent / 'attributes'}\n"
    )


def fifo_in_git(attack: Attack) -> None:
    for name in ("packed-refs", "info/exclude", "info/attributes", "objects/info/alternates", "shallow"):
        path = attack.root / ".git" / name
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        os.mkfifo(path)


def fifo_head(attack: Attack) -> None:
    (attack.root / ".git" / "HEAD").unlink()
    os.mkfifo(attack.root / ".git" / "HEAD")


def fifo_config(attack: Attack) -> None:
    (attack.root / ".git" / "config").unlink()
    os.mkfifo(attack.root / ".git" / "config")


def fifo_ref(attack: Attack) -> None:
    (attack.root / ".git" / "refs" / "heads" / "main").unlink()
    os.mkfifo(attack.root / ".git" / "refs" / "heads" / "main")


def fifo_rules(attack: Attack) -> None:
    for name in (".gitignore", ".gitattributes", ".gitmodules", ".sophiaignore", ".mailmap"):
        os.mkfifo(attack.root / name)
    os.mkfifo(attack.root / "src" / ".gitignore")


def linked_rules(attack: Attack) -> None:
    for name in (".gitignore", ".gitattributes", ".gitmodules", ".sophiaignore"):
        os.symlink("/dev/zero", attack.root / name)


def submodules(attack: Attack) -> None:
    (attack.root / ".gitmodules").write_text(
        f'[submodule "../../evil"]\n\tpath = sub\n\turl = ext::{attack.command("submodule-url")}\n\tupdate = !{attack.command("submodule-update")}\n'
        f'[submodule "outside"]\n\tpath = ../outside\n\turl = {attack.outside}\n[submodule "option"]\n\tpath = -u./x\n\turl = -u./x\n',
        encoding="utf-8",
    )
    attack.config(
        f'[submodule "../../evil"]\n\tactive = true\n\tupdate = !{attack.command("submodule-config")}\n\turl = ext::x\n'
    )
    outer = pygit2.init_repository(str(attack.outside / "other"), initial_head="main")
    (attack.outside / "other" / "stolen.py").write_text(f"{SENTINEL} = 2\n", encoding="utf-8")
    head = _commit(outer, "other")
    repository = pygit2.Repository(str(attack.root))
    for path in ("sub", "linked"):
        repository.index.add(pygit2.IndexEntry(path, head, pygit2.enums.FileMode.COMMIT))
    repository.index.write()
    (attack.root / "sub").mkdir()
    (attack.root / "sub" / ".git").write_text(
        f"gitdir: {attack.outside / 'other' / '.git'}\n", encoding="utf-8"
    )
    os.symlink(attack.outside / "other", attack.root / "linked")


def alternates(attack: Attack) -> None:
    """The commit's blob exists only in somebody else's object store."""
    other = pygit2.init_repository(str(attack.outside / "store"), initial_head="main")
    blob = other.create_blob(f"{SENTINEL} = 3\n".encode())
    info = attack.root / ".git" / "objects" / "info"
    info.mkdir(exist_ok=True)
    (info / "alternates").write_text(
        f"{attack.outside / 'store' / '.git' / 'objects'}\n/dev\n", encoding="utf-8"
    )
    repository = pygit2.Repository(str(attack.root))
    builder = repository.TreeBuilder(repository.head.peel(pygit2.Tree))
    builder.insert("borrowed.py", blob, pygit2.enums.FileMode.BLOB)
    commit = repository.create_commit(
        None, AUTHOR, AUTHOR, "borrow", builder.write(), [repository.head.target]
    )
    repository.create_reference("refs/heads/borrowed", commit)


def worktree_setting(attack: Attack) -> None:
    attack.config(f"[core]\n\tworktree = {attack.outside}\n")


def git_file(attack: Attack) -> None:
    """``.git`` is a file that names somebody else's repository."""
    other = attack.outside / "theirs"
    pygit2.init_repository(str(other), initial_head="main")
    (other / "stolen.py").write_text(f"{SENTINEL} = 4\n", encoding="utf-8")
    _commit(pygit2.Repository(str(other)), "theirs")
    os.rename(attack.root / ".git", attack.marks.parent / "moved.git")
    (attack.root / ".git").write_text(f"gitdir: {other / '.git'}\n", encoding="utf-8")


def git_link(attack: Attack) -> None:
    os.rename(attack.root / ".git", attack.marks.parent / "moved.git")
    os.symlink(attack.marks.parent / "moved.git", attack.root / ".git")


def common_dir(attack: Attack) -> None:
    other = attack.outside / "common"
    pygit2.init_repository(str(other), initial_head="main")
    (attack.root / ".git" / "commondir").write_text(f"{other / '.git'}\n", encoding="utf-8")


def linked_parts(attack: Attack) -> None:
    os.rename(attack.root / ".git" / "objects", attack.outside / "objects")
    os.symlink(attack.outside / "objects", attack.root / ".git" / "objects")


def index_names(attack: Attack) -> None:
    """An index whose entries name files outside the tree and inside ``.git``."""
    names = (
        b"../outside/secret.py",
        b".git/config",
        b"/etc/passwd",
        b"src/../../outside/secret.py",
        b"a\nb\xff.py",
    )
    body = b""
    for name in sorted(names):
        entry = (
            struct.pack(">10I20sH", 0, 0, 0, 0, 0, 0, 0o100644, 0, 0, 9, b"\x11" * 20, len(name)) + name
        )
        body += entry + b"\0" * (8 - len(entry) % 8)
    raw = b"DIRC" + struct.pack(">2I", 2, len(names)) + body
    import hashlib

    (attack.root / ".git" / "index").write_bytes(raw + hashlib.sha1(raw, usedforsecurity=False).digest())


def corrupt_index(attack: Attack) -> None:
    (attack.root / ".git" / "index").write_bytes(
        b"DIRC" + struct.pack(">2I", 2, 0xFFFFFFFF) + os.urandom(4096)
    )


def corrupt_objects(attack: Attack) -> None:
    for path in (attack.root / ".git" / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(zlib.compress(b"blob 999999999999\0x"))


def corrupt_pack(attack: Attack) -> None:
    packs = attack.root / ".git" / "objects" / "pack"
    packs.mkdir(exist_ok=True)
    (packs / "pack-0000.pack").write_bytes(b"PACK" + struct.pack(">2I", 2, 1 << 31) + os.urandom(4096))
    (packs / "pack-0000.idx").write_bytes(
        b"\xfftOc" + struct.pack(">I", 2) + b"\xff" * 1024 + os.urandom(4096)
    )


def object_bomb(attack: Attack) -> None:
    """A blob that inflates to a gigabyte, and a tree of it, on a branch."""
    repository = pygit2.Repository(str(attack.root))
    size = 1 << 30
    packer = zlib.compressobj(9)
    parts = [packer.compress(f"blob {size}\0".encode())]
    parts += [packer.compress(b"\0" * (1 << 20)) for _ in range(size >> 20)]
    body = b"".join([*parts, packer.flush()])
    oid = "ab" * 20
    folder = attack.root / ".git" / "objects" / oid[:2]
    folder.mkdir(exist_ok=True)
    (folder / oid[2:]).write_bytes(body)
    tree = (
        b"100644 bomb.py\0"
        + bytes.fromhex(oid)
        + b"40000 loop\0"
        + bytes.fromhex(str(repository.head.peel(pygit2.Tree).id))
    )
    made = repository.odb.write(pygit2.enums.ObjectType.TREE, tree)
    commit = repository.create_commit(None, AUTHOR, AUTHOR, "bomb", made, [repository.head.target])
    repository.create_reference("refs/heads/bomb", commit)


def tree_names(attack: Attack) -> None:
    """A commit whose tree holds names that lead out when they are joined to a folder."""
    repository = pygit2.Repository(str(attack.root))
    blob = repository.create_blob(b"def tree_word():\n    return 1\n").raw
    inner = str(repository.head.peel(pygit2.Tree).id)
    names = (
        b"..",
        b".git",
        b"/etc/passwd",
        b"a/b",
        b"c:\\x",
        b"new\nline.py",
        b"not\xffutf8.py",
        b"\xe2\x80\xae.py",
    )
    body = b"".join(b"100644 " + name + b"\0" + blob for name in sorted(names))
    body += b"120000 link.py\0" + repository.create_blob(b"../outside/secret.py").raw
    body += b"40000 ...\0" + bytes.fromhex(inner)
    made = repository.odb.write(pygit2.enums.ObjectType.TREE, body)
    commit = repository.create_commit(None, AUTHOR, AUTHOR, "names", made, [repository.head.target])
    repository.create_reference("refs/heads/names", commit)


def reference_names(attack: Attack) -> None:
    heads = attack.root / ".git" / "refs" / "heads"
    (heads / "--upload-pack=x").write_text((heads / "main").read_text(), encoding="utf-8")
    (attack.root / ".git" / "HEAD").write_text(
        "ref: refs/heads/../../../../outside/secret.py\n", encoding="utf-8"
    )


def reference_loop(attack: Attack) -> None:
    (attack.root / ".git" / "refs" / "heads" / "main").write_text(
        "ref: refs/heads/other\n", encoding="utf-8"
    )
    (attack.root / ".git" / "refs" / "heads" / "other").write_text(
        "ref: refs/heads/main\n", encoding="utf-8"
    )


def bare_inside(attack: Attack) -> None:
    """A bare repository committed as ordinary files, which git would discover and obey."""
    inner = attack.root / "innocent"
    pygit2.init_repository(str(inner), bare=True)
    with (inner / "config").open("a", encoding="utf-8") as file:
        file.write(f"[core]\n\tfsmonitor = {attack.command('bare')}\n\tworktree = ..\n")


VECTORS: tuple[Callable[[Attack], None], ...] = (
    fsmonitor, hooks, filters, diffs, programs, includes, included_devices, include_loop, fifo_excludes, fifo_in_git, fifo_head, fifo_config,
    fifo_ref, fifo_rules, linked_rules, submodules, alternates, worktree_setting, git_file, git_link, common_dir, linked_parts, index_names,
    corrupt_index, corrupt_objects, corrupt_pack, object_bomb, tree_names, reference_names, reference_loop, bare_inside,
)  # fmt: skip
"""Every attack, one by one."""

COMMANDS = (fsmonitor, hooks, filters, diffs, programs, includes, submodules)
"""Attacks that plant commands, which may all stand in one repository."""
