"""How do the packages of the relevance questions get onto this machine?

    python benchmarks/relevance/fetch.py [--into DIR] [--half dev|unseen] [PACKAGE ...]
    python benchmarks/relevance/fetch.py --verify

Archives come through the ordinary clients (pip, npm, apt-get) with whatever indexes they are set up
with, are checked against the recorded SHA-256, and unpacked to DIR/PACKAGE. Nothing in an archive is run.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a file, not as a module
from benchmarks.relevance.question_set import HALVES, Package, load

MAX_FILES = 20_000
MAX_BYTES = 512 << 20
APT_SOURCES = Path("/etc/apt")


class FetchError(Exception):
    """A package could not be had; the message says why and what to do."""


def default_folder() -> Path:
    """Where packages are kept unless told otherwise."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "sophia-mcp" / "relevance"


def fetch(package: Package, into: Path) -> bool:
    """Make INTO/PACKAGE hold the recorded release; False when it already did."""
    mark = into / ".unpacked" / package.package
    state = "\n".join((package.sha256, package.root, *package.drop))
    folder = into / package.package
    if folder.is_dir() and mark.is_file() and mark.read_text() == state:
        return False
    archive = into / ".archives" / package.archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    if not archive.is_file() or _sha256(archive) != package.sha256:
        download(package, archive, into)
    with tempfile.TemporaryDirectory(dir=into, prefix=".unpacking-") as scratch:
        unpack(package, archive, Path(scratch) / "tree")
        shutil.rmtree(folder, ignore_errors=True)
        (Path(scratch) / "tree").rename(folder)
    mark.parent.mkdir(exist_ok=True)
    mark.write_text(state)
    return True


def download(package: Package, archive: Path, into: Path) -> None:
    """Put the package's archive at `archive`. Raises FetchError if it is not the recorded one."""
    with tempfile.TemporaryDirectory(dir=into, prefix=".download-") as scratch:
        _run(_command(package, Path(scratch), into), Path(scratch))
        found = Path(scratch) / package.archive
        if not found.is_file():
            names = ", ".join(sorted(p.name for p in Path(scratch).iterdir())) or "nothing"
            raise FetchError(f"{package.package}: expected {package.archive}, got {names}")
        digest = _sha256(found)
        if digest != package.sha256:
            raise FetchError(
                f"{package.package}: {package.archive} has SHA-256 {digest}, not {package.sha256}"
            )
        shutil.move(found, archive)


def _command(package: Package, scratch: Path, into: Path) -> list[str]:
    if package.source == "pip":
        kind = "--only-binary" if package.archive.endswith(".whl") else "--no-binary"
        pin = f"{package.name}=={package.version}"
        return [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            kind,
            ":all:",
            "-d",
            ".",
            pin,
        ]
    if package.source == "npm":
        return ["npm", "pack", "--silent", "--ignore-scripts", f"{package.name}@{package.version}"]
    pin = f"{package.name}={package.version}"
    if package.source == "apt-binary":
        return ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", pin]
    only = ("--download-only", "--tar-only")  # the distribution's own patches are never unpacked
    return ["apt-get", *_source_options(into), "-qq", "source", *only, pin]


def _source_options(into: Path) -> list[str]:
    """Options that make apt-get read source indexes, in a state of its own below `into`.

    The machine's own entries are used; most machines list binary packages only, so each entry is
    repeated here for source packages.
    """
    state = into / ".apt"
    options = [f"Dir::Etc::SourceList={os.devnull}", f"Dir::Etc::SourceParts={state / 'parts'}"]
    options += [
        f"Dir::State::Lists={state / 'lists'}",
        f"Dir::Cache={state / 'cache'}",
        "APT::Sandbox::User=root",
    ]
    words = [word for option in options for word in ("-o", option)]
    if not (state / "lists").is_dir():
        for part in ("parts", "lists/partial", "cache/archives/partial"):
            (state / part).mkdir(parents=True, exist_ok=True)
        for file in (APT_SOURCES / "sources.list", *(APT_SOURCES / "sources.list.d").glob("*")):
            if file.suffix in (".list", ".sources") and file.is_file():
                lines = file.read_text().splitlines()
                (state / "parts" / file.name).write_text("\n".join(map(_as_source, lines)) + "\n")
        try:
            _run(["apt-get", *words, "-qq", "update"], into)
        except FetchError:
            shutil.rmtree(state)
            raise
    return words


def _as_source(line: str) -> str:
    if line.startswith("Types:"):
        return "Types: deb-src"
    return "deb-src " + line[4:] if line.startswith("deb ") else line


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    except FileNotFoundError as error:
        raise FetchError(
            f"{command[0]} is not on this machine; install it or leave its packages out"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"{command[0]} did not end within 10 minutes") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-600:]
        raise FetchError(f"{' '.join(command)} failed; update the client's index or see why:\n{said}")


def unpack(package: Package, archive: Path, folder: Path) -> None:
    """Write the package's regular files below `folder`; links, devices and paths that leave it are not."""
    folder.mkdir()
    root = PurePosixPath(package.root)
    count = size = 0
    for name, content in _files(archive):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise FetchError(f"{archive.name}: {name!r} leaves the archive")
        if not path.is_relative_to(root):
            continue
        inner = path.relative_to(root)
        if any(inner.is_relative_to(each) for each in package.drop):
            continue
        count += 1
        target = folder / inner
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as out:
            while block := content.read(1 << 20):
                size += len(block)
                if count > MAX_FILES or size > MAX_BYTES:
                    raise FetchError(f"{archive.name}: more than {MAX_FILES} files or {MAX_BYTES} bytes")
                out.write(block)
    if not count:
        raise FetchError(f"{archive.name}: no file below {package.root!r}")


def _files(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as zipped:
            for entry in zipped.infolist():
                if not entry.is_dir():
                    yield entry.filename, zipped.open(entry)
    elif archive.suffix == ".deb":
        with subprocess.Popen(
            ["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE
        ) as reader:
            assert reader.stdout is not None
            with tarfile.open(fileobj=reader.stdout, mode="r|") as tar:
                yield from _regular(tar)
    else:
        with tarfile.open(archive) as tar:
            yield from _regular(tar)


def _regular(tar: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    for member in tar:
        if member.isreg() and (content := tar.extractfile(member)) is not None:
            yield member.name, content


def verify(package: Package, into: Path) -> list[str]:
    """What is wrong between the questions and the unpacked package: lines outside a file, present terms."""
    folder = into / package.package
    if not folder.is_dir():
        return [f"{package.package}: not fetched"]
    wrong = []
    texts = {
        path.relative_to(folder).as_posix(): path.read_text("utf-8", "replace")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    folded = {path: text.casefold() for path, text in texts.items()}
    for question in package.questions:
        for target in question.targets:
            lines = texts[target.path].split("\n") if target.path in texts else []
            if target.end_line > len(lines):
                wrong.append(f"{question.id}: {target.path} has no line {target.end_line}")
            elif not lines[target.start_line - 1].strip():
                wrong.append(f"{question.id}: {target.path}:{target.start_line} is blank")
        for term in question.absent_terms:
            found = [path for path, text in folded.items() if term.casefold() in text]
            wrong += [f"{question.id}: {term!r} occurs in {path}" for path in found]
    return wrong


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """Fetch or verify; 0 when every package is as recorded."""
    parser = argparse.ArgumentParser(
        description="Get the packages that the relevance questions ask about."
    )
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="only these")
    parser.add_argument("--half", choices=HALVES, help="only this half")
    parser.add_argument("--into", type=Path, default=default_folder(), help="default: %(default)s")
    parser.add_argument(
        "--verify", action="store_true", help="check the questions against what is there"
    )
    options = parser.parse_args(arguments)
    chosen = [p for p in load(options.half) if not options.packages or p.package in options.packages]
    unknown = set(options.packages) - {p.package for p in chosen}
    if unknown:
        parser.error(f"no such package: {', '.join(sorted(unknown))}")
    into: Path = options.into.resolve()
    into.mkdir(parents=True, exist_ok=True)
    wrong = 0
    for package in chosen:
        try:
            found = verify(package, into) if options.verify else []
            word = "checked" if options.verify else "fetched" if fetch(package, into) else "was there"
        except FetchError as error:
            found, word = [str(error)], "failed"
        wrong += len(found)
        print(f"{package.half:7} {package.package:12} {len(package.questions):3} questions  {word}")
        for line in found:
            print(f"  {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
