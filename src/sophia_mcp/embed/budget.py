"""How much may this process still send to be embedded? What it costs is the ledger's to limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sophia_mcp.errors import BudgetExceeded


def about_tokens(text: str) -> int:
    """A cautious guess without a tokenizer: one token per three bytes of UTF-8."""
    return len(text.encode("utf-8", "replace")) // 3 + 1


class Budget:
    """A hard limit of tokens for the life of one process. Every attempt reserves first, retries too; what
    a service then reports replaces the reservation."""

    def __init__(self, max_tokens: int, count: Callable[[str], int] = about_tokens) -> None:
        self._max_tokens = max_tokens
        self._count = count
        self._spent = 0

    def reserve(self, texts: Iterable[str]) -> int:
        """Take the tokens of one attempt. Raises BudgetExceeded and takes nothing when they do not fit."""
        tokens = sum(map(self._count, texts))
        if self._spent + tokens > self._max_tokens:
            raise BudgetExceeded(
                f"embedding about {tokens} more tokens would pass the limit",
                why=f"{self._spent} tokens are spent and {self._max_tokens} tokens is the limit of this process",
                next="raise embed.max_tokens, or use the local embedder static",
            )
        self._spent += tokens
        return tokens

    def settle(self, reserved: int, reported: int | None) -> None:
        """Replace a reservation by what the service says it counted."""
        if reported is not None and reported >= 0:
            self._spent += reported - reserved
