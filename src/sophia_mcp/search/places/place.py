"""What stands at this place? A path, or lines of a path, answered as a read."""

from __future__ import annotations

from sophia_mcp.search.engine import Candidate, Outcome, Question
from sophia_mcp.search.places.locate import files as files_of
from sophia_mcp.search.places.locate import modules, named, passing, unfiltered
from sophia_mcp.search.places.missed import filtered, missing
from sophia_mcp.search.view.content import Text
from sophia_mcp.search.view.outline import enclosing, outline_of, qualified
from sophia_mcp.security.text import counted
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import Kind, Symbol

_SHOWN_WHOLE = 40
"""Files up to this many lines are shown instead of outlined."""


async def lines(question: Question, tx: Transaction) -> Outcome:
    """``path:10-80``: those lines; ``path:10``: the definition around line 10."""
    query = question.query
    there = files_of(question, query.path)
    files = passing(question, there)
    if not files:
        return filtered(question, there) if there else await missing(question, tx)
    content, atlas = question.engine.content, question.atlas
    found: list[Candidate] = []
    notes = unfiltered(question)
    for file in files[: question.reach + 1]:  # one more, so that the answer can go on
        blob = int(atlas.blobs[file])
        text = (await content.texts(tx, [blob]))[blob]
        symbols = (await content.symbols(tx, [blob]))[blob]
        length = text.height
        start = min(query.start, length)
        if query.start > length:
            notes.append(f"{atlas.paths[file]} has {counted(length, 'line')}; showing the last")
        home = enclosing(symbols, start)
        if query.end:
            begin, end = start, min(query.end, length)
        elif home and home.end_line - home.start_line < 120:
            begin, end = home.start_line, home.end_line
        else:
            begin, end = max(start - 12, 1), min(start + 24, length)
        found.append(
            Candidate(
                file,
                begin,
                end,
                qualified(home) if home else "",
                home.kind if home else _kind(question, file),
                1.0,
                "the place asked for",
                (begin, end),
                start,
                text=_signatures(symbols, text, begin, end)
                if question.request.detail == "signatures"
                else None,
            )
        )
    if len(files) > 1:
        notes.append(f"{len(files)} files end with {query.path!r}")
    return Outcome(tuple(found), len(files), tuple(notes))


def _signatures(symbols: tuple[Symbol, ...], text: Text, begin: int, end: int) -> str | None:
    """Those of the definitions that begin in these lines, or of the one around them; None where there is none."""
    within = tuple(symbol for symbol in symbols if begin <= symbol.start_line <= end)
    home = enclosing(symbols, begin)
    within = within or ((home,) if home else ())
    return outline_of(within, text) if within else None


async def module(question: Question, tx: Transaction) -> Outcome | None:
    """The files that a name means as a module (``locate.modules``), outlined; None where none is meant."""
    files = passing(question, modules(question, question.query.text))
    return await _outlines(question, tx, files) if files else None


async def whole(question: Question, tx: Transaction) -> Outcome | None:
    """A path, as an import writes it perhaps (``../core/util``): its outline, or with ``detail="full"`` the
    file itself. None when no file is meant, so that the text may still be a name."""
    files = await named(question, tx)
    return await _outlines(question, tx, files) if files else None


async def _outlines(question: Question, tx: Transaction, there: list[int]) -> Outcome:
    files = passing(question, there)
    if not files:
        return filtered(question, there)
    found: list[Candidate] = []
    content, atlas = question.engine.content, question.atlas
    for file in files[: question.reach + 1]:  # one more, so that the answer can go on
        blob = int(atlas.blobs[file])
        text = (await content.texts(tx, [blob]))[blob]
        symbols = (await content.symbols(tx, [blob]))[blob]
        length = text.height
        shown = None
        outlined = length > _SHOWN_WHOLE or question.request.mode == "outline"
        if question.request.detail != "full" and outlined and symbols:
            shown = outline_of(symbols, text)
        found.append(
            Candidate(
                file, 1, length, "", _kind(question, file), 1.0, "path match", (1, length), 1, text=shown
            )
        )
    return Outcome(tuple(found), len(files), tuple(unfiltered(question)))


def _kind(question: Question, file: int) -> Kind:
    if question.atlas.has("config", file):  # first, as CMakeLists.txt is no prose
        return "config"
    return "doc" if question.atlas.has("document", file) else "text"
