"""Is what was asked for here at all? A small logistic model over the evidence of an answer.

A search always finds something nearest. The model judges whether the nearest speaks of the thing:
whether the rare words of the question stand together anywhere, how far the best span stands out by
meaning, and whether an identifier exists. Its weights are data, fitted on questions about absent
things.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from sophia_mcp import words
from sophia_mcp.search import ranker
from sophia_mcp.search.evidence import Values
from sophia_mcp.search.query import Query
from sophia_mcp.search.spanfeatures import SPAN, Scene

Facts = Mapping[str, float]


def nothing(query: Query) -> Facts:
    """The facts when no candidate was found at all."""
    return {"missing": 1.0, "none": 1.0, "identifier": float(query.kind == "identifier")}


def facts(scene: Scene, matrix: Values, scores: Values) -> Facts:
    """What the best spans say about the question; each between 0 and about 1."""
    column = {name: matrix[:, i] for i, name in enumerate(SPAN)}
    top = np.argsort(-scores, kind="stable")[:8]
    e = scene.evidence
    asked = {word: words.stem(word) for word in words.words(e.query.text)}
    asked = {word: stem for word, stem in asked.items() if stem in e.weights}
    weight = np.array([e.weights[stem] for stem in asked.values()], np.float32)
    missing = rarest = 0.0
    if len(weight):
        # A word that occurs nowhere has the greatest idf of all.
        greatest = float(weight.max())
        held = scene.counts(scene.body)[:, top].sum(1) > 0
        present = dict(zip(scene.terms, held.tolist(), strict=True))
        gone = np.array([not present.get(stem, False) for stem in asked.values()])
        missing = float(weight[gone].sum() / weight.sum())
        rarest = float(weight[gone].max(initial=0.0) / max(greatest, 1e-6))
    return {
        "missing": missing,
        "rarest": rarest,
        "cover": float(column["cover"][top].max(initial=0.0)),
        "maxsim": float(column["maxsim"][top].max(initial=0.0)),
        "name": float(column["name"][top].max(initial=0.0)),
        "namesim": float(column["namesim"][top].max(initial=0.0)),
        "docsim": float(column["docsim"][top].max(initial=0.0)),
        "pairs": float(column["pairs"][top].max(initial=0.0)),
        "semz": float(column["semz"][top].max(initial=0.0)),
        "cosine": float((scene.vectors[top] @ scene.question).max(initial=0.0)),
        "path": float(column["home"][top].max(initial=0.0)),
        "defines": float(column["defines"].max(initial=0.0)),
        "mentioned": float(column["mentioned"].max(initial=0.0)),
        "literal": float(column["literal"].max(initial=0.0)),
        "words": min(len(asked), 12) / 12,
        "identifier": float(e.query.kind == "identifier"),
        "error": float(e.query.kind == "error"),
    }


def probability(found: Facts) -> float:
    """How likely it is that the thing asked for is not here, between 0 and 1."""
    weights = ranker.tables()["absent"]["words"]
    total = weights["bias"] + sum(weights.get(name, 0.0) * value for name, value in found.items())
    return 1 / (1 + math.exp(-max(min(total, 30.0), -30.0)))


def is_absent(found: Facts) -> bool:
    """Whether the answer should say "not here". An identifier that is defined is here; one that is
    neither defined nor written anywhere is not."""
    if found.get("none"):
        return True
    if found.get("defines") or found.get("mentioned") or found.get("literal", 0.0) >= 0.5:
        return False
    if found.get("identifier"):
        return found["missing"] > 0.34
    return probability(found) > ranker.tables()["absent"]["threshold"]["refuse"]
