"""What do others call the code of a folder? As the files that name modules say: ``go.mod``, ``composer.json``.

A path alone does not tell: Go imports ``github.com/acme/shop/cart`` where the folder is ``cart``, and PHP
uses ``Acme\\Shop\\Cart`` out of ``src/Cart.php``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from sophia_mcp.types import Import

_GO = re.compile(r"^module\s+\"?([\w./~-]+)", re.MULTILINE)


def _go(text: str) -> dict[str, str]:
    found = _GO.search(text)
    return {"": found[1]} if found is not None else {}


def _php(text: str) -> dict[str, str]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    found: dict[str, str] = {}
    for part in ("autoload-dev", "autoload"):
        mapped = said.get(part) if isinstance(said, dict) else None
        prefixes = mapped.get("psr-4") if isinstance(mapped, dict) else None
        for prefix, folders in prefixes.items() if isinstance(prefixes, dict) else ():
            for folder in folders if isinstance(folders, list) else [folders]:
                if isinstance(folder, str):
                    found[folder.strip("./")] = prefix.strip("\\")
    return found


READERS: Mapping[str, tuple[re.Pattern[str], Callable[[str], dict[str, str]]]] = MappingProxyType(
    {
        "go": (re.compile(r"(?:^|/)go\.mod$"), _go),
        "php": (re.compile(r"(?:^|/)composer\.json$"), _php),
    }
)
"""By language: the paths of files that name modules, and what one says: their names by the folders below."""

_BETWEEN = {"go": "/", "php": "\\"}
"""What stands between the names of folders."""


def package(path: str, language: str, modules: Mapping[str, Mapping[str, str]]) -> str:
    """What the folder of a file is called, where one of these modules, by language and folder, holds it; else
    empty."""
    between, named = _BETWEEN.get(language), modules.get(language)
    if between is None or named is None:
        return ""
    folder = above = path.rpartition("/")[0]
    if language == "go" and "vendor/" in folder:
        return folder.rpartition("vendor/")[2]
    while above not in named:
        if not above:
            return ""
        above = above.rpartition("/")[0]
    inner = folder.removeprefix(above).strip("/").replace("/", between)
    return f"{named[above]}{between}{inner}".strip(between)


def imported_as(path: str, language: str, modules: Mapping[str, Mapping[str, str]]) -> str:
    """What those name who import a file that one of these modules holds: its package, in PHP the class that
    the file is called after; else empty."""
    called = package(path, language, modules)
    if language != "php" or not called:
        return called
    return f"{called}\\{path.rpartition('/')[2].partition('.')[0]}"


def names(item: Import, language: str) -> str:
    """What an import names, as ``imported_as`` says it; empty for one of a path, as ``require`` of PHP is."""
    if language != "php":
        return item.module
    return f"{item.module}\\{item.name}".strip("\\") if item.name else ""
