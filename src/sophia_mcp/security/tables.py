"""What does a configuration file say, and what may it say?

A person's own file is read wherever it lies. A project's file came with a repository: it is opened
without following any link, up to a small size, and may name only the keys it is allowed to set.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence, Set
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sophia_mcp.errors import BadSetting, NotFound, OutsideRoots, TooLarge
from sophia_mcp.security.paths import MISSING, read_inside

PROJECT_FILE = ".sophia/config.toml"
PROJECT_BYTES = 256_000
"""A project's file sets three lists at most."""


def read_own(path: Path) -> dict[str, Any]:
    """The tables of a person's own file; empty where there is none. Raises BadSetting."""
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        folder = isinstance(error, IsADirectoryError)
        mend = "name a file there" if folder else "mend its permissions"
        raise BadSetting(f"cannot read {path}", why=error.strerror or "", next=mend) from error
    return _parsed(raw, path)


def read_project(root: Path, allowed: Mapping[str, Set[str]], elsewhere: Path) -> dict[str, Any]:
    """The tables of a project's own file; empty where there is none. ``allowed`` holds the keys it may set,
    by section; all others are set in ``elsewhere``. Raises BadSetting."""
    path = root / PROJECT_FILE
    try:
        raw = read_inside(Path(os.path.realpath(root)), PROJECT_FILE, PROJECT_BYTES)
    except NotFound as missing:
        if missing.why == MISSING:
            return {}
        raise BadSetting(
            f"cannot read {path}", why=missing.why, next="mend its permissions"
        ) from missing
    except (OutsideRoots, TooLarge) as refused:
        if not os.path.isdir(path.parent):
            return {}
        raise BadSetting(
            f"{path} is not read", why=refused.why, next="put a small regular file in its place"
        ) from refused
    values = _parsed(raw, path)
    for section, content in values.items():
        keys = set(content) if isinstance(content, dict) else {""}
        if refused_keys := keys - allowed.get(section, set()):
            key = min(refused_keys)
            name = ".".join(part for part in (section, key) if part)
            near = get_close_matches(key, sorted(allowed.get(section, ())), 1, 0.8)
            meant = f"write {section}.{near[0]} if that is meant, else " if near else ""
            raise BadSetting(
                f"{path} may not set {name}",
                why="a project's file comes with the repository, so it cannot choose providers, keys or limits",
                next=f"{meant}set {name} in {elsewhere} or as an environment variable",
            )
    return values


def says(values: Any, place: Sequence[str]) -> bool:
    """Whether these tables speak of a setting; also where another value stands in place of its table."""
    for part in place:
        if not isinstance(values, dict):
            return True
        if part not in values:
            return False
        values = values[part]
    return True


def _parsed(raw: bytes, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(raw.decode("utf-8-sig"))  # editors on Windows begin a file with a mark
    except UnicodeDecodeError as error:
        raise BadSetting(f"{path} is not UTF-8 text", why=str(error), next="save it as UTF-8") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadSetting(f"{path} is not valid TOML", why=str(error), next="mend that line") from error
