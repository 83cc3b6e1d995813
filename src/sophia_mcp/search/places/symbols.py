"""Where is a name defined, and which names come near it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sophia_mcp import words
from sophia_mcp.search.engine import Candidate, Outcome, Question
from sophia_mcp.search.places.modules import module_parts
from sophia_mcp.search.view.atlas import Atlas, Mask, holding
from sophia_mcp.search.view.near import LONGER, near_names
from sophia_mcp.search.view.outline import qualified
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import Symbol

_NEAR_MOST = 3000
"""Names looked at that begin alike, and that hold the longest word."""

_TESTED_MOST = 20_000
"""Definitions of all repositories that these names are taken from."""

_SHORT = 3
"""Letters of a stem that ends as the word does."""

INEXACT = "no exact match: another spelling, case or container"
"""What is said of definitions that are not quite what was asked for."""

OWN = frozenset({"self", "this", "cls", "Self", "static", "@", "$this"})
"""Names that mean the enclosing class."""

_CODE = "s.kind IN ('function', 'class', 'method')"


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition at a file of the view. ``exact``: the case agrees and so does the container, when
    one was asked for: what encloses it, or the module of what nothing encloses."""

    file: int
    symbol: Symbol
    exact: bool
    named_container: bool


_BY_NAME = """
SELECT DISTINCT s.blob_id, s.name, s.kind, s.start_line, s.end_line, s.container, s.signature
FROM symbols s JOIN placements p ON p.blob_id = s.blob_id
WHERE s.folded = :folded AND p.repo_id = :repo AND p.workspace = :workspace
"""


async def definitions(
    tx: Transaction, atlas: Atlas, name: str, container: str = "", allowed: Mask | None = None
) -> list[Definition]:
    """All definitions of ``name`` in the view, exact case and named container first."""
    rows = await tx.rows(_BY_NAME, {"folded": name.casefold(), "repo": atlas.view.repo_id})
    found: list[Definition] = []
    for blob, *values in rows:
        symbol = Symbol(*values)
        enclosed = not container or container.casefold() in symbol.container.casefold().replace(
            "::", "."
        ).split(".")
        for file in atlas.showing(blob):
            if allowed is None or allowed[file]:
                inside = enclosed or (not symbol.container and is_of(container, atlas.paths[file]))
                found.append(Definition(file, symbol, symbol.name == name and inside, inside))
    if len(found) == 1:
        return found  # as of most names: what its path says is not asked
    return sorted(
        found,
        key=lambda item: (
            not item.named_container,
            not item.exact,
            atlas.has("test", item.file),
            atlas.has("declaration", item.file)
            or atlas.has("vendored", item.file)
            or item.file in atlas.compiled,
            item.symbol.kind not in ("class", "function", "method"),
            atlas.paths[item.file].count("/"),
            atlas.paths[item.file],
            item.symbol.start_line,
        ),
    )


async def of_others(tx: Transaction, atlas: Atlas, name: str, container: str) -> str:
    """What is said of a name that is defined, but not in what was said to hold it: a class, file or folder of the
    repository that lacks it, or a package or namespace that no path tells, and then all are meant."""
    if container in OWN:
        return f"{container} may be of any class: every {name} is meant"
    held = await definitions(tx, atlas, container)
    is_class = any(item.symbol.name == container and item.symbol.kind == "class" for item in held)
    folded = container.casefold()
    written = holding(atlas, folded, folded=True)
    if is_class or any(folded in _parts(atlas.paths[file]) for file in written):
        return f"no {name} of {container} is known, but of others"
    return f"no class, file or folder here is called {container}: every {name} is meant"


def is_of(module: str, path: str) -> bool:
    """Whether a file is a module of this name, whatever its name says behind it (``lwt_unix.cppo.ml``), or lies
    directly in the package of this name."""
    *above, own = _parts(path)
    return module.casefold() in (own, own.partition(".")[0], *above[-1:])


def _parts(path: str) -> list[str]:
    """The folders and the module that a path names, in no case."""
    return [part.casefold() for part in module_parts(path)]


async def spelt(
    tx: Transaction, atlas: Atlas, name: str, container: str = "", allowed: Mask | None = None
) -> list[Definition]:
    """All definitions of ``name``, or else of what says the same words in another spelling: those of
    ``aliveNode`` for ``alive_node`` and ``AliveNodes``."""
    found = await definitions(tx, atlas, name, container, allowed)
    if found or not (said := _said(name)):
        return found
    like = {"like": f"%{'%'.join(map(_shared, said))}%"}
    known: list[str] = []
    for hidden in ("", "_", "__"):  # ranges of the index of names, as a test of every one takes long
        test, ends = _beginning(hidden + _shared(said[0]))
        known += await _names(
            tx, atlas, f"{test} AND folded LIKE :like", {**ends, **like}, "s.kind <> 'doc'"
        )
    letters = "".join(words.parts(name))
    same = [other for other in known if _said(other) == said or "".join(words.parts(other)) == letters]
    for other in sorted(dict.fromkeys(same), key=lambda other: "".join(words.parts(other)) != letters):
        found += await definitions(tx, atlas, other, container, allowed)
    return [replace(item, exact=False) for item in found]


def _shared(stem: str) -> str:
    """The beginning of all words of this stem: the last letter may be another in some ("copi", "copy")."""
    return stem[:-1] if len(stem) > _SHORT else stem


def _said(name: str) -> tuple[str, ...]:
    return tuple(words.stem(part) for part in words.parts(name))


async def find(question: Question, tx: Transaction) -> Outcome:
    """Definitions of the name asked for, nothing else."""
    query = question.query
    defined = await spelt(tx, question.atlas, query.name, query.container, question.filter.allowed)
    kinds = question.filter.kinds
    found = [item for item in defined if not kinds or item.symbol.kind in kinds]
    exact = [item for item in found if item.exact]
    candidates = tuple(
        as_candidate(item, 1.0 - place / 1000) for place, item in enumerate(exact or found)
    )
    notes = () if exact or not found else (INEXACT,)
    if found and query.named is not None and query.named.path:
        notes = (f"{query.named.path} does not define {query.name}; it is defined elsewhere",)
    return Outcome(candidates, len(candidates), notes)


def as_candidate(item: Definition, score: float) -> Candidate:
    """The whole definition."""
    symbol = item.symbol
    span, why = (symbol.start_line, symbol.end_line), f"defines {symbol.name}"
    return Candidate(item.file, *span, qualified(symbol), symbol.kind, score, why, span, span[0])


def behind(found: Sequence[Definition], outcome: Outcome) -> Outcome:
    """The candidates behind these definitions."""
    best = max((item.score for item in outcome.candidates), default=1.0)
    defined = [as_candidate(item, best) for item in found]
    others = [item for item in outcome.candidates if not any(_overlap(item, one) for one in defined)]
    return Outcome((*defined, *others), len(defined) + len(others), outcome.notes)


async def meant(question: Question, tx: Transaction, outcome: Outcome) -> Outcome:
    """The candidates behind the definition that the name means with what is said to hold it, where that is one and
    does not come first: the ranking knows which file defines a name, and not of what."""
    query, kinds = question.query, question.filter.kinds
    if not query.container or not outcome.candidates:
        return outcome
    found = await definitions(tx, question.atlas, query.name, query.container, question.filter.allowed)
    exact = [item for item in found if item.exact and not (kinds and item.symbol.kind not in kinds)]
    first = outcome.candidates[0]
    is_first = any(_overlap(first, as_candidate(item, 0.0)) for item in exact)
    return outcome if is_first or not exact else behind(exact[:1], outcome)


def _overlap(left: Candidate, right: Candidate) -> bool:
    return left.file == right.file and left.start <= right.end and right.start <= left.end


async def nearest(tx: Transaction, atlas: Atlas, name: str, limit: int = 5) -> list[str]:
    """Defined names that are spelt like ``name`` or share most of its words, best first."""
    folded = name.casefold()
    begun = await _names(tx, atlas, *_beginning(folded[: max(2, len(folded) * 2 // 3)]))
    if near := near_names(name, begun, limit):
        return near  # most are an ending off; what follows reads every name
    longest = max((words.stem(part) for part in words.parts(name)), key=len, default=folded)
    holding = {"like": f"%{longest.replace('%', '').replace('_', '')}%"}
    test, bound = _beginning(folded[:2])
    alike = {"shortest": len(folded) - LONGER, "longest": len(folded) + LONGER}
    known = await _names(
        tx, atlas, f"{test} AND LENGTH(folded) BETWEEN :shortest AND :longest", {**bound, **alike}
    )
    known += await _names(tx, atlas, "folded LIKE :like", holding)
    return near_names(name, known, limit)


async def _names(
    tx: Transaction, atlas: Atlas, test: str, bound: Mapping[str, str | int], kinds: str = _CODE
) -> list[str]:
    """Names of definitions of the view that pass a test, not all of them when they are very many."""
    # The test reads nothing but the index of names; rows are read of those that pass.
    rows = await tx.rows(
        "WITH near AS MATERIALIZED"  # noqa: S608
        f" (SELECT blob_id, position FROM symbols WHERE {test} LIMIT {_TESTED_MOST}) "
        "SELECT DISTINCT s.name, s.blob_id FROM near "
        "JOIN symbols s ON s.blob_id = near.blob_id AND s.position = near.position "
        "JOIN placements p ON p.blob_id = s.blob_id "
        "WHERE p.repo_id = :repo AND p.workspace = :workspace "
        f"AND {kinds} LIMIT {_NEAR_MOST}",
        {"repo": atlas.view.repo_id, **bound},
    )
    here = atlas.shows([blob for _, blob in rows])  # other branches define other names
    return [str(name) for (name, _), kept in zip(rows, here, strict=True) if kept]


def _beginning(start: str) -> tuple[str, dict[str, str]]:
    return "folded >= :low AND folded < :high", {"low": start, "high": start + "\U0010ffff"}
