"""Which words stand in which candidate span? All spans of one question, laid out as arrays.

Spans are compared with a question word by word: exactly (stems) and softly, each word of the question
meeting its closest word inside the span by the static vectors. What several features need is worked
out once here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sophia_mcp import words
from sophia_mcp.search.candidates.evidence import Evidence, Values, as_values, norms, tallied, unit
from sophia_mcp.search.candidates.lexicon import Lexicon, Words
from sophia_mcp.search.view.spans import Span

Numbers = NDArray[np.int64]

_HEADER = 4.0
"""Weight of the names above a span inside its vector: path and enclosing definitions."""


@dataclass(frozen=True, slots=True)
class Bag:
    """Word numbers of many spans in a row: ``starts[i]`` is where span i begins, and ``lengths[i]`` how many it
    has; a span without words holds a single -1, so that no slice is empty."""

    numbers: Numbers
    starts: Numbers
    lengths: Numbers


class Cells(NamedTuple):
    """The different words of many spans in a row: whose they are, ``columns`` among the unique words of the scene, how
    often each stands in its span, and where each span begins."""

    owners: Numbers
    columns: Numbers
    counts: Values
    starts: Numbers


def bag(numbers: NDArray[np.int32], lengths: Numbers) -> Bag:
    """A bag of word numbers in a row, so many for each span."""
    held = np.maximum(lengths, 1)
    ends = held.cumsum()
    starts = ends - held
    found = np.full(int(ends[-1]), -1, np.int64)
    said = np.ones(len(found), bool)
    said[starts[lengths == 0]] = False
    found[said] = numbers
    return Bag(found, starts, held)


class Said(NamedTuple):
    """The words of the same spans by where they stand. See `Scene`."""

    body: Bag
    comments: Bag
    heads: Bag
    names: Bag
    homes: Bag


def sorted_out(read: Sequence[Words]) -> Said:
    """The words of the spans of some chunks, one after the other."""
    said, lengths = (np.concatenate(arrays) for arrays in zip(*read, strict=True))
    spoken = said < 0
    numbers = np.where(spoken, ~said, said)
    sorts = lengths.shape[1]
    sort = np.repeat(np.tile(np.arange(sorts, dtype=np.uint8), len(lengths)), lengths.ravel())
    body, *others = (bag(numbers[sort == place], lengths[:, place]) for place in range(sorts))
    before = np.append(0, np.cumsum(spoken))[np.cumsum(lengths.sum(1))]
    return Said(body, bag(numbers[spoken], np.diff(before, prepend=0)), *others)


def bag_of_rows(numbers: NDArray[np.int32], first: Numbers, rows: Sequence[int]) -> Bag:
    """A bag in which each span has the words of one of the rows that begin at ``first``."""
    lengths = np.diff(first)[rows]
    begins = first[rows] - np.cumsum(lengths) + lengths
    return bag(numbers[np.arange(lengths.sum()) + np.repeat(begins, lengths)], lengths)


def cells_of(bags: Sequence[Bag], column_of: Numbers) -> dict[int, Cells]:
    """The cells of bags about the same spans by their identities, from one sorting of all words. ``column_of``
    a word number is its column; its last entry stands for "no word" and has the last column."""
    bits, spans = int(column_of[-1]).bit_length(), len(bags[0].starts)
    lengths = np.concatenate([held.lengths for held in bags])
    rows = np.repeat(np.arange(len(bags) * spans) << bits, lengths)
    columns = column_of[np.concatenate([held.numbers for held in bags])]
    cells, counts = tallied(rows | columns)
    rows, columns = cells >> bits, cells & (1 << bits) - 1
    starts = np.searchsorted(rows, np.arange(len(bags) * spans + 1))
    found = {}
    for place, held in enumerate(bags):
        first = place * spans
        part = slice(starts[first], starts[first + spans])
        found[id(held)] = Cells(
            rows[part] - first,
            columns[part],
            as_values(counts[part]),
            starts[first : first + spans] - starts[first],
        )
    return found


def _places_in(wanted: Sequence[int], values: NDArray[np.int32]) -> Numbers:
    """Where each value, -1 or above, stands among the wanted ones; -1 for one that is not."""
    places = np.full(max(int(values.max()), *wanted) + 2, -1)
    places[list(wanted)] = np.arange(len(wanted))
    return places[values]


@dataclass(frozen=True)
class Scene:
    """All candidate spans of one question. ``texts`` holds the lines of each file, ``body`` the
    words of all lines, ``comments`` those of comment lines, ``heads`` those of the signature,
    ``names`` of the own name, ``homes`` of the enclosing names, ``paths`` of the path."""

    evidence: Evidence
    lexicon: Lexicon
    spans: Sequence[Span]
    texts: Mapping[int, Sequence[str]]
    inherited: Values
    body: Bag
    comments: Bag
    heads: Bag
    names: Bag
    homes: Bag
    paths: Bag
    _celled: dict[int, Cells] = field(default_factory=dict)
    _counted: dict[int, Values] = field(default_factory=dict)

    def lines(self, i: int) -> Sequence[str]:
        """The lines of one span."""
        span = self.spans[i]
        return self.texts[span.file][span.start - 1 : span.end]

    @cached_property
    def chunks(self) -> Numbers:
        return np.array([span.chunk for span in self.spans], np.int64)

    @cached_property
    def terms(self) -> list[str]:
        return list(self.evidence.weights)

    @cached_property
    def weight_of_stem(self) -> dict[int, float]:
        """The idf of each numbered stem of the question."""
        return {self.lexicon.stem(term): weight for term, weight in self.evidence.weights.items()}

    @cached_property
    def spoken(self) -> dict[str, str]:
        """The word of the question behind each of its stems."""
        return {words.stem(word): word for word in words.words(self.evidence.query.text)}

    @cached_property
    def idf(self) -> Values:
        values = np.array([self.evidence.weights[term] for term in self.terms], np.float32)
        return values / max(float(values.sum()), 1e-6)

    @cached_property
    def _stem_of(self) -> NDArray[np.int32]:
        _ = self.asked  # which numbers words of the question that nobody said yet
        return np.append(self.lexicon.stems(), -1)  # index -1: no word

    def counts(self, held: Bag) -> Values:
        """How often each stem of the question stands in each span: (terms, spans)."""
        if not len(self.terms):
            return np.zeros((0, len(self.spans)), np.float32)
        if id(held) not in self._counted:
            cells = self.cells(held)
            terms = self._term_of[cells.columns]
            (said,) = (terms >= 0).nonzero()
            self._counted[id(held)] = self._added(cells, terms[said], said, len(self.terms))
        return self._counted[id(held)]

    def _added(self, cells: Cells, rows: Numbers, places: Numbers, count: int) -> Values:
        """How often these cells stand in their spans, added up in so many rows: (rows, spans)."""
        spans = len(self.spans)
        at = rows * spans + cells.owners[places]
        found = np.bincount(at, cells.counts[places], count * spans)
        return as_values(found).reshape(count, spans)

    @cached_property
    def _term_of(self) -> Numbers:
        """Which stem of the question each unique word has, -1 for none; the last entry stands for "no word"."""
        wanted = [self.lexicon.stem(term) for term in self.terms]
        return _places_in(wanted, self._stem_of[np.append(self._unique[0], -1)])

    def cells(self, held: Bag) -> Cells:
        """The different words of each span."""
        if not self._celled:
            bags = (self.body, self.comments, self.heads, self.names, self.homes, self.paths)
            self._celled.update(cells_of(bags, self._column_of))
        return self._celled[id(held)]

    def share(self, held: Bag) -> Values:
        """The idf share of the question found in each span."""
        return (
            self.idf @ (self.counts(held) > 0)
            if len(self.terms)
            else np.zeros(len(self.spans), np.float32)
        )

    def places(self, stems: Sequence[int]) -> tuple[Numbers, Numbers]:
        """Where any of these stems stands among the words of all bodies, ascending, and which it is."""
        which = _places_in(stems, self._stem_of[self.body.numbers])
        places = np.flatnonzero(which >= 0)
        return places, which[places]

    @cached_property
    def lengths(self) -> Values:
        return self.body.lengths.astype(np.float32)

    @cached_property
    def asked(self) -> tuple[Numbers, Values]:
        """The words of the question with a weight each (the idf of their stem), summing to 1."""
        numbers: dict[int, float] = {}
        for word in words.words(self.evidence.query.text):
            weight = self.evidence.weights.get(words.stem(word))
            if weight is not None:
                numbers[self.lexicon.word(word)] = weight
        values = np.array(list(numbers.values()), np.float32)
        return np.array(list(numbers), np.int64), values / max(float(values.sum()), 1e-6)

    @cached_property
    def _unique(self) -> tuple[Numbers, Values]:
        """Every word of all bags once, with unit vectors."""
        bags = (self.body, self.heads, self.names, self.homes, self.paths)
        met = np.zeros(len(self.lexicon.stems()) + 1, bool)
        for one in bags:
            met[one.numbers] = True
        held = np.flatnonzero(met[:-1])  # index -1: no word
        return held, self.lexicon.vectors(held)

    @cached_property
    def _tells(self) -> Values:
        """How much each unique word tells: the length of its vector."""
        return norms(self._unique[1])

    @cached_property
    def closeness(self) -> Values:
        """Cosine of each word of the question with each unique word, 1 for equal stems: the last
        column stands for "no word" and is 0."""
        asked, _ = self.asked
        held, vectors = self._unique
        if not len(asked):
            return np.zeros((0, len(held) + 1), np.float32)
        question = unit(self.lexicon.vectors(asked))
        close = question @ vectors.T / np.maximum(self._tells, 1e-9)
        close[self._stem_of[asked][:, None] == self._stem_of[held][None, :]] = 1.0
        return np.concatenate([np.maximum(close, 0), np.zeros((len(asked), 1), np.float32)], 1)

    @cached_property
    def _column_of(self) -> Numbers:
        """The column of each word number among the unique ones; the last entry stands for "no word"."""
        unique, _ = self._unique
        columns = np.full(int(unique.max(initial=-1)) + 2, len(unique), np.int64)
        columns[unique] = np.arange(len(unique))
        return columns

    @cached_property
    def _body_closeness(self) -> Values:
        """How close each different word of each span's lines comes to each word of the question."""
        return self.closeness.take(self.cells(self.body).columns, 1)

    def nearest(self, held: Bag) -> Values:
        """How close each span comes to each word of the question: (words, spans)."""
        cells = self.cells(held)
        close = self._body_closeness if held is self.body else self.closeness.take(cells.columns, 1)
        return as_values(np.maximum.reduceat(close, cells.starts, axis=1))

    def soft(self, held: Bag) -> Values:
        """Late interaction: each word of the question meets its closest word of the span."""
        _, weight = self.asked
        if not len(weight):
            return np.zeros(len(self.spans), np.float32)
        return as_values(weight @ (self.in_bodies if held is self.body else self.nearest(held)))

    @cached_property
    def in_bodies(self) -> Values:
        """``nearest`` for all lines."""
        return self.nearest(self.body)

    def sums(self, *bags: Bag) -> Values:
        """The raw vector of each span's words in these bags together, log-weighted: one row for each
        word a bag holds."""
        _, vectors = self._unique
        found = np.zeros((len(self.spans), vectors.shape[1]), np.float32)
        if not len(vectors):
            return found
        cells = [self.cells(held) for held in bags]
        owners = np.concatenate([one.owners for one in cells])
        columns = np.concatenate([one.columns for one in cells])
        counts = np.concatenate([one.counts for one in cells])
        said = columns < len(vectors)  # "no word" adds nothing
        owners, columns, weights = owners[said], columns[said], 1 + np.log(counts[said])
        if len(bags) > 1:
            order = np.argsort(owners, kind="stable")
            owners, columns, weights = owners[order], columns[order], weights[order]
        edges = np.searchsorted(owners, np.arange(len(found) + 1)).tolist()
        # The rows of one span stay in the processor's cache, which those of all spans together leave.
        most = max(last - first for first, last in pairwise(edges))
        rows = np.empty((most, vectors.shape[1]), np.float32)
        for summed, (first, last) in zip(found, pairwise(edges), strict=True):
            if first < last:
                taken = vectors.take(columns[first:last], 0, rows[: last - first], "clip")
                weights[first:last].dot(taken, summed)
        return found

    @cached_property
    def headers(self) -> Values:
        """Raw vectors of the names above each span: path, enclosing definitions, its own name."""
        return self.sums(self.paths, self.homes, self.names)

    @cached_property
    def bodies(self) -> Values:
        """Raw vectors of the lines themselves."""
        return self.sums(self.body)

    @cached_property
    def vectors(self) -> Values:
        """A unit vector for each span: log-weighted words plus the header, as chunks have."""
        return unit(self.bodies + _HEADER * self.headers)

    def toward(self, rows: Values) -> Values:
        """Cosine of raw vectors with the question; 0 for a span without words."""
        return as_values(unit(rows) @ self.question)

    def reverse(self, held: Bag) -> Values:
        """How close a span's words come to any word of the question, on average, weighed by how much
        each word tells (the length of its vector)."""
        if not len(self.asked[0]):
            return np.zeros(len(self.spans), np.float32)
        cells = self.cells(held)
        best = self.closeness.max(0)[cells.columns]
        tells = np.append(self._tells, 0.0)[cells.columns] * cells.counts
        told = np.add.reduceat(tells, cells.starts)
        return as_values(np.add.reduceat(best * tells, cells.starts) / np.maximum(told, 1e-6))

    def kernel(self, low: float) -> Values:
        """How many words of the span are at least this close to each word of the question, on a log
        scale, weighed by rarity (kernel pooling as in K-NRM, Xiong et al. 2017, with a step kernel)."""
        _, weight = self.asked
        if not len(weight):
            return np.zeros(len(self.spans), np.float32)
        cells = self.cells(self.body)
        near = np.flatnonzero(self._body_closeness >= low)
        found = self._added(cells, *np.divmod(near, len(cells.columns)), len(weight))
        return as_values(weight @ np.log1p(found))

    @cached_property
    def question(self) -> Values:
        """The direction of the question by its words."""
        numbers = np.array(self.lexicon.text(self.evidence.query.text), np.int64)
        if not len(numbers):
            return np.zeros(self._unique[1].shape[1], np.float32)
        return as_values(unit(self.lexicon.vectors(numbers).sum(0, keepdims=True))[0])
