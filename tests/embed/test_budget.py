"""The hard limit of what a process sends to be embedded."""

from __future__ import annotations

import pytest

from sophia_mcp.embed.budget import Budget, about_tokens
from sophia_mcp.errors import BudgetExceeded


def test_a_reservation_that_does_not_fit_takes_nothing() -> None:
    budget = Budget(10, count=lambda _: 6)
    assert budget.reserve(["a"]) == 6
    with pytest.raises(BudgetExceeded):
        budget.reserve(["b"])
    assert budget.spent_tokens == 6


def test_a_report_that_makes_no_sense_leaves_the_reservation() -> None:
    budget = Budget(10, count=lambda _: 6)
    budget.settle(budget.reserve(["a"]), -4)
    assert budget.spent_tokens == 6
    budget.settle(6, 2)
    assert budget.spent_tokens == 2


def test_the_guess_counts_bytes_not_characters() -> None:
    assert about_tokens("a" * 30) == 11
    assert about_tokens("日" * 30) == 31
