"""What an agent reads when a call fails."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from mcp import MCPError
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError, ToolError
from tests.server.conftest import Place, text_of

from sophia_mcp.errors import Bug, NotFound, NotIndexed, SophiaError, leaves
from sophia_mcp.server.errors import MAX_CHARS, answering, describe, reading

pytestmark = pytest.mark.anyio


def example(leaf: type[SophiaError]) -> SophiaError:
    return leaf("it failed", why="a reason", next="a step")


@pytest.mark.requirement("design.errors_answered")
@pytest.mark.parametrize("leaf", leaves(), ids=lambda leaf: leaf.__name__)
async def test_every_leaf_becomes_a_tool_error_with_its_three_parts(leaf: type[SophiaError]) -> None:
    error = example(leaf)

    @answering
    async def fails() -> None:
        raise error

    with pytest.raises(ToolError) as failure:
        await fails()
    for part in (error.what, error.why, error.next):
        assert part in str(failure.value)


@pytest.mark.requirement("design.errors_answered")
@pytest.mark.parametrize("leaf", leaves(), ids=lambda leaf: leaf.__name__)
async def test_every_leaf_has_a_next_step_even_where_none_was_given(leaf: type[SophiaError]) -> None:
    text = describe(leaf("it failed"))
    assert " · next: " in text
    assert text.partition(" · next: ")[2]


@pytest.mark.requirement("design.errors_answered")
@pytest.mark.parametrize("leaf", leaves(), ids=lambda leaf: leaf.__name__)
async def test_every_leaf_is_answered_by_a_resource(leaf: type[SophiaError]) -> None:
    @reading
    async def fails() -> None:
        raise example(leaf)

    with pytest.raises(ResourceError) as failure:
        await fails()
    assert isinstance(failure.value, ResourceNotFoundError) == issubclass(leaf, NotFound | NotIndexed)


async def test_a_surprise_shows_an_id_to_the_agent_and_the_traceback_to_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @answering
    async def fails() -> None:
        raise ValueError("secret: /etc/passwd")

    with caplog.at_level(logging.ERROR), pytest.raises(ToolError) as failure:
        await fails()
    shown = str(failure.value)
    assert "secret" not in shown
    assert "sophia debug doctor" in shown
    identifier = shown.removeprefix("Internal error ").split()[0]
    record = next(record for record in caplog.records if identifier in record.getMessage())
    assert record.exc_info is not None
    assert "secret" in str(record.exc_info[1])


async def test_a_protocol_error_passes_as_it_is() -> None:
    @answering
    async def fails() -> None:
        raise MCPError(-32602, "no")

    with pytest.raises(MCPError):
        await fails()


def test_a_long_error_keeps_its_next_step() -> None:
    text = describe(NotFound("x" * 5000, why="y" * 5000, next="call index_repo()"))
    assert len(text) <= MAX_CHARS
    assert text.endswith(" · next: call index_repo()")


def test_a_bug_without_a_step_points_to_the_doctor() -> None:
    assert "sophia debug doctor" in describe(Bug())


LONG = "n" * 300
"""A name that no file system has room for."""


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("search_code", {"query": "cart", "repo": LONG}),
        ("search_code", {"query": "cart", "repo": f"{LONG}@main"}),
        ("index_repo", {"path": LONG}),
        ("index_repo", {"path": f"/{LONG}/x", "action": "status"}),
        ("remember", {"text": "carts", "repo": f"~/{LONG}"}),
        ("remember", {"text": "carts", "anchors": [f"shop/{LONG}.py"]}),
        ("recall", {"repo": LONG}),
        ("run_swarm", {"task": "x", "pattern": "solo", "repo": LONG, "action": "estimate"}),
    ],
)
async def test_a_name_that_no_file_can_have_is_answered_like_any_unknown_one(
    indexed: Place, tool: str, arguments: dict[str, Any]
) -> None:
    async with indexed.connect("auto") as client:
        answer = await client.call_tool(tool, arguments)
        said = text_of(answer)
    assert answer.is_error
    assert "next: " in said
    assert "Internal error" not in said


async def test_a_path_that_no_file_can_have_is_one_that_a_run_cannot_read(indexed: Place) -> None:
    asked = {"task": "x", "pattern": "solo", "paths": [LONG], "action": "estimate"}
    async with indexed.connect("auto") as client:
        said = text_of(await client.call_tool("run_swarm", asked))
    assert f"{LONG} could not be read" in said
