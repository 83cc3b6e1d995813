"""What becomes of something that is to be remembered."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.memory.conftest import Mind, opened

from sophia_mcp.errors import BadArgument, NotFound, TooLarge
from sophia_mcp.memory.memory import Caller, Note
from sophia_mcp.store.database import Row

pytestmark = pytest.mark.anyio

MONEY = "Money is kept as integer cents, never as floats"


async def rows(mind: Mind, sql: str) -> list[Row]:
    async with mind.memory.shelf.db.read(mind.memory.shelf.scope) as tx:
        return await tx.rows(sql)


@pytest.mark.requirement("memory.remember")
async def test_what_is_remembered_is_found_by_words_by_meaning_and_by_id(mind: Mind) -> None:
    kept = (await mind.keep(MONEY, kind="decision")).memo
    await mind.keep("The staging server is rebuilt every night")
    await mind.keep("Delete temporary directories after each job")
    assert (await mind.found("floats or cents"))[0].text == MONEY
    meant = await mind.found("remove tmp folders")  # no word in common
    assert [memo.text for memo in meant] == ["Delete temporary directories after each job"]
    assert [memo.id for memo in await mind.found(kept.id)] == [kept.id]
    assert await mind.found("kubernetes ingress certificate") == []


@pytest.mark.requirement("memory.remember")
async def test_another_process_finds_it_at_once_and_after_a_restart(mind: Mind, tmp_path: Path) -> None:
    async with opened(tmp_path / "state.db", mind.project) as other:
        assert await other.found("cents") == []
        await mind.keep(MONEY)
        assert [memo.text for memo in await other.found("cents and floats")] == [MONEY]
        await mind.memory.forget((await mind.found("cents"))[0].id)
        assert await other.found("cents and floats") == []
    async with opened(tmp_path / "state.db", mind.project) as other:
        assert await other.found("cents") == []


@pytest.mark.requirement("memory.duplicates")
@pytest.mark.parametrize(
    "again",
    [
        MONEY,
        "money is kept as  integer cents, never as floats.",
        "Money is always kept as integer cents, never as floats",
    ],
)
async def test_a_duplicate_reinforces_and_adds_nothing(mind: Mind, again: str) -> None:
    first = await mind.keep(MONEY)
    second = await mind.keep(again)
    assert (first.state, second.state) == ("added", "reinforced")
    assert second.memo.id == first.memo.id
    assert second.memo.used_ns > first.memo.used_ns
    assert len(await mind.found(None)) == 1
    [(repeats,)] = await rows(mind, "SELECT repeats FROM memories")
    assert repeats == 1


@pytest.mark.requirement("memory.duplicates")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The retry limit is 3 attempts", "The retry limit is 5 attempts"),
        ("Never commit to main directly", "Commit to main directly"),
        ("Run the tests with pytest -q", "Run the tests with pytest -x"),
        (
            "Deploys happen on Tuesday from main by the release team",
            "Deploys happen on Thursday from main by the release team",
        ),
        ("Use `httpx` for requests to the bank", "Use `aiohttp` for requests to the bank"),
    ],
)
async def test_another_number_name_or_negation_is_no_duplicate_but_is_named(
    mind: Mind, one: str, other: str
) -> None:
    first = await mind.keep(one)
    second = await mind.keep(other)
    assert second.state == "added"
    assert [memo.id for memo in second.rivals] == [first.memo.id]


@pytest.mark.requirement("memory.duplicates")
async def test_the_longer_wording_is_kept_and_found(mind: Mind) -> None:
    await mind.keep("Integration tests of the bank gateway need the sandbox token")
    again = "Integration tests of the bank gateway need the sandbox token from vault"
    assert (await mind.keep(again)).memo.text == again
    assert [memo.text for memo in await mind.found("vault")] == [again]


@pytest.mark.requirement("memory.duplicates")
async def test_saying_it_again_does_not_confirm_it_but_someone_else_does(mind: Mind) -> None:
    await mind.keep(MONEY)
    for _ in range(5):
        again = await mind.keep(MONEY)
    assert again.memo.standing == 0
    assert (await mind.keep(MONEY, source="run:r1")).memo.standing == 1
    assert (await mind.keep(MONEY, source="run:r1")).memo.standing == 1
    assert (await mind.keep(MONEY, source="person")).memo.standing == 4


@pytest.mark.requirement("memory.tiers")
async def test_memories_live_as_long_as_their_tier_says(mind: Mind) -> None:
    await mind.keep("The working branch is wip-cart", tier="working")
    await mind.keep("Last run reviewed the payment code", tier="episodic")
    await mind.keep("Invoices are numbered without gaps")
    await mind.keep("Always answer in English", kind="preference", pinned=True)
    seen = []
    for days in (0, 1.01, 88, 2, 2000):
        mind.later(days)
        seen.append(sorted(memo.tier for memo in await mind.found(None)))
    assert seen[0] == ["episodic", "lasting", "pinned", "working"]
    assert seen[1] == seen[2] == ["episodic", "lasting", "pinned"]
    assert seen[3] == seen[4] == ["lasting", "pinned"]


@pytest.mark.requirement("memory.tiers")
async def test_what_ended_is_removed_and_no_answer_sees_it_before(mind: Mind) -> None:
    await mind.keep("The lease of the office ends soon", ttl_days=2)
    mind.later(3)
    assert await mind.found("lease of the office") == []
    for number in range(101):
        await mind.keep(f"Customer number {number} pays by {number * 17} days")
    texts = [text for (text,) in await rows(mind, "SELECT text FROM memories")]
    assert len(texts) == 101
    assert not any("lease" in text for text in texts)


async def test_a_pinned_memory_with_an_end_is_refused_before_anything_is_written(mind: Mind) -> None:
    with pytest.raises(BadArgument, match="pinned memory has no end"):
        await mind.keep(MONEY, pinned=True, ttl_days=3)
    with pytest.raises(BadArgument, match="out of range"):
        await mind.keep(MONEY, ttl_days=0)
    assert await mind.found(None) == []


@pytest.mark.requirement("memory.forget")
async def test_forgetting_can_be_undone_for_thirty_days(mind: Mind) -> None:
    kept = (await mind.keep(MONEY)).memo
    await mind.memory.forget(kept.id)
    assert await mind.found("cents") == []
    with pytest.raises(NotFound):
        await mind.memory.forget(kept.id)
    mind.later(29)
    assert (await mind.memory.undo(kept.id)).text == MONEY
    assert [memo.id for memo in await mind.found("cents")] == [kept.id]
    await mind.memory.forget(kept.id)
    mind.later(31)
    with pytest.raises(NotFound):
        await mind.memory.undo(kept.id)


@pytest.mark.requirement("memory.forget")
async def test_saying_a_forgotten_thing_again_restores_it(mind: Mind) -> None:
    kept = (await mind.keep(MONEY)).memo
    await mind.memory.forget(kept.id)
    again = await mind.keep(MONEY)
    assert (again.state, again.memo.id) == ("restored", kept.id)
    assert [memo.id for memo in await mind.found("cents")] == [kept.id]


@pytest.mark.requirement("memory.secrets")
async def test_a_secret_is_masked_and_a_text_that_is_one_is_refused(mind: Mind) -> None:
    secret = "ghp_" + "a8Kd02mZqL4xTn7Rw3Yc9Vb6Hs1Jf5Pg0EuX"
    done = await mind.keep(f"The deploy bot signs in to the forge with {secret} on Mondays")
    assert "1 secret masked" in done.notes[0]
    for table in ("memories", "text_1_content", "text_1_data"):
        known = await rows(mind, f"SELECT 1 FROM sqlite_schema WHERE name = '{table}'")
        held = await rows(mind, f"SELECT * FROM {table}") if known else []
        assert secret not in repr(held)
        assert secret.lower()[4:].encode() not in b"".join(
            part for row in held for part in row if isinstance(part, bytes)
        )
    with pytest.raises(BadArgument, match="a secret is not remembered") as refused:
        await mind.keep(secret)
    assert secret not in str(refused.value)


@pytest.mark.parametrize("text", ["", "  \n", "\u200b"])
async def test_nothing_is_not_remembered(mind: Mind, text: str) -> None:
    if text.strip():
        assert (await mind.keep(text)).state == "added"
        return
    with pytest.raises(BadArgument):
        await mind.keep(text)


async def test_a_text_that_is_too_long_is_refused_with_its_size(mind: Mind) -> None:
    with pytest.raises(TooLarge, match="4001"):
        await mind.keep("x" * 4001)


async def test_no_project_is_an_error_for_the_repository_and_none_for_the_person(mind: Mind) -> None:
    with pytest.raises(BadArgument, match="no repository"):
        await mind.memory.remember(Note(MONEY), Caller())
    done = await mind.memory.remember(Note(MONEY, scope="user"), Caller())
    assert (done.memo.scope, done.memo.repo) == ("user", "")


@pytest.mark.requirement("memory.provenance")
async def test_a_memory_says_who_asserted_it_and_whether_that_was_confirmed(mind: Mind) -> None:
    await mind.keep("The queue drops messages at midnight", source="run:r7")
    assert "inferred, by run:r7" in await mind.told("queue drops messages")
    for voter in ("run:a", "run:b", "run:c"):
        kept = (await mind.found("queue drops messages"))[0]
        await mind.memory.confirm(kept.id, voter)
    assert "confirmed, by run:r7" in await mind.told("queue drops messages")
    await mind.memory.confirm(kept.id, "person", agrees=False)
    await mind.memory.confirm(kept.id, "run:a", agrees=False)
    assert "disputed, by run:r7" in await mind.told("queue drops messages")
