"""The tool `remember`."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, Field

from sophia_mcp.errors import BadArgument
from sophia_mcp.server import memory
from sophia_mcp.server.tools import ToolRecord
from sophia_mcp.types import MemoryKind, MemoryScope


class RememberAnswer(BaseModel):
    """What a client receives, whole; published with top-level keys only."""

    id: str
    state: str
    memory: dict[str, Any]
    next: str | None
    notes: list[str]


async def remember(
    ctx: Context[Any],
    text: Annotated[
        str | None,
        Field(description="One statement with its reason; RUN_ID#2 accepts a finding"),
    ] = None,
    kind: MemoryKind = "fact",
    scope: MemoryScope = "repo",
    repo: str | None = None,
    anchors: Annotated[list[str], Field(description="path, path:line or symbol")] = [],  # noqa: B006 - never changed
    ttl_days: Annotated[int | None, Field(ge=1)] = None,
    pinned: bool = False,
    forget: Annotated[str | None, Field(description='Id, "undo:ID", or RUN_ID#2: rejects it')] = None,
) -> Annotated[CallToolResult, RememberAnswer]:
    """Keep one fact, decision, lesson or preference for later sessions.
    Use it for what cost time to find out or a person decided; not for status, secrets or what code says.
    Returns its id, and whether it was known already."""
    state = ctx.request_context.lifespan_context
    if forget is not None:
        if text is not None:
            raise BadArgument(
                "text and forget were both given", why="one call does one thing", next="make two calls"
            )
        rejected = memory.finding(forget)
        if rejected is not None:
            return _answer(await memory.judged(state, *rejected, accepted=False))
        return _answer(await memory.forget(state, forget))
    if text is None:
        raise BadArgument(
            "there is nothing to remember", why="text is missing", next='remember(text="...")'
        )
    accepted = memory.finding(text)
    if accepted is not None:
        return _answer(await memory.judged(state, *accepted, accepted=True))
    written = await memory.remember(
        state,
        text,
        repo,
        kind=kind,
        scope=scope,
        anchors=anchors,
        ttl_days=ttl_days,
        pinned=pinned,
    )
    return _answer(written)


def _answer(written: memory.Written) -> CallToolResult:
    similar = [{"id": each.id, "text": each.text} for each in written.rivals]
    whole = RememberAnswer(
        id=written.memo.id,
        state=written.verb,
        memory=memory.facts(written.memo) | {"similar": similar},
        next=written.following,
        notes=list(written.notes),
    )
    notes = [f"note: {note}" for note in written.notes]
    lines = [*written.lines(), *notes, f"next: {whole.next or 'none needed'}"]
    return CallToolResult(
        content=[TextContent(type="text", text="\n".join(lines))],
        structured_content=whole.model_dump(),
    )


TOOL = ToolRecord(
    remember,
    read_only=False,
    idempotent=True,
    destructive=False,
    open_world=False,
    structured=True,
    toolset="memory",
)
