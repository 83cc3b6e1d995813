"""The project root is found in the stated order, and never is more than one project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import ListRootsResult, Root
from tests.server.conftest import Place, text_of, write

from sophia_mcp.errors import NoProjectRoot
from sophia_mcp.server.build import build_server
from sophia_mcp.server.project_root import find, repository_above

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("server.project_root")]


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """A home with four projects in it, one of them a repository."""
    made = {"home": tmp_path / "home"}
    for name in ("configured", "claude", "client", "working"):
        made[name] = made["home"] / name
        made[name].mkdir(parents=True)
    (made["working"] / ".git").mkdir()
    (made["working"] / "src" / "deep").mkdir(parents=True)
    return made


async def root(folders: dict[str, Path], **given: Any) -> Path:
    roots: Sequence[str] = given.pop("roots", ())

    async def client_roots() -> Sequence[str]:
        return roots

    values = {"configured": None, "claude_project": None, "working": folders["working"]}
    return await find(client_roots=client_roots, home=folders["home"], **{**values, **given})


async def test_each_source_wins_over_those_after_it(folders: dict[str, Path]) -> None:
    client = [folders["client"].as_uri()]
    claude = str(folders["claude"])
    everything = {"configured": folders["configured"], "claude_project": claude, "roots": client}
    assert await root(folders, **everything) == folders["configured"]
    assert await root(folders, claude_project=claude, roots=client) == folders["claude"]
    assert await root(folders, roots=client) == folders["client"]
    assert await root(folders) == folders["working"]


async def test_the_working_folder_is_walked_up_to_its_repository(folders: dict[str, Path]) -> None:
    deep = folders["working"] / "src" / "deep"
    assert await root(folders, working=deep) == folders["working"]
    assert repository_above(folders["client"]) == folders["client"]


async def test_a_folder_that_is_not_the_working_one_is_taken_as_it_is(
    folders: dict[str, Path],
) -> None:
    deep = folders["working"] / "src" / "deep"
    assert await root(folders, configured=deep) == deep


@pytest.mark.parametrize("wide", ["/", "home", "above"])
async def test_a_configured_root_that_is_too_wide_is_refused(
    folders: dict[str, Path], wide: str
) -> None:
    places = {"/": Path("/"), "home": folders["home"], "above": folders["home"].parent}
    with pytest.raises(NoProjectRoot, match="more than one project") as failure:
        await root(folders, configured=places[wide])
    assert "--root" in failure.value.next


async def test_a_wide_source_is_passed_over_for_the_next(folders: dict[str, Path]) -> None:
    found = await root(folders, claude_project="/", roots=[folders["home"].as_uri()])
    assert found == folders["working"]


async def test_when_every_source_is_refused_each_is_named_with_its_fault(
    folders: dict[str, Path],
) -> None:
    with pytest.raises(NoProjectRoot) as failure:
        await root(folders, claude_project="/nowhere/at/all", working=Path("/"))
    assert "/nowhere/at/all: it does not exist" in failure.value.why
    assert "/: it is the home folder or above it" in failure.value.why


async def test_a_link_to_a_wide_folder_is_refused_too(folders: dict[str, Path]) -> None:
    link = folders["client"] / "link"
    link.symlink_to(folders["home"])
    with pytest.raises(NoProjectRoot):
        await root(folders, configured=link)


@pytest.mark.parametrize(
    "uri", ["https://example.com/x", "file://elsewhere/x", "file:///%00", "nonsense", ""]
)
async def test_client_roots_that_are_no_local_folders_are_passed_over(
    folders: dict[str, Path], uri: str
) -> None:
    assert await root(folders, roots=[uri]) == folders["working"]


async def test_spaces_in_a_root_are_decoded(folders: dict[str, Path]) -> None:
    spaced = folders["home"] / "my project"
    spaced.mkdir()
    assert await root(folders, roots=[spaced.as_uri()]) == spaced


async def test_a_handshake_client_is_asked_for_its_roots(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def roots(context: Any) -> ListRootsResult:
        asked.append(1)
        return ListRootsResult(roots=[Root(uri=place.project.as_uri())])

    monkeypatch.chdir("/")
    write(tmp_path / "elsewhere")
    server = build_server(place.open)
    async with Client(server, mode="legacy", list_roots_callback=roots) as client:
        for _ in range(2):
            result = await client.call_tool("search_code", {"query": "charge_card"})
            assert "shop/pay.py" in text_of(result)
    assert asked == [1]


@pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # the client's model knows only files
async def test_roots_that_are_no_folders_hide_none_that_is(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editor may have a folder of another machine open beside one of this."""
    written = ["vscode-remote://ssh-remote+host/srv", "file:///", place.project.as_uri()]

    async def roots(context: Any) -> ListRootsResult:
        return ListRootsResult(roots=[Root.model_construct(uri=uri) for uri in written])

    monkeypatch.chdir("/")
    async with Client(build_server(place.open), mode="legacy", list_roots_callback=roots) as client:
        result = await client.call_tool("search_code", {"query": "charge_card"})
    assert text_of(result).startswith("shop/pay.py:")
