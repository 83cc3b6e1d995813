"""What can be said about a span? The features that choose the lines of an answer.

A span inherits the score of its file and of its chunk, and is then compared with the question
word by word, by its own vector, and by what kind of thing it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sophia_mcp import words
from sophia_mcp.search.candidates.evidence import Values, as_values
from sophia_mcp.search.ranking.scene import Scene
from sophia_mcp.search.view.spans import Span

_CLOSE = 8
"""Words apart at most to stand close together."""
_QUOTED = re.compile(r"[\"'`“‘]([^\"'`“”‘’]{3,})[\"'`”’]")
_PIECES = re.compile(r"[\"'`“”‘’{}<>\[\]()]|\b0x[0-9a-f]+\b|\b\d+\b|%[sdrv]|\s/\S+|[:;,]\s|\.{3,}")


def _flags(scene: Scene, test: Callable[[Span], bool | float]) -> Values:
    return np.array([test(span) for span in scene.spans], np.float32)


def _to_best(values: NDArray[Any]) -> Values:
    return as_values(values / max(float(np.max(values, initial=0)), 1e-6))


def file(s: Scene) -> Values:
    """What it inherits from its file, 0 for the best file."""
    return s.inherited


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
    counts = s.counts(s.body)
    saturated = counts * 2.2 / (counts + 1.2 * (0.25 + 0.75 * length))
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
    for i in range(len(s.spans)):
        body = "\n".join(s.lines(i)).lower()
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
    return as_values(np.log(_flags(s, lambda span: span.end - span.start + 1)) / 5)


def tiny(s: Scene) -> Values:
    """It has fewer than three lines."""
    return _flags(s, lambda span: span.end - span.start < 2)


SPAN: Mapping[str, Callable[[Scene], Values]] = {
    feature.__name__: feature
    for feature in (
        file, lex, sem, semz, near, nearbody, nearhead, neardoc, reverse, close8, close6, close4, cover, bm25, name, named, home, head, doc, maxsim, namesim, homesim,
        docsim, commented, private, pairs, literal, defines, within, mentioned, begins, function, class_head, loose, top,
        lines, tiny,
    )
}  # fmt: skip
"""Every feature of a span, by the name its weight has in ``ranker.toml``."""


TOLD = ("defines", "mentioned", "literal")
"""Features that an answer tells by, whether or not they have a weight."""


def matrix(scene: Scene, wanted: Container[str] = SPAN) -> Values:
    """Spans by features, in the order of ``SPAN``; those that are not wanted stay 0."""
    found = np.zeros((len(scene.spans), len(SPAN)), np.float32)
    for place, (name, feature) in enumerate(SPAN.items()):
        if name in wanted:
            found[:, place] = feature(scene)
    return found
