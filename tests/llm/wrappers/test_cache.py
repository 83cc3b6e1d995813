"""Only exactly the same question is answered from the cache, and only good answers are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.llm.asking import Steps, ask

from sophia_mcp.errors import ProviderError
from sophia_mcp.llm.wrappers.cache import DAY_NS, Cache, Kept, Keys
from sophia_mcp.store import cache as store
from sophia_mcp.store.database import Database
from sophia_mcp.store.engines import ENGINES
from sophia_mcp.types import Ask, Labels, Message, Reply, Scope, Usage

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("cache.exact")]

SCHEMA = {"type": "object"}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await ENGINES.load("sqlite").open(tmp_path / "index.db", durability="derived")
    await opened.migrate(store.MIGRATIONS)
    yield opened
    await opened.close()


def kept(database: Database, workspace: str = "local") -> Kept:
    return Kept(store.Cache(database), Scope(workspace))


def cached(inner: Steps, kept: Kept, **more: object) -> Cache:
    return Cache(inner, kept, Keys("steps"), **more)  # type: ignore[arg-type]


async def test_the_same_question_is_asked_once_and_the_saving_is_told(database: Database) -> None:
    told: list[tuple[Ask, Reply]] = []

    async def saved(asked: Ask, reply: Reply) -> None:
        told.append((asked, reply))

    inner = Steps(["first", "second"])
    cache = cached(inner, kept(database), saved=saved)
    first = await cache.ask(ask())
    pieces: list[str] = []
    again = await cache.ask(ask(labels=Labels(run="another", step="other", user="x")), pieces.append)
    assert len(inner.asked) == 1
    assert again == replace(first, cached=True)
    assert pieces == ["first"]
    [(asked, reply)] = told
    assert asked.labels.run == "another"
    assert reply.usage == Usage(10, 5)


@pytest.mark.parametrize(
    "changed",
    [
        {"messages": (Message("system", "Be brief."), Message("user", "What is a lock??"))},
        {"messages": (Message("user", "Be brief."), Message("user", "What is a lock?"))},
        {"messages": (Message("system", "Be brief.What is a lock?"),)},
        {"model": "another"},
        {"max_tokens": 101},
        {"temperature": 0.5},
        {"schema": SCHEMA},
        {"processing": "flex"},
        {"labels": Labels(repo="another")},
    ],
)
async def test_a_question_that_differs_in_anything_is_asked(
    database: Database, changed: dict[str, object]
) -> None:
    inner = Steps([Reply("{}", "m", "steps", value={}), Reply("{}", "m", "steps", value={})])
    cache = cached(inner, kept(database))
    await cache.ask(ask())
    assert not (await cache.ask(ask(**changed))).cached
    assert len(inner.asked) == 2


async def test_another_provider_or_endpoint_has_its_own_answers(database: Database) -> None:
    keys = [Keys("a"), Keys("b"), Keys("a", "http://x/v1"), Keys("a", "http://y/v1")]
    inner = Steps([f"answer {n}" for n in range(len(keys))])
    for number, key in enumerate(keys):
        assert (await Cache(inner, kept(database), key).ask(ask())).text == f"answer {number}"


@pytest.mark.requirement("cache.never")
@pytest.mark.parametrize(
    "reply",
    [
        Reply("cut off", "m", "steps", finish="length"),
        Reply("filtered", "m", "steps", finish="filter"),
        Reply("cut", "m", "steps", finish="cut"),
        Reply("", "m", "steps"),
    ],
)
async def test_an_answer_that_did_not_end_by_itself_is_not_kept(
    database: Database, reply: Reply
) -> None:
    inner = Steps([reply, "whole"])
    cache = cached(inner, kept(database))
    await cache.ask(ask())
    assert (await cache.ask(ask())).text == "whole"


@pytest.mark.requirement("cache.never")
async def test_an_answer_without_a_valid_value_is_not_kept(database: Database) -> None:
    inner = Steps(["prose", Reply('{"a":1}', "m", "steps", value={"a": 1})])
    cache = cached(inner, kept(database))
    await cache.ask(ask(schema=SCHEMA))
    assert (await cache.ask(ask(schema=SCHEMA))).value == {"a": 1}
    assert (await cache.ask(ask(schema=SCHEMA))).cached


@pytest.mark.requirement("cache.never")
async def test_an_error_is_not_kept(database: Database) -> None:
    inner = Steps([ProviderError("busy"), "well"])
    cache = cached(inner, kept(database))
    with pytest.raises(ProviderError):
        await cache.ask(ask())
    assert (await cache.ask(ask())).text == "well"


@pytest.mark.requirement("cache.never")
async def test_no_workspace_sees_another_s_answers(database: Database) -> None:
    inner = Steps(["ours", "theirs"])
    assert (await cached(inner, kept(database, "ours")).ask(ask())).text == "ours"
    assert (await cached(inner, kept(database, "theirs")).ask(ask())).text == "theirs"


async def test_an_answer_is_kept_for_a_day(database: Database) -> None:
    now = [10**18]
    inner = Steps(["old", "new"])
    cache = cached(inner, kept(database), clock=lambda: now[0])
    await cache.ask(ask())
    now[0] += DAY_NS - 1
    assert (await cache.ask(ask())).text == "old"
    now[0] += 1
    assert (await cache.ask(ask())).text == "new"


async def test_what_another_version_or_a_broken_disk_left_is_not_an_answer(database: Database) -> None:
    inner = Steps(["asked"])
    at = kept(database)
    await at.put(Keys("steps").of(ask()), b'{"reply": {"colour": 1}, "at_ns": 1}')
    assert (await cached(inner, at).ask(ask())).text == "asked"


async def test_hard_texts_keep_their_answers(database: Database) -> None:
    inner = Steps(["\ud800 and \0 and 🦊"])
    cache = cached(inner, kept(database))
    await cache.ask(ask("\ud800"))
    assert (await cache.ask(ask("\ud800"))).text == "\ud800 and \0 and 🦊"
