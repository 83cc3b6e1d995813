"""A forecast follows the level and the weekday, and says how sure it is."""

from __future__ import annotations

import random

import pytest

from sophia_mcp.cost.reports.forecast import forecast

pytestmark = pytest.mark.requirement("cost.forecast")
DOLLAR = 10**9
MONDAY, SATURDAY = 0, 5


def test_steady_spending_goes_on_and_is_nearly_certain() -> None:
    ahead = forecast([DOLLAR] * 28, 10 * DOLLAR, MONDAY, 1.0, 9)
    assert ahead is not None
    assert ahead.nano == 20 * DOLLAR
    assert ahead.low_nano == ahead.high_nano == 20 * DOLLAR


def test_days_off_are_expected_to_stay_off() -> None:
    week = [5 * DOLLAR] * 5 + [0, 0]
    at_the_weekend = forecast(week * 4 + week[:5], 0, SATURDAY, 1.0, 1)
    on_monday = forecast(week * 4, 0, MONDAY, 1.0, 1)
    assert at_the_weekend is not None
    assert on_monday is not None
    assert at_the_weekend.nano < 2.5 * DOLLAR
    assert 7 * DOLLAR < on_monday.nano < 13 * DOLLAR


def test_the_level_follows_a_change_within_a_week() -> None:
    ahead = forecast([DOLLAR] * 7 + [4 * DOLLAR] * 6, 0, MONDAY, 1.0, 0)
    assert ahead is not None
    assert 3 * DOLLAR < ahead.nano < 4 * DOLLAR


def test_only_the_rest_of_today_is_expected() -> None:
    ahead = forecast([DOLLAR] * 28, 700_000_000, MONDAY, 0.25, 0)
    assert ahead is not None
    assert ahead.nano == 950_000_000


def test_the_band_holds_about_four_fifths_of_what_comes() -> None:
    draw = random.Random(7)
    inside = 0
    for _ in range(400):
        days = [round(draw.lognormvariate(0, 0.5) * DOLLAR) for _ in range(42)]
        ahead = forecast(days[:35], 0, MONDAY, 1.0, 6)
        assert ahead is not None
        inside += ahead.low_nano <= sum(days[35:]) <= ahead.high_nano
    assert 0.68 <= inside / 400 <= 0.95


def test_the_low_end_is_never_below_what_is_spent() -> None:
    ahead = forecast([0, 9 * DOLLAR, 0, 0, 30 * DOLLAR, 0], 3 * DOLLAR, MONDAY, 0.1, 0)
    assert ahead is not None
    assert ahead.low_nano >= 3 * DOLLAR


def test_no_rounding_takes_a_forecast_below_what_is_spent() -> None:
    spent = 12_344_999_999
    ahead = forecast([1000] * 28, spent, MONDAY, 0.0, 0)
    assert ahead is not None
    assert min(ahead.low_nano, ahead.nano, ahead.high_nano) == spent


@pytest.mark.parametrize("past", [[], [0] * 30, [0] * 20 + [5, 5]])
def test_too_few_days_give_no_forecast(past: list[int]) -> None:
    assert forecast(past, 0, MONDAY, 1.0, 5) is None
