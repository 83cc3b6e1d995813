"""How do the packages get here? By name and version, through each registry's own client.

The clients know their registries; no address stands here. A Debian package is fetched as source where
the client is set up for sources, else as the binary package that carries its sources.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

LIST = Path(__file__).with_name("packages.toml")


def wanted(locked: Path | None = None) -> dict[str, list[tuple[str, str]]]:
    """(name, version) by registry. From a list of sources the exact versions; else an empty version,
    which means the newest."""
    if locked is not None:
        sources = tomllib.loads(locked.read_text("utf-8"))
        return {
            registry: [(name, version) for name, (version, _, _) in sources.get(registry, {}).items()]
            for registry in ("pypi", "npm", "debian")
        }
    names = tomllib.loads(LIST.read_text("utf-8"))
    return {registry: [(name, "") for name in names[registry]] for registry in ("pypi", "npm", "debian")}


def fetch(folder: Path, packages: dict[str, list[tuple[str, str]]]) -> list[str]:
    """Download into ``folder/<registry>``; the names that could not be had. Never installs anything."""
    missing = []
    for registry, download in (("pypi", _pypi), ("npm", _npm), ("debian", _debian)):
        target = folder / registry
        target.mkdir(parents=True, exist_ok=True)
        for name, version in packages[registry]:
            if not download(target, name, version):
                missing.append(f"{registry} {name} {version}".rstrip())
    return missing


def _run(command: Sequence[str], folder: Path) -> bool:
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def _pypi(folder: Path, name: str, version: str) -> bool:
    spec = f"{name}=={version}" if version else name
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    return _run([*pip, spec], folder)


def _npm(folder: Path, name: str, version: str) -> bool:
    return _run(
        ["npm", "pack", "--silent", "--ignore-scripts", f"{name}@{version}" if version else name], folder
    )


def _debian(folder: Path, name: str, version: str) -> bool:
    spec = f"{name}={version}" if version else name
    source = _run(["apt-get", "source", "-q", "--only-source", "--download-only", spec], folder)
    return source or _run(["apt-get", "download", "-q", spec], folder)
