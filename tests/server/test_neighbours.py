"""What another session indexed outside this project's roots is neither read, listed nor changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcp import MCPError
from mcp.types import ResourceTemplateReference
from tests.server.conftest import Place, text_of, write

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("server.roots_only")]


async def test_a_search_of_everything_stays_inside_the_roots(indexed: Place, tmp_path: Path) -> None:
    other = write(tmp_path / "mine", {"own.py": "def charge_nothing():\n    return 0\n"})
    async with indexed.connect("auto", root=other) as client:
        await client.call_tool("index_repo", {})
        result = await client.call_tool("search_code", {"query": "charge", "repo": "*"})
        await client.call_tool("index_repo", {"action": "forget"})
    assert "own.py" in text_of(result)
    assert "shop/" not in text_of(result)


@pytest.mark.parametrize("action", ["update", "status", "rebuild", "cancel", "forget"])
async def test_a_neighbours_index_is_not_touched(indexed: Place, tmp_path: Path, action: str) -> None:
    other = write(tmp_path / "mine", {"own.py": "x = 1\n"})
    async with indexed.connect("auto", root=other) as client:
        result = await client.call_tool("index_repo", {"path": str(indexed.project), "action": action})
        listed = await client.call_tool("index_repo", {"action": "status"})
    assert result.is_error
    assert " · next: " in text_of(result)
    assert str(indexed.project) not in text_of(listed)
    async with indexed.connect("auto") as client:
        assert "ready" in text_of(await client.call_tool("index_repo", {"action": "status"}))


async def test_a_neighbours_map_and_coverage_are_not_read(indexed: Place, tmp_path: Path) -> None:
    other = write(tmp_path / "mine", {"own.py": "x = 1\n"})
    async with indexed.connect("auto", root=other) as client:
        for what in ("map", "coverage"):
            with pytest.raises(MCPError, match="allowed folder"):
                await client.read_resource(f"sophia://repos/project/{what}")


async def test_a_neighbours_name_is_not_completed(indexed: Place, tmp_path: Path) -> None:
    other = write(tmp_path / "mine", {"own.py": "x = 1\n"})
    reference = ResourceTemplateReference(type="ref/resource", uri="sophia://repos/{repo}/map")
    async with indexed.connect("auto", root=other) as client:
        await client.call_tool("index_repo", {})
        found = await client.complete(reference, {"name": "repo", "value": ""})
    assert found.completion.values == ["mine"]
