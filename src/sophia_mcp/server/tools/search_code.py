"""The tool `search_code`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from pydantic import Field

from sophia_mcp.server.tools import ToolRecord
from sophia_mcp.types import Detail, Mode, Request, SearchScope

FIRST_WAIT_S = 5.0
"""A project that was never indexed is waited for this long; then the answer says what share it covers."""

_KIND = Literal["function", "class", "method", "doc", "config"]


async def search_code(
    ctx: Context[Any],
    query: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2000,
            description="Words, identifier, regex, error text, stack trace, or a place: symbol, path, path:10-80 "
            '(with detail="full" it is a read)',
        ),
    ],
    repo: Annotated[
        str | None,
        Field(
            description='Name or path, either with @ref (branch, tag, commit); "*" all. Default: this project'
        ),
    ] = None,
    mode: Annotated[
        Mode,
        Field(
            description="similar: query is path:line or code. outline: map of a file, folder or repository"
        ),
    ] = "auto",
    paths: Annotated[list[str], Field(description="Files, folders or globs")] = [],  # noqa: B006 - never changed
    languages: Annotated[list[str], Field(description='e.g. ["python"]')] = [],  # noqa: B006
    kinds: Annotated[
        list[_KIND], Field(description="class includes struct, interface, trait, enum, type")
    ] = [],  # noqa: B006
    scope: Annotated[
        SearchScope, Field(description="changed: uncommitted, and the branch against its base")
    ] = "all",
    limit: Annotated[int, Field(ge=1, le=50)] = 8,
    max_tokens: Annotated[int, Field(ge=200, le=20_000, description="Never exceeded")] = 2500,
    detail: Detail = "auto",
    cursor: Annotated[str | None, Field(description="Next page, from the last answer")] = None,
    format: Literal["text", "json"] = "text",
) -> str:
    """Find code in this repository: ranked spans with their lines, checked against the files on disk.
    Use it before grep, glob or reading files: for how or where something is done, definitions, references,
    callers, regular expressions, errors and stack traces. Not for editing or running code.
    Returns spans under path:start-end with why each matched; a first line "not here:" means the code lacks it."""
    state = ctx.request_context.lifespan_context
    request = Request(
        query,
        repo=repo,
        mode=mode,
        paths=tuple(paths),
        languages=tuple(languages),
        kinds=tuple(kinds),
        scope=scope,
        limit=limit,
        max_tokens=max_tokens,
        detail=detail,
        cursor=cursor,
        format=format,
    )
    text: str = await state.answer(request, wait_s=FIRST_WAIT_S)
    return text


TOOL = ToolRecord(
    search_code,
    read_only=True,
    idempotent=True,
    destructive=False,
    open_world=False,
    structured=False,
    toolset="code",
    meta={"anthropic/alwaysLoad": True, "anthropic/maxResultSizeChars": 200_000},
)
