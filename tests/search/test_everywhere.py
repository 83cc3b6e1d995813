"""One answer over every repository: which of them answer, and never more than was asked for."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import anyio
import pygit2
import pytest
from tests.search.conftest import Asked, open_engine, write
from tests.search.sample import FILES

from sophia_mcp.errors import BadArgument, BadQuery
from sophia_mcp.index.build import RECONCILE_S
from sophia_mcp.index.views import View, repositories
from sophia_mcp.llm.counting import tokens
from sophia_mcp.search.answer import search
from sophia_mcp.search.everywhere import search_everywhere
from sophia_mcp.search.reply.render import render
from sophia_mcp.types import Answer, Request

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.everywhere")]

OTHER = {
    "ferry.py": "def board_ferry(cart):\n    return cart\n\n\ndef leave_ferry():\n    return None\n"
}


async def two(ask: Asked, folder: Path) -> None:
    await ask.index.update(write(folder / "harbour", OTHER))


async def everywhere(ask: Asked, request: Request) -> Answer:
    return await search_everywhere(ask.engine, await repositories(ask.engine.database), request)


async def test_each_hit_names_its_repository_and_a_miss_in_one_is_no_miss(tmp_path: Path) -> None:
    async with open_engine(write(tmp_path / "shop", FILES), tmp_path / "home") as ask:
        await two(ask, tmp_path)
        answer = await everywhere(ask, Request("board_ferry"))
        assert (answer.hits[0].repo, answer.hits[0].path) == ("harbour", "ferry.py")
        assert not answer.notes[0].startswith("not here:")
        both = await everywhere(ask, Request("cart", limit=20))
        assert {hit.repo for hit in both.hits} == {"shop", "harbour"}
        assert both.index.files_indexed == len(FILES) + 1
        missed = await everywhere(ask, Request("kubernetes_autoscaler"))
        assert missed.notes[0].startswith("not here:")
        with pytest.raises(BadQuery, match="cursor"):
            await everywhere(ask, Request("cart", cursor="x"))


async def test_names_that_come_near_are_told_where_no_repository_answers(tmp_path: Path) -> None:
    async with open_engine(write(tmp_path / "shop", FILES), tmp_path / "home") as ask:
        await two(ask, tmp_path)
        missed = await everywhere(ask, Request("board_fery"))
        assert missed.notes[0].startswith("not here:")
        assert "board_ferry" in missed.notes[0]
        view = next(v for v in await repositories(ask.engine.database) if v.name == "shop")
        alone = await search(ask.engine, view, Request("board_ferry"))
        beside = await search(ask.engine, view, Request("board_ferry"), others=True)
        assert beside.is_miss
        assert beside.hits == alone.hits


async def test_the_repository_that_has_a_copied_text_comes_first(tmp_path: Path) -> None:
    said = {"dock.py": "def moor(boat):\n    log(f'the boat {boat} is moored here')\n"}
    near = "def moor(boat, log, here):\n    # The boat is moored here.\n    log(boat=boat, here=here)\n"
    async with open_engine(write(tmp_path / "shop", FILES), tmp_path / "home") as ask:
        await ask.index.update(write(tmp_path / "anchor", {"boat.py": near, "moored.py": near}))
        await ask.index.update(write(tmp_path / "zone", said))
        for text in ("log(f'the boat {boat} is moored here')", "Error: the boat 'Ann' is moored here"):
            answer = await everywhere(ask, Request(text, limit=1))
            assert [hit.repo for hit in answer.hits] == ["zone"]


async def test_the_text_says_which_repository_a_place_is_in_and_what_each_of_them_notes(
    tmp_path: Path,
) -> None:
    async with open_engine(write(tmp_path / "shop", FILES), tmp_path / "home") as ask:
        await two(ask, tmp_path)
        request = Request("leave_ferry", mode="regex", repo="*")
        answer = await everywhere(ask, request)
        text = render(answer, request)
        assert "harbour: ferry.py:5-5" in text
        assert answer.notes == (
            "1 of 2 repositories answer: harbour; more of one: "
            'search_code("leave_ferry", repo="harbour", mode="regex")',
            "harbour: 1 match in 1 of 1 file; complete for the indexed files",
        )
        missed = await everywhere(ask, Request("board_fery", mode="symbol", repo="*"))
        assert missed.notes[1] == "looked in 2 repositories, and none has it"
        assert "board_ferry" in missed.notes[0]
        assert missed.notes[2] == 'next: search_code("board_ferry", mode="symbol", repo="harbour")'


async def test_a_note_names_every_repository_that_it_is_about(tmp_path: Path) -> None:
    async with open_engine(write(tmp_path / "shop", FILES), tmp_path / "home") as ask:
        more = {"quay.py": "def leave_ferry():\n    return leave_ferry()\n", "b.py": "x = 1\n"}
        await two(ask, tmp_path)
        await ask.index.update(write(tmp_path / "haven", OTHER))
        request = Request("leave_ferry", mode="regex", repo="*")
        same = await everywhere(ask, request)
        assert same.notes[1:] == (
            "each of them: 1 match in 1 of 1 file; complete for the indexed files",
        )
        await ask.index.update(write(tmp_path / "port", more))
        answer = await everywhere(ask, request)
        assert sorted(answer.notes[1:]) == [
            "harbour, haven: 1 match in 1 of 1 file; complete for the indexed files",
            "port: 2 matches in 1 of 2 files; complete for the indexed files",
        ]


@pytest.mark.requirement("search.never_silently_stale")
async def test_a_miss_everywhere_says_which_repository_was_not_read(tmp_path: Path) -> None:
    async with open_engine(write(tmp_path / "shop", FILES), tmp_path / "home") as ask:
        await two(ask, tmp_path)
        shutil.rmtree(tmp_path / "harbour")
        for view in await repositories(ask.engine.database):
            await ask.index.reconcile(view, now=True)  # a question alone looks once a second
        answer = await everywhere(ask, Request("kubernetes_autoscaler", repo="*"))
    failed = [note for note in answer.notes if "the last index run failed" in note]
    assert [note.partition(": ")[0] for note in failed] == ["harbour"]


@pytest.mark.requirement("search.never_silently_stale")
async def test_a_repository_whose_folder_is_gone_says_so_and_the_others_are_not_blamed(
    tmp_path: Path,
) -> None:
    async with open_engine(write(tmp_path / "shop", FILES), tmp_path / "home") as ask:
        await two(ask, tmp_path)
        shutil.rmtree(ask.root)
        await ask.index.reconcile(ask.view, now=True)  # a question alone looks once a second
        alone = await ask("add_money")
        assert alone.index.state == "failed"
        assert any("the last index run failed" in note for note in alone.notes)
        both = await everywhere(ask, Request("board_ferry", repo="*"))
        assert both.hits[0].repo == "harbour"
        assert both.index.state == "ready"


@pytest.mark.requirement("search.budget")
async def test_limit_and_tokens_hold_over_all_repositories(tmp_path: Path) -> None:
    async with open_engine(write(tmp_path / "shop", FILES), tmp_path / "home") as ask:
        await two(ask, tmp_path)
        for format in ("text", "json"):
            for budget in (200, 300, 900):
                request = Request("cart money queue", limit=3, max_tokens=budget, format=format)  # type: ignore[arg-type]
                answer = await everywhere(ask, request)
                assert len(answer.hits) <= 3
                assert tokens.count(render(answer, request)) <= budget


async def test_a_repository_that_cannot_tell_its_changes_does_not_silence_the_others(
    tmp_path: Path,
) -> None:
    async with open_engine(write(tmp_path / "shop", FILES), tmp_path / "home") as ask:
        request = Request("ferry", scope="changed", repo="*")
        with pytest.raises(BadArgument, match="needs git"):
            await everywhere(ask, request)
        pygit2.init_repository(str(tmp_path / "harbour"))
        await two(ask, tmp_path)
        answer = await everywhere(ask, request)
    assert {hit.repo for hit in answer.hits} == {"harbour"}
    assert answer.notes[0].startswith("1 of 1 repositories answer: harbour; more of one: ")
    assert 'repo="harbour", scope="changed")' in answer.notes[0]
    assert any(note.startswith('shop cannot answer: scope="changed" needs git') for note in answer.notes)


@pytest.mark.requirement("search.budget")
async def test_what_many_repositories_note_keeps_to_the_budget(tmp_path: Path) -> None:
    async with open_engine(write(tmp_path / "shop", FILES), tmp_path / "home") as ask:
        for number in range(6):
            name = f"a-harbour-with-a-rather-long-name-that-takes-tokens-{number}"
            await ask.index.update(write(tmp_path / name, OTHER))
        request = Request("ferry", mode="regex", repo="*", max_tokens=200)
        answer = await everywhere(ask, request)
        assert tokens.count(render(answer, request)) <= 200


async def test_only_what_has_the_very_text_counts_as_exact(tmp_path: Path) -> None:
    code = {f"a{i}.py": f"def call_{i}(has):\n    return has(this, 'text at', {i})\n" for i in range(3)}
    async with open_engine(write(tmp_path / "shop", code), tmp_path / "home") as ask:
        request = Request("return has(this, 'text at', 1)", repo="*")
        alone = await ask(request.query)
        assert (alone.exact, len(alone.hits) > 1) == (1, True)
        assert (
            await ask(request.query, limit=1, cursor=(await ask(request.query, limit=1)).next_cursor)
        ).exact == 0
        assert "exact" not in render(alone, replace(request, format="json"))
        assert (await everywhere(ask, request)).hits[0].path == "a1.py"


async def test_repositories_that_changed_a_lot_are_waited_for_side_by_side(tmp_path: Path) -> None:
    """Each is read in a run of its own, for which its question waits: here until the other one waits, too."""
    async with open_engine(write(tmp_path / "shop", FILES), tmp_path / "home") as ask:
        await two(ask, tmp_path)
        both, waiting = anyio.Event(), []

        async def apart(view: View) -> None:
            waiting.append(view.name)
            if len(waiting) == 2:
                both.set()
            await both.wait()

        ask.index.apart = apart
        for name in ("shop", "harbour"):
            write(tmp_path / name, {f"new/{number}.py": f"N = {number}\n" for number in range(60)})
        await anyio.sleep(RECONCILE_S)  # so soon after the last look nobody looks again
        with anyio.fail_after(60):
            answer = await everywhere(ask, Request("board_ferry"))
    assert sorted(waiting) == ["harbour", "shop"]
    assert [hit.repo for hit in answer.hits][:1] == ["harbour"]
