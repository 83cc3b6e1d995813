"""A question is repeated where that makes sense, ends by its deadline, and leaves a failing peer alone."""

from __future__ import annotations

import anyio
import pytest
from tests.llm.asking import Steps, Time, ask, forever, leave

from sophia_mcp.errors import BudgetExceeded, ContextTooLong, ProviderError
from sophia_mcp.llm.wrappers.guard import Guard, Lanes, Policy
from sophia_mcp.types import Ask, Reply

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("llm.guard")]


def busy(after: float | None = None, status: int = 503) -> ProviderError:
    return ProviderError("busy", transient=True, retry_after_s=after, status=status)


def guarded(
    *things: object, time: Time | None = None, lanes: Lanes | None = None
) -> tuple[Guard, Steps, Time]:
    time = time or Time()
    inner = Steps(things)
    lanes = lanes or Lanes(policy=Policy(pause=time.pause, clock=time.clock))
    return Guard(inner, lanes), inner, time


async def test_a_failure_that_may_pass_is_tried_again_with_growing_waits() -> None:
    guard, inner, time = guarded(busy(), busy(), "done")
    assert (await guard.ask(ask())).text == "done"
    assert len(inner.asked) == 3
    assert 0.5 <= time.waited[0] <= 0.75
    assert 1.0 <= time.waited[1] <= 1.5


async def test_it_is_tried_three_times_and_no_more() -> None:
    guard, inner, _ = guarded(*[busy()] * 5)
    with pytest.raises(ProviderError, match="busy"):
        await guard.ask(ask())
    assert len(inner.asked) == 3


@pytest.mark.parametrize(
    "error", [ProviderError("no", status=401), ContextTooLong("long"), BudgetExceeded("spent")]
)
async def test_a_failure_that_will_not_pass_is_raised_at_once(error: Exception) -> None:
    guard, inner, time = guarded(error, "never")
    with pytest.raises(type(error)):
        await guard.ask(ask())
    assert len(inner.asked) == 1
    assert time.waited == []


async def test_a_retry_after_is_never_undercut() -> None:
    guard, _, time = guarded(busy(20, 429), "done")
    await guard.ask(ask())
    assert sum(time.waited) >= 20


async def test_a_retry_after_beyond_the_deadline_is_raised_without_waiting() -> None:
    guard, inner, time = guarded(busy(500, 429), "never")
    with pytest.raises(ProviderError) as raised:
        await guard.ask(ask(deadline_s=60))
    assert raised.value.retry_after_s == 500
    assert time.waited == []
    assert len(inner.asked) == 1


async def test_a_service_that_asks_for_days_is_asked_again_after_an_hour() -> None:
    guard, _, time = guarded(busy(7 * 86400, 429), "done")
    with pytest.raises(ProviderError, match="busy"):
        await guard.ask(ask())
    with pytest.raises(ProviderError, match="not asked for now"):
        await guard.ask(ask())
    await time.pause(3600)
    assert (await guard.ask(ask())).text == "done"


async def test_others_wait_too_when_a_service_asks_to_be_left_alone() -> None:
    time = Time()
    lanes = Lanes(policy=Policy(pause=time.pause, clock=time.clock))
    first, _, _ = guarded(busy(30, 429), "a", time=time, lanes=lanes)
    second, _, _ = guarded("b", time=time, lanes=lanes)
    with pytest.raises(ProviderError):
        await first.ask(ask(deadline_s=10))
    await second.ask(ask(deadline_s=100))
    assert sum(time.waited) >= 30


async def test_the_deadline_ends_a_question_and_says_so() -> None:
    guard, inner, _ = guarded(forever, "never")
    with pytest.raises(ProviderError, match=r"within 0\.05 s") as raised:
        await guard.ask(ask(deadline_s=0.05))
    assert raised.value.charged, "what stalls may be billed"
    assert len(inner.asked) == 1


async def test_a_person_s_own_deadline_replaces_the_step_s() -> None:
    lanes = Lanes(policy=Policy(deadline_s=0.05))
    guard, _, _ = guarded(forever, lanes=lanes)
    with pytest.raises(ProviderError, match=r"within 0\.05 s"):
        await guard.ask(ask(deadline_s=3600))


async def test_a_peer_that_fails_in_a_row_is_left_alone_and_tried_again_later() -> None:
    guard, inner, time = guarded(*[busy()] * 6, "well again", "and again")
    for _ in range(2):
        with pytest.raises(ProviderError):
            await guard.ask(ask())
    asked = len(inner.asked)
    assert asked == 5, "the fifth failure in a row opens the breaker"
    with pytest.raises(ProviderError, match="not asked for now") as raised:
        await guard.ask(ask())
    assert not raised.value.charged
    assert len(inner.asked) == asked
    time.now += 31
    next(inner._next)  # the last scripted failure
    assert (await guard.ask(ask())).text == "well again"
    assert (await guard.ask(ask())).text == "and again"


async def test_too_many_requests_do_not_open_the_breaker() -> None:
    guard, inner, _ = guarded(*[busy(0.1, 429)] * 9, "done")
    for _ in range(3):
        with pytest.raises(ProviderError, match="busy"):
            await guard.ask(ask())
    assert (await guard.ask(ask())).text == "done"
    assert len(inner.asked) == 10


async def test_one_target_s_failures_do_not_close_another() -> None:
    guard, _, _ = guarded(*[busy()] * 5, "fine")
    for _ in range(2):
        with pytest.raises(ProviderError):
            await guard.ask(ask(model="@bad/model"))
    assert (await guard.ask(ask(model="@good/model"))).text == "fine"


async def test_no_more_questions_are_in_flight_than_allowed() -> None:
    most, now = 0, 0

    async def count(_: Ask) -> str:
        nonlocal most, now
        now += 1
        most = max(most, now)
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        now -= 1
        return "done"

    guard, _, _ = guarded(*[count] * 20, lanes=Lanes(concurrency=3))
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(guard.ask, ask())
    assert most == 3


async def test_waiting_for_one_s_turn_does_not_use_up_the_deadline() -> None:
    gate = anyio.Event()

    async def held(_: Ask) -> str:
        await gate.wait()
        return "first"

    guard, _, time = guarded(held, "second", lanes=None)
    guard._lanes.concurrency = 1
    replies: list[Reply] = []

    async def one(deadline_s: float) -> None:
        replies.append(await guard.ask(ask(deadline_s=deadline_s)))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one, 3600)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(one, 5)
        await anyio.wait_all_tasks_blocked()
        time.now += 1000
        gate.set()
    assert [reply.text for reply in replies] == ["first", "second"]


async def test_cancelling_gives_the_turn_back() -> None:
    guard, _, _ = guarded(forever, "done", lanes=Lanes(concurrency=1))
    await leave(guard.ask)
    assert (await guard.ask(ask())).text == "done"


@pytest.mark.parametrize(
    "nothing",
    [
        BudgetExceeded("spent"),
        ProviderError("no answer that can be read"),
        ProviderError("no", status=400),
    ],
)
async def test_a_caller_that_learns_nothing_of_a_failing_peer_does_not_use_up_the_others_turn(
    nothing: Exception,
) -> None:
    guard, inner, time = guarded(*[busy()] * 5, nothing, "well again")
    for _ in range(2):
        with pytest.raises(ProviderError):
            await guard.ask(ask())
    assert len(inner.asked) == 5
    time.now += 31
    with pytest.raises(type(nothing)):
        await guard.ask(ask())
    assert (await guard.ask(ask())).text == "well again"


async def test_a_caller_that_leaves_does_not_use_up_the_others_turn() -> None:
    guard, _, time = guarded(*[busy()] * 5, forever, "well again")
    for _ in range(2):
        with pytest.raises(ProviderError):
            await guard.ask(ask())
    time.now += 31
    await leave(guard.ask)
    assert (await guard.ask(ask())).text == "well again"
