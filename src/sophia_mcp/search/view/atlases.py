"""Which map of a view is still true? Each is kept for one generation, and renewed by what changed since.

An edit replaces one file of thousands. What is read again is which placements the view shows, and
everything about the new ones; what the paths say is kept while they are the same.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from itertools import compress
from sys import intern
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.index.views import View
from sophia_mcp.search.view.atlas import Atlas
from sophia_mcp.search.view.content import ids
from sophia_mcp.store.database import Row, Transaction

_UNFINISHED_SHARE = 20
"""A map is read whole while more than this part of it lacks words or trigrams."""

_NUMBERS = ("placements", "blobs", "counts", "sizes", "mtimes", "ctimes", "lexical", "trigram")
"""Columns of the map that are numbers, in the order in which they are read."""

_SAID_BY_PATHS = ("position", "old_versions", "compiled")
"""Properties of an atlas that depend on nothing but its paths."""

_FILES = """
SELECT p.path, b.language, p.id, p.blob_id, p.chunks, m.size, m.mtime_ns, m.ctime_ns, p.lexical, p.trigram
FROM members m JOIN placements p ON p.id = m.placement_id JOIN blobs b ON b.id = p.blob_id
WHERE m.view_id = :view AND p.workspace = :workspace
"""
_STATE = """
SELECT v.thinned, (SELECT COUNT(*) FROM placements WHERE repo_id = :repo) FROM views v WHERE v.id = :view
"""
"""The count is one of an index alone: a column beside it would be looked up row by row."""
_MEMBERS = "SELECT json_group_array(placement_id) FROM members WHERE view_id = :view"
"""In one row: a thousand take a fifth of the time that their rows with stamps take."""


class Atlases:
    """The atlases of the views asked last, each valid for one generation: a few of any size, and as many as have
    together no more than so many ``files``. A question to all repositories asks each in its turn."""

    def __init__(self, keep: int = 4, files: int = 25_000) -> None:
        self._keep, self._files = keep, files
        self._held: OrderedDict[int, Atlas] = OrderedDict()

    async def of(self, tx: Transaction, view: View) -> Atlas:
        """The atlas of a view at its present generation and stage."""
        held = self._held.get(view.id)
        if held is None or (held.view.generation, held.view.stage) != (view.generation, view.stage):
            renewed = await renew(tx, view, held) if held is not None else None
            held = self._held[view.id] = renewed or await load(tx, view)
        self._held.move_to_end(view.id)
        files = sum(len(each.paths) for each in self._held.values())
        while len(self._held) > self._keep and files > self._files:
            _, oldest = self._held.popitem(last=False)
            files -= len(oldest.paths)
        return held


async def load(tx: Transaction, view: View) -> Atlas:
    """Read the map of a view."""
    files = _listed(await tx.rows(f"{_FILES} ORDER BY p.path", {"view": view.id}))
    _, every = await _state(tx, view)
    return _atlas(view, files, every == len(files.paths))


async def renew(tx: Transaction, view: View, held: Atlas) -> Atlas | None:
    """The map of a view, made from an older one of it; None when much of that was unfinished, or when a run over the
    whole tree came between, which may have cut known files anew. What is kept keeps its stamps: who finds another one on
    the disk asks for that of today."""
    if held.view.seconds != view.seconds:
        return None
    thinned, every = await _state(tx, view)
    # Words and trigrams of a placement are added once, and never taken from it.
    kept = held.lexical & held.trigram
    unfinished = held.placements[~kept].tolist()
    if len(unfinished) * _UNFINISHED_SHARE > len(kept):
        return None
    found = await tx.rows(
        f"{_FILES} AND (m.generation > :held OR m.placement_id IN ({ids(unfinished)})) ORDER BY p.path",
        {"view": view.id, "held": held.view.generation},
    )
    if thinned > held.view.generation:
        [(listed,)] = await tx.rows(_MEMBERS, {"view": view.id})
        kept &= np.isin(held.placements, np.array(json.loads(listed), np.int64))
    new = _listed(found)
    for path in new.paths:
        place = bisect_left(held.paths, path)
        if held.paths[place : place + 1] == [path]:
            kept[place] = False
    files = _merged(_files_of(held, kept), new)
    atlas = _atlas(view, files, every == len(files.paths))
    if files.paths == held.paths:
        atlas._flags.update(held._flags)
        atlas.__dict__.update(
            (name, held.__dict__[name]) for name in _SAID_BY_PATHS if name in held.__dict__
        )
    return atlas


async def _state(tx: Transaction, view: View) -> tuple[int, int]:
    """The last generation that took a path from a view, and how many placements its repository has; zeros where it is
    gone."""
    found = await tx.rows(_STATE, {"view": view.id, "repo": view.repo_id})
    return (int(found[0][0]), int(found[0][1])) if found else (0, 0)


class _Files(NamedTuple):
    """Files by path: what is not a number, and the rest as rows of ``_NUMBERS``."""

    paths: list[str]
    languages: list[str]
    numbers: NDArray[np.int64]


def _listed(rows: Sequence[Row]) -> _Files:
    if not rows:
        return _Files([], [], np.zeros((0, len(_NUMBERS)), np.int64))
    paths, languages, *numbers = zip(*rows, strict=True)
    return _Files(list(paths), list(map(intern, languages)), np.array(numbers, np.int64).T)


def _files_of(held: Atlas, kept: NDArray[np.bool_]) -> _Files:
    chosen = kept.tolist()
    numbers = np.column_stack([getattr(held, name)[kept] for name in _NUMBERS])
    return _Files(
        list(compress(held.paths, chosen)),
        list(compress(held.languages, chosen)),
        numbers.astype(np.int64),
    )


def _merged(old: _Files, new: _Files) -> _Files:
    """Both, each sorted by path, as one that is."""
    places = [bisect_left(old.paths, path) for path in new.paths]
    order = np.insert(np.arange(len(old.paths)), places, len(old.paths) + np.arange(len(places)))
    paths, languages = old.paths + new.paths, old.languages + new.languages
    listed = order.tolist()
    return _Files(
        [paths[i] for i in listed],
        [languages[i] for i in listed],
        np.concatenate([old.numbers, new.numbers])[order],
    )


def _atlas(view: View, files: _Files, whole: bool) -> Atlas:
    columns = dict(zip(_NUMBERS, np.ascontiguousarray(files.numbers.T), strict=True))
    marks = {name: columns.pop(name).astype(bool) for name in ("lexical", "trigram")}
    return Atlas(
        view=view, paths=files.paths, languages=files.languages, whole=whole, **columns, **marks
    )
