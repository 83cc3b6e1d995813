"""The hard limit of what a process sends to be embedded."""

from __future__ import annotations

import pytest
from tests.embed.hosted import assert_left

from sophia_mcp.embed.budget import Budget, about_tokens
from sophia_mcp.errors import BudgetExceeded

SIX = "a" * 17
"""About six tokens."""


def test_a_reservation_that_does_not_fit_takes_nothing() -> None:
    budget = Budget(10)
    assert budget.reserve([SIX]) == 6
    with pytest.raises(BudgetExceeded):
        budget.reserve([SIX])
    assert_left(budget, 4)


def test_a_report_that_makes_no_sense_leaves_the_reservation() -> None:
    budget = Budget(10)
    budget.settle(budget.reserve([SIX]), -4)
    assert_left(budget, 4)


def test_a_report_replaces_the_reservation() -> None:
    budget = Budget(10)
    budget.settle(budget.reserve([SIX]), 2)
    assert_left(budget, 8)


def test_the_guess_counts_bytes_not_characters() -> None:
    assert about_tokens("a" * 30) == 11
    assert about_tokens("日" * 30) == 31
