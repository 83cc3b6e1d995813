"""Whoever waits hears of the next change, and leaves nothing behind."""

from __future__ import annotations

import gc

import anyio.lowlevel
import pytest

from sophia_mcp.llm.desk import Desk
from sophia_mcp.ops.news import News
from sophia_mcp.swarm.running.changes import Changes

pytestmark = pytest.mark.anyio


async def test_all_who_wait_for_a_name_hear_of_its_next_change_only() -> None:
    news = News()
    one, other = news.next("a"), news.next("b")
    assert news.next("a") is one
    news.tell("a")
    assert one.is_set()
    assert not other.is_set()
    assert not news.next("a").is_set()
    news.tell("nobody waits for this")


@pytest.mark.parametrize("make", [News, Changes, Desk])
async def test_what_nobody_waits_for_any_more_is_forgotten(make: type[News | Changes | Desk]) -> None:
    made = make()
    take = made.changed if isinstance(made, Desk) else made.next
    news = made if isinstance(made, News) else made.news
    held = take("run-held")
    for number in range(100):
        take(f"run-{number}")
    assert len(news) == 1
    with anyio.move_on_after(0):
        await take("run-given-up").wait()
    await anyio.lowlevel.checkpoint()  # the loop and the cancellation still know of it
    gc.collect()
    assert len(news) == 1
    del held
    assert len(news) == 0
