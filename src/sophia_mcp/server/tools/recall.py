"""The tool `recall`."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.mcpserver import Context
from pydantic import Field

from sophia_mcp.server import memory
from sophia_mcp.server.tools import ToolRecord
from sophia_mcp.types import MemoryKind, MemoryScope


async def recall(
    ctx: Context[Any],
    query: Annotated[
        str | None, Field(max_length=2000, description="Words or an id; none lists")
    ] = None,
    scope: MemoryScope | None = None,
    repo: Annotated[str | None, Field(description='"*": all')] = None,
    kinds: list[MemoryKind] = [],  # noqa: B006 - never changed
    limit: Annotated[int, Field(ge=1, le=50)] = 8,
    max_tokens: Annotated[int, Field(ge=100, le=20_000)] = 1000,
    cursor: str | None = None,
) -> str:
    """Recall what earlier sessions remembered, with source and age.
    Use it before a task; for code use search_code.
    Anchored notes say whether their code is fresh, drifted or orphaned."""
    state = ctx.request_context.lifespan_context
    return await memory.recalled(state, query, repo, scope, kinds, limit, max_tokens, cursor)


TOOL = ToolRecord(
    recall,
    read_only=True,
    idempotent=True,
    destructive=False,
    open_world=False,
    structured=False,
    toolset="memory",
)
