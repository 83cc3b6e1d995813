"""Is what was asked for here at all? A small logistic model over the evidence of an answer.

A search always finds something nearest. The model judges whether the nearest speaks of the thing:
whether the rare words of the question stand together anywhere, how far the best span stands out by
meaning, what the words that are missing are about, and whether an identifier exists. Its weights are
data, fitted on questions about absent things.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from sophia_mcp import words
from sophia_mcp.search.candidates.evidence import Values, as_values, unit
from sophia_mcp.search.candidates.lexicon import Lexicon
from sophia_mcp.search.question.query import Query
from sophia_mcp.search.ranking import ranker
from sophia_mcp.search.ranking.scene import Numbers, Scene
from sophia_mcp.search.ranking.spanfeatures import SPAN, TOLD

Facts = Mapping[str, float]

_LOOKED_AT = 8
"""Spans that speak for the answer."""
_SAME = 0.99
"""Equal stems are this close at least."""


def nothing(query: Query) -> Facts:
    """The facts when no candidate was found at all."""
    return {"missing": 1.0, "none": 1.0, "identifier": float(query.kind == "identifier")}


def facts(scene: Scene, matrix: Values, scores: Values) -> Facts:
    """What the best spans say about the question; each between 0 and about 1."""
    column = {name: matrix[:, i] for i, name in enumerate(SPAN)}
    order = np.argsort(-scores, kind="stable")
    top = order[:_LOOKED_AT]
    about = ranker.tables()["absent"]["about"]
    query = scene.evidence.query
    found = {
        name: float(column[name][top].max(initial=0.0))
        for name in (
            "cover",
            "maxsim",
            "name",
            "namesim",
            "docsim",
            "pairs",
            "semz",
            "nearbody",
            "close8",
        )
    }
    found |= _of_words(scene, top)
    found |= {
        "margin": min(float(scores[order[0]] - scores[order[min(20, len(order) - 1)]]) / 10, 2.0),
        "cosine": float((scene.vectors[top] @ scene.question).max(initial=0.0)),
        "defines": float(column["defines"].max(initial=0.0)),
        "mentioned": float(column["mentioned"].max(initial=0.0)),
        "literal": float(column["literal"].max(initial=0.0)),
        "identifier": float(query.kind == "identifier"),
        "error": float(query.kind == "error"),
        "foreign": float(query.is_foreign),
        "about": float(likeness(scene.lexicon, list(about), lack(scene, scores)) @ list(about.values())),
    }
    return found


def of_name(scene: Scene, matrix: Values, scores: Values) -> Facts:
    """What ``is_absent`` asks about an identifier, which no model judges."""
    found = {name: float(matrix[:, list(SPAN).index(name)].max(initial=0.0)) for name in TOLD}
    if not found["defines"] and not found["mentioned"]:
        found["missing"] = _of_words(scene, np.argsort(-scores, kind="stable")[:_LOOKED_AT])["missing"]
    return {**found, "identifier": 1.0}


def lack(scene: Scene, scores: Values) -> Values:
    """What the best spans leave unsaid: the directions of the question's words, each as long as the word is
    missing from all of them, summed up."""
    numbers, _ = scene.asked
    directions = unit(scene.lexicon.vectors(numbers))
    if not len(numbers):
        return as_values(directions.sum(0))
    top = np.argsort(-scores, kind="stable")[:_LOOKED_AT]
    return as_values((1 - scene.in_bodies[:, top].max(1)) @ directions)


def likeness(lexicon: Lexicon, named: Sequence[str], lacking: Values) -> Values:
    """How much of what is lacking lies in the direction of each named word. That "websocket" is missing says
    that something is not here, that "nobody" is missing says nothing: words like these tell which."""
    return as_values(lexicon.directions(tuple(named)) @ lacking)


def _of_words(scene: Scene, top: Numbers) -> dict[str, float]:
    """What becomes of each word of the question: whether the repository has it at all, whether the best
    spans have it, and how close they come to the ones that tell most."""
    evidence = scene.evidence
    numbers, weight = scene.asked
    if not len(numbers):
        return {"missing": 1.0, "unknown": 1.0}
    asked = {scene.lexicon.word(word): words.stem(word) for word in words.words(evidence.query.text)}
    stems = [asked[number] for number in numbers.tolist()]
    unknown = np.array([stem not in evidence.known for stem in stems])
    near = scene.in_bodies[:, top]
    best = near.max(1)
    gone = best < _SAME
    heavy = np.argsort(-weight, kind="stable")[:3]
    anywhere = scene.closeness.max(1)
    return {
        "words": min(len(numbers), 12) / 12,
        "missing": float(weight[gone].sum()),
        "rarest": float(weight[gone].max(initial=0.0) / max(float(weight.max()), 1e-6)),
        "unknown": float(weight[unknown].sum()),
        "known": 1 - float(unknown.mean()),
        "unknowns": min(int(unknown.sum()), 4) / 4,
        "strange": float((weight * unknown * (1 - anywhere)).sum()),
        "strangest": float(((1 - anywhere) * unknown).max(initial=0.0)),
        "heavy": float(near[heavy].mean(0).max()),
        "together": float(near[heavy].min(0).max()),
        "least": float(best[heavy].min()),
        "reach": float(anywhere[heavy].min()),
    }


def probability(found: Facts) -> float:
    """How likely it is that the thing asked for is not here, between 0 and 1."""
    weights = ranker.tables()["absent"]["words"]
    total = weights["bias"] + sum(weights.get(name, 0.0) * value for name, value in found.items())
    return 1 / (1 + math.exp(-max(min(total, 30.0), -30.0)))


SMALL_TREE = 30
"""Files of a small tree. It holds few words, so that more of a question is missing even where it is answered: it
has a threshold of its own."""

TINY_TREE = 6
"""Files of a tree smaller than any that the thresholds were set on: there, only a question of which no word is
found is refused."""


_FOREIGN_KNOWN = 1 / 3
"""Of the words of a question in another language than the model learned from, as many must occur somewhere: most of
the others never do."""


def is_absent(found: Facts, files: int) -> bool:
    """Whether the answer should say "not here", in a tree of so many files. An identifier that is
    defined is here; one that is neither defined nor written anywhere is not."""
    if found.get("none"):
        return True
    if found.get("defines") or found.get("mentioned") or found.get("literal", 0.0) >= 0.5:
        return False
    if found.get("identifier"):
        return found["missing"] > 0.34
    if found.get("foreign"):
        return found.get("known", 0.0) < _FOREIGN_KNOWN
    if files < TINY_TREE:
        return found["missing"] >= 1.0
    return probability(found) > ranker.tables()["absent"]["threshold"][size(files)]


def size(files: int) -> str:
    """Which threshold holds for a tree of so many files."""
    return "small" if files < SMALL_TREE else "refuse"
