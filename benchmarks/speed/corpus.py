"""Which source trees are speed and scale measured on?

    .venv/bin/python benchmarks/speed/corpus.py 1000 10000

Trees of real packages in seven languages, assembled in a fixed order from pinned archives of PyPI, npm
and Debian (SHA-256 in archives.toml), so that a tree of N files is the same on every machine. What the
registries do not give in number is made from what they give: a copy has other folder names and other
identifiers, so that no blob, name or vector is that of its original. Nothing in an archive is run.
Each tree is a git repository of one commit, kept in a temporary folder until it is deleted.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

HERE = Path(__file__).resolve().parent
CACHE = Path(tempfile.gettempdir()) / "sophia-speed"
VERSION = "1"
"""Of what is taken and how it is renamed; another one makes every tree anew."""

KEPT = frozenset(
    "py pyx pxd pyi go rs c h hpp cpp cc js mjs ts tsx md rst html css toml yaml sh".split()
)
LEAST, MOST = 200, 400_000
"""Bytes of a file that is taken."""

NOT_TAKEN = re.compile(r"(^|/)(translations|locale|testdata|node_modules|vendor)/|\.min\.|-generated")
IDENTIFIER = re.compile(rb"\b[A-Za-z_][A-Za-z0-9_]{5,}\b")
PLAIN = frozenset(
    b"import return export function public private static struct typedef template namespace interface "
    b"default package continue finally except lambda global nonlocal assert typename virtual inline "
    b"extends implements switch unsigned double readonly declare constructor typeof instanceof".split()
)


Member = tuple[str, int, Callable[[], bytes]]
"""Name, length, and what reads it."""


class CorpusError(Exception):
    """An archive could not be had, or is another one than the recorded."""


def tree(count: int) -> Path:
    """The folder of the tree of ``count`` files, made on first use."""
    folder = CACHE / f"tree-{count}"
    mark = CACHE / f"tree-{count}.made"
    stamp = VERSION + hashlib.sha256((HERE / "archives.toml").read_bytes()).hexdigest()
    if mark.is_file() and mark.read_text() == stamp and folder.is_dir():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    for path, content in _files(count):
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", f"{count} files")
    mark.write_text(stamp)
    return folder


def git(folder: Path, *words: str) -> None:
    """Run git on a tree that we made ourselves, without anybody's configuration."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(CACHE),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
        "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
    }
    who = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost", "-c", "gc.auto=0")
    subprocess.run(["git", *who, *words], cwd=folder, env=environment, check=True)


def size(folder: Path) -> int:
    """Bytes of the files of a tree, without git's own."""
    return sum(
        p.stat().st_size
        for p in folder.rglob("*")
        if p.is_file() and ".git" not in p.relative_to(folder).parts
    )


def _files(count: int) -> Iterator[tuple[str, bytes]]:
    """``count`` pairs of path and content: originals first, then copies in the same order."""
    taken = 0
    for generation in range(1_000):
        for path, content in _originals():
            if taken == count:
                return
            taken += 1
            yield (path, content) if not generation else _renamed(path, content, generation)


def _originals() -> Iterator[tuple[str, bytes]]:
    for archive in tomllib.loads((HERE / "archives.toml").read_text())["archive"]:
        found = sorted(_contents(_fetched(archive), archive))
        for path, content in found[: archive.get("most")]:
            yield f"{archive['name'].replace('@', '').replace('/', '-')}/{path}", content


def _contents(file: Path, archive: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    root = archive.get("root", "")
    for name, length, content in _members(file):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.is_relative_to(root):
            continue
        inner = path.relative_to(root).as_posix()
        wanted = LEAST <= length <= MOST and inner.rpartition(".")[2] in KEPT
        if wanted and not NOT_TAKEN.search(inner):
            raw = content()
            if b"\0" not in raw:
                yield inner, raw


def _members(file: Path) -> Iterator[Member]:
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as zipped:
            for entry in zipped.infolist():
                yield entry.filename, entry.file_size, partial(zipped.read, entry)
    elif file.suffix == ".deb":
        command = ["dpkg-deb", "--fsys-tarfile", str(file)]
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE) as reader,
            tarfile.open(fileobj=reader.stdout, mode="r|") as tar,
        ):
            yield from _regular(tar)
    else:
        with tarfile.open(file) as tar:
            yield from _regular(tar)


def _regular(tar: tarfile.TarFile) -> Iterator[Member]:
    for member in tar:
        if member.isreg():
            yield member.name.removeprefix("./"), member.size, partial(_read, tar, member)


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = tar.extractfile(member)
    return content.read() if content is not None else b""


def _renamed(path: str, content: bytes, generation: int) -> tuple[str, bytes]:
    """A copy that shares no blob with its original: every longer identifier gets another ending."""
    mark = b"_%d" % generation if generation > 9 else b"%c" % (ord("A") + generation)

    def other(found: re.Match[bytes]) -> bytes:
        word = found.group()
        changed = word not in PLAIN and hashlib.blake2b(word, digest_size=1, key=mark).digest()[0] < 96
        return word + mark if changed else word

    folder, _, name = path.rpartition("/")
    parts = [f"{part}{generation}" for part in folder.split("/")]
    return "/".join((*parts, name)), IDENTIFIER.sub(other, content) + b"\n"


def _fetched(archive: dict[str, Any]) -> Path:
    """The archive in the cache, downloaded by its registry's own client and checked."""
    place = CACHE / "archives" / str(archive["file"])
    if not place.is_file():
        place.parent.mkdir(parents=True, exist_ok=True)
        pin = (
            archive["name"]
            + {"pip": "==", "npm": "@", "apt": "="}[archive["source"]]
            + archive["version"]
        )
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", pin]
        command = {
            "pip": pip,
            "npm": ["npm", "pack", "--silent", "--ignore-scripts", pin],
            "apt": ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", pin],
        }[archive["source"]]
        ran = subprocess.run(command, cwd=place.parent, capture_output=True, text=True, check=False)
        if ran.returncode or not place.is_file():
            raise CorpusError(
                f"{pin} could not be had; update the client's index or see why:\n{ran.stderr.strip()[-600:]}"
            )
    with place.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    if digest != archive["sha256"]:
        raise CorpusError(
            f"{place.name} has SHA-256 {digest}, not {archive['sha256']}; delete it and retry"
        )
    return place


if __name__ == "__main__":
    for wanted in map(int, sys.argv[1:]):
        made = tree(wanted)
        print(f"{wanted} files, {size(made) / 1e6:.1f} MB: {made}")
