"""Estimates and hard limits of hosted embedding."""

from __future__ import annotations

import pytest

from sophia_mcp.embed.budget import Budget, Estimate, about_tokens
from sophia_mcp.errors import BadSetting, BudgetExceeded


def test_the_price_is_exact_and_rounded_up() -> None:
    budget = Budget(10**9, "0.02", count=lambda _: 333)
    assert budget.estimate(["a"]) == Estimate(333, 6660)
    assert Budget(10**9, "0.0000001", count=lambda _: 1).estimate(["a"]).nano_usd == 1


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


@pytest.mark.parametrize("price", ["", "free", "-1", "NaN", "Infinity"])
def test_a_price_that_is_no_decimal_is_refused(price: str) -> None:
    with pytest.raises(BadSetting, match="usd_per_million"):
        Budget(10, price)


def test_the_guess_counts_bytes_not_characters() -> None:
    assert about_tokens("a" * 30) == 11
    assert about_tokens("日" * 30) == 31
