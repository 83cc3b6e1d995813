"""How is the table learned? Contrastively: a question must find its own code among those of its batch.

A passage is the l2-normalised sum of its words' rows, weighted by ``1 + ln(count)``, plus the weighted
rows of its header; a question is the plain sum. The loss is the symmetric InfoNCE over a batch built of
groups from the same package, where neighbours of a file stay together: they are the hard negatives. Words are
dropped at random on both sides, so that no question is found by one word alone. Rows start at random.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from sophia_mcp.embed.pieces import Pieces
from sophia_mcp.words import words

from .mine import Pair

MAX_CODE = 1500


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that shapes a training run."""

    dimensions: int = 256
    epochs: float = 3.0
    batch: int = 4096
    group: int = 128
    together: int = 8
    """Lessons that follow one another in a package and stay so in a group."""
    rate: float = 2e-2
    warm_up: int = 50
    scale: float = 20.0
    max_scale: float = 60.0
    header_weight: float = 4.0
    header_share: float = 0.7
    dropped: float = 0.3
    """The share of words that a passage loses, header and all; a question loses half as many."""
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Bags:
    """Ragged lists of rows: list ``i`` is ``rows[starts[i]:starts[i + 1]]`` with the same weights."""

    rows: NDArray[np.int64]
    weights: NDArray[np.float32]
    starts: NDArray[np.int64]

    def take(self, chosen: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(rows, offsets, weights) of the chosen lists, as an embedding bag wants them."""
        lengths = self.starts[chosen + 1] - self.starts[chosen]
        offsets = np.zeros(len(chosen), np.int64)
        np.cumsum(lengths[:-1], out=offsets[1:])
        index = np.arange(int(lengths.sum())) - np.repeat(offsets - self.starts[chosen], lengths)
        return (
            torch.from_numpy(self.rows[index]),
            torch.from_numpy(offsets),
            torch.from_numpy(self.weights[index]),
        )


@dataclass(frozen=True, slots=True)
class Lessons:
    """All pairs as rows. ``packages`` numbers the package of each, ``same`` its code: several sentences ask
    for one, and none of them is wrong for another."""

    queries: Bags
    codes: Bags
    headers: Bags
    packages: NDArray[np.int64]
    same: NDArray[np.int64]


def tokenise(pairs: Iterable[tuple[int, Pair]], pieces: Pieces) -> Lessons:
    """Turn (package number, pair) into rows; a question already seen is dropped."""
    cache: dict[str, tuple[int, ...]] = {}
    queries, codes, headers, packages, same = _Builder(), _Builder(), _Builder(), [], []
    seen: set[str] = set()
    numbers: dict[str, int] = {}

    def known(word: str) -> tuple[int, ...]:
        if word not in cache:
            cache[word] = pieces.rows(word)
        return cache[word]

    for package, pair in pairs:
        asked = pair.query.lower()
        query = [row for word in words(pair.query) for row in known(word)]
        code = Counter(words(pair.code[:MAX_CODE]))
        if asked in seen or len(query) < 3 or len(code) < 5:
            continue
        seen.add(asked)
        queries.add(query, [1.0] * len(query))
        weighted = [(row, 1 + np.log(n)) for word, n in code.items() for row in known(word)]
        codes.add([row for row, _ in weighted], [weight for _, weight in weighted])
        header = [row for name in pair.header for word in words(name) for row in known(word)]
        headers.add(header, [1.0] * len(header))
        packages.append(package)
        same.append(numbers.setdefault(pair.code, len(numbers)))
    return Lessons(
        queries.bags(),
        codes.bags(),
        headers.bags(),
        np.array(packages, np.int64),
        np.array(same, np.int64),
    )


class _Builder:
    def __init__(self) -> None:
        self._rows: list[NDArray[np.int32]] = []
        self._weights: list[NDArray[np.float32]] = []

    def add(self, rows: list[int], weights: list[float]) -> None:
        self._rows.append(np.array(rows, np.int32))
        self._weights.append(np.array(weights, np.float32))

    def bags(self) -> Bags:
        starts = np.zeros(len(self._rows) + 1, np.int64)
        starts[1:] = np.cumsum([len(rows) for rows in self._rows])
        return Bags(np.concatenate(self._rows).astype(np.int64), np.concatenate(self._weights), starts)


def batches(
    packages: NDArray[np.int64], recipe: Recipe, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """One epoch of batches; each is made of groups of lessons from one package."""
    groups = []
    for package in np.unique(packages):
        runs = _cut(np.flatnonzero(packages == package), recipe.together)
        groups += _cut(np.concatenate([runs[i] for i in rng.permutation(len(runs))]), recipe.group)
    order = np.concatenate([groups[i] for i in rng.permutation(len(groups))])
    for start in range(0, len(order) - recipe.batch + 1, recipe.batch):
        yield order[start : start + recipe.batch]


def _cut(members: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return [members[i : i + size] for i in range(0, len(members), size)]


def fit(lessons: Lessons, rows: int, recipe: Recipe) -> NDArray[np.float32]:
    """The trained table, (rows, dimensions) float32."""
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    table = torch.nn.EmbeddingBag(rows, recipe.dimensions, mode="sum", sparse=True)
    torch.nn.init.normal_(table.weight, std=recipe.dimensions**-0.5)
    log_scale = torch.nn.Parameter(torch.tensor(float(np.log(recipe.scale))))
    rate = torch.optim.SparseAdam(table.parameters(), lr=recipe.rate, betas=(0.9, 0.99))
    scale_rate = torch.optim.Adam([log_scale], lr=1e-3)
    total = int(recipe.epochs * len(lessons.packages) / recipe.batch)
    target = torch.arange(recipe.batch)
    began, losses, step = time.monotonic(), [], 0
    while step < total:
        for chosen in batches(lessons.packages, recipe, rng):
            rate.param_groups[0]["lr"] = (
                recipe.rate * min(1.0, (step + 1) / recipe.warm_up) * max(0.02, 1 - step / total)
            )
            scores = _scores(table, lessons, chosen, recipe, rng) * log_scale.exp().clamp(
                max=recipe.max_scale
            )
            loss = (
                functional.cross_entropy(scores, target) + functional.cross_entropy(scores.T, target)
            ) / 2
            rate.zero_grad()
            scale_rate.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            rate.step()
            scale_rate.step()
            losses.append(loss.item())
            step += 1
            if step % 100 == 0:
                seconds = time.monotonic() - began
                print(
                    f"step {step}/{total} loss {np.mean(losses[-100:]):.4f} {seconds:.0f} s", flush=True
                )
            if step >= total:
                break
    return table.weight.detach().numpy().astype(np.float32)


def _scores(
    table: torch.nn.EmbeddingBag,
    lessons: Lessons,
    chosen: NDArray[np.int64],
    recipe: Recipe,
    rng: np.random.Generator,
) -> torch.Tensor:
    def summed(bags: Bags, dropped: float) -> torch.Tensor:
        rows, offsets, weights = bags.take(chosen)
        left = torch.from_numpy((rng.random(len(rows)) >= dropped).astype(np.float32))
        return table(rows, offsets, per_sample_weights=weights * left)  # type: ignore[no-any-return]

    kept = torch.from_numpy((rng.random(len(chosen)) < recipe.header_share).astype(np.float32))[:, None]
    passage = summed(lessons.codes, recipe.dropped)
    passage = passage + recipe.header_weight * kept * summed(lessons.headers, recipe.dropped)
    query = functional.normalize(summed(lessons.queries, recipe.dropped / 2), dim=1)
    scores = query @ functional.normalize(passage, dim=1).T
    same = torch.from_numpy(lessons.same[chosen])
    twins = (same[:, None] == same[None]).fill_diagonal_(False)
    return scores.masked_fill(twins, -2.0)
