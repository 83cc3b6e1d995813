"""Trigrams narrow files to those that can contain a text, and never lose one that does."""

from __future__ import annotations

import random

import pytest
import re2

from sophia_mcp.store.engines.sqlite import SqliteDatabase
from sophia_mcp.store.trigrams import Fts5Trigrams
from sophia_mcp.types import LOCAL

pytestmark = pytest.mark.anyio

INDEX = Fts5Trigrams()


async def fill(db: SqliteDatabase, texts: dict[int, str], repo: int = 1) -> None:
    async with db.write(LOCAL) as tx:
        await INDEX.add(tx, repo, list(texts.items()))


async def candidates(db: SqliteDatabase, *any_of: list[str], repo: int = 1) -> list[int] | None:
    async with db.read(LOCAL) as tx:
        return await INDEX.candidates(tx, repo, any_of)


async def test_every_literal_of_a_conjunction_is_needed(store: SqliteDatabase) -> None:
    await fill(store, {1: "alpha beta", 2: "alpha gamma", 3: "delta"})
    assert await candidates(store, ["alpha"]) == [1, 2]
    assert await candidates(store, ["alpha", "gamma"]) == [2]
    assert await candidates(store, ["beta"], ["delta"]) == [1, 3]
    assert await candidates(store, ["nowhere"]) == []


async def test_literals_too_short_to_narrow_say_so(store: SqliteDatabase) -> None:
    await fill(store, {1: "alpha"})
    assert await candidates(store, ["al"]) is None
    assert await candidates(store, ["alpha"], [""]) is None
    assert await candidates(store) is None
    assert await candidates(store, ["数据库表"]) is None


async def test_an_index_of_an_earlier_version_is_written_and_read_in_its_own_form(
    store: SqliteDatabase,
) -> None:
    async with store.write(LOCAL) as tx:
        await tx.run(
            "CREATE VIRTUAL TABLE trigrams_1 USING fts5(body, content='', contentless_delete=1,"
            " detail=none, tokenize='trigram')"
        )
        await tx.run("INSERT INTO trigrams_1 (rowid, body) VALUES (1, 'alpha beta')")
    await fill(store, {2: "Alpha\tgamma"})
    assert await candidates(store, ["alpha"]) == [1, 2]
    assert await candidates(store, ["a\tg"]) == [2]


@pytest.mark.parametrize("text", ["", "ab", "数据", "a\0b\0c", "\x1f\x1f\x1f\x1f"])
async def test_a_text_without_trigrams_is_no_candidate(store: SqliteDatabase, text: str) -> None:
    await fill(store, {1: text, 2: "abc"})
    assert await candidates(store, ["abc"]) == [2]
    assert await candidates(store, ["\x1f\x1f\x1f"]) is None


async def test_removed_files_and_other_repositories_are_no_candidates(store: SqliteDatabase) -> None:
    await fill(store, {1: "alpha", 2: "alpha"})
    await fill(store, {7: "alpha"}, repo=2)
    async with store.write(LOCAL) as tx:
        await INDEX.remove(tx, 1, [1, 55])
    assert await candidates(store, ["alpha"]) == [2]
    async with store.write(LOCAL) as tx:
        await INDEX.remove(tx, 1, None)
    assert await candidates(store, ["alpha"]) == []
    assert await candidates(store, ["alpha"], repo=2) == [7]


@pytest.mark.parametrize("literal", ['say "hi"', "a OR b", "x* ^y", "body:zed", "'); DROP", "tab\there"])
async def test_punctuation_is_searched_as_it_stands(store: SqliteDatabase, literal: str) -> None:
    await fill(store, {1: f"<<{literal}>>", 2: "something else entirely"})
    assert await candidates(store, [literal]) == [1]


async def test_no_file_that_matches_in_any_letter_case_is_lost(store: SqliteDatabase, seed: int) -> None:
    draw = random.Random(seed)
    alphabet = "abcKk\u212aſsSİiıI_.( \n数é"
    texts = {i: "".join(draw.choices(alphabet, k=60)) for i in range(300)}
    await fill(store, texts)
    for _ in range(200):
        literal = "".join(draw.choices("abcKksSiI_.( ", k=draw.randint(3, 4)))
        pattern = re2.compile(f"(?is){re2.escape(literal)}")
        matching = [id_ for id_, text in texts.items() if pattern.search(text)]
        found = await candidates(store, [literal])
        assert found is not None
        assert set(matching) <= set(found), literal


async def test_a_long_literal_asks_for_a_bounded_number_of_trigrams(store: SqliteDatabase) -> None:
    text = "".join(chr(33 + i % 90) for i in range(20_000))
    await fill(store, {1: text, 2: "other"})
    assert await candidates(store, [text]) == [1]
