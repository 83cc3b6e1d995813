"""What would embedding these texts cost, and may it still be spent?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, InvalidOperation

from sophia_mcp.errors import BadSetting, BudgetExceeded

NANO = 1_000_000_000


def about_tokens(text: str) -> int:
    """A cautious guess without a tokenizer: one token per three bytes of UTF-8."""
    return len(text.encode("utf-8", "replace")) // 3 + 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """``tokens`` to be sent and their price in integer nano-dollars. An estimate, not a bill."""

    tokens: int
    nano_usd: int


class Budget:
    """A hard limit of tokens and money for the life of one process. Every attempt reserves first,
    retries too; what a service then reports replaces the reservation."""

    def __init__(
        self,
        max_tokens: int,
        usd_per_million: str = "0",
        max_usd: str | None = None,
        count: Callable[[str], int] = about_tokens,
    ) -> None:
        """``usd_per_million`` and ``max_usd`` are exact decimals. Raises BadSetting for others."""
        self._price = _decimal("usd_per_million", usd_per_million)
        self._max_nano = None if max_usd is None else int(_decimal("max_usd", max_usd) * NANO)
        self._max_tokens = max_tokens
        self._count = count
        self._spent = 0

    @property
    def spent_tokens(self) -> int:
        """Tokens reserved or reported so far."""
        return self._spent

    def estimate(self, texts: Iterable[str]) -> Estimate:
        """What sending these texts once would take."""
        tokens = sum(map(self._count, texts))
        return Estimate(tokens, self._nano(tokens))

    def reserve(self, texts: Iterable[str]) -> int:
        """Take the tokens of one attempt. Raises BudgetExceeded and takes nothing when they do not fit."""
        tokens = self.estimate(texts).tokens
        after = self._spent + tokens
        over_money = self._max_nano is not None and self._nano(after) > self._max_nano
        if after > self._max_tokens or over_money:
            limit = "its money" if over_money else f"{self._max_tokens} tokens"
            raise BudgetExceeded(
                f"embedding about {tokens} more tokens would pass the limit",
                why=f"{self._spent} tokens are spent and {limit} is the limit of this process",
                next="raise embed.max_tokens, or use the local embedder static",
            )
        self._spent = after
        return tokens

    def settle(self, reserved: int, reported: int | None) -> None:
        """Replace a reservation by what the service says it counted."""
        if reported is not None and reported >= 0:
            self._spent += reported - reserved

    def _nano(self, tokens: int) -> int:
        return int((self._price * tokens * (NANO // 1_000_000)).to_integral_value(ROUND_CEILING))


def _decimal(name: str, value: str) -> Decimal:
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal(-1)
    if not number.is_finite() or number < 0:
        raise BadSetting(
            f"embed.{name} is {value!r}", why="it must be a decimal of 0 or more", next='write "0.02"'
        )
    return number
