"""A tier becomes a model, and another provider stands in when one fails."""

from __future__ import annotations

import pytest
from tests.llm.asking import Steps, ask

from sophia_mcp.errors import (
    BadAnswer,
    BadSetting,
    BudgetExceeded,
    ContextTooLong,
    ProviderError,
    SophiaError,
)
from sophia_mcp.llm.wrappers.route import ByTier, Fallback, Tiered

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("llm.fallback")]


@pytest.mark.parametrize(
    ("tiers", "asked", "tier", "model"),
    [
        ({"fast": "f", "standard": "s", "deep": "d"}, "", "standard", "s"),
        ({"fast": "f", "standard": "s", "deep": "d"}, "", "deep", "d"),
        ({"fast": "f", "standard": "s", "deep": "d"}, "fast", "deep", "f"),
        ({"fast": "f", "standard": "s", "deep": "d"}, "my-model", "deep", "my-model"),
        ({"fast": "f", "deep": "d"}, "standard", "standard", "d"),
        ({"fast": "f", "deep": ""}, "deep", "standard", "f"),
        ({"standard": "s"}, "fast", "standard", "s"),
    ],
)
async def test_a_tier_is_a_model_and_a_model_is_itself(
    tiers: dict[str, str], asked: str, tier: str, model: str
) -> None:
    inner = Steps(["done"])
    reply = await Tiered(inner, ByTier("p", tiers, tier)).ask(ask(model=asked))  # type: ignore[arg-type]
    assert inner.asked[0].model == reply.requested == model


async def test_a_provider_without_a_model_says_which_setting_to_write() -> None:
    with pytest.raises(BadSetting, match=r"llm\.openai\.standard"):
        await Tiered(Steps([]), ByTier("openai", {})).ask(ask(model=""))


def route(name: str, *things: object) -> tuple[Tiered, Steps]:
    inner = Steps(things, name)
    return Tiered(inner, ByTier(name, {"standard": f"{name}-model"})), inner


async def test_the_next_provider_answers_with_its_own_model() -> None:
    first, _ = route("first", ProviderError("down", transient=True))
    second, _ = route("second", ProviderError("down too"))
    third, inner = route("third", "done")
    told: list[str] = []
    fallback = Fallback(first, [second, third], lambda labels, text: told.append(text))
    reply = await fallback.ask(ask(model="first-special"))
    assert (reply.provider, inner.asked[0].model) == ("third", "third-model")
    assert ["asking second" in told[0], "asking third" in told[2]] == [True, True]
    assert fallback.name == "first"


@pytest.mark.parametrize("error", [ContextTooLong("x"), BadAnswer("x"), BudgetExceeded("x")])
async def test_what_another_provider_would_not_mend_is_raised(error: SophiaError) -> None:
    first, _ = route("first", error)
    second, inner = route("second", "never")
    with pytest.raises(type(error)):
        await Fallback(first, [second]).ask(ask(model=""))
    assert inner.asked == []


async def test_when_all_fail_the_first_one_s_reason_is_given() -> None:
    first, _ = route("first", ProviderError("the first reason"))
    second, _ = route("second", ProviderError("another"))
    with pytest.raises(ProviderError, match="the first reason"):
        await Fallback(first, [second]).ask(ask(model=""))
