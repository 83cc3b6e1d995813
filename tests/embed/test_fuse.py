"""An endpoint that is down is found out once, and not by everybody who asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import numpy as np
import pytest
from tests.embed.endpoint import Endpoint
from tests.embed.hosted import PASSAGES, embedder

from sophia_mcp.embed.fuse import Fuse, Fused
from sophia_mcp.embed.providers import Model, Passage, Vectors
from sophia_mcp.errors import BudgetExceeded, ProviderError
from sophia_mcp.ops.breaker import Breaker

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("embed.away")]


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Scripted:
    """Meets each call with the next of ``script``: an error, or None for a vector."""

    script: list[Exception | None] = field(default_factory=list)
    asked: int = 0

    @property
    def model(self) -> Model:
        return Model("far", 4, local=False)

    async def documents(self, passages: Sequence[Passage]) -> Vectors:
        return np.stack([await self.query(passage.text) for passage in passages])

    async def query(self, text: str) -> Vectors:
        self.asked += 1
        step = self.script.pop(0) if self.script else None
        if step is not None:
            raise step
        return np.ones(4, np.float32) / 2


def fused(inside: Any, clock: Clock, question_s: float = 5.0) -> Fused:
    return Fused(inside, Fuse(Breaker(1, 30.0, clock), question_s))


async def test_after_a_failure_nobody_asks_for_a_while_and_then_it_is_back() -> None:
    clock = Clock()
    inside = Scripted([ProviderError("it failed", why="it is down", next="start it", transient=True)])
    guarded = fused(inside, clock)
    for _ in range(3):
        with pytest.raises(ProviderError, match="it is down"):
            await guarded.query("x")
    with pytest.raises(ProviderError, match="start it; it is asked again in 30 s"):
        await guarded.documents(PASSAGES)
    assert inside.asked == 1
    clock.now = 31.0
    assert (await guarded.query("x")).shape == (4,)
    assert (await guarded.query("x")).shape == (4,)


async def test_a_service_that_asks_to_be_left_alone_is() -> None:
    clock = Clock()
    inside = Scripted([ProviderError("busy", transient=True, retry_after_s=100.0)])
    guarded = fused(inside, clock)
    with pytest.raises(ProviderError):
        await guarded.query("x")
    clock.now = 99.0
    with pytest.raises(ProviderError, match="asked again in 1 s"):
        await guarded.query("x")
    clock.now = 101.0
    await guarded.query("x")
    assert inside.asked == 2


@pytest.mark.parametrize("after", [float("inf"), 1e300])
async def test_no_service_can_ask_to_be_left_alone_for_ever(after: float) -> None:
    clock = Clock()
    guarded = fused(Scripted([ProviderError("busy", transient=True, retry_after_s=after)]), clock)
    with pytest.raises(ProviderError):
        await guarded.query("x")
    clock.now = 3601.0
    await guarded.query("x")


async def test_one_batch_that_is_refused_leaves_questions_their_meaning() -> None:
    inside = Scripted([ProviderError("refused", why="it answered 400: input too long", status=400)])
    guarded = fused(inside, Clock())
    with pytest.raises(ProviderError, match="400"):
        await guarded.documents(PASSAGES)
    await guarded.query("x")


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_one_question_that_is_refused_leaves_the_others_their_meaning(status: int) -> None:
    inside = Scripted([ProviderError("refused", why="the input is too long", status=status)])
    guarded = fused(inside, Clock())
    with pytest.raises(ProviderError, match="too long"):
        await guarded.query("x" * 100_000)
    assert (await guarded.query("x")).shape == (4,)


async def test_a_refused_key_is_not_shown_again_and_again() -> None:
    inside = Scripted([ProviderError("refused", why="it answered 401", status=401)])
    guarded = fused(inside, Clock())
    with pytest.raises(ProviderError, match="401"):
        await guarded.documents(PASSAGES)
    with pytest.raises(ProviderError, match="401"):
        await guarded.query("x")
    assert inside.asked == 1


async def test_a_spent_budget_says_nothing_about_the_endpoint() -> None:
    inside = Scripted([BudgetExceeded("spent")])
    guarded = fused(inside, Clock())
    with pytest.raises(BudgetExceeded):
        await guarded.query("x")
    await guarded.query("x")


@pytest.mark.parametrize("ill", ["stall", "trickle"])
async def test_a_question_waits_for_a_slow_endpoint_once(ill: str) -> None:
    with Endpoint() as endpoint:
        client = embedder(endpoint)
        await client.query("what is imported for the first question is")
        endpoint.ill = ill
        guarded = fused(client, Clock(), question_s=0.2)
        for _ in range(3):
            with pytest.raises(ProviderError, match="did not answer a question within"):
                await guarded.query("x")
        assert endpoint.tried == 2
        await client.aclose()


async def test_a_caller_that_gives_up_leaves_the_trial_to_the_next() -> None:
    clock = Clock()
    inside = Scripted([ProviderError("down", transient=True)])
    guarded = fused(inside, clock)
    with pytest.raises(ProviderError):
        await guarded.query("x")
    clock.now = 31.0
    inside.script = [anyio.get_cancelled_exc_class()()]  # type: ignore[list-item]
    with pytest.raises(anyio.get_cancelled_exc_class()):
        await guarded.query("x")
    await guarded.query("x")


@pytest.mark.parametrize("ends", ["cancelled", "refused for its text"])
async def test_a_call_that_began_before_a_service_asked_to_be_left_alone_changes_nothing(
    ends: str,
) -> None:
    clock = Clock()
    inside = Scripted()
    released = anyio.Event()

    class Slow(Scripted):
        async def query(self, text: str) -> Vectors:
            if text != "slow":
                return await inside.query(text)
            await released.wait()
            raise ProviderError("refused", status=413)

    guarded = fused(Slow(), clock)

    async def slow() -> None:
        with pytest.raises(ProviderError, match="refused"):
            await guarded.documents([Passage((), "slow")])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(slow)
        await anyio.wait_all_tasks_blocked()
        inside.script = [ProviderError("busy", transient=True, status=429, retry_after_s=100.0)]
        with pytest.raises(ProviderError, match="busy"):
            await guarded.query("x")
        clock.now = 50.0
        if ends == "cancelled":
            tasks.cancel_scope.cancel()
        released.set()
    with pytest.raises(ProviderError, match="asked again in 50 s"):
        await guarded.query("x")
    assert inside.asked == 1
