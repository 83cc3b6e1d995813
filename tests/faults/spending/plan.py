"""Which runs does the spending proof make? Drawn from one seed, the same in every process."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

RATES = {
    "429": 0.03,
    "429 retry-after=0.2": 0.03,
    "500": 0.02,
    "503": 0.01,
    "529 retry-after=0.1": 0.01,
    "spent500": 0.02,
    "drop": 0.015,
    "stall": 0.01,
    "midstall": 0.01,
    "slow seconds=0.3": 0.02,
    "cut": 0.02,
    "clean-cut": 0.01,
    "bad-json": 0.01,
    "html": 0.005,
    "wrong-type": 0.005,
    "empty": 0.005,
    "no-usage": 0.03,
    "wrong-usage kind=zero": 0.01,
    "wrong-usage kind=negative": 0.01,
    "wrong-usage kind=text": 0.01,
    "wrong-usage kind=null": 0.005,
    "wrong-usage kind=total": 0.01,
    "duplicate": 0.02,
    "huge": 0.002,
    "length": 0.02,
    "filter": 0.005,
    "bad-schema": 0.01,
    "prose": 0.01,
    "error-in-stream": 0.01,
    "charge-max": 0.1,
}
"""How often the service misbehaves, and how: half of all calls go well."""

WAYS = (
    ("openai", "stand-in-small"),
    ("openai", "stand-in-large"),
    ("openai", "stand-in-small"),
    ("openai", "stand-in-large"),
    ("portkey", "@oai/stand-in-small"),
    ("portkey", "@claude/claude-stand-in"),
    ("portkey", "@goo/gemini-stand-in"),
)

REPOS = ("", "alpha", "beta", "gamma")

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "count": {"type": "integer"},
        "names": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["count", "names"],
    "additionalProperties": False,
}

_WORDS = "lock page queue reader writer index merge split token cache ledger budget".split()


@dataclass(frozen=True, slots=True)
class Step:
    """One question. ``leave_after_s`` is when its caller gives up, or 0."""

    id: str
    text: str
    max_tokens: int
    schema: bool
    stream: bool
    deadline_s: float
    leave_after_s: float


@dataclass(frozen=True, slots=True)
class Run:
    """Some rounds of questions asked at once, under one limit (None: only the stored ones)."""

    id: str
    provider: str
    model: str
    repo: str
    limit_nano: int | None
    rounds: tuple[tuple[Step, ...], ...]


def draw(seed: int, count: int, mark: str = "r") -> list[Run]:
    """That many runs; ids begin with ``mark``."""
    return [_run(random.Random(f"{seed}/{mark}/{number}"), f"{mark}{number}") for number in range(count)]


def warm(mark: str) -> list[Run]:
    """One question for each way, which a process asks first: imports and connections take their time."""
    return [
        Run(
            f"{mark}-warm{number}",
            provider,
            model,
            "",
            None,
            (
                (
                    Step(
                        f"{mark}-warm{number}.0",
                        f"[[call {mark}-warm{number}.0]] [[fault ok]]",
                        60,
                        False,
                        False,
                        60.0,
                        0.0,
                    ),
                ),
            ),
        )
        for number, (provider, model) in enumerate(sorted(set(WAYS)))
    ]


def _run(dice: random.Random, run: str) -> Run:
    provider, model = dice.choice(WAYS)
    rounds = []
    for turn in range(dice.randint(1, 3)):
        rounds.append(
            tuple(_step(dice, f"{run}.{turn}.{place}") for place in range(dice.choice((1, 1, 2, 3, 5))))
        )
    dear = "claude" in model or "large" in model
    usual = 8_000_000 if dear else 700_000
    limit = None if dice.random() < 0.15 else int(usual * dice.uniform(0.2, 6.0))
    return Run(run, provider, model, dice.choice(REPOS), limit, tuple(rounds))


def _step(dice: random.Random, id_: str) -> Step:
    length = int(dice.choice((10, 60, 400, 1500)) * dice.uniform(0.5, 1.5))
    words = " ".join(dice.choice(_WORDS) for _ in range(length))
    return Step(
        id_,
        f"[[call {id_}]] {words}",
        dice.choice((60, 200, 500)),
        dice.random() < 0.3,
        dice.random() < 0.4,
        dice.choice((5.0, 8.0, 12.0)),
        dice.uniform(0.01, 0.6) if dice.random() < 0.04 else 0.0,
    )
