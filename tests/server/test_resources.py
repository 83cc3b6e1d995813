"""What a client reads as a resource, and which names it is offered."""

from __future__ import annotations

import json

import pytest
from mcp import MCPError
from mcp.types import ResourceTemplateReference
from tests.server.conftest import Place, text_of

pytestmark = pytest.mark.anyio

MAP, COVERAGE = "sophia://repos/{repo}/map", "sophia://repos/{repo}/coverage"


async def read(client: object, uri: str) -> str:
    result = await client.read_resource(uri)  # type: ignore[attr-defined]
    return str(result.contents[0].text)


@pytest.mark.requirement("server.resources")
@pytest.mark.requirement("server.both_eras")
async def test_every_resource_is_listed(indexed: Place, era: str) -> None:
    async with indexed.connect(era) as client:
        static = await client.list_resources()
        templates = await client.list_resource_templates()
    assert {str(each.uri) for each in static.resources} == {
        *("sophia://repos", "sophia://memory", "sophia://timelines", "ui://sophia/cost"),
    }
    assert {each.uri_template for each in templates.resource_templates} == {
        *(MAP, COVERAGE, "sophia://timelines/{run_id}"),
        *("sophia://memory/{scope}", "sophia://memory/item/{id}"),
    }


@pytest.mark.requirement("server.resources")
async def test_a_resource_is_read_before_any_tool_was_called(indexed: Place, era: str) -> None:
    async with indexed.connect(era) as client:
        repos = json.loads(await read(client, "sophia://repos"))
        name = repos[0]["repo"]
        outline = await read(client, MAP.format(repo=name))
        coverage = json.loads(await read(client, COVERAGE.format(repo=name)))
    assert [each["root"] for each in repos] == [str(indexed.project)]
    assert [each["languages"] for each in repos] == [coverage["languages"]]
    assert coverage["languages"]["python"] == 2
    assert "shop/cart.py" in outline
    assert "def charge_card" in outline
    assert coverage["skipped_files"] == [{"path": "big.bin", "reason": "binary"}]
    assert coverage["files_indexed"] == 3


@pytest.mark.requirement("server.resources")
async def test_what_a_resource_tells_a_tool_tells_too(indexed: Place) -> None:
    async with indexed.connect("auto") as client:
        repos = json.loads(await read(client, "sophia://repos"))
        outline = await read(client, MAP.format(repo=repos[0]["repo"]))
        status = await client.call_tool("index_repo", {"action": "status"})
        asked = await client.call_tool("search_code", {"query": ".", "mode": "outline"})
    assert status.structured_content is not None
    told = status.structured_content["repos"][0]
    assert {name: repos[0][name] for name in ("repo", "root", "chunks")} == {
        name: told[name] for name in ("repo", "root", "chunks")
    }
    definitions = [line.strip() for line in outline.splitlines() if "def " in line]
    assert definitions
    assert all(line in text_of(asked) for line in definitions)


@pytest.mark.requirement("server.resources")
async def test_an_unknown_repository_is_not_found_with_a_next_step(indexed: Place, era: str) -> None:
    async with indexed.connect(era) as client:
        with pytest.raises(MCPError, match="next: ") as failure:
            await read(client, MAP.format(repo="nowhere"))
    assert failure.value.error.code == -32602


@pytest.mark.requirement("server.roots_only")
@pytest.mark.parametrize("name", ["..%2F..%2Fetc", "%2Fetc", "..", "%2Fetc%00"])
async def test_no_resource_name_leads_out_of_the_roots(indexed: Place, name: str) -> None:
    async with indexed.connect("auto") as client:
        for uri in (MAP, COVERAGE):
            with pytest.raises(MCPError):
                await read(client, uri.format(repo=name))


@pytest.mark.requirement("server.completions")
async def test_repository_names_complete_by_their_beginning(indexed: Place, era: str) -> None:
    reference = ResourceTemplateReference(type="ref/resource", uri=MAP)
    async with indexed.connect(era) as client:
        found = await client.complete(reference, {"name": "repo", "value": "pro"})
        none = await client.complete(reference, {"name": "repo", "value": "zzz"})
    assert found.completion.values == ["project"]
    assert found.completion.has_more is False
    assert none.completion.values == []
