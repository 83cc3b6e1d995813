"""Nothing outside the roots is readable, however the place is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.server.conftest import Place, text_of, write

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("server.roots_only")]

SECRET = "def plans_of_the_neighbour():\n    return 'buried treasure'\n"


@pytest.fixture
def neighbour(place: Place, tmp_path: Path) -> Path:
    """A folder beside the project, with links to it inside the project."""
    folder = write(tmp_path / "neighbour", {"plans.py": SECRET})
    (place.project / "link").symlink_to(folder)
    (place.project / "plans.py").symlink_to(folder / "plans.py")
    return folder


@pytest.mark.parametrize(
    "query",
    [
        *("link/plans.py:1-2", "plans.py:1-2", "../neighbour/plans.py:1-2", "{neighbour}/plans.py:1-2"),
        *("shop/../../neighbour/plans.py", "link/../plans.py", "plans_of_the_neighbour"),
    ],
)
async def test_a_read_does_not_leave_the_project(
    place: Place, neighbour: Path, era: str, query: str
) -> None:
    arguments = {"query": query.format(neighbour=neighbour), "detail": "full"}
    async with place.connect(era) as client:
        result = await client.call_tool("search_code", arguments)
    assert "buried treasure" not in text_of(result)


@pytest.mark.parametrize(
    "paths", ["link", "link/plans.py", "../neighbour", "{neighbour}", "**/plans.py"]
)
async def test_a_filter_does_not_leave_the_project(place: Place, neighbour: Path, paths: str) -> None:
    arguments = {
        "query": "treasure",
        "mode": "regex",
        "detail": "full",
        "paths": paths.format(neighbour=neighbour),
    }
    async with place.connect("auto") as client:
        result = await client.call_tool("search_code", arguments)
    assert "buried treasure" not in text_of(result)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("search_code", {"query": "x"}), ("index_repo", {}), ("index_repo", {"path": "{project}"})],
)
async def test_a_project_that_is_gone_is_said_to_be_gone(
    place: Place, tool: str, arguments: dict[str, str]
) -> None:
    given = {name: value.format(project=place.project) for name, value in arguments.items()}
    async with place.connect("auto") as client:
        await client.call_tool("index_repo", {})
        place.project.rename(place.project.with_name("moved"))
        told = text_of(await client.call_tool(tool, given))
    assert f"the folder {place.project} is gone" in told
    assert "allowed" not in told


@pytest.mark.parametrize("tool", ["search_code", "index_repo"])
@pytest.mark.parametrize(
    "name", ["{neighbour}", "{project}/link", "../neighbour", "{project}/../neighbour"]
)
async def test_a_neighbour_is_neither_searched_nor_indexed(
    place: Place, neighbour: Path, tool: str, name: str
) -> None:
    named = name.format(neighbour=neighbour, project=place.project)
    arguments = {"query": "treasure", "repo": named} if tool == "search_code" else {"path": named}
    async with place.connect("auto") as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert " · next: " in text_of(result)
    assert "buried treasure" not in text_of(result)


async def test_a_folder_that_a_person_indexed_is_searched_from_every_project(
    place: Place, neighbour: Path
) -> None:
    async with place.open(None) as app:
        run = await app.start_index(str(neighbour), trusted=True)
        await run.wait(60)
    async with place.connect("auto") as client:
        result = await client.call_tool(
            "search_code", {"query": "plans_of_the_neighbour", "repo": str(neighbour)}
        )
    assert "plans.py:1-2" in text_of(result)


async def test_a_project_inside_a_tree_that_may_not_be_read_is_searched_alone(
    place: Place, tmp_path: Path
) -> None:
    """Another session indexed what lies around it."""
    write(tmp_path, {"around.py": SECRET})
    async with place.connect("auto", root=tmp_path) as client:
        assert "around.py" in text_of(
            await client.call_tool("search_code", {"query": "plans_of_the_neighbour"})
        )
    async with place.connect("auto") as client:
        found = text_of(await client.call_tool("search_code", {"query": "charge_card"}))
        missed = text_of(await client.call_tool("search_code", {"query": "plans_of_the_neighbour"}))
        refused = await client.call_tool(
            "search_code", {"query": "plans_of_the_neighbour", "repo": tmp_path.name}
        )
    assert found.startswith("shop/pay.py:")
    assert missed.startswith("not here:")
    assert refused.is_error
    assert "buried treasure" not in found + missed + text_of(refused)
