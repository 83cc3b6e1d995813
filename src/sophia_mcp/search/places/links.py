"""Which place does a link, a URI or a sentence name, and is it one of this repository?"""

from __future__ import annotations

import re
from dataclasses import replace

from sophia_mcp.search.engine import Outcome, Question
from sophia_mcp.search.places.locate import files, is_file
from sophia_mcp.search.question.call import call
from sophia_mcp.search.question.query import Place, Query, QueryKind, said_page, said_place
from sophia_mcp.search.view import filters
from sophia_mcp.security.text import call_of
from sophia_mcp.store.database import Transaction

_WRITTEN = re.compile(r"[^\n*]*[^\s*/]\.\w{1,10}")
"""The path of a file, or the end of one."""


async def said(question: Question, tx: Transaction) -> Query | None:
    """The query of a text that is the path of a file or folder with spaces, in quotes, as a link or a URI, or
    with lines as people write them; None where there is no such file, or where the query says it already."""
    query, atlas, root = question.query, question.atlas, question.view.root
    found = said_place(query.written)
    if found is not None and query.kind == "path" and query.path == found.path:
        return None
    if found is not None and not await _is_elsewhere(question, tx, found):
        found = replace(found, path=filters.inside(root, found.path))
        kind: QueryKind = "lines" if found.start else "path"
        if await _is_there(question, tx, found):
            return Query(query.text, kind, found.path, found.start, found.end)
        folder = found.path.rstrip("/") + "/"
        is_folder = "/" in found.path and not found.start and found.path != query.text
        if is_folder and any(path.startswith(folder) for path in atlas.paths):
            return Query(folder, "path", folder)
        if found.repository and is_file(found.path):
            return Query(found.path + found.lines, kind, found.path, found.start, found.end)
    written = filters.inside(root, query.written)
    return Query(query.written, "path", written) if written in atlas.position else None


async def linked(question: Question, tx: Transaction) -> Outcome | None:
    """The miss of a link to a file of another repository, or to a page about a change, with the call that comes
    near; None for any other text."""
    written = question.query.written
    if page := said_page(written):
        return _page(question, *page)
    found = said_place(written)
    if found is None or not await _is_elsewhere(question, tx, found):
        return None
    place = found.path + found.lines
    if repositories := await _cloned(tx, found):
        following = call(question.request, place, repo=repositories[0])
    elif found.path in question.atlas.position:
        following = call(question.request, place)
    else:
        following = call_of("index_repo", path=f"https://{found.repository}")
    too = ", which has such a file, too" if found.path in question.atlas.position else ""
    said = f"not here: the link is to {found.repository}, not to {question.view.label}{too}"
    return Outcome((), 0, (said, f"next: {following}"))


async def _is_elsewhere(question: Question, tx: Transaction, found: Place) -> bool:
    """Whether a link to another repository says it: one of another name than this, of which it is no clone."""
    view, named = question.view, found.repository.rpartition("/")[2].casefold()
    names = {name.rpartition("/")[2].casefold() for name in (view.repo, view.name)}
    return named != "" and named not in names and view.repo not in await _cloned(tx, found)


async def _cloned(tx: Transaction, found: Place) -> list[str]:
    """The indexed repositories that are clones of the one that a link names."""
    rows = await tx.rows(
        "SELECT name FROM repos WHERE workspace = :workspace AND lower(origin) = :origin ORDER BY id",
        {"origin": found.repository.casefold()},
    )
    return [str(name) for (name,) in rows]


def _page(question: Question, repository: str, page: str, what: str) -> Outcome:
    """The miss of a page, with the call for what is written of its number: comments and changelogs name them."""
    said = f"not here: {page} of {repository} is a page at its host, and no file of {question.view.label} has the link"
    numbered = what.isdigit()
    query, mode = (rf"#{what}\b", "regex") if numbered else (".", "outline")
    return Outcome((), 0, (said, f"next: {call(question.request, query, mode=mode)}"))


async def _is_there(question: Question, tx: Transaction, found: Place) -> bool:
    """Whether there is such a file: of that very path where a link says it; and spelt so, with such a line, where
    the number may be a version (``Node.js 18``)."""
    atlas = question.atlas
    if found.path in atlas.position:
        there = [atlas.position[found.path]]
    else:
        is_part = not found.repository and _WRITTEN.fullmatch(found.path) is not None
        there = files(question, found.path) if is_part else []
    if not there or not found.is_bare:
        return bool(there)
    blob = int(atlas.blobs[there[0]])
    text = (await question.engine.content.texts(tx, [blob]))[blob]
    spelt = f"/{atlas.paths[there[0]]}".endswith(f"/{found.path}")
    return spelt and 1 <= found.start <= len(text.lines)
