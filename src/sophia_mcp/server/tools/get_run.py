"""The tool `get_run`."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, TextContent
from pydantic import Field

from sophia_mcp.cost import usd
from sophia_mcp.errors import BadQuery
from sophia_mcp.server import runs
from sophia_mcp.server.tools import ToolRecord

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
    """How a swarm run stands, what it came to, or everything it did and what that cost."""
    app, _ = await ctx.request_context.lifespan_context.open()
    swarm = await app.swarm()
    if run_id is None:
        return _listed(await swarm.recent(LISTED))
    start = _start(cursor)
    report = await swarm.report(run_id, wait_s=wait_s)
    told = runs.told(
        report,
        max_tokens=max_tokens,
        start=0 if view == "timeline" else start,
        whole_patch=view == "result",
    )
    assert told.structured_content is not None
    told.structured_content["runs"] = []
    if view == "timeline":
        text, following = runs.history(run_id, await swarm.timeline(run_id, start), start, max_tokens)
        told.structured_content["next"] = following
        told.content = [TextContent(type="text", text=text)]
    return told


def _start(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isdigit():
        raise BadQuery(
            f"the cursor {cursor!r} is not one of ours", next="use the cursor of the answer before"
        )
    return int(cursor)


def _listed(found: Any) -> CallToolResult:
    rows = [
        {
            "run_id": each.run_id,
            "pattern": each.pattern,
            "status": each.status,
            "progress": {"done": each.done, "total": each.total},
            "usd": usd.text(each.cost.spent_nano),
        }
        for each in found
    ]
    following = f"get_run(run_id={json.dumps(found[0].run_id)})" if found else None
    answer = FoundRuns(
        run_id=None,
        pattern=None,
        status=None,
        reason=None,
        progress={"done": 0, "total": 0},
        steps=[],
        outcome=None,
        gates=[],
        cost={},
        timeline=None,
        next=following,
        notes=[] if found else ["no run yet; run_swarm starts one"],
        runs=rows,
    )
    lines = [
        f"{row['run_id']} · {row['pattern']} · {row['status']} · ${row['usd']}" for row in rows
    ] or answer.notes
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
)
