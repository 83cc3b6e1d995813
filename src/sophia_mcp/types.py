"""The frozen values that cross package borders.

Lines are 1-based and inclusive, paths are relative to the repository root with ``/``, times are
integer nanoseconds since the epoch, money is integer nano-dollars. What a parser makes by the hundred
thousand is a named tuple: a frozen dataclass takes four times as long to make.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

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


class Symbol(NamedTuple):
    """A definition. ``container`` is the dotted chain of enclosing definitions, or empty."""

    name: str
    kind: Kind
    start_line: int
    end_line: int
    container: str = ""
    signature: str = ""


class Reference(NamedTuple):
    """A place that names something defined elsewhere.

    ``receiver`` is the text before the last dot of a call (``self``, ``client``, ``os.path``), or
    empty; ``Foo()`` when the receiver is itself constructed there, ``?`` when it is any other
    expression (in C++ a variable of unknown type, too, which may be called like a namespace), and ``!``
    when a macro of Rust is called. ``caller`` is the qualified name of the enclosing definition, or empty at top level.
    ``receiver_type`` is filled when the same file states the type of the receiver (annotation,
    declaration, construction, field, ``self``), as it is written there; ``Crawler>settings`` is the field
    ``settings`` of that type, which another file declares, and ``open()>get()`` is what the method ``get``
    gives of the type that the function ``open`` gives.
    """

    name: str
    kind: ReferenceKind
    line: int
    receiver: str = ""
    caller: str = ""
    receiver_type: str = ""


class Import(NamedTuple):
    """One imported name: ``module`` as written, ``name`` inside it (empty: the module itself),
    and the local ``alias`` it is known by."""

    module: str
    name: str
    alias: str
    line: int


class Field(NamedTuple):
    """A field whose type the source states: the qualified name of its class, its own, and the type."""

    owner: str
    name: str
    type: str


class Chunk(NamedTuple):
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
    fields: tuple[Field, ...] = ()


class Passage(NamedTuple):
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
    repo: str | None = None
    """As the caller named it; None: the project, ``*``: all. Calls that an answer proposes name it, too."""


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


def says_missing(notes: Sequence[str]) -> bool:
    """Whether the notes of an answer say that what was asked for is not there."""
    return bool(notes) and notes[0].startswith("not here:")


@dataclass(frozen=True, slots=True)
class Answer:
    """A packed answer. ``total`` counts all matches known, ``omitted`` names what did not fit; so many hits,
    from the first on, are ``exact``: they hold the very text, or say the message, that was asked for."""

    hits: tuple[Hit, ...]
    total: int
    next_cursor: str | None
    index: Coverage
    notes: tuple[str, ...] = ()
    omitted: tuple[str, ...] = ()
    exact: int = 0

    @property
    def is_miss(self) -> bool:
        """Whether it has no hits, or only what comes nearest to something that is not there."""
        return not self.hits or says_missing(self.notes)


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

    def facts(self) -> dict[str, Any]:
        """The same for machines: languages are an object of file counts."""
        return asdict(self) | {"languages": dict(self.languages)}

    def forgotten(self, *, cloned: bool) -> str:
        """What to say when this index was dropped, with the clone it was made from or without."""
        files = "so is its clone" if cloned else "its files were not touched"
        return f"the index of {self.repo} ({self.root}) is gone; {files}"


# --- models -----------------------------------------------------------------------------------------

Tier = Literal["fast", "standard", "deep"]
Processing = Literal["standard", "batch", "flex", "priority", "fast"]
Basis = Literal["reported", "computed", "estimated", "unpriced"]
"""What an amount stands on: the provider's own bill, its reported usage, our estimate, or nothing."""

Finish = Literal["stop", "length", "filter", "cut"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message to a model. ``shared`` marks the part that all steps of a fan-out have in common;
    it comes first, so that providers can serve it from their cache."""

    role: Literal["system", "user", "assistant"]
    text: str
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Labels:
    """What a call is for, and so under which keys its cost is found again. Empty: not known."""

    run: str = ""
    step: str = ""
    pattern: str = ""
    agent: str = ""
    repo: str = ""
    user: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to a model. ``max_tokens`` bounds the answer, and so its price. With ``schema``
    (JSON Schema of an object) the answer is JSON that satisfies it."""

    messages: tuple[Message, ...]
    model: str
    max_tokens: int
    schema: Mapping[str, Any] | None = None
    temperature: float | None = None
    deadline_s: float = 120.0
    processing: Processing = "standard"
    labels: Labels = Labels()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call in one shape for all providers. ``input_tokens`` is everything sent,
    cache reads and writes included; ``output_tokens`` everything produced, reasoning included.
    ``cache_write_tokens`` is every write, ``cache_write_1h_tokens`` its part that is kept for an hour.
    ``billed_nano`` is the cost the provider itself reported, in nano-dollars, or None. ``searches``
    are web searches it charges for. ``estimated``: the counts are ours, or the report contradicts
    itself, so that any price of them is an estimate."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    billed_nano: int | None = None
    searches: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's answer. ``value`` is the parsed answer where a schema was asked for. ``usage`` is
    None when the provider did not report it. ``model`` and ``provider`` are those that answered;
    ``requested`` is the model that was asked, by its name there, once the tier was resolved."""

    text: str
    model: str
    provider: str
    finish: Finish = "stop"
    usage: Usage | None = None
    value: Any = None
    cached: bool = False
    requested: str = ""


# --- swarms -----------------------------------------------------------------------------------------

RunStatus = Literal[
    "running", "needs_steps", "done", "failed", "cancelled", "interrupted", "over_budget"
]
Severity = Literal["critical", "high", "medium", "low", "info"]


@dataclass(frozen=True, slots=True)
class Order:
    """What a swarm is asked to do. ``max_cost_nano`` None: no limit was given, which only a free
    provider accepts. ``repo`` is a name or path as `search_code` takes it."""

    task: str
    pattern: str = "code_review"
    repo: str | None = None
    paths: tuple[str, ...] = ()
    diff: str | None = None
    max_cost_nano: int | None = None
    provider: str = "auto"
    tier: Tier = "standard"
    debate_rounds: int = 0


@dataclass(frozen=True, slots=True)
class Packet:
    """One step the calling assistant does itself: the prompt, and the JSON Schema of its answer."""

    key: str
    role: str
    prompt: str
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim about code, with the text it stands on, verbatim."""

    severity: Severity
    path: str
    line: int
    quote: str
    claim: str
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a sentence comes from outside the code."""

    ref: str
    title: str
    url: str
    quote: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to. ``patch`` is a unified diff that was never applied to the user's files."""

    summary: str
    findings: tuple[Finding, ...] = ()
    sources: tuple[Source, ...] = ()
    patch: str = ""


@dataclass(frozen=True, slots=True)
class GateResult:
    """What a gate decided, before any opinion was asked."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RunCost:
    """Money and tokens of one run so far, in nano-dollars. ``basis`` is the weakest of its entries."""

    spent_nano: int = 0
    reserved_nano: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    basis: Basis = "computed"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A question of a run that nobody answered. ``skipped``: it was not asked, for want of budget or
    because the run had had its steps; ``failed``: it was, and came to nothing."""

    key: str
    state: Literal["skipped", "failed"]
    reason: str


@dataclass(frozen=True, slots=True)
class RunReport:
    """What ``run_swarm`` and ``get_run`` answer about one run. ``steps`` wait for the assistant;
    ``provider`` is the one the run was begun with."""

    run_id: str
    pattern: str
    status: RunStatus
    provider: str = ""
    reason: str = ""
    done: int = 0
    total: int = 0
    steps: tuple[Packet, ...] = ()
    outcome: Outcome | None = None
    gates: tuple[GateResult, ...] = ()
    cost: RunCost = RunCost()
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One thing a run did, said, cost or decided. ``number`` grows by one within a run; ``step`` is
    empty for the run as a whole; ``facts`` is JSON."""

    run_id: str
    number: int
    at_ns: int
    kind: str
    step: str
    facts: Mapping[str, Any]


# --- memory -----------------------------------------------------------------------------------------

MemoryKind = Literal["fact", "decision", "lesson", "preference"]
MemoryScope = Literal["repo", "workspace", "user", "global"]
MemoryTier = Literal["working", "episodic", "lasting", "pinned"]
Verdict = Literal["fresh", "drifted", "orphaned"]


@dataclass(frozen=True, slots=True)
class Anchor:
    """The code a memory is about: ``place`` as it was given (path, path:line or symbol), and whether
    that code is still what it was."""

    place: str
    verdict: Verdict = "fresh"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Memo:
    """One thing remembered. ``source`` says who asserted it: an assistant, a person, or a run's id.
    ``standing`` counts confirmations less contradictions; ``expires_ns`` is None when it lasts."""

    id: str
    text: str
    kind: MemoryKind
    scope: MemoryScope
    repo: str
    tier: MemoryTier
    source: str
    created_ns: int
    used_ns: int
    uses: int
    standing: int
    expires_ns: int | None = None
    anchors: tuple[Anchor, ...] = ()
    score: float = 0.0
