"""`auto` takes the first provider that lacks nothing, and says why."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sophia_mcp.errors import BadSetting, NotFound
from sophia_mcp.llm.choose import ORDER, choose

pytestmark = pytest.mark.requirement("llm.choice")


def lacking(*names: str) -> Callable[[str], str]:
    return lambda name: f"{name} has no key" if name in names else ""


@pytest.mark.parametrize("number", range(len(ORDER)))
def test_the_first_that_lacks_nothing_is_taken(number: int) -> None:
    chosen = choose("auto", lacking(*ORDER[:number]))
    assert chosen.name == ORDER[number]
    assert chosen.free is (number >= 2)
    for name in ORDER[:number]:
        assert f"not {name}: {name} has no key" in chosen.why


def test_what_was_asked_for_is_taken_or_an_error_that_says_what_is_missing() -> None:
    assert choose("openai", lacking()).name == "openai"
    with pytest.raises(BadSetting, match="openai has no key"):
        choose("openai", lacking("openai"))


def test_an_unknown_provider_is_an_error_with_near_names() -> None:
    with pytest.raises(NotFound, match="portkey"):
        choose("portkee", lacking())
