"""How is the table learned? Contrastively: a question must find its own code among those of its batch.

A passage is the l2-normalised sum of its words' rows, weighted by ``1 + ln(count)``, plus the weighted
rows of its header; a question is the plain sum. The loss is the symmetric InfoNCE over a batch built of
groups from the same package, where neighbours of a file stay together: they are the hard negatives. Words are
dropped at random on both sides, so that no question is found by one word alone. Rows start at random.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from .lessons import Bags, Lessons


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
            loss.backward()
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
    learned: NDArray[np.float32] = table.weight.detach().numpy().astype(np.float32)
    return learned


def _scores(
    table: torch.nn.EmbeddingBag,
    lessons: Lessons,
    chosen: NDArray[np.int64],
    recipe: Recipe,
    rng: np.random.Generator,
) -> torch.Tensor:
    def summed(bags: Bags, dropped: float) -> torch.Tensor:
        taken = bags.take(chosen)
        left = taken.weights * (rng.random(len(taken.rows)) >= dropped)
        summed: torch.Tensor = table(
            torch.from_numpy(taken.rows.astype(np.int64)),
            torch.from_numpy(taken.starts[:-1]),
            per_sample_weights=torch.from_numpy(left),
        )
        return summed

    kept = torch.from_numpy((rng.random(len(chosen)) < recipe.header_share).astype(np.float32))[:, None]
    passage = summed(lessons.codes, recipe.dropped)
    passage = passage + recipe.header_weight * kept * summed(lessons.headers, recipe.dropped)
    query = functional.normalize(summed(lessons.queries, recipe.dropped / 2), dim=1)
    scores = query @ functional.normalize(passage, dim=1).T
    same = torch.from_numpy(lessons.same[chosen])
    twins = (same[:, None] == same[None]).fill_diagonal_(False)
    return scores.masked_fill(twins, -2.0)
