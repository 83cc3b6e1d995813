"""Is what was asked for here, and if not, what comes nearest and which call is next?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

import re2

from sophia_mcp import words
from sophia_mcp.index import report
from sophia_mcp.index.languages import LANGUAGES
from sophia_mcp.index.languages.detect import language_of
from sophia_mcp.index.views import View
from sophia_mcp.search import repomap
from sophia_mcp.search.candidates import lexical
from sophia_mcp.search.engine import Outcome, Question
from sophia_mcp.search.places import locate, place, skipped, symbols
from sophia_mcp.search.question.call import call
from sophia_mcp.search.question.query import is_code_name, is_name, message_of, segments
from sophia_mcp.search.ranking import absent
from sophia_mcp.search.text import verbatim
from sophia_mcp.search.uses import graph
from sophia_mcp.search.view import filters
from sophia_mcp.search.view.near import ALIKE, near_names, nearest_said
from sophia_mcp.search.view.outline import qualified
from sophia_mcp.security.text import call_of
from sophia_mcp.store.database import Transaction

_STRANGE_MOST = 3
"""Words that a miss names."""

_BY_MEANING = ("words", "error", "path")
"""Kinds of questions that files may answer with none of their words."""

_PLACES_MOST = 3
"""Definitions that are named where they are left out."""

_OWNERS_MOST = 8
"""Definitions of a container whose members are looked at."""

_MISTYPED = 0.85
"""How alike a name is to the one that was meant by it; others are only named."""

_PATH = re.compile(r"(?<![^\s`'\"])[\w./-]*\w\.\w{1,10}(?![^\s`'\",?])")

_ENGLISH = "asked in English, more may be found"


async def judged(question: Question, tx: Transaction, outcome: Outcome) -> Outcome:
    """Say "not here" where the evidence says so, with the nearest names and the next call; and what of the
    question is not there, where the rest is."""
    elsewhere = await _elsewhere(question, tx, outcome)
    found = await _judged(question, tx, outcome, elsewhere)
    if found.is_miss:
        return found
    query, request = question.query, question.request
    notes = [note for note in (elsewhere, await _unsaid(question, tx)) if note]
    notes += [
        f"no indexed file matches {place!r}"
        for place in filters.unmatched(question.atlas, request.paths)
    ]
    if strange := filters.unknown_languages(question.atlas, request.languages):
        notes.append(f"no file is in {', '.join(strange)}")
    is_file = query.kind == "path" and "://" not in query.path
    if is_file and outcome.facts and language_of(query.path, b"") in LANGUAGES:
        notes.append(f"no indexed file is {query.path!r}")
    if query.is_foreign and outcome.facts and (strange := await _strange(question, tx)):
        notes.append(f"no file says {_named(query.text, strange)}; {_ENGLISH}")
    return replace(found, notes=(*found.notes, *notes)) if notes else found


async def _unsaid(question: Question, tx: Transaction) -> str:
    """That a name which a sentence asks about (``who calls parse_cookie``) is nowhere, and what comes near it; empty
    for any other question."""
    query = question.query
    name = segments(query.named.name)[-1] if query.named is not None else ""
    if query.kind != "words" or not is_code_name(name) or _is_unsettled(question.view):
        return ""
    if await symbols.spelt(tx, question.atlas, name) or await graph.is_written(question, tx, name):
        return ""
    near = await symbols.nearest(tx, question.atlas, name)
    return f"no {question.searched} says {name!r}{nearest_said(near)}"


async def empty(question: Question, tx: Transaction) -> Outcome | None:
    """What is said of a tree without files, but of one that is left out; None for any other tree."""
    view, request = question.view, question.request
    if question.atlas.paths or _is_unsettled(view):
        return None
    for written in filter(None, (question.query.path, *request.paths)):
        if await skipped.find(question, tx, written) is not None:
            return None
    reasons = ", ".join(f"{one.count} {one.reason}" for one in await report.skipped(tx, view))
    missing = f"not here: no file of {view.label} is indexed{reasons and f' (skipped: {reasons})'}"
    why = call_of("index_repo", path=view.place, action="status")
    return Outcome((), 0, (missing, f"next: {why}"))


async def _elsewhere(question: Question, tx: Transaction, outcome: Outcome) -> str:
    """Where a name is defined that the filters leave out, or that it is defined of others than was said; empty
    for any other question. Who uses a name says it without this."""
    query, request, atlas = question.query, question.request, question.atlas
    *within, name = query.parts
    asked = query.kind == "identifier" or (query.kind == "path" and bool(outcome.facts))
    if not asked or question.mode not in ("auto", "text", "symbol"):
        return ""
    kinds, allowed = question.filter.kinds, question.filter.allowed
    if not (within or kinds or allowed is not None):
        return ""
    defined = await symbols.definitions(tx, atlas, name, "".join(within[-1:]))
    exact = [item for item in defined if item.exact]
    if not exact:
        others = any(item.symbol.name == name for item in defined) and within[-1] not in symbols.OWN
        return await symbols.of_others(tx, atlas, name, within[-1]) if others else ""
    if any(
        (allowed is None or allowed[item.file]) and (not kinds or item.symbol.kind in kinds)
        for item in exact
    ):
        return ""
    places = [f"{atlas.paths[item.file]}:{item.symbol.start_line}" for item in exact[:_PLACES_MOST]]
    more = f" and {len(exact) - _PLACES_MOST} more" if len(exact) > _PLACES_MOST else ""
    by = filters.said(request, kinds=True)
    return f"{query.text} is defined at {', '.join(places)}{more}, left out by {by}"


async def _judged(question: Question, tx: Transaction, outcome: Outcome, elsewhere: str) -> Outcome:
    if outcome.is_miss:
        return _with_next(question, outcome)
    if outcome.candidates and (not outcome.facts or not await _is_absent(question, tx, outcome)):
        return outcome
    if doubt := _doubt(question):
        return replace(outcome, notes=(*outcome.notes, doubt))
    if question.request.mode == "auto" and (found := await place.module(question, tx)) is not None:
        return found
    query = question.query
    if question.request.mode == "auto" and (folder := locate.folder(question, query.text)) is not None:
        # With a slash, as a repository may be called like a folder of it.
        return await repomap.find(replace(question, query=replace(query, text=f"{folder}/")), tx)
    named = question.mode == "auto" and query.kind in ("identifier", "path")
    if named and (other := await _respelt(question, tx, outcome)) is not None:
        return other
    if elsewhere and question.filter.narrows:
        following = call(question.request, query.text, mode="symbol")
        return replace(outcome, notes=(f"not here: {elsewhere}", f"next: {following}", *outcome.notes))
    return await _refused(question, tx, outcome)


async def _refused(question: Question, tx: Transaction, outcome: Outcome) -> Outcome:
    """What came near, said to be no more than that, with the nearest names and the next call."""
    query, request = question.query, question.request
    strange = await _strange(question, tx)
    named = query.kind in ("identifier", "path") and is_name(query.text)
    *within, asked = query.parts if named else (" ".join(_telling(query.text)),)
    owners = await symbols.definitions(tx, question.atlas, within[-1]) if within else []
    near = await _members(question, tx, owners, asked)
    if not question.others:  # both read the names of all repositories
        near = near or ([] if named else await _spelt_alike(question, tx, strange))
        near = near or await symbols.nearest(tx, question.atlas, asked)
    if named and near and get_close_matches(asked.casefold(), [near[0].casefold()], 1, _MISTYPED):
        outcome = await _mistyped(question, tx, outcome, near[0].rpartition(".")[2])
    what = f"{query.text!r}" if len(query.text) <= 60 else "this"
    verb = "defines" if request.mode == "symbol" else "speaks of"
    note = f"not here: nothing in {question.view.label} {verb} {what}"
    if verb == "speaks of" and strange and not named:
        note += f"; no file says {_named(query.text, strange)}"
    if query.is_foreign:
        note += f"; {_ENGLISH}"
    if outcome.candidates:
        note += "; the hits are only the nearest"
    note += nearest_said(near)
    if near:
        next_call = call(request, near[0], mode="symbol")
    elif verb == "defines" and query.name and await graph.is_written(question, tx, query.name):
        # imported, or defined where none is read
        next_call = call(request, query.name, mode="references")
    elif owners:
        next_call = call(request, within[-1], mode="symbol")
    else:
        known = max(_telling(query.text, strange) or _telling(query.text), key=len, default="")
        next_call = call(request, known or re2.escape(query.text), mode="regex")
    beside = await verbatim.outside(question, tx, asked) if named else ()
    return replace(outcome, notes=(note, f"next: {next_call}", *beside, *outcome.notes))


async def _mistyped(question: Question, tx: Transaction, outcome: Outcome, name: str) -> Outcome:
    """What came near, behind the definitions of the name that was probably meant."""
    allowed, kinds = question.filter.allowed, question.filter.kinds
    found = await symbols.definitions(tx, question.atlas, name, "", allowed)
    meant = [item for item in found if item.exact and not (kinds and item.symbol.kind not in kinds)]
    return symbols.behind(meant[:_PLACES_MOST], outcome)


async def _members(
    question: Question, tx: Transaction, owners: Sequence[symbols.Definition], name: str
) -> list[str]:
    """Names in these definitions, the container that was said, that are spelt like this one; with the container,
    as others may have them, too."""
    blobs = [int(question.atlas.blobs[item.file]) for item in owners[:_OWNERS_MOST]]
    held = await question.engine.content.symbols(tx, blobs)
    wholes = {qualified(item.symbol) for item in owners}
    inside = [one.name for found in held.values() for one in found if one.container in wholes]
    near = near_names(name, inside)
    return [f"{owners[0].symbol.name}.{one}" for one in near]


def _doubt(question: Question) -> str:
    """Why what was not found may be there all the same; empty where nothing speaks for it. The answer says what
    share of the files it stands on, and that meaning is lacking."""
    if _is_unsettled(question.view):
        return "nothing certain yet: ask again when more is indexed"
    if question.meaning.lack and question.query.kind in _BY_MEANING:
        return "nothing certain without meaning: it may be here in other words"
    return ""


def _is_unsettled(view: View) -> bool:
    """Whether there may be files that are not read yet."""
    return view.state == "indexing" or view.cancelled or bool(view.behind)


async def _respelt(question: Question, tx: Transaction, outcome: Outcome) -> Outcome | None:
    """What defines the name in another spelling, and then what came near; None where nothing does."""
    *within, name = question.query.parts
    allowed, kinds = question.filter.allowed, question.filter.kinds
    found = await symbols.spelt(tx, question.atlas, name, "".join(within[-1:]), allowed)
    found = [item for item in found if not kinds or item.symbol.kind in kinds]
    if not found:
        return None
    notes = outcome.notes if found[0].exact else (symbols.INEXACT, *outcome.notes)
    return replace(symbols.behind(found, outcome), notes=notes)


async def _is_absent(question: Question, tx: Transaction, outcome: Outcome) -> bool:
    """By the model; but a name that only code writes and no file holds is not here, and who asks about
    their own changes is shown them."""
    query = question.query
    if question.request.scope == "changed" and query.kind == "words":
        return False
    code = query.kind == "identifier" and is_code_name(query.name)
    if (
        code
        and not outcome.facts.get("defines")
        and not await graph.is_written(question, tx, query.name)
    ):
        return True
    if not absent.is_absent(outcome.facts, len(question.atlas.paths)):
        return False
    # Nor is what is asked of a file that is here.
    if any(locate.files(question, path) for path in set(_PATH.findall(query.text))):
        return False
    # What a library defines is spoken of where its names are written. WebSocket is what people call a thing.
    names = [name for name in query.identifiers if "." in name or name[0].islower()]
    if query.kind != "words" or not names:
        return True
    for name in names:
        if not await graph.is_written(question, tx, segments(name)[-1]):
            return True
    return False


async def _strange(question: Question, tx: Transaction) -> list[str]:
    """Words of a longer question that stand in no file: another word for the same may stand in many."""
    text = question.query.text
    terms = words.query_terms(text)[:64]
    counts = await lexical.frequencies(tx, question.engine.text, question.atlas, terms)
    known = [counts.documents.get(term, 0) > 0 for term in terms]
    if not any(known):
        return []
    strange = {term for term, here in zip(terms, known, strict=True) if not here}
    said = [word for word in words.words(text) if words.stem(word) in strange]
    return list(dict.fromkeys(said))


async def _spelt_alike(question: Question, tx: Transaction, strange: Sequence[str]) -> list[str]:
    """Names that are spelt like what no file says of a longer question."""
    found: list[str] = []
    for word in _whole(question.query.text, strange):
        near = {name.casefold(): name for name in await symbols.nearest(tx, question.atlas, word)}
        found += [near[one] for one in get_close_matches(word.casefold(), near, cutoff=ALIKE)]
    return list(dict.fromkeys(found))


def _named(text: str, strange: Sequence[str]) -> str:
    """What ``_whole`` finds, to be read."""
    return ", ".join(map(repr, _whole(text, strange)))


def _whole(text: str, strange: Sequence[str]) -> list[str]:
    """The words of a text as it writes them of which some part is strange, a few: ``GraphQL``, and not ``ql``."""
    whole = [word for word in words.IDENTIFIER.findall(text) if set(words.words(word)) & set(strange)]
    return list(dict.fromkeys(whole or strange))[:_STRANGE_MOST]


def _telling(text: str, strange: Sequence[str] = ()) -> list[str]:
    """The names and words of a text that tell something, and that are not ``strange``."""
    return [
        word
        for word in words.IDENTIFIER.findall(text)
        if word.casefold() not in words.STOP_WORDS and not set(words.words(word)) & set(strange)
    ]


def _with_next(question: Question, outcome: Outcome) -> Outcome:
    """A miss that does not say yet how to go on."""
    if any(note.startswith("next:") for note in outcome.notes):
        return outcome
    request, kind = question.request, question.query.kind
    if request.mode == "outline" or kind == "lines":
        following = call(request, ".", mode="outline")
    elif kind == "trace":
        following = call(request, message_of(question.query.text)[:200], mode="text")
    elif request.mode in ("references", "callers"):
        following = call(request, question.query.name, mode="symbol")
    else:
        following = call(request, request.query, mode="text")
    first, *rest = outcome.notes
    return replace(outcome, notes=(first, f"next: {following}", *rest))
