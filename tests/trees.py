"""Folders with files, for whatever reads them."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path


def write_tree(folder: Path, files: Mapping[str, str]) -> Path:
    """A folder with these files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def git(folder: Path, *arguments: str) -> str:
    """What git says in a folder. Raises CalledProcessError where it fails."""
    named = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    done = subprocess.run(
        ["git", "-C", folder, *named, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()
