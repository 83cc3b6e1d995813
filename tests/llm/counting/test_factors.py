"""Estimates follow what models really count, and bounds hold from the first call on."""

from __future__ import annotations

import random

import pytest
from tests.llm.asking import ask

from sophia_mcp.llm.counting.factors import ENOUGH_CALLS, Factors, Learned, measured
from sophia_mcp.llm.prices.catalogue import Catalogue

pytestmark = pytest.mark.requirement("llm.factors")

TEXT = "def acquire(self, timeout):\n    return self.queue.get(timeout)\n" * 40


def question(dice: random.Random) -> str:
    return TEXT[: dice.randrange(1_500, len(TEXT))]


@pytest.mark.parametrize("real", [0.9, 1.0, 1.13, 1.35, 1.45])
@pytest.mark.parametrize("start", [1.0, 1.15, 1.35])
def test_after_twenty_settled_calls_the_estimate_is_within_ten_percent(
    real: float, start: float
) -> None:
    dice = random.Random(7)
    factors = Factors(start=lambda model: start)
    for _ in range(ENOUGH_CALLS):
        asked = ask(question(dice))
        factors.learn(asked, round(measured(asked) * real * dice.uniform(0.96, 1.04)))
    for _ in range(200):
        asked = ask(question(dice))
        counted = measured(asked) * real * dice.uniform(0.97, 1.03)
        assert factors.estimate(asked) == pytest.approx(counted, rel=0.10)


def test_a_bound_holds_for_any_tokenizer_up_to_1_45_times_ours_before_and_after_learning() -> None:
    dice = random.Random(11)
    factors = Factors(start=lambda model: 1.0)
    for _ in range(400):
        asked = ask(question(dice))
        counted = round(measured(asked) * dice.uniform(1.0, 1.45))
        assert factors.bound(asked) >= counted
        factors.learn(asked, counted)


def test_a_forced_tool_call_s_own_prompt_is_inside_the_bound() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    factors = Factors(start=lambda model: 1.0)
    assert factors.bound(ask(schema=schema)) >= measured(ask(schema=schema)) + 400


def test_short_questions_and_nonsense_teach_nothing() -> None:
    factors = Factors(start=lambda model: 1.0)
    factors.learn(ask("short"), 5_000)
    factors.learn(ask(TEXT), 0)
    assert factors.factor("stand-in") == 1.0


def test_what_was_learned_is_told_and_can_be_handed_in_again() -> None:
    told: dict[str, Learned] = {}
    first = Factors(keep=told.__setitem__, start=lambda model: 1.0)
    for _ in range(ENOUGH_CALLS):
        first.learn(ask(TEXT), measured(ask(TEXT)) * 13 // 10)
    again = Factors(told, start=lambda model: 9.0)
    assert again.factor("stand-in") == pytest.approx(1.3, abs=0.02)
    assert again.bound(ask(TEXT)) == first.bound(ask(TEXT))


def test_one_strange_report_does_not_turn_an_estimate_over() -> None:
    factors = Factors(start=lambda model: 1.0)
    for _ in range(30):
        factors.learn(ask(TEXT), measured(ask(TEXT)))
    factors.learn(ask(TEXT), measured(ask(TEXT)) * 1_000)
    assert factors.factor("stand-in") < 1.5


@pytest.mark.parametrize(
    ("model", "factor"),
    [("gpt-5.5", 1.0), ("@anthropic-prod/claude-sonnet-5-5", 1.35), ("claude-opus-4-6", 1.15)],
)
def test_families_start_from_what_the_catalogue_says(model: str, factor: float) -> None:
    catalogue = Catalogue()
    factors = Factors(start=lambda name: float(catalogue.model(name).factor))
    assert factors.factor(model) == factor
