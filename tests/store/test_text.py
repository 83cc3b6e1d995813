"""Words find chunks, in any script, whatever is typed."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sophia_mcp.store.engines.sqlite import SqliteDatabase
from sophia_mcp.store.text import POSTINGS, Frequencies, Fts5Text, TextRow
from sophia_mcp.types import LOCAL
from sophia_mcp.words import query_terms, text_terms

pytestmark = pytest.mark.anyio

INDEX = Fts5Text()


def row(id_: int, body: str = "", path: str = "", names: str = "") -> TextRow:
    def terms(text: str) -> str:
        return " ".join(text_terms(text))

    return TextRow(id_, (terms(path), "", terms(names), "", "", terms(body)))


async def add(db: SqliteDatabase, rows: Sequence[TextRow], repo: int = 1) -> None:
    async with db.write(LOCAL) as tx:
        await INDEX.add(tx, repo, rows)


async def find(db: SqliteDatabase, question: str, repo: int = 1, limit: int = 10) -> list[int]:
    async with db.read(LOCAL) as tx:
        return [id_ for id_, _ in await INDEX.search(tx, repo, query_terms(question), limit)]


async def test_a_chunk_is_found_by_parts_and_stems_of_its_identifiers(store: SqliteDatabase) -> None:
    await add(
        store, [row(1, "def getUserById(): ..."), row(2, "parse_json(response)"), row(3, "unrelated")]
    )
    assert await find(store, "getting users") == [1]
    assert await find(store, "getUserById") == [1]
    assert await find(store, "parsing json responses") == [2]


@pytest.mark.parametrize(
    "word", ["größe", "naïveÜber_y", "数据", "переменнаяИмя", "הצפנה", "get_größe_数据"]
)
async def test_identifiers_of_every_script_are_found_whole(store: SqliteDatabase, word: str) -> None:
    await add(store, [row(1, f"x = {word} + 1"), row(2, "x = other + 1")])
    assert await find(store, word) == [1]
    async with store.read(LOCAL) as tx:
        counted = await INDEX.frequencies(tx, 1, query_terms(word))
    assert counted == Frequencies(2, dict.fromkeys(query_terms(word), 1))


async def test_scores_are_positive_and_fall(store: SqliteDatabase) -> None:
    await add(store, [row(i, "alpha " * (i % 5 + 1) + "beta " * (i % 3)) for i in range(50)])
    async with store.read(LOCAL) as tx:
        found = await INDEX.search(tx, 1, ["alpha", "beta"], 20)
    scores = [score for _, score in found]
    assert len(found) == 20
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0


async def test_known_frequencies_change_nothing_but_the_look_up(store: SqliteDatabase) -> None:
    await add(store, [row(i, f"w{i % 7} w{i % 3} all") for i in range(60)])
    async with store.read(LOCAL) as tx:
        terms = ["w1", "w2", "all", "nowhere"]
        counted = await INDEX.frequencies(tx, 1, [*terms, "w3"])
        plain = await INDEX.search(tx, 1, terms, 20)
        assert await INDEX.search(tx, 1, terms, 20, counted=counted) == plain
        assert await INDEX.search(tx, 1, terms, 20, counted=Frequencies(60, {})) == []


async def test_a_defined_name_counts_for_more_than_a_mention(store: SqliteDatabase) -> None:
    await add(
        store, [row(1, "uses widget here"), row(2, "something else", names="widget"), row(3, "no")]
    )
    assert await find(store, "widget") == [2, 1]


@pytest.mark.requirement("store.text_per_repository")
async def test_rows_of_another_repository_change_nothing(store: SqliteDatabase) -> None:
    await add(store, [row(1, "alpha beta"), row(2, "alpha gamma")])
    async with store.read(LOCAL) as tx:
        before = await INDEX.search(tx, 1, ["alpha", "gamma"], 10)
    await add(store, [row(i, "alpha gamma " * 3) for i in range(10, 400)], repo=2)
    async with store.read(LOCAL) as tx:
        assert await INDEX.search(tx, 1, ["alpha", "gamma"], 10) == before


async def test_removed_rows_are_gone_and_their_words_uncounted(store: SqliteDatabase) -> None:
    await add(store, [row(1, "alpha"), row(2, "alpha beta")])
    async with store.write(LOCAL) as tx:
        await INDEX.remove(tx, 1, [2, 999])
    assert await find(store, "alpha beta") == [1]
    async with store.read(LOCAL) as tx:
        assert await INDEX.frequencies(tx, 1, ["alpha", "beta"]) == Frequencies(1, {"alpha": 1})
    async with store.write(LOCAL) as tx:
        await INDEX.remove(tx, 1, None)
        await INDEX.remove(tx, 1, None)
        await INDEX.remove(tx, 77, [1])
    assert await find(store, "alpha") == []


async def test_only_rows_that_may_be_shown_are_returned_and_the_limit_is_filled_with_them(
    store: SqliteDatabase,
) -> None:
    await add(store, [row(i, "alpha " + "filler " * (i % 7)) for i in range(3000)])
    async with store.read(LOCAL) as tx:
        found = await INDEX.search(tx, 1, ["alpha"], 20, keep=lambda id_: id_ % 100 == 3)
        every = await INDEX.search(tx, 1, ["alpha"], 3000)
    assert [id_ for id_, _ in found] == [id_ for id_, _ in every if id_ % 100 == 3][:20]


async def test_frequent_words_still_count_when_only_rows_with_rare_words_are_visited(
    store: SqliteDatabase, seed: int
) -> None:
    """Past the limit the best rows are those of scoring every row."""
    draw = random.Random(seed)
    words = ["common", "usual", *(f"w{i}" for i in range(200))]
    rows = []
    for i in range(POSTINGS + 3000):
        body = draw.choices(words, weights=[300, 200, *([1] * 200)], k=6)
        rows.append(TextRow(i, ("", "", "", "", "", " ".join(body))))
    await add(store, rows)
    terms = ["common", "usual", "w1", "w2", "w3"]
    async with store.read(LOCAL) as tx:
        fast = await INDEX.search(tx, 1, terms, 20)
        whole = await tx.rows(
            "SELECT rowid, -bm25(text_1, 4, 4, 4, 2, 1, 1) AS score FROM text_1"
            " WHERE text_1 MATCH 'common OR usual OR w1 OR w2 OR w3' ORDER BY score DESC, rowid LIMIT 20"
        )
    assert [score for _, score in fast] == pytest.approx([score for _, score in whole])
    assert fast[0][0] == whole[0][0]


@pytest.mark.parametrize("limit", [1, 20, 200, 1500, 20_000])
async def test_the_best_rows_with_a_rare_word_are_those_of_scoring_every_one_of_them(
    store: SqliteDatabase, seed: int, limit: int
) -> None:
    draw = random.Random(seed)
    shares = {"scarce": 0.02, "rare": 0.1, "seldom": 0.17, "usual": 0.4, "common": 0.6}
    held = [
        [word for word, share in shares.items() if draw.random() < share] for _ in range(3 * POSTINGS)
    ]
    rows = [
        TextRow(i, (draw.choice(("", *words)), "", "", "", "", " ".join([*words, *["x"] * draw.randrange(9)])))
        for i, words in enumerate(held)
    ]  # fmt: skip
    rows += [TextRow(len(rows) + i, ("", "", "", "", "", "x")) for i in range(4 * POSTINGS)]
    await add(store, rows)
    async with store.read(LOCAL) as tx:
        found = await INDEX.search(tx, 1, list(shares), limit)
        whole = await tx.rows(
            "SELECT rowid, -bm25(text_1, 4, 4, 4, 2, 1, 1) AS score FROM text_1"
            " WHERE text_1 MATCH 'scarce OR rare OR seldom OR usual OR common' ORDER BY score DESC, rowid"
        )
    visited = [(id_, score) for id_, score in whole if {"scarce", "rare", "seldom"} & set(held[id_])]
    assert len(found) == min(limit, len(visited))
    assert [score for _, score in found] == pytest.approx([score for _, score in visited[:limit]])
    assert {id_ for id_, _ in found} <= {id_ for id_, _ in visited}
    assert len(dict(found)) == len(found)


async def test_a_question_of_hundreds_of_words_is_answered(store: SqliteDatabase) -> None:
    await add(store, [row(i, " ".join(f"word{j}" for j in range(i, i + 30))) for i in range(300)])
    async with store.read(LOCAL) as tx:
        found = await INDEX.search(tx, 1, [f"=word{j}" for j in range(100, 130)] + ["word"] * 900, 5)
        assert await INDEX.search(tx, 1, [f"=word{j}" for j in range(320)], 5) != []
    assert found[0][0] == 100


async def test_a_repository_without_words_has_no_hits(store: SqliteDatabase) -> None:
    async with store.read(LOCAL) as tx:
        assert await INDEX.search(tx, 5, ["alpha"], 10) == []
        assert await INDEX.frequencies(tx, 5, ["alpha"]) == Frequencies(0, {})


@given(terms=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), max_size=8))
@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_no_text_is_ever_taken_for_query_syntax(store: SqliteDatabase, terms: list[str]) -> None:
    async with store.write(LOCAL) as tx:
        await INDEX.remove(tx, 1, None)
        await INDEX.add(tx, 1, [row(1, "alpha OR beta NEAR gamma")])
        assert len(await INDEX.search(tx, 1, [*terms, "alpha"], 5)) == 1


@pytest.mark.parametrize(
    "term",
    ['"', 'x" OR "y', "NEAR(", "body:x", "*", "^x", "-x", "a AND", "\0", "", "'; DROP TABLE text_1"],
)
async def test_hostile_terms_match_nothing_and_break_nothing(store: SqliteDatabase, term: str) -> None:
    await add(store, [row(1, "alpha")])
    async with store.read(LOCAL) as tx:
        assert await INDEX.search(tx, 1, [term], 5) == []
        assert [id_ for id_, _ in await INDEX.search(tx, 1, [term, "alpha"], 5)] == [1]


async def test_where_all_words_are_frequent_only_rows_with_two_of_the_rarest_are_wanted(
    store: SqliteDatabase,
) -> None:
    words = ("amber", "birch", "cedar", "delta")
    many = POSTINGS // 2 + 100
    rows = [TextRow(n, ("", "", "", "", "", words[n % 4])) for n in range(1, 4 * many + 1)]
    both = TextRow(9 * many, ("", "", "", "", "", "amber birch cedar delta"))
    await add(store, [*rows, both])
    async with store.read(LOCAL) as tx:
        every = await INDEX.search(tx, 1, words, 50)
        asked = await INDEX.search(tx, 1, words, 50, together=True)
        rare = await INDEX.search(tx, 1, ("amber", "nowhere"), 50, together=True)
    assert len(every) == 50
    assert [id_ for id_, _ in asked] == [both.id]
    assert len(rare) == 50


async def test_what_removed_rows_and_many_batches_leave_behind_is_put_in_order(
    store: SqliteDatabase,
) -> None:
    draw = random.Random(5)
    known = [f"word{i}" for i in range(400)]
    for first in range(0, 1200, 40):
        await add(store, [row(i, " ".join(draw.choices(known, k=60))) for i in range(first, first + 40)])
    async with store.write(LOCAL) as tx:
        await INDEX.remove(tx, 1, range(0, 1200, 50))

    async def said() -> list[object]:
        async with store.read(LOCAL) as tx:
            counted = await INDEX.frequencies(tx, 1, known[:9])
            return [counted, *[await INDEX.search(tx, 1, [each], 50) for each in known[:9]]]

    async def scattered() -> tuple[int, bool]:
        async with store.read(LOCAL) as tx:
            [(segments,)] = await tx.rows("SELECT COUNT(DISTINCT segid) FROM text_1_idx")
            [(removed,)] = await tx.rows("SELECT MAX(id) >= 1 << 53 FROM text_1_data")
        return segments, bool(removed)

    before, steps, more = await said(), 0, True
    assert (await scattered())[1]
    while more:
        async with store.write(LOCAL) as tx:
            more = await INDEX.tidy(tx, 1)
        steps += 1
        assert steps < 20
    assert await scattered() == (1, False)
    assert await said() == before
    async with store.write(LOCAL) as tx:
        assert not await INDEX.tidy(tx, 1)
        assert not await INDEX.tidy(tx, 2)
