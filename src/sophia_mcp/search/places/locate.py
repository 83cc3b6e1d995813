"""Which files does a path mean, or a module, as people and imports write them?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from sophia_mcp.index.languages.detect import language_of
from sophia_mcp.search.engine import Question
from sophia_mcp.search.places.symbols import OWN, definitions, is_of
from sophia_mcp.search.question.query import Query
from sophia_mcp.search.view import filters
from sophia_mcp.search.view.atlas import holding
from sophia_mcp.store.database import Transaction

_SEPARATOR = re.compile(r"::|[./\\]")
_PART = re.compile(r"[\w-]+")

_FOLDER_ITSELF = frozenset({"__init__", "index", "mod"})
"""Files that stand for the folder they are in."""


def files(question: Question, path: str) -> list[int]:
    """Files a written path means, best first: itself, else those that end with it."""
    atlas = question.atlas
    path = filters.inside(question.view.root, path)
    if path in atlas.position:
        return [atlas.position[path]]
    if "*" in path:
        for written in filters.spellings(path):
            glob = filters.pattern(written).fullmatch
            if found := [i for i, held in enumerate(atlas.paths) if glob(held)]:
                return found
        return []
    wanted = path.strip("/")
    ending = holding(atlas, f"/{wanted}\0")
    if not ending and language_of(wanted, b"") is not None:  # some systems take any case
        ending = holding(atlas, f"/{wanted}\0".casefold(), folded=True)
    return sorted(ending, key=lambda i: (atlas.has("test", i), len(atlas.paths[i]), atlas.paths[i]))


def folder(question: Question, path: str) -> str | None:
    """The folder a written path means, or None."""
    atlas = question.atlas
    wanted = filters.inside(question.view.root, path).strip("/")
    if not wanted or holding(atlas, f"\0/{wanted}/"):
        return wanted or None
    for file in holding(atlas, f"/{wanted}/"):
        held = atlas.paths[file]
        return held[: held.index(f"/{wanted}/") + 1 + len(wanted)]
    return None


def is_folder(question: Question, path: str) -> bool:
    """Whether a path, as it is written from the root on, is that of a folder and of no file without its ending."""
    atlas, prefix = question.atlas, filters.inside(question.view.root, path).rstrip("/")
    is_one = "/" in prefix and bool(holding(atlas, f"\0/{prefix}/"))
    return is_one and not holding(atlas, f"\0/{prefix}.")


def is_file(path: str) -> bool:
    """Whether a text can only mean files: a glob, a folder, or what has the name of a file. Without a folder
    around it that may be a member, too: ``app.py``, but ``self.py``."""
    name = path.rpartition("/")[2]
    return "*" in path or not name or ("://" not in path and language_of(name, b"") is not None)


async def is_member(question: Question, tx: Transaction, path: str) -> bool:
    """Whether what looks like the ending of a file is the name of what something here has that is called so: a
    definition, the file or folder that it is in, or whatever holds it (``self.log``)."""
    atlas = question.atlas
    *_, holder, name = ("", *path.split("."))
    found = await definitions(tx, atlas, name, holder)
    if any(item.named_container or is_of(holder, atlas.paths[item.file]) for item in found):
        return True
    return bool(found) and (holder in OWN or bool(await definitions(tx, atlas, holder)))


def passing(question: Question, files: Sequence[int]) -> list[int]:
    """Those files that the filters let answer."""
    allowed = question.filter.allowed
    return [file for file in files if allowed is None or allowed[file]]


def unfiltered(question: Question, what: str = "a place") -> list[str]:
    """A place is shown whole, whatever kinds are asked for, and so is what else kinds do not narrow."""
    kinds = question.request.kinds
    return [f"kinds={', '.join(kinds)} does not narrow {what}"] if kinds else []


async def meant(question: Question, tx: Transaction) -> list[int]:
    """The files that the text of a question can only mean: a path, or a module with its folders."""
    text = question.query.text.strip()
    if not re.search(r"[./\\]", text) or question.query.kind == "lines":
        return []
    return await named(replace(question, query=Query(text, "path", path=text)), tx)


async def named(question: Question, tx: Transaction) -> list[int]:
    """The files that the path of a question means, as it is written or as an import writes it."""
    return files(question, question.query.path) or await _imported(question, tx)


async def _imported(question: Question, tx: Transaction) -> list[int]:
    """The files that a path means as an import writes it, unless it is the name of a member."""
    path, atlas = question.query.path, question.atlas
    steps = filters.inside(question.view.root, path).strip("/").split("/")
    if len(steps) == 1:
        *within, name = steps = path.split(".")
        defined = await definitions(tx, atlas, name, "".join(within[-1:])) if within else ()
        if any(item.named_container and item.symbol.container for item in defined):
            return []
    steps = [step for step in steps if step not in ("", ".", "..", "@", "~")]
    return _modules(question, steps) if len(steps) > 1 else []


def modules(question: Question, text: str) -> list[int]:
    """The files that a name means as a module: ``_winapi``, ``app.router``, ``net::retry``."""
    wanted = [part for part in _SEPARATOR.split(text.strip()) if part]
    return _modules(question, wanted) if all(_PART.fullmatch(part) for part in wanted) else []


def _modules(question: Question, wanted: list[str]) -> list[int]:
    atlas, held = question.atlas, "/" + "/".join(wanted)
    found = [i for i in holding(atlas, held) if _module(atlas.paths[i])[-len(wanted) :] == wanted]
    if found:
        return found
    folded = list(map(str.casefold, wanted))  # the module Lwt_stream of OCaml is lwt_stream.ml
    held = held.casefold()
    return [
        i
        for i in holding(atlas, held, folded=True)
        if _module(atlas.paths[i].casefold())[-len(wanted) :] == folded
    ]


def _module(path: str) -> list[str]:
    *folders, name = path.split("/")
    stem = name.split(".")[0]
    return folders if folders and stem in _FOLDER_ITSELF else [*folders, stem]
