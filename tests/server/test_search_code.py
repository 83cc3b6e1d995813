"""What an agent sees when it calls search_code."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.server.conftest import Place, text_of, write

pytestmark = pytest.mark.anyio

HIT_FIELDS = {
    "repo",
    "path",
    "start_line",
    "end_line",
    "symbol",
    "kind",
    "language",
    "score",
    "why",
    "freshness",
    "text",
}
INDEX_FIELDS = {"state", "commit", "files_indexed", "files_total", "stale_files", "checked_s_ago"}


@pytest.mark.requirement("search.first_use", "server.both_eras")
async def test_the_first_question_about_a_project_indexes_it_and_is_answered(
    place: Place, era: str
) -> None:
    async with place.connect(era) as client:
        result = await client.call_tool("search_code", {"query": "charge_card"})
    assert not result.is_error
    assert "shop/pay.py:" in text_of(result)
    assert result.structured_content is None


@pytest.mark.requirement("search.json")
async def test_json_has_exactly_the_fields_of_the_contract(indexed: Place, era: str) -> None:
    async with indexed.connect(era) as client:
        result = await client.call_tool("search_code", {"query": "total_cents", "format": "json"})
    answer = json.loads(text_of(result))
    assert set(answer) == {"hits", "total", "next_cursor", "index", "notes"}
    assert set(answer["hits"][0]) == HIT_FIELDS
    assert set(answer["index"]) == INDEX_FIELDS
    assert answer["index"]["state"] == "ready"
    assert answer["hits"][0]["path"] == "shop/cart.py"


@pytest.mark.requirement("server.unknown_argument")
async def test_an_unknown_argument_is_ignored_and_named_with_the_nearest_known_one(
    indexed: Place, era: str
) -> None:
    async with indexed.connect(era) as client:
        result = await client.call_tool("search_code", {"query": "cart", "limt": 3, "zzz": 1})
    assert not result.is_error
    assert "'limt' is unknown and was ignored; did you mean 'limit'?" in text_of(result)
    assert "'zzz' is unknown and was ignored; known: query" in text_of(result)


@pytest.mark.requirement("server.lenient_lists")
@pytest.mark.parametrize("paths", ["shop/pay.py", '["shop/pay.py"]', ["shop/pay.py"]])
async def test_one_string_stands_for_a_list_of_one(indexed: Place, era: str, paths: object) -> None:
    arguments = {"query": "cart", "paths": paths, "format": "json"}
    async with indexed.connect(era) as client:
        result = await client.call_tool("search_code", arguments)
    assert {hit["path"] for hit in json.loads(text_of(result))["hits"]} == {"shop/pay.py"}


@pytest.mark.requirement("server.lenient_lists")
async def test_null_stands_for_every_default(indexed: Place, era: str) -> None:
    names = ("repo", "mode", "paths", "languages", "kinds", "scope", "limit", "max_tokens")
    nulls = dict.fromkeys((*names, "detail", "cursor", "format"))
    async with indexed.connect(era) as client:
        plain = await client.call_tool("search_code", {"query": "add_item"})
        nulled = await client.call_tool("search_code", {"query": "add_item", **nulls})
    assert not nulled.is_error
    assert "Note" not in text_of(nulled)
    assert text_of(nulled).splitlines()[1:] == text_of(plain).splitlines()[1:]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"query": ""}, "query"),
        ({"query": "x" * 2001}, "query"),
        ({"query": "x", "limit": 0}, "limit"),
        ({"query": "x", "limit": 51}, "limit"),
        ({"query": "x", "max_tokens": 199}, "max_tokens"),
        ({"query": "x", "max_tokens": 20001}, "max_tokens"),
        ({"query": "x", "mode": "fuzzy"}, "mode"),
        ({}, "query"),
        ({"query": None}, "query"),
    ],
)
async def test_a_value_out_of_bounds_is_refused_by_name(
    indexed: Place, arguments: dict[str, object], named: str
) -> None:
    async with indexed.connect("auto") as client:
        result = await client.call_tool("search_code", arguments)
    assert result.is_error
    assert named in text_of(result)
    assert "pydantic.dev" not in text_of(result)


@pytest.mark.requirement("server.roots_only")
async def test_a_repository_may_be_named_by_the_uri_that_editors_give_folders(place: Place) -> None:
    spaced = write(place.project.parent / "my shop")
    async with place.connect("auto", root=spaced) as client:
        for tool, asked in (
            ("index_repo", {"path": spaced.as_uri()}),
            ("search_code", {"query": "charge_card", "repo": spaced.as_uri()}),
        ):
            result = await client.call_tool(tool, asked)
            assert not result.is_error, text_of(result)
    assert text_of(result).startswith("shop/pay.py:")


@pytest.mark.requirement("server.roots_only")
@pytest.mark.parametrize("repo", ["/etc", "..", "/", "~", "file:///etc"])
async def test_a_folder_outside_the_roots_is_not_searched(place: Place, era: str, repo: str) -> None:
    async with place.connect(era) as client:
        result = await client.call_tool("search_code", {"query": "root", "repo": repo})
    assert result.is_error
    assert " · next: " in text_of(result)
    assert "root:" not in text_of(result)


@pytest.mark.requirement("server.roots_only")
async def test_a_neighbour_that_another_session_indexed_is_not_searched(
    indexed: Place, tmp_path: Path
) -> None:
    other = write(tmp_path / "other")
    async with indexed.connect("auto", root=other) as client:
        result = await client.call_tool(
            "search_code", {"query": "charge_card", "repo": str(indexed.project)}
        )
    assert result.is_error
    assert "inside an allowed folder" in text_of(result)


async def test_a_misspelt_tool_is_told_the_right_name(indexed: Place, era: str) -> None:
    async with indexed.connect(era) as client:
        result = await client.call_tool("serch_code", {"query": "cart"})
    assert result.is_error
    assert "did you mean 'search_code'?" in text_of(result)


async def test_questions_asked_at_once_before_the_store_is_open_are_all_answered(
    place: Place,
) -> None:
    import anyio

    texts: list[str] = []
    async with place.connect("auto") as client, anyio.create_task_group() as group:

        async def ask(query: str) -> None:
            texts.append(text_of(await client.call_tool("search_code", {"query": query})))

        for query in ("Cart", "charge_card", "add_item", "total_cents"):
            group.start_soon(ask, query)
    assert len(texts) == 4
    assert all("shop/" in text for text in texts)


async def test_without_a_project_the_agent_is_told_how_to_name_one(
    indexed: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mcp import Client

    from sophia_mcp.server.build import build_server

    monkeypatch.chdir(os.path.abspath(os.sep))
    async with Client(build_server(indexed.open)) as client:
        result = await client.call_tool("search_code", {"query": "cart"})
    assert result.is_error
    assert "no project root was found" in text_of(result)
    assert "--root" in text_of(result)


async def test_a_wrong_setting_fails_the_call_and_not_the_server(place: Place, era: str) -> None:
    config = place.project / ".sophia" / "config.toml"
    config.parent.mkdir()
    config.write_text("[embed]\nprovider = 'openai'\n")
    async with place.connect(era) as client:
        failed = await client.call_tool("search_code", {"query": "cart"})
        config.unlink()
        mended = await client.call_tool("search_code", {"query": "cart"})
    assert failed.is_error
    assert "may not set embed.provider" in text_of(failed)
    assert not mended.is_error
