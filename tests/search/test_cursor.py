"""Where the next page begins, however small its room and however many pages there were."""

from __future__ import annotations

import pytest

from sophia_mcp.llm.counting import tokens

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.cursor")]

FILES = {f"lamps/lamp_{i}.py": f"def lamp_{i}():\n    return beacon({i})\n" for i in range(90)}


@pytest.mark.parametrize("budget", [200, 500, 2500])
@pytest.mark.requirement("search.budget")
async def test_pages_with_little_room_lose_nothing_up_to_the_last(index_of, budget: int) -> None:
    seen: list[str] = []
    longest = 0
    async with index_of(FILES) as ask:
        cursor = None
        while True:
            arguments = {"mode": "regex", "limit": 50, "max_tokens": budget, "cursor": cursor}
            assert tokens.count(await ask.text("beacon", **arguments)) <= budget
            answer = await ask("beacon", **arguments)
            seen += [hit.path for hit in answer.hits]
            cursor = answer.next_cursor
            if cursor is None:
                break
            assert answer.hits, "a page that shows nothing would be asked for again and again"
            longest = max(longest, tokens.count(cursor))
    assert sorted(seen) == sorted(FILES)
    assert longest <= budget // 3


async def test_a_page_after_an_edit_that_moved_the_order_says_so(index_of) -> None:
    async with index_of(FILES) as ask:
        first = await ask("beacon", mode="regex", limit=50, max_tokens=1500)
        (ask.root / "lamps" / "aaa.py").write_text("beacon = lambda number: number\n")
        await ask.update()
        second = await ask("beacon", mode="regex", limit=50, max_tokens=1500, cursor=first.next_cursor)
    assert len(first.hits) > 25
    assert "the code has changed since the page before" in second.notes[-1]


async def test_the_pages_of_a_map_reach_the_last_file(index_of) -> None:
    seen: list[str] = []
    async with index_of(FILES) as ask:
        answer = await ask(".", mode="outline", limit=50)
        seen += [hit.path for hit in answer.hits]
        while answer.next_cursor:
            answer = await ask(".", mode="outline", limit=50, cursor=answer.next_cursor)
            seen += [hit.path for hit in answer.hits]
    assert answer.total == len(FILES)
    assert sorted(seen) == sorted(FILES)


async def test_where_not_even_a_place_fits_the_answer_says_so_and_does_not_go_on(index_of) -> None:
    folders = "/".join(f"{'qzxjkv' * 8}{i}" for i in range(4))
    async with index_of({f"{folders}/{'wvq' * 20}.py": "beacon = 1\n"}) as ask:
        answer = await ask("beacon", mode="regex", max_tokens=200)
    assert not answer.hits
    assert answer.next_cursor is None
    assert "fits into max_tokens=200" in answer.notes[-1]
