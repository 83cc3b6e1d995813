"""Trigrams narrow files to those that can contain a text, and never lose one that does."""

from __future__ import annotations

import random

import pytest
import re2

from sophia_mcp.store.engines.sqlite import SqliteDatabase
from sophia_mcp.store.trigrams import FILES_MOST, SegmentedTrigrams, grams
from sophia_mcp.types import LOCAL

pytestmark = pytest.mark.anyio

INDEX = SegmentedTrigrams()


async def fill(db: SqliteDatabase, texts: dict[int, str], repo: int = 1) -> None:
    async with db.write(LOCAL) as tx:
        await INDEX.add(tx, repo, ((id_, grams(text)) for id_, text in texts.items()))


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


@pytest.mark.parametrize("text", ["", "ab", "数据", "a\0b\0c", "\0\0\0\0"])
async def test_a_text_without_trigrams_is_no_candidate(store: SqliteDatabase, text: str) -> None:
    await fill(store, {1: text})
    assert await candidates(store, ["abc"]) == []
    await fill(store, {2: "abc"})
    assert await candidates(store, ["abc"]) == [2]
    assert await candidates(store, ["\0\0\0"]) is None


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


async def test_rare_and_common_trigrams_of_any_letters_are_found_in_every_quarter(
    store: SqliteDatabase,
) -> None:
    some = {i: f"\x7f\x7f\x7f common{i:04}" for i in range(5, FILES_MOST * 2 + 300, 3)}
    await fill(store, some)
    assert await candidates(store, ["\x7f\x7f\x7f", "common"]) == list(some)
    for i in random.Random(1).sample(list(some), 50):
        assert await candidates(store, [f"common{i:04}"]) == [i]
        assert i in (await candidates(store, [f"{i:04}"[:3]]) or ())


async def test_files_added_and_removed_one_by_one_are_found_as_if_added_at_once(
    store: SqliteDatabase, seed: int
) -> None:
    draw = random.Random(seed)
    held: dict[int, str] = {}
    for id_ in range(1, 400):
        held[id_] = " ".join(draw.choices(["alpha", "beta", "gamma", "delta", "kappa\x1f"], k=3))
        await fill(store, {id_: held[id_]})
        if draw.random() < 0.4:
            gone = draw.sample(list(held), min(len(held), draw.randint(1, 3)))
            async with store.write(LOCAL) as tx:
                await INDEX.remove(tx, 1, gone)
            for each in gone:
                del held[each]
    for word in ("alpha", "beta gam", "kappa\x1f", "a d"):
        grouped = [id_ for id_, text in held.items() if word in text]
        assert set(grouped) <= set(await candidates(store, [word]) or ())
        assert set(await candidates(store, [word]) or ()) <= set(held)
    assert await candidates(store, ["kappa\x1f"]) == [i for i, text in held.items() if "kappa" in text]


async def test_many_small_additions_leave_few_segments(store: SqliteDatabase) -> None:
    for id_ in range(1, 200):
        await fill(store, {id_: f"text {id_}"})
    async with store.read(LOCAL) as tx:
        rows = await tx.rows("SELECT count(*) FROM trigram_segments_1 WHERE id < 0")
    assert rows[0][0] <= 24
    async with store.write(LOCAL) as tx:
        await INDEX.remove(tx, 1, list(range(1, 200)))
        assert await tx.rows("SELECT count(*) FROM trigram_segments_1") == [(0,)]
