"""Who uses this name, and how sure is that? References and callers with the proof of each (``proof.py``).

Name-only uses are guesses: they are shown after those that are proven, labelled, and never counted
among them. Last come lines that write the name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from functools import cache
from pathlib import PurePosixPath

import anyio
import anyio.lowlevel
import numpy as np

from sophia_mcp.index.languages import LANGUAGES
from sophia_mcp.index.parsing.packed import Edges
from sophia_mcp.search.engine import Candidate, Outcome, Question
from sophia_mcp.search.places import locate, missed, symbols
from sophia_mcp.search.places.symbols import Definition
from sophia_mcp.search.question.call import call
from sophia_mcp.search.question.query import Query
from sophia_mcp.search.uses import mentions
from sophia_mcp.search.uses.defined import Defined
from sophia_mcp.search.uses.follow import Follower
from sophia_mcp.search.uses.manifests import READERS
from sophia_mcp.search.uses.proof import ORDER, Sources, Use, surest_first, uses_in
from sophia_mcp.search.view.atlas import Atlas
from sophia_mcp.search.view.near import nearest_said
from sophia_mcp.search.view.outline import enclosing, qualified
from sophia_mcp.security.text import counted
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import Symbol

_FILE = re.compile(r"[./]")
_FILES_MOST = 2000
"""Files that are read for one answer: a name that more of them write takes seconds."""
_BATCH = 32
"""Files that are looked at before others may do something."""
_MANIFESTS_MOST = 200
_LOOKED_AT = 3
"""Of the uses from the best on, how many times as many as may be shown are told with their definitions."""
_WRITTEN = 0.1
"""The score of a line that writes the name: below every guess."""

_VERBS = {"base": "inherits"}
"""Words for kinds of use that are not their own."""


async def find(question: Question, tx: Transaction) -> Outcome:
    """Uses of the name asked for: by caller, or line by line."""
    asked = await _asked(question, tx)
    if isinstance(asked, Outcome):
        return asked
    query, atlas = asked.query, asked.atlas
    found = await symbols.definitions(tx, atlas, query.block or query.name, query.container)
    exact = [item for item in found if item.exact]
    defined = exact or [item for item in found if item.symbol.name == query.name]
    outcome = await _uses(asked, tx, defined)
    if outcome.is_miss and not defined and (other := await symbols.spelt(tx, atlas, query.name)):
        name = other[0].symbol.name
        respelt = replace(asked, query=Query(name, "identifier", identifiers=(name,)))
        outcome = await _uses(respelt, tx, [item for item in other if item.symbol.name == name])
        note = f"{query.name} is spelt {name} here"
    elif outcome.is_miss and not defined and locate.is_file(query.text):
        return await missed.missing(replace(asked, query=Query(query.text, "path", query.text)), tx)
    elif defined and not exact:
        note = await symbols.of_others(tx, atlas, query.name, query.container)
    else:
        return outcome
    first, *rest = outcome.notes
    return replace(outcome, notes=(f"{first}; {note}", *rest))


async def _asked(question: Question, tx: Transaction) -> Question | Outcome:
    """The question about a name: for lines of a file about the definition that they are in."""
    query = question.query
    if query.kind == "lines":
        files = locate.files(question, query.path)
        if not files:
            return await missed.missing(question, tx)
        home = enclosing((await _definitions(question, tx, files[:1]))[files[0]], query.start)
        if home is not None:
            name = qualified(home)
            return replace(question, query=Query(name, "identifier", identifiers=(name,)))
        said = f"not here: {query.text} is in no definition"
        return Outcome((), 0, (said, f"next: {call(question.request, query.path, mode='outline')}"))
    if _FILE.search(query.text) and locate.files(question, query.text):
        said = f"not here: {query.text} is a file, and a name is used; name what it defines"
        return Outcome((), 0, (said, f"next: {call(question.request, query.text, mode='outline')}"))
    return question


async def _uses(question: Question, tx: Transaction, exact: Sequence[Definition]) -> Outcome:
    """The uses of a name that is defined so, or not at all."""
    query, atlas = question.query, question.atlas
    files, more = await files_writing(question, tx, query.name, [item.file for item in exact])
    edges = await question.engine.content.uses(
        tx, atlas.blobs[files].tolist() if files else [], query.name, modules=not exact
    )
    held = {file: edges[int(atlas.blobs[file])] for file in files if int(atlas.blobs[file]) in edges}
    unread = len(files) - len(held) if question.view.stage != "done" else 0
    unsaid = incomplete(question, unread, more)
    calls = question.mode == "callers"
    named = await modules(question, tx, {atlas.languages[file] for file in held})
    sources = Sources(atlas.paths, atlas.languages, held, named)
    defined = Defined(exact, atlas.paths)
    own: list[Use] = []
    for place, file in enumerate(held):
        if place % _BATCH == 0:
            await anyio.lowlevel.checkpoint()  # a frequent name takes a second, and others ask, too
        own += uses_in(file, query.name, defined, sources)
    uses = await _followed(question, tx, own, exact, sources)
    known: dict[int, set[int]] = defaultdict(set)
    for use in uses:
        known[use.file].add(use.reference.line)
    meant = "call" if calls else "base"
    called = [use for use in uses if use.reference.kind == meant] if calls or query.of_bases else uses
    unmet = "nothing is seen to extend it; " if query.of_bases and not called else ""
    called = uses if unmet else called
    written: mentions.Lines = ()
    if not calls or not called:
        own_lines = () if query.block else exact
        written = await mentions.lines(question, tx, query.name, files, known, own_lines)
    unheard = _unheard(atlas, exact) if not called and written else ""
    if not called and not unheard and (calls or not written):
        others = "it is used in other ways" if uses else ""
        others = others or (f"lines that write it: {len(written)}" if written else "")
        missed = await _missed(question, tx, exact, others)
        return replace(missed, notes=(*missed.notes, *unsaid))
    if calls and called:
        homes = await _definitions(question, tx, {use.file for use in called})
        candidates = _by_caller(called, homes, question)
    else:
        candidates = by_line(called, written, question)
        near = candidates[: question.reach * _LOOKED_AT]  # no other one can be shown on this page
        homes = await _definitions(question, tx, {item.file for item in near})
        candidates[: len(near)] = [_at_home(item, homes[item.file]) for item in near]
    resolved = sum(use.proof != "name-only" for use in called)
    note = unheard + unmet + _said(question, exact, resolved, len(called) - resolved, len(written))
    notes = (note, *unsaid, *locate.unfiltered(question, "who uses a name"))
    return Outcome(tuple(candidates), resolved, notes)


async def modules(
    question: Question, tx: Transaction, languages: Set[str]
) -> Mapping[str, Mapping[str, str]]:
    """What manifests call folders, by language, among others of these languages: read once for a map of
    the view, as what they say changes with it."""
    atlas = question.atlas
    for language in (languages & READERS.keys()) - atlas.modules.keys():
        pattern, read = READERS[language]
        manifests = np.flatnonzero(atlas.flag(pattern.pattern, pattern))[:_MANIFESTS_MOST]
        texts = await question.engine.content.texts(tx, atlas.blobs[manifests].tolist())
        named: dict[str, str] = {}
        for file in manifests.tolist():
            folder = atlas.paths[file].rpartition("/")[0]
            for inner, called in read("\n".join(texts[int(atlas.blobs[file])].lines)).items():
                named[f"{folder}/{inner}".strip("/")] = called
        atlas.modules[language] = named
    return atlas.modules


async def _followed(
    question: Question,
    tx: Transaction,
    uses: Sequence[Use],
    exact: Sequence[Definition],
    sources: Sources,
) -> list[Use]:
    """The uses, surest first, with those proven that other files lead from to what is meant."""
    atlas, content = question.atlas, question.engine.content

    async def edges_of(file: int) -> Edges | None:
        blob = int(atlas.blobs[file])
        return (await content.edges(tx, [blob])).get(blob)

    async def named(name: str) -> Sequence[Definition]:
        return [item for item in await symbols.definitions(tx, atlas, name) if item.exact]

    every = Defined(await named(question.query.name) if exact else (), atlas.paths)
    settled = await Follower(sources, every, edges_of, named).settle(uses, exact)
    return surest_first(settled, atlas.paths)


async def _definitions(
    question: Question, tx: Transaction, files: Iterable[int]
) -> dict[int, tuple[Symbol, ...]]:
    """The definitions of each of these files."""
    listed, blobs = sorted(files), question.atlas.blobs
    found = await question.engine.content.symbols(tx, blobs[listed].tolist())
    return {file: found[int(blobs[file])] for file in listed}


def _unheard(atlas: Atlas, exact: Sequence[Definition]) -> str:
    """What is said first of a function that is defined only in languages whose calls nobody reads."""
    defining = {atlas.languages[item.file] for item in exact}
    if any(name in LANGUAGES and LANGUAGES[name].references for name in defining):
        return ""
    called = [item for item in exact if item.symbol.kind in ("function", "method")]
    silent = sorted({atlas.languages[item.file] for item in called})
    if not silent:
        return ""
    return f"calls in {' and '.join(silent)} are not read; "


def incomplete(question: Question, unread: int, more: int) -> tuple[str, ...]:
    """What is said where files have no edges yet, and where ``more`` write the name than one answer reads."""
    notes = []
    if unread:
        notes.append(f"not complete: edges of {counted(unread, 'file')} are not read yet")
    if more:
        following = call(question.request, question.query.text, mode=question.mode, paths=["<folder>/"])
        said = f"only the {_FILES_MOST} nearest were read; to read others: {following}"
        notes.append(f"not complete: {counted(more, 'more file')} may write the name, and {said}")
    return tuple(notes)


async def _missed(
    question: Question, tx: Transaction, exact: Sequence[Definition], others: str
) -> Outcome:
    """No use: whether there is the name at all, what ``others`` there are instead, and what to ask for."""
    name = question.query.name
    used = "called" if question.mode == "callers" else "used"
    near = () if exact else await symbols.nearest(tx, question.atlas, name)
    there = f"defined but never {used}" if exact else f"neither defined nor {used}"
    where, allowed = question.view.label, question.filter.allowed
    if allowed is not None:
        where = f"the {counted(int(allowed.sum()), 'file')} of {where} that pass the filters"
    note = f"not here: {name} is {there} in {where}{nearest_said(near)}"
    if others:
        following = call(question.request, name, mode="references")
        note += f"; {others}"
    elif exact and allowed is not None:
        following = call(question.request, name, mode=question.mode)
    elif exact:
        following = call(question.request, name, mode="symbol")
    else:
        following = call(question.request, near[0] if near else name)
    return Outcome((), 0, (note, f"next: {following}"))


def _said(
    question: Question, exact: Sequence[Definition], resolved: int, guesses: int, written: int
) -> str:
    atlas = question.atlas
    places = [f"{atlas.paths[item.file]}:{item.symbol.start_line}" for item in exact[:3]]
    more = f" and {len(exact) - 3} more" if len(exact) > 3 else ""
    where = f"defined at {', '.join(places)}{more}" if places else "not defined here"
    word = "call" if question.mode == "callers" else "use"
    said = counted(resolved, f"resolved {word}")
    if guesses:
        said += f"; {guesses} by name only (guesses, not counted)"
    if written:
        least = "at least " if written >= mentions.MOST else ""
        said += f"; {least}{written} more lines write the name (told by text only, not counted)"
    return f"{said}; {where}"


async def files_writing(
    question: Question, tx: Transaction, name: str, beside: Iterable[int] = ()
) -> tuple[list[int], int]:
    """Files whose text can hold the name, and how many more there would be; of too many those that share most
    folders with a file ``beside``."""
    atlas, allowed = question.atlas, question.filter.allowed
    chosen = np.ones(len(atlas.paths), bool) if allowed is None else allowed
    narrowed = None
    if len(name) >= 3:
        narrowed = await question.engine.trigrams.candidates(tx, atlas.view.repo_id, [[name]])
    if narrowed is not None:
        places = atlas.positions(np.array(narrowed, np.int64))
        named = ~atlas.trigram
        named[places[places >= 0]] = True
        chosen = chosen & named
    every: list[int] = np.flatnonzero(chosen).tolist()
    more = len(every) - _FILES_MOST
    if more <= 0:
        return every, 0
    above = {str(folder) for file in beside for folder in PurePosixPath(atlas.paths[file]).parents}

    @cache
    def shared(folder: str) -> int:
        while folder and folder not in above:
            folder = folder.rpartition("/")[0]
        return folder.count("/") + 1 if folder else 0

    every.sort(key=lambda file: -shared(atlas.paths[file].rpartition("/")[0]))
    return sorted(every[:_FILES_MOST]), more


async def is_written(question: Question, tx: Transaction, name: str) -> bool:
    """Whether the text of some file that may answer holds the name, in any case."""
    files, unread = await files_writing(question, tx, name)
    wanted = name.lower().encode()
    for start in range(0, len(files), _BATCH):
        blobs = question.atlas.blobs[files[start : start + _BATCH]].tolist()
        bodies = await question.engine.content.bodies(tx, blobs)
        for body in bodies.values():
            if wanted in (body.lower() if name.isascii() else body.decode().lower().encode()):
                return True
    return unread > 0


def _why(uses: Iterable[Use], verb: str) -> str:
    held = list(uses)
    proof = min((use.proof for use in held), key=ORDER.index)
    lines = ", ".join(str(line) for line in sorted({use.reference.line for use in held})[:6])
    label = "guess: name only" if proof == "name-only" else proof
    return f"{verb} at {lines} ({label})"


def _by_caller(
    uses: Sequence[Use], homes: Mapping[int, tuple[Symbol, ...]], question: Question
) -> list[Candidate]:
    """One candidate for each calling definition, or calling place outside of definitions."""
    groups: dict[tuple[int, str, int, bool], list[Use]] = defaultdict(list)
    found: dict[tuple[int, str, int, bool], Symbol | None] = {}
    for use in uses:
        home = enclosing(homes[use.file], use.reference.line)
        guess = use.proof == "name-only"
        key = (
            use.file,
            qualified(home) if home else "",
            home.start_line if home else use.reference.line,
            guess,
        )
        groups[key].append(use)
        found[key] = home
    candidates = []
    for key, held in groups.items():
        home, first = found[key], held[0].reference.line
        span = (home.start_line, home.end_line) if home else (first, first)
        candidates.append(_candidate(question, held, span, home, "calls it"))
    return sorted(candidates, key=lambda item: -item.score)


def by_line(uses: Sequence[Use], written: mentions.Lines, question: Question) -> list[Candidate]:
    """One candidate for each line, whose definition is not looked up yet."""
    merged: dict[tuple[int, int], list[Use]] = defaultdict(list)
    for use in uses:
        merged[(use.file, use.reference.line)].append(use)
    candidates = []
    for (_, line), held in merged.items():
        kind = held[0].reference.kind
        candidates.append(_candidate(question, held, (line, line), None, _VERBS.get(kind, kind)))
    for file, line in written:
        score = _WRITTEN - 0.04 * (
            question.atlas.has("test", file) + question.atlas.has("document", file)
        )
        span = (line, line)
        candidates.append(
            Candidate(file, *span, "", "text", score, "written here (text only)", span, line)
        )
    return sorted(candidates, key=lambda item: -item.score)


def _at_home(item: Candidate, definitions: tuple[Symbol, ...]) -> Candidate:
    """A line with the definition around it."""
    home = enclosing(definitions, item.start)
    return item if home is None else replace(item, symbol=qualified(home), kind=home.kind)


def _candidate(
    question: Question, held: Sequence[Use], span: tuple[int, int], home: Symbol | None, verb: str
) -> Candidate:
    proof = min((use.proof for use in held), key=ORDER.index)
    test = question.atlas.has("test", held[0].file)
    score = 1.0 - 0.25 * ORDER.index(proof) * (proof == "name-only") - 0.1 * test
    return Candidate(
        held[0].file,
        *span,
        qualified(home) if home else "",
        home.kind if home else "text",
        score,
        _why(held, verb),
        span,
        held[0].reference.line,
    )
