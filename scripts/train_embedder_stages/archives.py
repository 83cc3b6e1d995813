"""How are the files of one downloaded package read, whatever its registry packs them in?"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import HeaderParser
from io import BytesIO
from pathlib import Path

MAX_BYTES = 1_000_000
_INSTALLED = re.compile(
    r"^usr/(share|lib)/(gocode/src|cargo/registry|ruby/vendor_ruby|rubygems-integration/all/gems|php|lua/5\.\d)/"
)
_ROOT_LICENCE = re.compile(r"(^|/)(un)?(licen[cs]e|copying)[^/]*$", re.I)


@dataclass(frozen=True, slots=True)
class Package:
    """One downloaded package. ``files`` are its archives, ``stated`` the licence its registry
    metadata declares (for Debian: the text of ``debian/copyright``)."""

    registry: str
    name: str
    version: str
    files: tuple[Path, ...]
    stated: str

    @property
    def key(self) -> str:
        """A file name for everything derived from this package. ``@babel/core`` is not ``babel-core``."""
        return f"{self.registry}-{re.sub(r'[^A-Za-z0-9.@]+', '-', self.name).strip('-')}"

    def sha256(self) -> str:
        """Of the one archive, or of the concatenated archives in name order."""
        digest = hashlib.sha256()
        for path in self.files:
            digest.update(path.read_bytes())
        return digest.hexdigest()


def members(package: Package) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of every regular file up to ``MAX_BYTES``, without the archive's own top folder."""
    for path in package.files:
        for name, content in _entries(path):
            inner = name.removeprefix("./")
            if path.suffix == ".deb":
                inner = _INSTALLED.sub("", inner)
            elif path.suffix != ".whl":
                inner = inner.partition("/")[2]
            if inner and not inner.startswith("/") and ".." not in inner.split("/"):
                yield inner, content


def licence_files(package: Package) -> list[str]:
    """Texts of the licence files at the root of the package (a wheel: its dist-info; a .deb: its copyright)."""
    if package.files[0].suffix == ".deb":  # policy keeps the licences, verbatim, in this one file
        return [package.stated]
    texts = []
    for path, content in members(package):
        inner = re.sub(r"^([^/]+\.dist-info/(licenses/)?|(licen[cs]es?|docs?)/)", "", path, flags=re.I)
        if "/" not in inner and not inner.endswith((".rtf", ".py")) and _ROOT_LICENCE.search(inner):
            texts.append(content.decode("utf-8", "replace"))
    return texts


def downloaded(folder: Path) -> list[Package]:
    """Every package below the three registry folders, sorted by registry and name, each once: a Debian
    source before the binary package of its name."""
    found = (
        *_wheels(folder / "pypi"),
        *_tarballs(folder / "npm"),
        *_sources(folder / "debian"),
        *_binaries(folder / "debian"),
    )
    once: dict[str, Package] = {}
    for package in found:
        once.setdefault(package.key, package)
    return sorted(once.values(), key=lambda package: (package.registry, package.name))


def _entries(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            for entry in wheel.infolist():
                if not entry.is_dir() and entry.file_size <= MAX_BYTES:
                    yield entry.filename, wheel.read(entry)
        return
    with _open_tar(path) as tar:
        for member in tar:
            if member.isfile() and member.size <= MAX_BYTES:
                stream = tar.extractfile(member)
                if stream is not None:
                    yield member.name, stream.read()


def _open_tar(path: Path) -> tarfile.TarFile:
    if path.suffix == ".deb":
        content = subprocess.run(
            ["dpkg-deb", "--fsys-tarfile", str(path)], capture_output=True, check=True
        )
        return tarfile.open(fileobj=BytesIO(content.stdout))
    return tarfile.open(path)


def _wheels(folder: Path) -> Iterator[Package]:
    for path in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(path) as wheel:
            name = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
            fields = HeaderParser().parsestr(wheel.read(name).decode("utf-8", "replace"))
        classifiers = [
            line.rpartition("::")[2].strip()
            for line in fields.get_all("Classifier", [])
            if line.startswith("License ::") and not line.endswith("OSI Approved")
        ]
        stated = (
            fields.get("License-Expression") or " AND ".join(classifiers) or fields.get("License") or ""
        )
        yield Package("pypi", fields["Name"].lower(), fields["Version"], (path,), stated)


def _tarballs(folder: Path) -> Iterator[Package]:
    for path in sorted(folder.glob("*.tgz")):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.isfile() and re.fullmatch(r"[^/]+/package\.json", member.name):
                    stream = tar.extractfile(member)
                    about = json.loads(stream.read()) if stream else {}
                    licence = about.get("license", "")
                    stated = licence.get("type", "") if isinstance(licence, dict) else str(licence)
                    yield Package("npm", about["name"], about["version"], (path,), stated)
                    break


def _sources(folder: Path) -> Iterator[Package]:
    for path in sorted(folder.glob("*.dsc")):
        fields = dict(re.findall(r"^(Source|Version): (\S+)$", path.read_text("utf-8", "replace"), re.M))
        name, version = fields["Source"], fields["Version"]
        upstream = re.sub(r"^\d+:|-[^-]*$", "", version)
        origs = sorted(p for p in folder.glob(f"{name}_{upstream}.orig*") if p.suffix != ".asc")
        packaging = next(iter(folder.glob(f"{name}_*.debian.tar.*")), None)
        beside = folder / f"{name}.copyright"  # from a binary package, where the packaging is missing
        if packaging is not None:
            texts = (text for n, text in _entries(packaging) if n.endswith("debian/copyright"))
            copyright_ = next(texts, b"")
        else:
            copyright_ = beside.read_bytes() if beside.is_file() else b""
        if not origs or not copyright_:
            continue
        yield Package("debian", name, version, tuple(origs), copyright_.decode("utf-8", "replace"))


def _binaries(folder: Path) -> Iterator[Package]:
    for path in sorted(folder.glob("*.deb")):
        name, version, _ = path.name.split("_")
        copyright_ = next(
            (text for n, text in _entries(path) if n.endswith(f"/doc/{name}/copyright")), b""
        )
        version = version.replace("%3a", ":")
        yield Package("debian", name, version, (path,), copyright_.decode("utf-8", "replace"))
