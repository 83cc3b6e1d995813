"""What can be said about a candidate file? Each feature is one function; weights are data.

The features of files follow the measured recipe: words, meaning and the path, each in a form that
is comparable between questions (shares of the best, shares of idf).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from sophia_mcp.search.candidates.evidence import Evidence, Values, as_values
from sophia_mcp.search.view.atlas import ROLE_BITS

Feature = Callable[[Evidence], Values]


def lex(e: Evidence) -> Values:
    """The best chunk by words, as a share of the question's best."""
    return e.best(e.lex)


def lexs(e: Evidence) -> Values:
    """All chunks by words together, on a log scale."""
    total = np.log1p(e.sums(e.lex))
    return as_values(total / max(float(total.max()), 1e-6))


def lex2(e: Evidence) -> Values:
    """The second chunk by words."""
    return e.second(e.lex)


def sem(e: Evidence) -> Values:
    """The best chunk by meaning, between the mean and the best of the question."""
    return e.best(e.meaning)


def semf(e: Evidence) -> Values:
    """The file as a whole by meaning."""
    return e.file_meaning


def sem2(e: Evidence) -> Values:
    """The second chunk by meaning."""
    return e.second(e.meaning)


def semz(e: Evidence) -> Values:
    """How far the best chunk stands out of all chunks, in deviations, at most 8."""
    return as_values(np.minimum((e.best(e.cosine) - e.mean) / e.deviation, 8) / 8)


def path(e: Evidence) -> Values:
    """The idf share of the question that the path says."""
    shares = [
        sum(e.weights[term] for term in said | (e.weights.keys() & words.path))
        for words, (said, _) in zip(e.paths, e.in_stems, strict=True)
    ]
    return as_values(np.array(shares) / e.total_weight)


def stem(e: Evidence) -> Values:
    """The idf share of the question that the file name says."""
    shares = [sum(e.weights[term] for term in said) for said, _ in e.in_stems]
    return as_values(np.array(shares) / e.total_weight)


def stemp(e: Evidence) -> Values:
    """The share of the file name that the question says."""
    lengths = [len(words.stem) for words in e.paths]
    said = [parts for _, parts in e.in_stems]
    return as_values(np.array(said) / np.maximum(lengths, 1))


def dirm(e: Evidence) -> Values:
    """The idf share of the question that the last folder says."""
    shares = [sum(e.weights[term] for term in e.weights.keys() & words.folder) for words in e.paths]
    return as_values(np.array(shares) / e.total_weight)


def symn(e: Evidence) -> Values:
    """The best chunk by the names it defines."""
    return e.best(e.names)


def embsym(e: Evidence) -> Values:
    """The file defines a code name that the question quotes."""
    return e.mentions


def define(e: Evidence) -> Values:
    """The file defines the identifier that was asked for."""
    return e.defines


def defstem(e: Evidence) -> Values:
    """It defines it, and its own name says all of it."""
    return e.defines * (stem(e) >= 0.999)


def lognch(e: Evidence) -> Values:
    """Its length: the logarithm of its number of chunks."""
    return (np.log(np.maximum(e.atlas.counts[e.files], 1)) / 5).astype(np.float32)


def lexhit(e: Evidence) -> Values:
    """Some chunk is among the best by words."""
    return (lex(e) > 0).astype(np.float32)


def compiled(e: Evidence) -> Values:
    """Whether its source is in the tree, too."""
    return np.array([file in e.atlas.compiled for file in e.files.tolist()], np.float32)


def oldver(e: Evidence) -> Values:
    """It belongs to an older version kept beside a newer one."""
    return np.array([file in e.atlas.old_versions for file in e.files.tolist()], np.float32)


def _role(name: str) -> Feature:
    def feature(e: Evidence) -> Values:
        return as_values((e.roles & ROLE_BITS[name]) != 0)

    feature.__doc__ = f"The path says: {name}."
    return feature


FILE: Mapping[str, Feature] = {
    "lex": lex,
    "lexs": lexs,
    "lex2": lex2,
    "sem": sem,
    "semf": semf,
    "sem2": sem2,
    "semz": semz,
    "path": path,
    "stem": stem,
    "stemp": stemp,
    "dirm": dirm,
    "symn": symn,
    "embsym": embsym,
    "define": define,
    "defstem": defstem,
    "test": _role("test"),
    "example": _role("example"),
    "vendored": _role("vendored"),
    "barrel": _role("barrel"),
    "declaration": _role("declaration"),
    "document": _role("document"),
    "news": _role("news"),
    "config": _role("config"),
    "oldver": oldver,
    "compiled": compiled,
    "lognch": lognch,
    "lexhit": lexhit,
}
"""Every feature of a file, by the name its weight has in ``ranker.toml``."""


def matrix(e: Evidence) -> Values:
    """Files by features, in the order of ``FILE``."""
    return np.stack([feature(e) for feature in FILE.values()], 1).astype(np.float32)
