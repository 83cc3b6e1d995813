"""A question is cut at 85 % of what the model may read, keeps what matters, and never ends as too long."""

from __future__ import annotations

import random
from typing import Any

import pytest
from tests.llm.asking import Steps, ask

from sophia_mcp.errors import ContextTooLong
from sophia_mcp.llm.counting.factors import Factors, measured
from sophia_mcp.llm.wrappers.context import COMPACT, Fitted, Strategy, Window, compact
from sophia_mcp.types import Ask, Message, Reply, Usage

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("llm.context")]

STRATEGIES: tuple[Strategy, ...] = ("important_first", "sliding_window")


def filler(seed: int, tokens: int) -> str:
    """Code-like text of about so many tokens, in paragraphs."""
    dice = random.Random(seed)
    names = [f"value_{dice.randrange(10_000)}" for _ in range(60)]
    lines: list[str] = []
    for number in range(tokens // 8):
        if number % 12 == 0:
            lines.append("")
        lines.append(f"    {dice.choice(names)} = {dice.choice(names)}({dice.randrange(99)})")
    return "\n".join(lines)


def long(tokens: int, **changed: Any) -> Ask:
    return ask(
        messages=(
            Message("system", "You review code. Quote what you judge."),
            Message("user", f"<<<source\n{filler(1, tokens)}\nsource>>>", shared=True),
            Message("user", "Look for races in the class ConnectionPool."),
        ),
        **changed,
    )


def fitted(inner: Steps, window: int | None, strategy: Strategy = "important_first") -> Any:
    told: list[str] = []
    made = Fitted(
        inner,
        lambda model: Window(window) if window is not None else None,
        Factors(start=lambda model: 1.0),
        strategy,
        lambda labels, text: told.append(text),
    )
    return made, told


async def test_a_question_that_fits_is_sent_as_it_is_without_a_word() -> None:
    inner = Steps(["done"])
    made, told = fitted(inner, 100_000)
    await made.ask(long(2_000))
    assert inner.asked == [long(2_000)]
    assert told == []


@pytest.mark.parametrize(
    ("share", "word", "cut"), [(0.70, "", False), (0.80, "fills", False), (0.90, "cut to", True)]
)
async def test_it_is_said_at_three_quarters_and_cut_at_85_percent(
    share: float, word: str, cut: bool
) -> None:
    question = long(8_000)
    factor = Factors(start=lambda model: 1.0).bound_factor("stand-in")
    window = int(measured(question) * factor / share) + question.max_tokens
    inner = Steps(["done"])
    made, told = fitted(inner, window)
    await made.ask(question)
    assert (inner.asked[0] != question) is cut
    assert ([word in each for each in told] == [True]) if word else (told == [])
    room = (window - question.max_tokens) / factor
    assert measured(inner.asked[0]) <= room * max(COMPACT, share if not cut else 0)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("budget", [200, 500, 2_000, 8_000])
def test_what_is_cut_fits_and_keeps_instructions_task_and_fences(
    strategy: Strategy, budget: int
) -> None:
    question = long(20_000)
    shorter = compact(question, budget, strategy)
    assert measured(shorter) <= budget
    assert shorter.messages[0] == question.messages[0]
    assert shorter.messages[-1] == question.messages[-1]
    assert shorter.messages[1].text.startswith("<<<source")
    assert shorter.messages[1].text.endswith("source>>>")
    assert "lines left out" in shorter.messages[1].text
    assert [m.role for m in shorter.messages] == [m.role for m in question.messages]


def test_important_first_keeps_what_the_task_names() -> None:
    needle = "class ConnectionPool:\n    def acquire(self): races"
    source = f"{filler(1, 9_000)}\n\n{needle}\n\n{filler(2, 9_000)}"
    first, _, last = long(10).messages
    question = ask(messages=(first, Message("user", source), last))
    assert needle in compact(question, 3_000, "important_first").messages[1].text


def test_a_sliding_window_keeps_the_latest() -> None:
    source = "\n\n".join(f"paragraph number {n} of the talk" for n in range(2_000))
    question = ask(messages=(Message("user", source), Message("user", "go on")))
    text = compact(question, 1_000, "sliding_window").messages[0].text
    assert "number 1999 " in text
    assert "number 1950 " in text
    assert "number 1000 " not in text


@pytest.mark.parametrize("text", ["word " * 30_000, "x" * 200_000, "\n" * 50_000, "🦊" * 20_000])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_text_without_any_structure_is_cut_too(text: str, strategy: Strategy) -> None:
    question = ask(messages=(Message("system", "s"), Message("user", text)))
    assert measured(compact(question, 1_000, strategy)) <= 1_000


def test_nothing_is_lost_where_everything_fits() -> None:
    question = long(3_000)
    assert compact(question, 10_000, "important_first") == question


@pytest.mark.parametrize("window", [None, 400_000])
async def test_a_provider_with_a_smaller_window_than_known_is_asked_with_less(
    window: int | None,
) -> None:
    limit = 1_500

    async def small(asked: Ask) -> str:
        if measured(asked) > limit:
            raise ContextTooLong("too long")
        return "done"

    inner = Steps([small] * 20)
    made, told = fitted(inner, window)
    assert (await made.ask(long(6_000))).text == "done"
    asked = len(inner.asked)
    assert asked > 1
    assert told
    assert (await made.ask(long(6_000))).text == "done"
    assert len(inner.asked) - asked <= asked, "what was learned is not forgotten"


async def test_a_provider_that_finds_everything_too_long_is_an_error_in_the_end() -> None:
    inner = Steps([ContextTooLong("too long")] * 10)
    made, _ = fitted(inner, None)
    with pytest.raises(ContextTooLong):
        await made.ask(long(6_000))
    assert len(inner.asked) <= 6


async def test_more_is_not_asked_for_than_the_model_can_answer() -> None:
    inner = Steps(["done"])
    made = Fitted(inner, lambda model: Window(100_000, 4_096), Factors())
    await made.ask(ask(max_tokens=50_000))
    assert inner.asked[0].max_tokens == 4_096


@pytest.mark.parametrize("stretch", [0.8, 1.0, 1.2, 1.45])
async def test_no_question_is_ever_too_long_for_a_tokenizer_up_to_1_45_times_ours(
    stretch: float,
) -> None:
    dice = random.Random(int(stretch * 100))
    window, refused = 12_000, 0

    async def counting(asked: Ask) -> Reply:
        nonlocal refused
        counted = int(measured(asked) * stretch)
        if counted + asked.max_tokens > window:
            refused += 1
            raise ContextTooLong("too long")
        return Reply("done", asked.model, "steps", usage=Usage(counted, 10))

    inner = Steps([counting] * 200)
    made, _ = fitted(inner, window)
    for _ in range(15):
        await made.ask(long(dice.randrange(500, 20_000), max_tokens=dice.randrange(100, 3_000)))
    assert refused == 0
