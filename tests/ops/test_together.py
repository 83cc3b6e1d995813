"""Two calls at once: both results, one error."""

from __future__ import annotations

import anyio
import pytest

from sophia_mcp.errors import BadArgument
from sophia_mcp.ops.together import both

pytestmark = pytest.mark.anyio


async def test_both_calls_wait_side_by_side() -> None:
    met = anyio.Event()

    async def waits() -> str:
        await met.wait()
        return "left"

    async def comes() -> int:
        met.set()
        return 2

    with anyio.fail_after(5):
        assert await both(waits, comes) == ("left", 2)


async def _fails() -> int:
    raise BadArgument("no", why="because", next="do it")


async def test_the_error_of_either_ends_the_other_and_is_raised_as_it_is() -> None:
    ended: list[str] = []

    async def forever() -> str:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("ended")
        return ""

    with anyio.fail_after(5):
        with pytest.raises(BadArgument):
            await both(forever, _fails)
        with pytest.raises(BadArgument):
            await both(_fails, forever)
    assert ended == ["ended", "ended"]


async def test_a_call_that_is_cancelled_cancels_both() -> None:
    ended: list[str] = []

    async def forever(name: str) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(name)

    async def leave() -> None:
        await anyio.wait_all_tasks_blocked()
        scope.cancel()

    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(leave)
            await both(lambda: forever("left"), lambda: forever("right"))
    assert scope.cancelled_caught
    assert sorted(ended) == ["left", "right"]
