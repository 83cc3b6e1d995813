"""A year of calls to report on: as many entries as wanted, always the same for a seed.

A run of ten steps has one repository, user, pattern and tag, and two models: a small one that reads and
a large one that judges. Some attempts fail and are made again, some are cancelled, some come from the
cache, some models have no price. Its questions begin alike, and now and then one is asked again.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sophia_mcp.cost.days import DAY_NS
from sophia_mcp.cost.ledger.entry import Attempt, Outcome, Settled, mark
from sophia_mcp.cost.ledger.lines import Line
from sophia_mcp.types import Basis, Labels, Usage

DAYS = 365
STEPS = 10
_PAIRS = (
    ("openai", "gpt-small", 150, 600, "gpt-large", 2_500, 10_000),
    ("anthropic", "claude-small", 800, 4_000, "claude-large", 3_000, 15_000),
    ("google", "gemini-small", 300, 2_500, "gemini-large", 1_250, 10_000),
    ("self-hosted", "own-small", None, None, "own-large", 0, 0),
)
_PATTERNS = ("solo", "code_review", "refactoring", "bug_fix", "documentation", "testing", "web_research")
_AGENTS = ("planner", "reader", "critic", "verifier", "judge")


@dataclass(frozen=True, slots=True)
class Cost:
    """The price of one entry, in the shape of the catalogue's."""

    nano: int | None
    basis: Basis
    source: str = "benchmark"
    version: str = "1"
    unit_prices: tuple[tuple[str, str], ...] = ()


def year(entries: int, today: int, seed: int = 3) -> Iterator[Line]:
    """The lines of one year that ends with ``today``, oldest first. Their ids begin with 1."""
    draw = random.Random(seed)
    repos = [f"team/repository-{n}" for n in range(20)]
    users = [f"user-{n}" for n in range(5)]
    tags = ["", "", "ci", "release", "night", "trial"]
    made, runs = 0, max(1, entries // STEPS)
    begun = (today - DAYS + 1) * DAY_NS
    for number in range(runs + 1):
        pair = draw.choices(_PAIRS, (5, 5, 2, 1))[0]
        at = begun + number * DAYS * DAY_NS // (runs + 1)
        run = Labels(
            run=f"run-{number:012x}",
            pattern=draw.choice(_PATTERNS),
            repo=min(draw.choice(repos), draw.choice(repos)),
            user=draw.choice(users),
            tag=draw.choice(tags),
        )
        for step in range(STEPS):
            if made == entries:
                return
            made += 1
            at += draw.randrange(1, 5_000_000_000)
            yield _line(draw, pair, run, step, made, at)


def _line(
    draw: random.Random, pair: tuple[object, ...], run: Labels, step: int, number: int, at: int
) -> Line:
    provider, small, small_in, small_out, large, large_in, large_out = pair
    is_large = step in (0, STEPS - 1)
    model, price_in, price_out = (
        (large, large_in, large_out) if is_large else (small, small_in, small_out)
    )
    outcome: Outcome = draw.choices(("answered", "failed", "cancelled", "cached"), (93, 3, 1, 3))[0]
    sent, back = draw.randrange(200, 40_000), draw.randrange(20, 4_000)
    usage = Usage(
        input_tokens=sent,
        output_tokens=back,
        cached_tokens=draw.choice((0, 0, sent // 2)),
        reasoning_tokens=back // 3 if is_large else 0,
    )
    nano = None if price_in is None else sent * int(str(price_in)) + back * int(str(price_out))
    basis: Basis = (
        "unpriced" if nano is None else ("estimated" if outcome == "cancelled" else "computed")
    )
    uncertain = draw.randrange(10**7) if outcome == "cancelled" else 0
    settled = Settled(outcome, usage, Cost(nano, basis), uncertain_nano=uncertain)
    agent = _AGENTS[step % len(_AGENTS)]
    attempt = Attempt(
        number,
        at,
        str(provider),
        str(model),
        replace(run, step=f"{agent}-{step}", agent=agent),
        fingerprint=mark(f"{run.run} {step}") if number % 50 else mark(f"often {number % 1000}"),
        shared=mark(run.run),
        shared_tokens=min(sent, 8_000),
    )
    return Line(attempt, settled, settled.measures())
