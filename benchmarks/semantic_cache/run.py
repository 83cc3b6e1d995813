"""How often does the semantic cache answer rightly, and how often with another question's answer?

    .venv/bin/python benchmarks/semantic_cache/run.py --save

Pairs of questions are made by rule from the questions on real code in ``benchmarks/relevance``: one
kind means the same in other words, the other differs in one word that changes the answer (a negation,
an opposite, a name, a version, a number, a path). Both texts of a pair are put to the embedder that the
product ships, as ``llm/wrappers/similar.py`` does, and a pair whose cosine reaches the threshold is a hit:
a right one where the answers are the same, a false one where they are not. Measured twice: the
questions alone, and below the prompt of a step of a swarm, which all questions of the step share. The
prompts of two roles of one step are a kind of their own: a fan-out asks them side by side.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.semantic_cache.pairs import Pair, pairs  # noqa: E402
from benchmarks.speed.figures import keep, options  # noqa: E402

from sophia_mcp.embed.providers import PROVIDERS  # noqa: E402
from sophia_mcp.swarm.patterns import PATTERNS  # noqa: E402

THRESHOLDS = (0.80, 0.85, 0.90, 0.95, 0.98)


def cosines(embedder: Any, wanted: Sequence[Pair], before: str) -> list[float]:
    """How alike the two questions of each pair are, each below the same words."""
    found = []
    for pair in wanted:
        one, two = (embedder.encode_query(before + text) for text in (pair.first, pair.second))
        found.append(float(np.dot(one, two)))
    return found


def roles() -> list[Pair]:
    """Two roles of one fan-out of a shipped pattern: never the same question."""
    made = []
    for pattern in PATTERNS.all():
        for step in pattern.steps:
            if step.fan_out == "roles":
                asked = [f"{pattern.roles[name].prompt}\n\n{step.prompt}" for name in step.roles]
                made += [Pair("role", False, one, two) for one, two in combinations(asked, 2)]
    return made


def rates(wanted: Sequence[Pair], found: Sequence[float]) -> dict[str, Any]:
    """Shares of pairs at or above each threshold, in all and by kind."""
    kinds: dict[tuple[bool, str], list[float]] = defaultdict(list)
    for pair, cosine in zip(wanted, found, strict=True):
        kinds[pair.same, pair.kind].append(cosine)

    def share(values: Sequence[float], least: float) -> float | None:
        return round(sum(value >= least for value in values) / len(values), 3) if values else None

    table = []
    for least in THRESHOLDS:
        every = {
            same: [
                value for (is_same, _), values in kinds.items() if is_same == same for value in values
            ]
            for same in (True, False)
        }
        table.append(
            {
                "threshold": least,
                "hit_rate": share(every[True], least),
                "false_hit_rate": share(every[False], least),
                "by_kind": {kind: share(values, least) for (_, kind), values in sorted(kinds.items())},
            }
        )
    return {"pairs": {kind: len(values) for (_, kind), values in sorted(kinds.items())}, "table": table}


def main() -> None:
    parser = options(__doc__)
    given = parser.parse_args()
    embedder: Any = PROVIDERS.load("static").open({})
    wanted = pairs()
    pattern = PATTERNS.load("code_review")
    step = pattern.steps[0]
    before = f"{next(iter(pattern.roles.values())).prompt}\n\n{step.prompt}\n\n"
    fan_out = roles()
    result = {
        "embedder": embedder.model.id,
        "same": sum(pair.same for pair in wanted),
        "different": sum(not pair.same for pair in wanted),
        "alone": rates(wanted, cosines(embedder, wanted, "")),
        "below_a_prompt_of_words": len(before.split()),
        "below_a_prompt": rates(wanted, cosines(embedder, wanted, before)),
        "two_roles": rates(fan_out, cosines(embedder, fan_out, "")) if fan_out else None,
    }
    print(json.dumps(result, indent=1))
    if given.save:
        keep("semantic-cache", result)


if __name__ == "__main__":
    main()
