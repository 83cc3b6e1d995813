"""Where does a text stand as it was written? Code that somebody copied is looked for as it is.

White space may differ: what is copied has lost its indentation, or was wrapped; what is typed has other spaces
around its signs and other quotes. Calls with a | between them are looked for each by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import re2

from sophia_mcp.search.engine import Candidate, Outcome, Question
from sophia_mcp.search.places.modules import module_parts
from sophia_mcp.search.question import keys
from sophia_mcp.search.question.query import is_block, is_code, is_sentence
from sophia_mcp.search.text import regex
from sophia_mcp.search.view.outline import enclosing, qualified
from sophia_mcp.security.text import counted
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import Symbol
from sophia_mcp.words import IDENTIFIER

_LONGEST = 60
"""Lines of a definition that is shown around the text; of longer ones some next to it."""
_AROUND = 6
_NAMED = 5
"""Lines of one definition that are named."""
_OUTSIDE_FEW = 8
"""Files outside the index that are read for a name."""

_WORD = re.compile(r"\w", re.ASCII)
_TOKEN = re.compile(r"(?:\w|[.:]|->)+|[^\w\s]")
"""What stands together however code is laid out: a name with those it is reached by, a sign."""
_SPACED = re.compile(r"[()\[\]{}=<>|&\"']")
"""Signs that few sentences have: people put spaces around them as they like, and one quote for the other."""
_CALL = re.compile(r"[^()|]*\w\([^|]*")


async def find(
    question: Question, tx: Transaction, text: str, *, everywhere: bool = False
) -> Outcome | None:
    """The definitions that hold a text as it is; None where no file is seen to. Not ``everywhere``: of very many
    files that may hold it some are read. A quoted sentence is looked for in neither tests nor documents: it is
    asked what says it. In another spelling it is looked for only where all files that may have it are soon read: as
    signs narrow little, that would take as long as the text itself, and find the less."""
    for number, (said, pattern) in enumerate(_forms(text)):
        files, _ = await regex.may_match(question, tx, pattern)
        read = files if everywhere else regex.soon_read(question, files)
        if number and len(read) < len(files):
            continue
        found = await _matching(
            question, tx, text, pattern, said, read, is_whole=len(read) == len(files)
        )
        if found is not None:
            return found
    return None


async def is_nowhere(question: Question, tx: Transaction, text: str) -> bool:
    """Whether it is certain, where nothing was found, that no file that may answer has the text as it is."""
    _, pattern = next(_forms(text))
    files, _ = await regex.may_match(question, tx, pattern)
    return question.view.state == "ready" and len(regex.soon_read(question, files)) == len(files)


async def _matching(
    question: Question,
    tx: Transaction,
    text: str,
    pattern: str,
    said: str,
    read: Sequence[int],
    *,
    is_whole: bool,
) -> Outcome | None:
    atlas = question.atlas
    matches, capped = await regex.matching(question, tx, pattern, read)
    query = question.request.query
    is_said = " " in text and (not is_code(query) or is_sentence(query))
    if is_said and IDENTIFIER.search(query) and not is_block(query):
        matches = [item for item in matches if not regex.repeats(atlas, item.file)]
    return await _shown(question, tx, matches, said, is_whole=is_whole and not capped)


async def _shown(
    question: Question, tx: Transaction, matches: Sequence[regex.Matches], said: str, *, is_whole: bool
) -> Outcome | None:
    """The definitions around these matches, as many as may be shown, and how many there are."""
    candidates: list[Candidate] = []
    for item in matches:
        candidates += await around(question, tx, item.file, item.found, "has this text")
        if len(candidates) > question.reach:  # one more, so that the answer can go on
            break
    if not candidates:
        return None
    total = sum(item.count for item in matches)
    bound = "" if is_whole else "at least "
    note = f"{said}: {bound}{counted(total, 'place')} in {counted(len(matches), 'file')}"
    return Outcome(tuple(candidates), max(total, len(candidates)), (note,))


async def of_name(question: Question, tx: Transaction, name: str, said: str) -> Outcome | None:
    """The places that write a name of which no definition is known, those in the file or folder that is said to
    hold it first; ``said``: what it is shown for. None where none is seen to."""
    atlas, holder = question.atlas, question.query.container.casefold()
    pattern = _pattern(name, re2.escape(name))
    files, _ = await regex.may_match(question, tx, pattern)
    read = regex.soon_read(question, files)
    matches, capped = await regex.matching(question, tx, pattern, read)

    def is_held(item: regex.Matches) -> bool:
        return holder in map(str.casefold, module_parts(atlas.paths[item.file]))

    ordered = sorted(matches, key=lambda item: not is_held(item)) if holder else matches
    is_whole = len(read) == len(files) and not capped
    found = await _shown(question, tx, ordered, f"{said}, but it is written", is_whole=is_whole)
    if found is None:
        return None
    return replace(found, notes=(*found.notes, *await outside(question, tx, name)))


async def outside(question: Question, tx: Transaction, name: str) -> tuple[str, ...]:
    """In which of the first files that the index left out a name stands that nothing here defines."""
    pattern = regex.compile(_pattern(name, re2.escape(name)))
    notes = await regex.outside(question, tx, pattern, _OUTSIDE_FEW)
    return tuple(note for note in notes if note.startswith(regex.ALSO))


def only_repeats(question: Question, found: Outcome) -> bool:
    """Whether a text stands in nothing but tests and documents, so that another place may be what says it."""
    return all(regex.repeats(question.atlas, item.file) for item in found.candidates)


def beside(exact: Outcome, others: Outcome) -> Outcome:
    """What holds the text as it is, and then what else comes near."""
    best = max((item.score for item in others.candidates), default=1.0)
    held = [replace(item, score=max(item.score, best)) for item in exact.candidates]
    rest = [
        item
        for item in others.candidates
        if not any(
            item.file == one.file and item.start <= one.end and one.start <= item.end
            for one in exact.candidates
        )
    ]
    # What both found counts twice, so that the total is the same on each page: not all of the first is laid out.
    return Outcome((*held, *rest), exact.total + others.total, exact.notes)


def _forms(text: str) -> Iterator[tuple[str, str]]:
    """What a text is looked for as, one after the other where nothing is found, and what is said of it: any white
    space for its own; any around its signs, and any quotes; any of its calls."""
    if options := list(keys.written_as(text)):
        yield from options
        return
    yield "this text as it is", _pattern(text, r"\s+".join(map(re2.escape, text.split())))
    if _SPACED.search(text):
        yield "this text but for its spaces and quotes", _pattern(text, _spaced(text))
    parts = text.split("|")
    if len(parts) > 1 and all(map(_CALL.fullmatch, parts)):
        parts = [part.strip() for part in parts]
        yield "these texts as they are", "|".join(_pattern(part, re2.escape(part)) for part in parts)


def _spaced(text: str) -> str:
    """The text with any white space, or none, around its signs, and any quotes."""
    tokens = _TOKEN.findall(text)
    parts = ["[\"']" if part in "\"'" else re2.escape(part) for part in tokens]
    for i, (before, part) in enumerate(pairwise(tokens)):
        words = _WORD.match(before[-1]) and _WORD.match(part)
        parts[i] += r"\s+" if words else r"\s*"
    return "".join(parts)


def _pattern(text: str, written: str) -> str:
    """The text as it is ``written`` for the engine, and no word that only begins or ends with one of it."""
    before = r"\b" if _WORD.match(text[0]) else ""
    behind = r"\b" if _WORD.match(text[-1]) else ""
    return before + written + behind


async def around(
    question: Question, tx: Transaction, file: int, lines: Iterable[int], said: str
) -> list[Candidate]:
    """The definitions around these lines of a file, in its order; ``said``: what they are shown for."""
    blob, content = int(question.atlas.blobs[file]), question.engine.content
    held = (await content.symbols(tx, [blob]))[blob]
    length = (await content.texts(tx, [blob]))[blob].height
    spans: list[tuple[int, int, list[int]]] = []
    for line in lines:
        if spans and line <= spans[-1][1]:
            spans[-1][2].append(line)
        else:
            behind = spans[-1][1] + 1 if spans else 1
            spans.append((*_around(enclosing(held, line), line, behind, length), [line]))
    return [_candidate(file, *span, held, said) for span in spans]


def _around(home: Symbol | None, line: int, behind: int, length: int) -> tuple[int, int]:
    """The lines of a text that are shown with one, none before ``behind``: its definition, or of a long one some."""
    first, last = (home.start_line, home.end_line) if home else (1, length)
    if home is not None and last - first < _LONGEST:
        return first, last
    start = max(line - _AROUND, first, behind)
    return start, min(max(line + _AROUND, start + 2 * _AROUND), last)


def _candidate(
    file: int, start: int, end: int, lines: Sequence[int], held: tuple[Symbol, ...], said: str
) -> Candidate:
    home = enclosing(held, lines[0])
    more = f" and {len(lines) - _NAMED} more" if len(lines) > _NAMED else ""
    why = f"{said} at {', '.join(map(str, lines[:_NAMED]))}{more}"
    name, kind = (qualified(home), home.kind) if home else ("", "text")
    begins = home is not None and home.start_line == start
    whole = (start, home.end_line) if home and begins else (start, end)
    return Candidate(file, start, end, name, kind, 1.0, why, whole, lines[0], exact=True)
