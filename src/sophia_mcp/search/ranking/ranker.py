"""How much does each feature count? Linear rankers whose weights are data in ``ranker.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.errors import BadSetting

Weights = Mapping[str, float]
Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ranker:
    """The weights of one kind of question: for files, for what a span inherits from its file, for spans."""

    file: Weights
    inherited: Weights
    span: Weights


@lru_cache(1)
def tables() -> Mapping[str, Mapping[str, Weights]]:
    """The whole of ``ranker.toml``."""
    return tomllib.loads(files(__package__).joinpath("ranker.toml").read_text())


def ranker(kind: str) -> Ranker:
    """The weights for questions in ``words``, for an ``error`` text or for a ``symbol``. Where a kind has
    no weights of its own for what is inherited, a span inherits its file's score."""
    file = tables()["file"][kind]
    return Ranker(file, tables()["inherited"].get(kind, file), tables()["span"][kind])


def vector(weights: Weights, names: Iterable[str]) -> Vector:
    """Weights in the order of ``names``; a name without a weight counts 0. Raises BadSetting when the
    table names a feature that does not exist."""
    ordered = list(names)
    unknown = set(weights) - set(ordered)
    if unknown:
        raise BadSetting(
            f"ranker.toml weighs unknown features: {', '.join(sorted(unknown))}",
            why="features are functions of search/ranking/features.py and search/view/spans.py",
            next="run scripts/fit_ranker",
        )
    return np.array([weights.get(name, 0.0) for name in ordered], np.float32)
