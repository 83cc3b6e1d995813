"""The frozen values that cross package borders.

Lines are 1-based and inclusive, paths are relative to the repository root with ``/``, times are
integer nanoseconds since the epoch, money is integer nano-dollars.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["function", "class", "method", "doc", "config", "text"]
"""What a chunk or symbol is; ``class`` includes struct, interface, trait, enum and type."""

ReferenceKind = Literal["call", "base", "import", "use"]
"""``call`` includes construction; ``base`` names a class that the enclosing one (``caller``) extends."""
Freshness = Literal["fresh", "reindexed", "stale"]
Mode = Literal["auto", "text", "symbol", "regex", "references", "callers", "similar", "outline"]
SearchScope = Literal["all", "changed", "code", "tests", "docs", "connectors"]
Detail = Literal["auto", "locations", "signatures", "snippets", "full"]
IndexState = Literal["ready", "indexing", "failed"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows a query may touch. Every query carries one; there is no default."""

    workspace: str


LOCAL = Scope("local")
"""The one workspace of a person's own machine."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A definition. ``container`` is the dotted chain of enclosing definitions, or empty."""

    name: str
    kind: Kind
    start_line: int
    end_line: int
    container: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """A place that names something defined elsewhere.

    ``receiver`` is the text before the last dot of a call (``self``, ``client``, ``os.path``), or
    empty; ``Foo()`` when the receiver is itself constructed there, and ``?`` when it is any other
    expression. ``caller`` is the qualified name of the enclosing definition, or empty at top level.
    ``receiver_type`` is filled when the same file states the type of the receiver (annotation,
    declaration, construction, field, ``self``), as it is written there.
    """

    name: str
    kind: ReferenceKind
    line: int
    receiver: str = ""
    caller: str = ""
    receiver_type: str = ""


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name: ``module`` as written, ``name`` inside it (empty: the module itself),
    and the local ``alias`` it is known by."""

    module: str
    name: str
    alias: str
    line: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of a blob that is ranked and shown as one unit.

    ``context`` names the enclosing definitions, outermost first; ``names`` the definitions that
    begin inside; ``symbol`` is the qualified name of the definition the chunk is (or is a part
    of), else empty; ``signature`` its first line(s) without the body; ``doc`` the comment and
    docstring text inside.
    """

    ordinal: int
    start_line: int
    end_line: int
    kind: Kind
    symbol: str = ""
    context: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    signature: str = ""
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """All that syntax says about one blob. ``fallback`` says why lines were used, or is empty."""

    language: str
    chunks: tuple[Chunk, ...]
    symbols: tuple[Symbol, ...] = ()
    references: tuple[Reference, ...] = ()
    imports: tuple[Import, ...] = ()
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A text to embed: ``header`` names where it stands (path without extension, enclosing
    names), ``text`` is the chunk itself."""

    header: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """One question, as parsed at a door. Empty tuples mean no filter."""

    query: str
    mode: Mode = "auto"
    paths: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    scope: SearchScope = "all"
    limit: int = 8
    max_tokens: int | None = 2500
    detail: Detail = "auto"
    cursor: str | None = None
    format: Literal["text", "json"] = "text"


@dataclass(frozen=True, slots=True)
class Hit:
    """One ranked span, checked against the file on disk. ``text`` is empty when the detail asked
    for, or the budget, leaves it out."""

    repo: str
    path: str
    start_line: int
    end_line: int
    symbol: str
    kind: Kind
    language: str
    score: float
    why: str
    freshness: Freshness
    text: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What share of the tree an answer stands on, and how long ago that was checked."""

    state: IndexState
    commit: str
    files_indexed: int
    files_total: int
    stale_files: int
    checked_s_ago: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A packed answer. ``total`` counts all matches known, ``omitted`` names what did not fit."""

    hits: tuple[Hit, ...]
    total: int
    next_cursor: str | None
    index: Coverage
    notes: tuple[str, ...] = ()
    omitted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """Files left out of the index for one reason."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What ``index_repo`` and ``sophia index`` answer for one repository view."""

    repo: str
    root: str
    state: IndexState
    reason: str = ""
    commit: str = ""
    branch: str = ""
    files_total: int = 0
    files_indexed: int = 0
    files_changed: int = 0
    files_removed: int = 0
    skipped: tuple[Skipped, ...] = ()
    chunks: int = 0
    symbols: int = 0
    languages: tuple[tuple[str, int], ...] = ()
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
