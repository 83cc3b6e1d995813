"""Every tool and every resource keeps the promises of its folder."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from tests.server.conftest import Place, text_of, write

from sophia_mcp.server.resources import RESOURCES
from sophia_mcp.server.tools import TOOLS

pytestmark = pytest.mark.anyio

DESCRIPTION_CHARS = 2000
"""Clients cut a description at 2 KB."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(write(tmp_path / "project"), tmp_path / "store")


@pytest.mark.parametrize("name", TOOLS.names())
def test_a_tool_has_a_name_and_a_description_every_client_takes(name: str) -> None:
    record = TOOLS.load(name)
    described = inspect.getdoc(record.call) or ""
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name)
    assert record.call.__name__ == name
    assert 50 < len(described) <= DESCRIPTION_CHARS
    assert len(described.splitlines()) >= 3


@pytest.mark.parametrize("name", TOOLS.names())
async def test_a_tool_works_without_any_argument_but_the_one_it_is_about(
    name: str, place: Place
) -> None:
    (listed,) = await place.server(toolsets=[name]).list_tools()
    assert len(listed.input_schema.get("required", [])) <= 1


@pytest.mark.parametrize("name", TOOLS.names())
def test_what_only_reads_destroys_nothing(name: str) -> None:
    record = TOOLS.load(name)
    assert not (record.read_only and record.destructive)


@pytest.mark.requirement("server.both_eras")
@pytest.mark.parametrize("era", ["legacy", "auto"])
@pytest.mark.parametrize("name", TOOLS.names())
async def test_a_tool_answers_nonsense_with_words_and_never_with_a_bug(
    name: str, era: str, place: Place
) -> None:
    nonsense = {"no_such_argument": 1, "path": "/nowhere/at/all", "repo": "nowhere", "query": "\0"}
    async with place.connect(era) as client:
        for arguments in ({}, nonsense):
            result = await client.call_tool(name, arguments)
            assert text_of(result)
            assert "Internal error" not in text_of(result)
            assert len(text_of(result)) < 10_000


@pytest.mark.requirement("server.toolsets", "server.read_only")
@pytest.mark.parametrize("name", TOOLS.names())
async def test_a_server_publishes_just_the_tools_it_was_told_to(name: str, place: Place) -> None:
    listed = await place.server(toolsets=[name]).list_tools()
    assert [tool.name for tool in listed] == [name]
    toolset = TOOLS.load(name).toolset
    listed = await place.server(toolsets=[toolset]).list_tools()
    of_it = {each for each in TOOLS.names() if TOOLS.load(each).toolset == toolset}
    assert {tool.name for tool in listed} == of_it
    reading = {tool.name for tool in await place.server(read_only=True).list_tools()}
    assert (name in reading) == TOOLS.load(name).read_only


@pytest.mark.parametrize("name", RESOURCES.names())
def test_the_parameters_of_a_resource_are_those_of_its_uri(name: str) -> None:
    record = RESOURCES.load(name)
    parameters = [each for each in inspect.signature(record.read).parameters if each != "state"]
    assert re.findall(r"{(\w+)}", record.uri) == parameters
    assert record.uri.startswith(("sophia://", "ui://sophia/"))
    assert set(record.offers) <= set(parameters)
    assert record.title
    assert record.description
