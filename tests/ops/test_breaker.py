"""A peer that fails in a row is left alone, and tried by one caller at a time until it is well."""

from __future__ import annotations

import pytest

from sophia_mcp.ops.breaker import Breaker

pytestmark = pytest.mark.requirement("llm.guard")


def test_it_opens_after_failures_in_a_row_and_lets_one_try_after_the_rest() -> None:
    now = [100.0]
    breaker = Breaker(failures=3, cool_s=30, clock=lambda: now[0])
    for _ in range(2):
        breaker.failed()
    breaker.succeeded(breaker.trial)
    for _ in range(2):
        breaker.failed()
    assert breaker.wait_s() == 0, "a success in between starts the count again"
    breaker.failed()
    assert breaker.wait_s() == 30
    now[0] += 30
    assert breaker.wait_s() == 0, "one may try"
    assert breaker.wait_s() == 30, "the others wait for what it finds"
    breaker.failed()
    assert breaker.wait_s() == 30
    now[0] += 31
    assert breaker.wait_s() == 0
    breaker.succeeded(breaker.trial)
    assert [breaker.wait_s(), breaker.wait_s()] == [0, 0]


def test_one_that_came_back_without_knowing_lets_the_next_one_try() -> None:
    now = [100.0]
    breaker = Breaker(failures=1, cool_s=30, clock=lambda: now[0])
    breaker.undecided(breaker.trial)
    assert breaker.wait_s() == 0
    breaker.failed()
    now[0] += 30
    assert [breaker.wait_s(), breaker.wait_s()] == [0, 30]
    breaker.undecided(breaker.trial)
    assert [breaker.wait_s(), breaker.wait_s()] == [0, 30]


def test_who_went_before_it_opened_lets_nobody_try_early() -> None:
    now = [100.0]
    breaker = Breaker(failures=1, cool_s=30, clock=lambda: now[0])
    assert breaker.wait_s() == 0
    earlier = breaker.trial
    breaker.failed(90.0)
    breaker.undecided(earlier)
    assert breaker.wait_s() == 90
    breaker.failed()
    assert breaker.wait_s() == 90, "nor does one that fails as well"
    now[0] += 90
    assert breaker.wait_s() == 0
    overtaken = breaker.trial
    now[0] += 30
    assert breaker.wait_s() == 0
    breaker.undecided(overtaken)
    assert breaker.wait_s() == 30, "the next one is at it by now"


def test_a_success_of_who_went_before_it_opened_does_not_close_it() -> None:
    now = [100.0]
    breaker = Breaker(failures=1, cool_s=30, clock=lambda: now[0])
    assert breaker.wait_s() == 0
    earlier = breaker.trial
    breaker.failed(3600.0)
    breaker.succeeded(earlier)
    assert breaker.wait_s() == 3600
    now[0] += 3600
    assert breaker.wait_s() == 0
    overtaken = breaker.trial
    breaker.failed()
    breaker.succeeded(overtaken)
    assert breaker.wait_s() == 30, "it failed since that one went"


def test_a_trial_that_takes_longer_than_the_rest_closes_it_all_the_same() -> None:
    now = [100.0]
    breaker = Breaker(failures=1, cool_s=30, clock=lambda: now[0])
    breaker.failed()
    now[0] += 30
    assert breaker.wait_s() == 0
    slow = breaker.trial
    now[0] += 30
    assert [breaker.wait_s(), breaker.wait_s()] == [0, 30]
    breaker.succeeded(slow)
    assert [breaker.wait_s(), breaker.wait_s()] == [0, 0]


def test_what_a_peer_asked_for_before_it_was_well_is_over() -> None:
    now = [100.0]
    breaker = Breaker(failures=2, cool_s=30, clock=lambda: now[0])
    breaker.failed(3600.0)
    breaker.succeeded(breaker.trial)
    now[0] += 600
    breaker.failed()
    breaker.failed()
    assert breaker.wait_s() == 30


def test_a_peer_that_asks_for_more_time_gets_it_and_never_less_than_usual() -> None:
    now = [100.0]
    breaker = Breaker(failures=1, cool_s=30, clock=lambda: now[0])
    breaker.failed(90.0)
    assert breaker.wait_s() == 90
    now[0] += 90
    assert breaker.wait_s() == 0
    breaker.failed(5.0)
    assert breaker.wait_s() == 30
