"""The tool `cost_report`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, Field

from sophia_mcp.cost.reports.tables import written
from sophia_mcp.server.tools import ToolRecord

APP = "ui://sophia/cost"
MOST_GROUPS = 25
"""Groups in one answer; the rest is summed up in a note."""


class CostAnswer(BaseModel):
    """What a client receives, whole; published with top-level keys only."""

    currency: str
    since: str
    until: str
    total: dict[str, Any]
    groups: list[dict[str, Any]]
    budgets: list[dict[str, Any]]
    trend: list[dict[str, Any]]
    suggestions: list[dict[str, Any]]
    next: str | None
    notes: list[str]


async def cost_report(
    ctx: Context[Any],
    since: Annotated[str, Field(description="-7d, -4w, or a date; days are UTC")] = "-7d",
    until: str | None = None,
    group_by: Annotated[
        list[str],
        Field(
            max_length=3,
            description="Up to 3 of day week month model provider pattern run agent step repo user workspace tag",
        ),
    ] = ["model"],  # noqa: B006 - never changed
    filters: Annotated[
        dict[str, Any] | None, Field(description='e.g. {"model": "claude-*", "tag": ["ci"]}')
    ] = None,
    format: Literal["table", "json", "csv", "markdown"] = "table",
) -> Annotated[CallToolResult, CostAnswer]:
    """Report what model calls cost: swarms, and imported logs of other assistants.
    Use it before and after paid work, and for questions about spending and budgets. It never spends.
    Returns exact amounts, budgets with forecast, and what would have been cheaper."""
    state = ctx.request_context.lifespan_context
    app, _ = await state.open()
    money = await app.money()
    report = await money.report(since, until, group_by, filters, MOST_GROUPS)
    facts = report.facts()
    whole = CostAnswer(**facts).model_dump()
    text = written(facts, format, report.query.group_by)
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=whole)


TOOL = ToolRecord(
    cost_report,
    read_only=True,
    idempotent=True,
    destructive=False,
    open_world=False,
    structured=True,
    toolset="cost",
    meta={"ui": {"resourceUri": APP}},
)
