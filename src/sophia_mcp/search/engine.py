"""What does a search need? The parts an answer is made with, and what a stage hands on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Protocol

from sophia_mcp.embed.providers import Embedder, static
from sophia_mcp.index.views import View
from sophia_mcp.ops.memory import give_back
from sophia_mcp.search.candidates.lexicon import Lexicon
from sophia_mcp.search.candidates.semantic import Meaning
from sophia_mcp.search.question.query import Query
from sophia_mcp.search.view.atlas import Atlas
from sophia_mcp.search.view.atlases import Atlases
from sophia_mcp.search.view.content import Content
from sophia_mcp.search.view.filters import Filter
from sophia_mcp.store.database import Database
from sophia_mcp.store.text import TextSearch
from sophia_mcp.store.trigrams import TrigramIndex
from sophia_mcp.store.vectors import VectorIndex
from sophia_mcp.types import Kind, Mode, Request, says_missing

_TIDY = 16
"""After so many answers free memory is given back."""


class Tree(Protocol):
    """The part of the index that a search calls: each call returns the view as it now stands."""

    async def reconcile(self, view: View, *, fresh: bool = False, doubted: bool = False) -> View:
        """Bring the view to the tree on disk; cheap, at most once a second, or again where files came or
        went meanwhile and what it shows is ``doubted``. ``fresh``: it was read from the store just now."""
        ...

    async def refresh(self, view: View, paths: Sequence[str]) -> View:
        """Read these files again now."""
        ...


@dataclass(frozen=True)
class Engine:
    """Everything a search is made with. The caches fill themselves; one engine serves a process."""

    database: Database
    text: TextSearch
    trigrams: TrigramIndex
    vectors: VectorIndex
    embedder: Embedder
    index: Tree
    count_tokens: Callable[[str], int]
    atlases: Atlases = field(default_factory=Atlases)
    content: Content = field(default_factory=Content)
    _answered: Iterator[int] = field(default_factory=count)

    @cached_property
    def lexicon(self) -> Lexicon:
        """Numbers and vectors for words: those of our own model, whoever makes the vectors of whole texts. The
        weights were fitted with them."""
        return Lexicon(static.own().encode_words)

    def tidy(self) -> None:
        """Called after each answer: the first has loaded much, and each leaves large arrays behind."""
        if next(self._answered) % _TIDY == 0:
            give_back()


@dataclass(frozen=True)
class Question:
    """One request on its way: classified, with its view's map and its filter."""

    engine: Engine
    view: View
    atlas: Atlas
    request: Request
    query: Query
    filter: Filter
    meaning: Meaning
    shown: int = 0
    """Spans that earlier pages showed."""
    others: bool = False
    """Other repositories are asked the same: who misses need not tell which names come near."""

    @property
    def mode(self) -> Mode:
        """The mode asked for, or that the words of the question ask for."""
        return self.query.asks or self.request.mode

    @property
    def searched(self) -> str:
        """What was looked through, for a note of what none of it has."""
        if self.query.of_tests:
            return "test"
        return "file" if self.filter.allowed is None else "file that passes the filters"

    @property
    def reach(self) -> int:
        """How many candidates from the best on may be shown: this page's, and those of earlier pages."""
        return self.request.limit + self.shown


@dataclass(frozen=True, slots=True)
class Candidate:
    """Lines that may be shown. ``home`` is the whole definition they belong to, ``focus`` the line
    that matters most (0: the first), ``anchor`` the line a definition's own text starts on (below its
    comments). ``exact``: it holds the very text, or says the message, that was asked for; such stand before all
    others. ``text`` replaces the lines of the file where an answer shows something else (an outline)."""

    file: int
    start: int
    end: int
    symbol: str = ""
    kind: Kind = "text"
    score: float = 0.0
    why: str = ""
    home: tuple[int, int] = (0, 0)
    focus: int = 0
    anchor: int = 0
    exact: bool = False
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a way of searching found, best first. ``total`` counts all matches, also those that are
    not among the candidates."""

    candidates: tuple[Candidate, ...]
    total: int
    notes: tuple[str, ...] = ()
    facts: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_miss(self) -> bool:
        """Whether it says that what was asked for is not there."""
        return says_missing(self.notes)
