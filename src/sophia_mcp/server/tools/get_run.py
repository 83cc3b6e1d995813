"""The tool `get_run`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, TextContent
from pydantic import Field

from sophia_mcp.errors import BadQuery
from sophia_mcp.ops.clock import system
from sophia_mcp.security.text import call_of
from sophia_mcp.server import runs, sampling
from sophia_mcp.server.tools import ToolRecord
from sophia_mcp.swarm.telling import reports
from sophia_mcp.types import RunReport

LISTED = 20


class FoundRuns(runs.RunAnswer):
    """The same, with the recent runs where none was named."""

    runs: list[dict[str, Any]]


async def get_run(
    ctx: Context[Any],
    run_id: Annotated[str | None, Field(description="Default: list recent runs")] = None,
    view: Annotated[
        Literal["status", "result", "timeline"],
        Field(description="result: every finding and the whole patch; timeline: what happened"),
    ] = "status",
    wait_s: Annotated[int, Field(ge=0, le=50)] = 0,
    max_tokens: Annotated[int, Field(ge=200, le=20_000)] = 2500,
    cursor: str | None = None,
) -> Annotated[CallToolResult, FoundRuns]:
    """How a swarm run stands, what it came to, or everything it did and what that cost.
    Use it after run_swarm, or without run_id to find earlier runs. It never starts or spends.
    Returns the same as run_swarm.
    """
    app, _ = await ctx.request_context.lifespan_context.open()
    swarm = await app.swarm()
    start = _start(cursor)
    if run_id is None:
        return _listed(await swarm.recent(start + LISTED + 1), start)
    report = await swarm.report(run_id, wait_s=wait_s, tell=runs.teller(ctx), every_s=runs.PROGRESS_S)
    told = runs.told(
        report,
        max_tokens=max_tokens,
        start=0 if view == "timeline" else start,
        whole_patch=view == "result",
        lent=report.provider == "sampling" and sampling.offered(ctx),
    )
    assert told.structured_content is not None
    told.structured_content["runs"] = []
    if view == "timeline":
        events = await swarm.timeline(run_id, start)
        text, following = runs.history(run_id, events, start, max_tokens, now_ns=system())
        told.structured_content["next"] = following
        told.content = [TextContent(type="text", text=text)]
    return told


def _start(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 10):
        raise BadQuery(
            f"the cursor {cursor[:40]!r} is not one of ours", next="use the cursor of the answer before"
        )
    return int(cursor)


def _listed(found: Sequence[RunReport], start: int) -> CallToolResult:
    rows = [reports.row(each) for each in found[start : start + LISTED]]
    more = len(found) > start + LISTED
    following = call_of("get_run", run_id=rows[0]["run_id"]) if rows else None
    notes = [f'older ones: get_run(cursor="{start + LISTED}")'] if more else []
    notes += [] if rows else ["no run yet; run_swarm starts one" if not start else "no older run"]
    answer = FoundRuns(
        run_id=None,
        pattern=None,
        status=None,
        reason=None,
        progress={"done": 0, "total": 0},
        steps=[],
        outcome=None,
        left_out=[],
        gates=[],
        cost={},
        timeline=None,
        next=following,
        notes=notes,
        runs=rows,
    )
    lines = [reports.head(each) for each in found[start : start + LISTED]]
    lines += [f"note: {note}" for note in notes]
    return CallToolResult(
        content=[
            TextContent(type="text", text="\n".join([*lines, f"next: {following or 'none needed'}"]))
        ],
        structured_content=answer.model_dump(),
    )


TOOL = ToolRecord(
    call=get_run,
    read_only=True,
    idempotent=True,
    destructive=False,
    open_world=False,
    structured=True,
    toolset="swarm",
    meta=runs.ROOM,
)
