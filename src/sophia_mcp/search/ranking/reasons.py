"""Why is a span shown, and which of its lines matters most?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sophia_mcp.search.candidates.evidence import Values
from sophia_mcp.search.ranking import spanfeatures
from sophia_mcp.search.ranking.scene import Bag, Scene

_DEFINES, _MENTIONED, _LITERAL = map(list(spanfeatures.SPAN).index, spanfeatures.TOLD)


def focuses(scene: Scene, matrix: Values, chosen: Sequence[int]) -> list[int]:
    """For each of these spans the first line of those that say most of the question; of what defines the name that
    is asked for the line that does."""
    shown = [scene.lines(i) for i in chosen]
    lines = [line for some in shown for line in some]
    numbers, first = scene.lexicon.lines(lines)
    stems = scene.lexicon.stems()[numbers]
    said = np.zeros(len(lines))
    for stem, weight in scene.weight_of_stem.items():
        said[np.searchsorted(first[1:], np.flatnonzero(stems == stem), "right")] += weight
    found: list[int] = []
    at = 0
    for i, some in zip(chosen, shown, strict=True):
        part, span = said[at : at + len(some)], scene.spans[i]
        most = span.start + int(np.argmax(part >= part.max() - 1e-9))
        found.append(span.line or span.start if _is_asked_for(scene, matrix, i) else most)
        at += len(part)
    return found


def why(scene: Scene, matrix: Values, i: int) -> str:
    """One short reason."""
    span = scene.spans[i]
    if _is_asked_for(scene, matrix, i):
        return f"defines {span.name}"
    if matrix[i, _LITERAL] >= 0.5:
        return "has part of this text"
    in_name = _said(scene, scene.names, i)
    if matrix[i, _MENTIONED]:
        return f"defines {span.name}"
    reasons = [f"name: {', '.join(in_name)}"] if in_name else []
    in_doc = [word for word in _said(scene, scene.comments, i) if word not in in_name]
    in_body = [
        word for word in _said(scene, scene.body, i) if word not in in_name and word not in in_doc
    ]
    if in_doc:
        reasons.append(f"comment: {', '.join(in_doc[:4])}")
    if in_body and len(reasons) < 2:
        reasons.append(f"words: {', '.join(in_body[:4])}")
    return "; ".join(reasons[:2]) or "close in meaning"


def _is_asked_for(scene: Scene, matrix: Values, i: int) -> bool:
    """Whether a span defines the name that the question is."""
    return scene.evidence.query.kind == "identifier" and bool(matrix[i, _DEFINES])


def _said(scene: Scene, held: Bag, i: int) -> list[str]:
    here = np.flatnonzero(scene.counts(held)[:, i]).tolist()
    said = [scene.terms[term] for term in here]
    said.sort(key=lambda term: -scene.evidence.weights[term])
    return [scene.spoken.get(term, term) for term in said][:4]
