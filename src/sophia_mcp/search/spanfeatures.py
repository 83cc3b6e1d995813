"""What can be said about a span? The features that choose the lines of an answer.

A span inherits the score of its file and of its chunk, and is then compared with the question
word by word: exactly (stems, weighed by rarity) and softly, each word of the question meeting its
best word inside the span by the static vectors (late interaction without a network).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sophia_mcp import words
from sophia_mcp.search.evidence import Evidence, Values, as_values
from sophia_mcp.search.lexicon import Lexicon
from sophia_mcp.search.spans import Span

Numbers = NDArray[np.int64]

_CLOSE = 8
"""Words apart at most to stand close together."""
_HEADER = 4.0
"""Weight of the names above a span inside its vector: path and enclosing definitions."""
_QUOTED = re.compile(r"[\"'`“‘]([^\"'`“”‘’]{3,})[\"'`”’]")
_PIECES = re.compile(r"[\"'`“”‘’{}<>\[\]()]|\b0x[0-9a-f]+\b|\b\d+\b|%[sdrv]|\s/\S+|[:;,]\s|\.{3,}")


@dataclass(frozen=True, slots=True)
class Bag:
    """Word numbers of many spans in a row: ``starts[i]`` is where span i begins; a span without
    words holds a single -1, so that no slice is empty."""

    numbers: Numbers
    starts: Numbers


def bag(arrays: Sequence[NDArray[np.int32]]) -> Bag:
    """Lay arrays of word numbers, none empty, out in a row."""
    if not arrays:
        return Bag(np.zeros(0, np.int64), np.zeros(0, np.int64))
    lengths = np.fromiter(map(len, arrays), np.int64, len(arrays))
    return Bag(np.concatenate(arrays).astype(np.int64), np.cumsum(lengths) - lengths)


@dataclass(frozen=True)
class Scene:
    """All candidate spans of one question. ``texts`` holds the lines of each span, ``body`` the
    words of all lines, ``comments`` those of comment lines, ``heads`` those of the signature,
    ``names`` of the own name, ``homes`` of the enclosing names, ``paths`` of the path."""

    evidence: Evidence
    lexicon: Lexicon
    spans: Sequence[Span]
    texts: Sequence[Sequence[str]]
    file_scores: Values
    body: Bag
    comments: Bag
    heads: Bag
    names: Bag
    homes: Bag
    paths: Bag

    @cached_property
    def chunks(self) -> Numbers:
        return np.array([span.chunk for span in self.spans], np.int64)

    @cached_property
    def terms(self) -> list[str]:
        return list(self.evidence.weights)

    @cached_property
    def idf(self) -> Values:
        values = np.array([self.evidence.weights[term] for term in self.terms], np.float32)
        return values / max(float(values.sum()), 1e-6)

    @cached_property
    def _stem_of(self) -> NDArray[np.int32]:
        return np.append(self.lexicon.stems(), -1)  # index -1: no word

    def counts(self, held: Bag) -> Values:
        """How often each stem of the question stands in each span: (terms, spans)."""
        wanted = np.array([self.lexicon.stem(term) for term in self.terms], np.int64)
        if not len(wanted):
            return np.zeros((0, len(self.spans)), np.float32)
        equal = self._stem_of[held.numbers][None, :] == wanted[:, None]
        return np.add.reduceat(equal, held.starts, axis=1, dtype=np.float32)

    def share(self, held: Bag) -> Values:
        """The idf share of the question found in each span."""
        return (
            self.idf @ (self.counts(held) > 0)
            if len(self.terms)
            else np.zeros(len(self.spans), np.float32)
        )

    def places(self, stem: int) -> Numbers:
        """Where a stem stands among the words of all bodies, ascending."""
        return np.flatnonzero(self._body_stems == stem)

    @cached_property
    def _body_stems(self) -> NDArray[np.int32]:
        return self._stem_of[self.body.numbers]

    @cached_property
    def in_body(self) -> Values:
        return self.counts(self.body)

    @cached_property
    def lengths(self) -> Values:
        return np.diff(np.append(self.body.starts, len(self.body.numbers))).astype(np.float32)

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
        held = np.unique(np.concatenate([one.numbers for one in bags]))
        held = held[held >= 0]
        return held, self.lexicon.vectors(held)

    @cached_property
    def closeness(self) -> Values:
        """Cosine of each word of the question with each unique word, 1 for equal stems: the last
        column stands for "no word" and is 0."""
        asked, _ = self.asked
        held, vectors = self._unique
        if not len(asked):
            return np.zeros((0, len(held) + 1), np.float32)
        question = _unit(self.lexicon.vectors(asked))
        close = question @ _unit(vectors).T
        close[self._stem_of[asked][:, None] == self._stem_of[held][None, :]] = 1.0
        return np.concatenate([np.maximum(close, 0), np.zeros((len(asked), 1), np.float32)], 1)

    def _columns(self, held: Bag) -> Numbers:
        unique, _ = self._unique
        columns = np.searchsorted(unique, held.numbers).clip(0, max(len(unique) - 1, 0))
        return np.where(held.numbers < 0, len(unique), columns)

    def nearest(self, held: Bag) -> Values:
        """How close each span comes to each word of the question: (words, spans)."""
        return as_values(
            np.maximum.reduceat(self.closeness[:, self._columns(held)], held.starts, axis=1)
        )

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

    def sums(self, held: Bag) -> Values:
        """The raw vector of each span's words, log-weighted: one row for each word a span holds."""
        unique, vectors = self._unique
        width = len(unique) + 1
        lengths = np.diff(np.append(held.starts, len(held.numbers)))
        owner = np.repeat(np.arange(len(self.spans)), lengths)
        cells, counts = np.unique(owner * width + self._columns(held), return_counts=True)
        owners, columns = np.divmod(cells, width)
        rows = np.concatenate([vectors, np.zeros((1, vectors.shape[1]), np.float32)])[columns]
        weights = (1 + np.log(counts)).astype(np.float32)
        ends = np.searchsorted(owners, np.arange(len(self.spans) + 1)).tolist()
        # A short product for each span is several times faster than one reduceat over wide rows.
        return np.stack(
            [weights[start:end] @ rows[start:end] for start, end in pairwise(ends)]
            or [np.zeros(vectors.shape[1], np.float32)]
        )

    @cached_property
    def headers(self) -> Values:
        """Raw vectors of the names above each span: path, enclosing definitions, its own name."""
        return self.sums(self.paths) + self.sums(self.homes) + self.sums(self.names)

    @cached_property
    def bodies(self) -> Values:
        """Raw vectors of the lines themselves."""
        return self.sums(self.body)

    @cached_property
    def vectors(self) -> Values:
        """A unit vector for each span: log-weighted words plus the header, as chunks have."""
        return _unit(self.bodies + _HEADER * self.headers)

    def toward(self, rows: Values) -> Values:
        """Cosine of raw vectors with the question; 0 for a span without words."""
        return as_values(_unit(rows) @ self.question)

    def reverse(self, held: Bag) -> Values:
        """How close a span's words come to any word of the question, on average, weighed by how much
        each word tells (the length of its vector)."""
        _, vectors = self._unique
        if not len(self.asked[0]):
            return np.zeros(len(self.spans), np.float32)
        tells = np.append(np.linalg.norm(vectors, axis=1), 0.0)
        best = self.closeness.max(0)
        columns = self._columns(held)
        told = np.add.reduceat(tells[columns], held.starts)
        return as_values(
            np.add.reduceat(best[columns] * tells[columns], held.starts) / np.maximum(told, 1e-6)
        )

    def kernel(self, low: float) -> Values:
        """How many words of the span are at least this close to each word of the question, on a log
        scale, weighed by rarity (kernel pooling as in K-NRM, Xiong et al. 2017, with a step kernel)."""
        _, weight = self.asked
        if not len(weight):
            return np.zeros(len(self.spans), np.float32)
        near = self.closeness[:, self._columns(self.body)] >= low
        found = np.add.reduceat(near, self.body.starts, axis=1, dtype=np.float32)
        return as_values(weight @ np.log1p(found))

    @cached_property
    def question(self) -> Values:
        """The direction of the question by its words."""
        numbers = np.array(self.lexicon.text(self.evidence.query.text), np.int64)
        if not len(numbers):
            return np.zeros(self._unique[1].shape[1], np.float32)
        return as_values(_unit(self.lexicon.vectors(numbers).sum(0, keepdims=True))[0])


def _unit(rows: Values) -> Values:
    return as_values(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))


def _flags(scene: Scene, test: Callable[[Span], bool | float]) -> Values:
    return np.array([test(span) for span in scene.spans], np.float32)


def _to_best(values: NDArray[Any]) -> Values:
    return as_values(values / max(float(np.max(values, initial=0)), 1e-6))


def file(s: Scene) -> Values:
    """The score of its file, 0 for the best file."""
    return s.file_scores


def lex(s: Scene) -> Values:
    """Its chunk by words."""
    return s.evidence.lex[s.chunks]


def sem(s: Scene) -> Values:
    """Its chunk by meaning."""
    return s.evidence.meaning[s.chunks]


def semz(s: Scene) -> Values:
    """How far its chunk stands out by meaning."""
    z = (s.evidence.cosine[s.chunks] - s.evidence.mean) / s.evidence.deviation
    return as_values(np.clip(z, -2, 8) / 8)


def near(s: Scene) -> Values:
    """The span itself by meaning, between the mean and the best of the candidates."""
    cosine = s.vectors @ s.question
    mean = float(cosine.mean())
    return as_values((cosine - mean) / max(float(cosine.max()) - mean, 1e-6))


def nearbody(s: Scene) -> Values:
    """Its lines alone by meaning."""
    return s.toward(s.bodies)


def nearhead(s: Scene) -> Values:
    """The names above it by meaning."""
    return s.toward(s.headers)


def nearname(s: Scene) -> Values:
    """Its own name and signature by meaning."""
    return s.toward(s.sums(s.names) + s.sums(s.heads))


def neardoc(s: Scene) -> Values:
    """Its comments by meaning."""
    return s.toward(s.sums(s.comments))


def reverse(s: Scene) -> Values:
    """How much of what it says is about the question."""
    return s.reverse(s.body)


def close8(s: Scene) -> Values:
    """Words nearly those of the question."""
    return s.kernel(0.8)


def close6(s: Scene) -> Values:
    """Words close to those of the question."""
    return s.kernel(0.6)


def close4(s: Scene) -> Values:
    """Words of the same subject."""
    return s.kernel(0.4)


def private(s: Scene) -> Values:
    """Its name says that it is for inside use."""
    return _flags(s, lambda span: span.name.startswith("_"))


def commented(s: Scene) -> Values:
    """It has a comment at all."""
    return (s.comments.numbers[s.comments.starts] >= 0).astype(np.float32)


def cover(s: Scene) -> Values:
    """The idf share of the question that its lines say."""
    return s.share(s.body)


def bm25(s: Scene) -> Values:
    """Its own words, saturated and against its length, over the best span."""
    if not len(s.terms):
        return np.zeros(len(s.spans), np.float32)
    length = s.lengths / max(float(s.lengths.mean()), 1.0)
    saturated = s.in_body * 2.2 / (s.in_body + 1.2 * (0.25 + 0.75 * length))
    return _to_best(s.idf @ saturated)


def name(s: Scene) -> Values:
    """The idf share of the question that its own name says."""
    return s.share(s.names)


def named(s: Scene) -> Values:
    """The share of its own name that the question says."""
    if not len(s.terms):
        return np.zeros(len(s.spans), np.float32)
    said = s.counts(s.names).sum(0)
    lengths = np.diff(np.append(s.names.starts, len(s.names.numbers)))
    return as_values(np.minimum(said / lengths, 1))


def home(s: Scene) -> Values:
    """The idf share of the question that the enclosing names say."""
    return s.share(s.homes)


def head(s: Scene) -> Values:
    """The idf share of the question that its signature says."""
    return s.share(s.heads)


def doc(s: Scene) -> Values:
    """The idf share of the question that its comments say."""
    return s.share(s.comments)


def maxsim(s: Scene) -> Values:
    """Late interaction with all its words."""
    return s.soft(s.body)


def namesim(s: Scene) -> Values:
    """Late interaction with its own name."""
    return s.soft(s.names)


def homesim(s: Scene) -> Values:
    """Late interaction with the enclosing names."""
    return s.soft(s.homes)


def docsim(s: Scene) -> Values:
    """Late interaction with its comments."""
    return s.soft(s.comments)


def pairs(s: Scene) -> Values:
    """The share of neighbouring words of the question that stand close together."""
    asked = list(dict.fromkeys(words.stem(word) for word in words.words(s.evidence.query.text)))
    wanted = list(pairwise(s.lexicon.stem(stem) for stem in asked if stem in s.evidence.weights))
    if not wanted:
        return np.zeros(len(s.spans), np.float32)
    places = {stem: s.places(stem) for both in wanted for stem in both}
    owner = np.repeat(np.arange(len(s.spans)), s.lengths.astype(np.int64))
    found = np.zeros(len(s.spans), np.float32)
    for left, right in wanted:
        if not len(places[left]) or not len(places[right]):
            continue
        after = np.searchsorted(places[right], places[left])
        near = np.zeros(len(s.spans), bool)
        for at in (after - 1, after):
            other = places[right][at.clip(0, len(places[right]) - 1)]
            close = np.abs(other - places[left]) <= _CLOSE
            close &= owner[other] == owner[places[left]]
            near[owner[places[left][close]]] = True
        found += near
    return as_values(found / len(wanted))


def literal(s: Scene) -> Values:
    """The longest literal piece of the question that stands in it verbatim, as a share."""
    text = s.evidence.query.text
    pieces = [piece.strip().lower() for piece in [*_QUOTED.findall(text), *_PIECES.split(text)]]
    pieces = sorted(
        {piece for piece in pieces if len(piece) >= 6 and (" " in piece or len(piece) >= 10)}, key=len
    )
    found = np.zeros(len(s.spans), np.float32)
    if not pieces or s.evidence.query.kind != "error":
        return found
    longest = len(pieces[-1])
    for i, lines in enumerate(s.texts):
        body = "\n".join(lines).lower()
        found[i] = max(
            (len(piece) / longest for piece in reversed(pieces) if piece in body), default=0.0
        )
    return found


def defines(s: Scene) -> Values:
    """It is the definition of the identifier asked for."""
    wanted = s.evidence.query.name
    return _flags(
        s,
        lambda span: (
            0.0
            if not span.begins
            else 1.0
            if span.name == wanted
            else 0.8
            if span.name.casefold() == wanted.casefold()
            else 0.0
        ),
    )


def within(s: Scene) -> Values:
    """It is inside the container asked for (``Router.add``)."""
    wanted = s.evidence.query.container.casefold()
    return _flags(s, lambda span: bool(wanted) and wanted in span.container.casefold())


def mentioned(s: Scene) -> Values:
    """It defines a code name that the question quotes."""
    wanted = {name.rsplit(".", 1)[-1] for name in s.evidence.query.identifiers}
    return _flags(s, lambda span: span.begins and span.name in wanted)


def begins(s: Scene) -> Values:
    """A definition begins here."""
    return _flags(s, lambda span: span.begins)


def function(s: Scene) -> Values:
    """It is a function or a method."""
    return _flags(s, lambda span: span.kind in ("function", "method"))


def class_head(s: Scene) -> Values:
    """It is the head of a class or another container."""
    return _flags(s, lambda span: span.kind == "class" and span.begins)


def loose(s: Scene) -> Values:
    """It belongs to no definition."""
    return _flags(s, lambda span: span.loose)


def top(s: Scene) -> Values:
    """It belongs to no definition and opens the file: imports, licence."""
    return _flags(s, lambda span: span.loose and span.start <= 3)


def lines(s: Scene) -> Values:
    """Its length: the logarithm of its lines."""
    return _flags(s, lambda span: float(np.log(span.end - span.start + 1)) / 5)


def tiny(s: Scene) -> Values:
    """It has fewer than three lines."""
    return _flags(s, lambda span: span.end - span.start < 2)


SPAN: Mapping[str, Callable[[Scene], Values]] = {
    feature.__name__: feature
    for feature in (
        file, lex, sem, semz, near, nearbody, nearhead, nearname, neardoc, reverse, close8, close6, close4, cover, bm25, name, named, home, head, doc, maxsim, namesim, homesim,
        docsim, commented, private, pairs, literal, defines, within, mentioned, begins, function, class_head, loose, top,
        lines, tiny,
    )
}  # fmt: skip
"""Every feature of a span, by the name its weight has in ``ranker.toml``."""


def matrix(scene: Scene) -> Values:
    """Spans by features, in the order of ``SPAN``."""
    return np.stack([feature(scene) for feature in SPAN.values()], 1).astype(np.float32)
