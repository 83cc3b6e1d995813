"""Does a module, as an import writes it, lead to this file?"""

from __future__ import annotations

import re
from functools import lru_cache
from sys import intern

_FOLDERS = {
    "__init__": ("py", "pyi", "pyx"),
    "index": ("js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "vue", "svelte", "astro"),
    "mod": ("rs",),
    "lib": ("rs",),
    "main": ("rs",),
    "init": ("lua",),
}
"""Names of files that are the module of their folder, by the languages in which they are."""

_START = re.compile(r"crate$|(?:self|super)\b(?:::super\b)*")
"""How Rust names the crate, a module and those around it."""
_ENDING = re.compile(r"(?:\.d)?\.([A-Za-z0-9]+)$")


def module_parts(path: str) -> list[str]:
    """The parts of the module that a file is."""
    return list(_module(path)[0])


def leads(module: str, name: str, importer: str, path: str) -> bool:
    """Whether an import of ``module``, or of ``name`` in it, in the file ``importer`` leads to the file
    ``path``, by the end of its path: to it, or to a package that lies directly around it."""
    stem, whole = _module(path)
    for written in (module, f"{module}{'' if module.endswith('.') else '.'}{name}" if name else module):
        wanted = _written(written, importer)
        if wanted and wanted in (
            stem[-len(wanted) :],
            whole[-len(wanted) :],
            # A package re-exports what its files define: `from app import Router`, `import "app/router"`.
            stem[:-1][-len(wanted) :],
        ):
            return True
    return False


def is_module(module: str, importer: str, path: str) -> bool:
    """Whether an import of ``module`` in ``importer`` is one of the file ``path``, by the end of its path."""
    wanted, (stem, whole) = _written(module, importer), _module(path)
    return bool(wanted) and wanted in (stem[-len(wanted) :], whole[-len(wanted) :])


@lru_cache(1 << 14)
def _module(path: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The parts of the module that a file is, and those of its path without its ending."""
    ending = _ENDING.search(path)
    # Files of a folder have all parts but one in common, and a repository has many.
    whole = tuple(
        intern(part) for part in (path[: ending.start()] if ending else path).split("/") if part
    )
    if ending and len(whole) > 1 and ending[1] in _FOLDERS.get(whole[-1], ()):
        return whole[:-1], whole
    return whole, whole


def written_parts(module: str, importer: str) -> list[str]:
    """``..a.b``, ``./a/b``, ``crate::a::b``, ``a/b.h`` as path parts; relative ones are made whole."""
    return list(_written(module, importer))


@lru_cache(1 << 14)
def _written(module: str, importer: str) -> tuple[str, ...]:
    module = module.strip("\"'<> ;")
    if module.startswith("."):
        folder = importer.split("/")[:-1]
        if "/" in module or module in (".", ".."):
            for part in module.split("/"):
                if part == "..":
                    folder = folder[:-1]
                elif part not in (".", ""):
                    folder.append(re.sub(r"\.(?:[cm]?[jt]sx?|h|hpp|php|rb)$", "", part))
            return tuple(folder)
        ups = len(module) - len(module.lstrip("."))
        folder = folder[: len(folder) - ups + 1]
        return (*folder, *[part for part in module.lstrip(".").split(".") if part])
    if importer.endswith(".rs") and (start := _START.match(module)):
        own = _module(importer)[0]
        root = len(own) - own[::-1].index("src") if "src" in own else 0
        above = root if start[0] == "crate" else len(own) - start[0].count("super")
        return (*own[:above], *[part for part in re.split(r"::|[.]", module[start.end() :]) if part])
    if module.startswith("package:"):  # of Dart
        module = f"lib/{module.partition('/')[2]}"
    module = re.sub(r"\.(?:h|hh|hpp|hxx|js|mjs|cjs|ts|tsx|jsx|php|rb|dart|lua)$", "", module)
    parts = [part for part in re.split(r"::|[./\\]", module) if part]
    while parts and parts[0] in ("crate", "super", "self", "package", "@", "~", "src"):
        parts = parts[1:]
    return tuple(parts)
