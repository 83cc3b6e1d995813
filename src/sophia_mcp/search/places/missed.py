"""What is said of a file that is not there: why, what it is called now, what comes nearest?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from sophia_mcp.index.languages.detect import language_of
from sophia_mcp.search.engine import Outcome, Question
from sophia_mcp.search.places import renamed, skipped
from sophia_mcp.search.question.call import call
from sophia_mcp.search.question.query import Query
from sophia_mcp.search.view import filters
from sophia_mcp.search.view.near import ALIKE, near_paths
from sophia_mcp.store.database import Transaction

_NAMED = 3
"""Files that are named as left out by the filters."""

_HIDDEN = re.compile(r"\.[\w-]+(?:\.\w+)*")


async def missing(question: Question, tx: Transaction) -> Outcome:
    """No indexed file is meant: the nearest ones, or why it is left out, and the call for it."""
    asked = question.query.path
    if out := await skipped.find(question, tx, asked):
        said = f"not here: no indexed file is {asked!r}; {out.said}"
        return Outcome(
            (), 0, (said, out.following(question, (out.within or ".") + _lines(question.query)))
        )
    return await moved(question, tx) or nowhere(question)


def nowhere(question: Question) -> Outcome:
    """The miss of a file of which there is nothing to say but what it is called like."""
    request, asked = question.request, question.query.path
    folders = request.mode == "outline" or asked.endswith("/")
    what = "file or folder" if folders else "file"
    near = [] if "*" in asked else near_paths(question.atlas, asked, folders=folders)
    hint = f"; nearest: {', '.join(near)}" if near else ""
    following = (
        call(request, near[0] + _lines(question.query)) if near else call(request, ".", mode="outline")
    )
    return Outcome((), 0, (f"not here: no indexed {what} is {asked!r}{hint}", f"next: {following}"))


async def misspelt(question: Question, tx: Transaction) -> Outcome | None:
    """The miss of a file whose name looks like words, ``.gitignor`` or ``my filee.py``, where one is spelt nearly so
    or it is left out of the index; None for any other text, as ``open app.py`` is, and ``data stream.js`` where
    there is a ``data-stream.js``."""
    asked = question.query.written.strip()
    name = asked.rpartition("/")[2]
    spaced = " " in name and "\n" not in name and language_of(name, b"") is not None
    if not (spaced or _HIDDEN.fullmatch(name)):
        return None
    file = replace(question, query=replace(question.query, path=asked))
    if await skipped.find(question, tx, asked):
        return await missing(file, tx)
    near = [path.rpartition("/")[2] for path in near_paths(question.atlas, asked)]
    alike = get_close_matches(name, near, len(near) or 1, ALIKE)
    return nowhere(file) if any(" " in other or not spaced for other in alike) else None


def _lines(query: Query) -> str:
    """What is written behind the path of a place: ``:10-80`` as it stands, empty where no lines are asked for."""
    asked = query.path
    return query.text[len(asked) :] if query.kind == "lines" and query.text.startswith(asked) else ""


async def moved(question: Question, tx: Transaction) -> Outcome | None:
    """The miss of a file, or lines of it, that is called otherwise now."""
    query, request = question.query, question.request
    now = await renamed.find(question, tx, query.path)
    if now is None:
        return None
    place = now.path
    if query.kind == "lines":
        first, *last = [
            await renamed.line_now(question, tx, now, line) for line in (query.start, query.end) if line
        ]
        place += f":{first}" + "".join(f"-{line}" for line in last)
    mode = {} if request.mode == "auto" else {"mode": request.mode}
    return Outcome(
        (),
        0,
        (
            f"not here: no indexed file is {query.path!r}; it was renamed to {now.path}",
            f"next: {call(request, place, **mode)}",
        ),
    )


def filtered(question: Question, files: Sequence[int]) -> Outcome:
    """The place that was asked for is there, and no file of it passes the filters."""
    request, paths = question.request, question.atlas.paths
    named = ", ".join(paths[file] for file in files[:_NAMED])
    more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    kept = {"mode": request.mode, "detail": request.detail}
    following = {name: value for name, value in kept.items() if value != "auto"}
    return Outcome(
        (),
        0,
        (
            f"not here: {named}{more} is indexed, but left out by {filters.said(request)}",
            f"next: {call(request, question.query.text, **following)}",
        ),
    )
