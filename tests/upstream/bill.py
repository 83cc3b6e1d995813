"""What does a call cost by the upstream's own books? Exact decimals, one line per attempt."""

from __future__ import annotations

import itertools
import time
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Tariff:
    """Prices of one model in USD per million tokens, and its window. ``reasons``: takes only
    ``max_completion_tokens`` and no temperature, as the vendors' reasoning models do."""

    input: str
    output: str
    cached: str
    write: str
    write_1h: str
    window: int = 200_000
    reasons: bool = False


TARIFFS: dict[str, Tariff] = {
    "stand-in-small": Tariff("0.15", "0.6", "0.075", "0.15", "0.15", 128_000),
    "stand-in-large": Tariff("2.5", "10", "0.25", "2.5", "2.5", 400_000),
    "stand-in-reasoner": Tariff("1.25", "10", "0.125", "1.25", "1.25", 400_000, reasons=True),
    "stand-in-tiny-window": Tariff("0.2", "0.8", "0.02", "0.2", "0.2", 2_000),
    "claude-stand-in": Tariff("3", "15", "0.3", "3.75", "6"),
    "gemini-stand-in": Tariff("0.3", "2.5", "0.075", "0.3", "0.3", 1_000_000),
}
"""Every price has at most three decimals, so a token costs a whole number of nano-dollars."""


@dataclass(slots=True)
class Spent:
    """Tokens of one attempt. ``input`` is everything sent, cache included; ``output`` everything
    produced, reasoning included."""

    input: int = 0
    output: int = 0
    cached: int = 0
    write: int = 0
    write_1h: int = 0
    reasoning: int = 0

    def usd(self, tariff: Tariff) -> Decimal:
        """The price, exactly."""
        plain = self.input - self.cached - self.write - self.write_1h
        assert plain >= 0
        return (
            plain * Decimal(tariff.input)
            + self.output * Decimal(tariff.output)
            + self.cached * Decimal(tariff.cached)
            + self.write * Decimal(tariff.write)
            + self.write_1h * Decimal(tariff.write_1h)
        ) / MILLION


@dataclass(slots=True)
class Line:
    """One attempt that reached the service. ``call`` is the id that the prompt carries as
    ``[[call ID]]``; ``attempt`` counts from 1 within it. ``reported`` is whether correct usage went
    out to the caller in full. ``usd`` is "0" for what is not charged."""

    number: int
    at_ns: int
    dialect: str
    path: str
    model: str
    call: str
    attempt: int
    stream: bool
    headers: dict[str, str]
    body: dict[str, Any]
    fault: str = ""
    status: int = 0
    usd: str = "0"
    spent: Spent = field(default_factory=Spent)
    reported: bool = False
    finished: bool = False


class Bill:
    """The lines of one account, in order of arrival."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._numbers = itertools.count(1)
        self._attempts: dict[str, int] = {}

    def open(self, **facts: Any) -> Line:
        """A line for an attempt that has just arrived."""
        call = facts["call"]
        attempt = self._attempts[call] = self._attempts.get(call, 0) + 1
        line = Line(next(self._numbers), time.time_ns(), attempt=attempt, **facts)
        self.lines.append(line)
        return line

    def dump(self, bodies: bool) -> list[dict[str, Any]]:
        """The lines as plain values; ``bodies`` with what was sent."""
        rows = [asdict(line) for line in self.lines]
        if not bodies:
            for row in rows:
                row["body"] = {}
        return rows
