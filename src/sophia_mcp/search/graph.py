"""Who uses this name, and how sure is that? References and callers with the proof of each.

A use is *same file* (the definition stands in the file and nothing else is named), *import-resolved*
(the file imports it from where it is defined, or shares its package), *receiver-typed* (the source
states the type of what it is called on) or *name-only*. Name-only uses are guesses: they are shown
after those, labelled, and never counted among resolved ones. Last come lines that write the name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from sophia_mcp.index.edges import Edges
from sophia_mcp.search import mentions, place, symbols
from sophia_mcp.search.engine import Candidate, Outcome, Question
from sophia_mcp.search.place import enclosing, qualified
from sophia_mcp.search.query import Query
from sophia_mcp.search.render import call
from sophia_mcp.search.symbols import Definition
from sophia_mcp.security.text import counted
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import Import, Reference, Symbol

Proof = Literal["same file", "import-resolved", "receiver-typed", "name-only"]

_ORDER: tuple[Proof, ...] = ("receiver-typed", "import-resolved", "same file", "name-only")
_SELF = frozenset({"self", "this", "cls", "Self", "static", "@", "$this"})
_PACKAGE_IS_FOLDER = frozenset({"go", "java", "kotlin", "scala", "swift", "csharp", "groovy"})
_FILE = re.compile(r"[./]")
_FILES_MOST = 2000
_LOOKED_AT = 3
"""Of the uses from the best on, how many times as many as may be shown are told with their definitions."""
_WRITTEN = 0.1
"""The score of a line that writes the name: below every guess."""

_VERBS = {"base": "inherits"}
"""Words for kinds of use that are not their own."""


@dataclass(frozen=True, slots=True)
class Use:
    """One use of the name, with its proof."""

    file: int
    reference: Reference
    proof: Proof


async def find(question: Question, tx: Transaction) -> Outcome:
    """Uses of the name asked for: by caller, or line by line."""
    asked = await _asked(question, tx)
    if isinstance(asked, Outcome):
        return asked
    query, atlas = asked.query, asked.atlas
    found = await symbols.definitions(tx, atlas, query.name, query.container)
    exact = [item for item in found if item.exact]
    defined = exact or [item for item in found if item.symbol.name == query.name]
    outcome = await _uses(asked, tx, defined)
    if outcome.is_miss and not defined and (other := await symbols.spelt(tx, atlas, query.name)):
        name = other[0].symbol.name
        respelt = replace(asked, query=Query(name, "identifier", identifiers=(name,)))
        outcome = await _uses(respelt, tx, [item for item in other if item.symbol.name == name])
        note = f"{query.name} is spelt {name} here"
    elif defined and not exact:
        note = f"no {query.name} of {query.container} is known, but of others"
    else:
        return outcome
    first, *rest = outcome.notes
    return replace(outcome, notes=(f"{first}; {note}", *rest))


async def _asked(question: Question, tx: Transaction) -> Question | Outcome:
    """The question about a name: for lines of a file about the definition that they are in."""
    query = question.query
    if query.kind == "lines":
        files = place.locate(question, query.path)
        if not files:
            return await place.missing(question, tx)
        home = enclosing((await _definitions(question, tx, files[:1]))[files[0]], query.start)
        if home is not None:
            name = qualified(home)
            return replace(question, query=Query(name, "identifier", identifiers=(name,)))
        said = f"not here: {query.text} is in no definition"
        return Outcome((), 0, (said, f"next: {call(question.request, query.path, mode='outline')}"))
    if _FILE.search(query.text) and place.locate(question, query.text):
        said = f"not here: {query.text} is a file, and a name is used; name what it defines"
        return Outcome((), 0, (said, f"next: {call(question.request, query.text, mode='outline')}"))
    return question


async def _uses(question: Question, tx: Transaction, exact: Sequence[Definition]) -> Outcome:
    """The uses of a name that is defined so, or not at all."""
    query, atlas = question.query, question.atlas
    files, unread = await files_writing(question, tx, query.name)
    edges = await question.engine.content.uses(
        tx, atlas.blobs[files].tolist() if files else [], query.name, modules=not exact
    )
    held = {file: edges[int(atlas.blobs[file])] for file in files if int(atlas.blobs[file]) in edges}
    if question.view.stage != "done":
        unread += len(files) - len(held)
    calls = question.mode == "callers"
    uses = resolve(query.name, exact, held, atlas.paths, atlas.languages)
    known: dict[int, set[int]] = defaultdict(set)
    for use in uses:
        known[use.file].add(use.reference.line)
    called = [use for use in uses if use.reference.kind == "call"] if calls else uses
    written: mentions.Lines = ()
    if not calls or not called:
        written = await mentions.lines(question, tx, query.name, files, known, exact)
    if not called and (calls or not written):
        others = "it is used in other ways" if uses else ""
        others = others or (f"lines that write it: {len(written)}" if written else "")
        missed = await _missed(question, tx, exact, others)
        return replace(missed, notes=(*missed.notes, *unread_note(unread)))
    if calls:
        homes = await _definitions(question, tx, {use.file for use in called})
        candidates = _by_caller(called, homes, question)
    else:
        candidates = by_line(called, written, question)
        near = candidates[: question.reach * _LOOKED_AT]  # no other one can be shown on this page
        homes = await _definitions(question, tx, {item.file for item in near})
        candidates[: len(near)] = [_at_home(item, homes[item.file]) for item in near]
    resolved = sum(use.proof != "name-only" for use in called)
    note = _said(question, exact, resolved, len(called) - resolved, len(written))
    return Outcome(tuple(candidates), resolved, (note, *unread_note(unread)))


async def _definitions(
    question: Question, tx: Transaction, files: Iterable[int]
) -> dict[int, tuple[Symbol, ...]]:
    """The definitions of each of these files."""
    listed, blobs = sorted(files), question.atlas.blobs
    found = await question.engine.content.symbols(tx, blobs[listed].tolist())
    return {file: found[int(blobs[file])] for file in listed}


def unread_note(files: int) -> tuple[str, ...]:
    return (f"not complete: edges of {counted(files, 'file')} are not read yet",) if files else ()


async def _missed(
    question: Question, tx: Transaction, exact: Sequence[Definition], others: str
) -> Outcome:
    """No use: whether there is the name at all, what ``others`` there are instead, and what to ask for."""
    name = question.query.name
    used = "called" if question.mode == "callers" else "used"
    near = () if exact else await symbols.nearest(tx, question.atlas, name)
    hint = f"; nearest names: {', '.join(near)}" if near else ""
    there = f"defined but never {used}" if exact else f"neither defined nor {used}"
    note = f"not here: {name} is {there} in {question.view.label}{hint}"
    if others:
        following = call(question.request, name, mode="references")
        note += f"; {others}"
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


async def files_writing(question: Question, tx: Transaction, name: str) -> tuple[list[int], int]:
    """Files whose text can hold the name, and how many more there would be."""
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
    return every[:_FILES_MOST], max(len(every) - _FILES_MOST, 0)


async def is_written(question: Question, tx: Transaction, name: str) -> bool:
    """Whether the text of some file that may answer can hold the name."""
    return bool((await files_writing(question, tx, name))[0])


def resolve(
    name: str,
    defined: Sequence[Definition],
    edges: Mapping[int, Edges],
    paths: Sequence[str],
    languages: Sequence[str],
) -> list[Use]:
    """Every use of ``name`` with its proof, surest first; definitions themselves are not uses."""
    uses: list[Use] = []
    for file, held in edges.items():
        here = [item for item in defined if item.file == file]
        for reference in held.references:
            if reference.name == name and not _defines(reference, here):
                proof = _proof(reference, file, defined, here, held.imports, paths, languages)
                uses.append(Use(file, reference, proof))
        uses += [
            Use(file, Reference(name, "import", item.line), _imported(item, file, defined, paths))
            for item in held.imports
            if _brings(item, name, defined)
            and not any(
                r.kind == "import" and r.name == name and r.line == item.line for r in held.references
            )
        ]
    return sorted(uses, key=lambda use: (_ORDER.index(use.proof), paths[use.file], use.reference.line))


def _brings(item: Import, name: str, defined: Sequence[Definition]) -> bool:
    """An import of the name, or of a whole module that the file calls by it. A name that is not
    defined here is looked for in what other names and modules are called, too."""
    if item.name == name:
        return True
    if item.alias == name:
        return item.name in ("", "default") or not defined
    return not defined and _last(item.module) == name


def _defines(reference: Reference, here: Sequence[Definition]) -> bool:
    """A use at the line that defines the name is the definition, unless it is a call."""
    return reference.kind != "call" and any(item.symbol.start_line == reference.line for item in here)


def _proof(
    reference: Reference,
    file: int,
    defined: Sequence[Definition],
    here: Sequence[Definition],
    imports: Sequence[Import],
    paths: Sequence[str],
    languages: Sequence[str],
) -> Proof:
    receiver = reference.receiver.strip()
    if reference.receiver_type:
        stated = _last(reference.receiver_type)
        if any(_last(item.symbol.container) == stated for item in defined):
            return "receiver-typed"
        return "name-only"
    if not receiver:
        if any(not item.symbol.container or _encloses(item, reference) for item in here):
            return "same file"
        for item in imports:
            if reference.name in (item.alias or item.name, item.name):
                return _imported(item, file, defined, paths)
        if any(
            _brings_all(item) and _comes_from(item, file, target, paths)
            for item in imports
            for target in defined
            if not target.symbol.container or _encloses(target, reference)
        ):
            return "import-resolved"
        return _same_package(reference, file, defined, paths, languages)
    if receiver in _SELF:
        return "same file" if any(_encloses(item, reference) for item in here) else "name-only"
    first = re.split(r"::|->|\.|\\", receiver)[0]
    whole = _last(receiver)
    if any(_last(item.symbol.container) == whole for item in here):
        return "same file"
    for item in imports:
        named = first in (item.alias, item.name) or (not item.name and first == _last(item.module))
        if named and _receives(item, file, defined, paths, whole):
            return "import-resolved"
        if _brings_all(item) and any(
            _last(target.symbol.container) == whole and _comes_from(item, file, target, paths)
            for target in defined
        ):
            return "import-resolved"
    return _same_package(reference, file, defined, paths, languages)


def _brings_all(item: Import) -> bool:
    """An import of all names: of a module that the file does not call by one, as a header is."""
    return item.name == "*" or not (item.name or item.alias)


def _encloses(item: Definition, reference: Reference) -> bool:
    """The use is made inside the class that holds the definition."""
    container = item.symbol.container
    return bool(container) and reference.caller.startswith(container + ".")


def _imported(item: Import, file: int, defined: Sequence[Definition], paths: Sequence[str]) -> Proof:
    sure = any(
        _comes_from(item, file, target, paths) for target in defined if not target.symbol.container
    )
    return "import-resolved" if sure else "name-only"


def _receives(
    item: Import, file: int, defined: Sequence[Definition], paths: Sequence[str], whole: str
) -> bool:
    """``module.name()`` where the module is imported, or ``Class.name()`` where the class is."""
    for target in defined:
        container = target.symbol.container
        if (
            container
            and _last(container) in (item.name, whole)
            and _comes_from(item, file, target, paths)
        ):
            return True
        if not container and _comes_from(item, file, target, paths):
            return True
    return False


def _comes_from(item: Import, file: int, target: Definition, paths: Sequence[str]) -> bool:
    """The imported module is the file that defines the target (by the end of its path)."""
    stem = module_parts(paths[target.file])
    for written in (item.module, f"{item.module}.{item.name}" if item.name else item.module):
        wanted = written_parts(written, paths[file])
        if wanted and stem[-len(wanted) :] == wanted:
            return True
        folder = stem[:-1]
        # A package re-exports what its files define: `from app import Router`, `import "app/router"`.
        if wanted and folder[-len(wanted) :] == wanted:
            return True
    return False


def module_parts(path: str) -> list[str]:
    """The parts of the module that a file is."""
    stem = re.sub(r"(\.d)?\.[A-Za-z0-9]+$", "", path)
    parts = [part for part in stem.split("/") if part]
    if parts and parts[-1] in ("__init__", "index", "mod", "lib", "main") and len(parts) > 1:
        parts = parts[:-1]
    return parts


def written_parts(module: str, importer: str) -> list[str]:
    """``..a.b``, ``./a/b``, ``crate::a::b``, ``a/b.h`` as path parts; relative ones are made whole."""
    module = module.strip("\"'<> ;")
    if module.startswith("."):
        folder = importer.split("/")[:-1]
        if "/" in module or module in (".", ".."):
            for part in module.split("/"):
                if part == "..":
                    folder = folder[:-1]
                elif part not in (".", ""):
                    folder.append(re.sub(r"\.(?:[cm]?[jt]sx?|h|hpp|php|rb)$", "", part))
            return folder
        ups = len(module) - len(module.lstrip("."))
        folder = folder[: len(folder) - ups + 1]
        return [*folder, *[part for part in module.lstrip(".").split(".") if part]]
    module = re.sub(r"\.(?:h|hh|hpp|hxx|js|mjs|cjs|ts|tsx|jsx|php|rb|dart|lua)$", "", module)
    parts = [part for part in re.split(r"::|[./\\]", module) if part]
    while parts and parts[0] in ("crate", "super", "self", "package", "@", "~", "src"):
        parts = parts[1:]
    return parts


def _same_package(
    reference: Reference,
    file: int,
    defined: Sequence[Definition],
    paths: Sequence[str],
    languages: Sequence[str],
) -> Proof:
    """Where a folder is a package, its files see one another without an import."""
    if languages[file] not in _PACKAGE_IS_FOLDER:
        return "name-only"
    folder = paths[file].rpartition("/")[0]
    whole = _last(reference.receiver)
    for item in defined:
        near = paths[item.file].rpartition("/")[0] == folder and languages[item.file] == languages[file]
        if near and (whole == _last(item.symbol.container) if whole else not item.symbol.container):
            return "import-resolved"
    return "name-only"


@lru_cache(1 << 12)
def _last(dotted: str) -> str:
    bare = re.sub(r"[<\[(].*$", "", dotted.strip().lstrip("*&"))
    return re.split(r"::|->|[./\\]", bare)[-1].strip()


def _why(uses: Iterable[Use], verb: str) -> str:
    held = list(uses)
    proof = min((use.proof for use in held), key=_ORDER.index)
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
    proof = min((use.proof for use in held), key=_ORDER.index)
    test = question.atlas.has("test", held[0].file)
    score = 1.0 - 0.25 * _ORDER.index(proof) * (proof == "name-only") - 0.1 * test
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
