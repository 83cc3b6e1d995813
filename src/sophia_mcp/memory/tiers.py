"""How long does a memory last, how much does it count today, and when is a lesson to be believed?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from sophia_mcp.errors import BadArgument
from sophia_mcp.types import Memo, MemoryTier

DAY_NS = 86_400_000_000_000
HOUR_NS = DAY_NS // 24

MOST_DAYS = 3650

PERSON_VOTE = 3
"""A person's word counts as much as three runs."""

Provenance = Literal["confirmed", "stated", "inferred", "disputed"]


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """What a person may set. Hours and days, and the confirmations that make a lesson believed."""

    working_hours: int = 24
    episodic_days: int = 90
    half_life_days: int = 180
    kept_days: int = 30
    confirmations: int = 3
    lessons: int = 5

    def ends(self, tier: MemoryTier, now: int, ttl_days: int | None = None) -> int | None:
        """When a memory written now expires; None: never. Raises BadArgument."""
        if ttl_days is not None:
            if not 1 <= ttl_days <= MOST_DAYS:
                raise BadArgument(
                    f"ttl_days {ttl_days} is out of range",
                    why=f"a memory with an end lives 1 to {MOST_DAYS} days",
                    next="leave it out for one that lasts",
                )
            if tier == "pinned":
                raise BadArgument(
                    "a pinned memory has no end",
                    why="pinned and ttl_days were both given",
                    next="leave one of them out",
                )
            return now + ttl_days * DAY_NS
        if tier == "working":
            return now + self.working_hours * HOUR_NS
        if tier == "episodic":
            return now + self.episodic_days * DAY_NS
        return None

    def retention(self, tier: MemoryTier, used_ns: int, uses: int, now: int) -> float:
        """What is left of a memory, 0 to 1: half after each half-life since it was last used. Every
        doubling of its uses adds a half-life's length, as spaced repetition lengthens intervals."""
        if tier == "pinned":
            return 1.0
        days = {"working": self.working_hours / 24, "episodic": self.episodic_days / 3}.get(
            tier, float(self.half_life_days)
        )
        half_life = max(days, 1e-3) * DAY_NS * (1 + math.log2(1 + uses))
        return float(0.5 ** (max(now - used_ns, 0) / half_life))

    def weight(self, memo: Memo, now: int) -> float:
        """What relevance is multiplied with, 0.5 to 1.5: an old memory that nobody used ranks lower
        but is never hidden, and standing counts both ways."""
        left = self.retention(memo.tier, memo.used_ns, memo.uses, now)
        believed = max(-1.0, min(1.0, memo.standing / max(self.confirmations, 1)))
        return 0.7 + 0.3 * left + 0.2 * believed + (0.3 if memo.tier == "pinned" else 0.0)

    def believed(self, memo: Memo) -> bool:
        """Whether it may stand in a prompt: a lesson only after it was confirmed often enough."""
        return memo.kind != "lesson" or memo.standing >= self.confirmations

    def provenance(self, memo: Memo) -> Provenance:
        """Confirmed by others, stated by someone, or inferred by a run and not confirmed yet."""
        if memo.standing < 0:
            return "disputed"
        if memo.standing >= self.confirmations:
            return "confirmed"
        return "inferred" if memo.source.startswith("run:") else "stated"


def tier_of(pinned: bool, ttl_days: int | None, asked: MemoryTier | None) -> MemoryTier:
    """The tier a memory belongs to: as asked, else by how long it is to live."""
    if pinned:
        return "pinned"
    if asked is not None:
        return asked
    if ttl_days is None:
        return "lasting"
    return "working" if ttl_days <= 1 else "episodic"
