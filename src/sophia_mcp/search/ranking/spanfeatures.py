"""What can be said about a span? The features that choose the lines of an answer.

A span inherits the score of its file and of its chunk, and is then compared with the question
word by word, by its own vector, and by what kind of thing it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sophia_mcp import words
from sophia_mcp.search.candidates.evidence import Values, as_values
from sophia_mcp.search.ranking.scene import Scene

_CLOSE = 8
"""Words apart at most to stand close together."""
_QUOTED = re.compile(r"[\"'`“‘]([^\"'`“”‘’]{3,})[\"'`”’]")
_PIECES = re.compile(r"[\"'`“”‘’{}<>\[\]()]|\b0x[0-9a-f]+\b|\b\d+\b|%[sdrv]|\s/\S+|[:;,]\s|\.{3,}")


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
    return as_values([span.name.startswith("_") for span in s.spans])


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
    return as_values(np.minimum(said / s.names.lengths, 1))


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
    asked = dict.fromkeys(words.stem(word) for word in words.words(s.evidence.query.text))
    wanted = [s.lexicon.stem(stem) for stem in asked if stem in s.evidence.weights]
    if len(wanted) < 2:
        return np.zeros(len(s.spans), np.float32)
    places, which = s.places(wanted)
    owners = np.repeat(np.arange(len(s.spans)), s.body.lengths)[places]
    near = np.zeros((len(wanted), len(s.spans)), bool)
    for behind in range(1, _CLOSE + 1):
        left, right = which[:-behind], which[behind:]
        close = (np.abs(left - right) == 1) & (owners[:-behind] == owners[behind:])
        close &= places[behind:] - places[:-behind] <= _CLOSE
        near[np.minimum(left, right)[close], owners[behind:][close]] = True
    return as_values(as_values(near.sum(0)) / (len(wanted) - 1))


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
    folded = wanted.casefold()
    return as_values(
        [
            span.begins and (span.name == wanted or 0.8 * (span.name.casefold() == folded))
            for span in s.spans
        ]
    )


def within(s: Scene) -> Values:
    """It is inside the container asked for (``Router.add``)."""
    wanted = s.evidence.query.container.casefold()
    return as_values([wanted != "" and wanted in span.container.casefold() for span in s.spans])


def mentioned(s: Scene) -> Values:
    """It defines a code name that the question quotes."""
    wanted = {name.rsplit(".", 1)[-1] for name in s.evidence.query.identifiers}
    return as_values([span.begins and span.name in wanted for span in s.spans])


def begins(s: Scene) -> Values:
    """A definition begins here."""
    return as_values([span.begins for span in s.spans])


def function(s: Scene) -> Values:
    """It is a function or a method."""
    return as_values([span.kind in ("function", "method") for span in s.spans])


def class_head(s: Scene) -> Values:
    """It is the head of a class or another container."""
    return as_values([span.kind == "class" and span.begins for span in s.spans])


def loose(s: Scene) -> Values:
    """It belongs to no definition."""
    return as_values([span.loose for span in s.spans])


def top(s: Scene) -> Values:
    """It belongs to no definition and opens the file: imports, licence."""
    return as_values([span.loose and span.start <= 3 for span in s.spans])


def lines(s: Scene) -> Values:
    """Its length: the logarithm of its lines."""
    return as_values(np.log(as_values([span.end - span.start + 1 for span in s.spans])) / 5)


def tiny(s: Scene) -> Values:
    """It has fewer than three lines."""
    return as_values([span.end - span.start < 2 for span in s.spans])


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
