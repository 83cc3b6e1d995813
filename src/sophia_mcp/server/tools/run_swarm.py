"""The tool `run_swarm`."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, InputRequiredResult
from pydantic import Field

from sophia_mcp.cost import usd
from sophia_mcp.errors import BadArgument
from sophia_mcp.server import runs, sampling
from sophia_mcp.server.tools import ToolRecord
from sophia_mcp.types import Order, RunReport

PROGRESS_S = 2.0

Action = Literal["start", "estimate", "answer", "resume", "cancel"]


async def run_swarm(
    ctx: Context[Any],
    task: Annotated[str | None, Field(description="What is wanted, in plain words")] = None,
    pattern: Annotated[
        str,
        Field(
            description="solo, code_review, refactoring, bug_fix, feature_development, documentation, testing, optimization, web_research, or the user's own"
        ),
    ] = "code_review",
    repo: Annotated[str | None, Field(description="As search_code takes it")] = None,
    paths: Annotated[list[str] | None, Field(description="Files or folders it is about")] = None,
    diff: Annotated[
        str | None, Field(description="Unified diff; default for reviews: what changed here")
    ] = None,
    max_cost_usd: Annotated[
        float | None, Field(ge=0, description="Hard limit; required unless the provider is free")
    ] = None,
    provider: Annotated[
        str,
        Field(description="auto, portkey, openai, sampling, host (you do the steps, no key), scripted"),
    ] = "auto",
    tier: Literal["fast", "standard", "deep"] = "standard",
    debate_rounds: Annotated[int, Field(ge=0, le=2)] = 0,
    wait_s: Annotated[int, Field(ge=0, le=50, description="Then it goes on in the background")] = 40,
    action: Action = "start",
    run_id: str | None = None,
    results: Annotated[
        dict[str, Any] | None, Field(description="With answer: step key to its answer")
    ] = None,
) -> Annotated[CallToolResult | InputRequiredResult, runs.RunAnswer]:
    """Let several agents review, fix, refactor, document, test or research, with every claim checked against the code before you see it.
    Costs at most max_cost_usd. Never edits files: a patch is an answer. Use it for work worth several opinions, not for one lookup.
    Returns findings with path, line and quote, or status needs_steps with prompts to answer, and the next call."""
    state = ctx.request_context.lifespan_context
    app, project = await state.open()
    swarm = await app.swarm()
    desk = (await app.models()).desk
    if action in ("answer", "resume", "cancel"):
        if run_id is None:
            raise BadArgument(
                f'action="{action}" needs run_id', why="none was given", next="get_run() lists the runs"
            )
        if action == "answer":
            await swarm.answer(run_id, results or {})
        elif action == "resume":
            await swarm.resume(run_id)
        else:
            await swarm.cancel(run_id)
        return await _answer(ctx, app, run_id, 0 if action == "cancel" else wait_s)
    resumed = sampling.take(desk, ctx)
    if resumed is not None:
        return await _answer(ctx, app, resumed, wait_s)
    order = Order(
        task=task or "",
        pattern=pattern,
        repo=repo,
        paths=tuple(paths or ()),
        diff=diff,
        max_cost_nano=usd.parse(max_cost_usd, "max_cost_usd") if max_cost_usd is not None else None,
        provider=provider,
        tier=tier,
        debate_rounds=debate_rounds,
    )
    order = await app.placed(order, project)
    if action == "estimate":
        return await _estimate(ctx, app, order)
    started = await swarm.start(order, can_sample=sampling.offered(ctx))
    state.follow_runs(swarm)
    return await _answer(ctx, app, started, wait_s)


async def _answer(
    ctx: Context[Any], app: Any, run_id: str, wait_s: int
) -> CallToolResult | InputRequiredResult:
    """How the run stands after at most ``wait_s``, the client's model having done what it could."""
    swarm, desk = await app.swarm(), (await app.models()).desk
    shown = -1.0

    async def tell(done: int, total: int, text: str) -> None:
        nonlocal shown
        # The protocol wants every number above the last.
        shown = max(shown + 0.001, float(done))
        await ctx.report_progress(shown, total if total > shown else None, text)

    async def report(seconds: float) -> RunReport:
        found: RunReport = await swarm.report(run_id, wait_s=seconds, tell=tell, every_s=PROGRESS_S)
        return found

    await tell(0, 0, run_id)
    lent = sampling.offered(ctx) and (await report(0)).provider == "sampling"
    if lent and not sampling.stateless(ctx):
        found = await sampling.lend(ctx, desk, run_id, report, wait_s)
    else:
        found = await report(wait_s)
        if lent and found.status == "needs_steps":
            asked = sampling.questions(desk, run_id)
            if asked is not None:
                return asked
    return runs.told(found)


async def _estimate(ctx: Context[Any], app: Any, order: Order) -> CallToolResult:
    """What the order may take at most; nothing is asked of a model and nothing is begun."""
    guess = await (await app.swarm()).estimate(order, can_sample=sampling.offered(ctx))
    most = "no known price" if guess.nano is None else f"at most ${usd.text(guess.nano)}"
    report = RunReport(
        run_id="",
        pattern=guess.pattern,
        status="done",
        reason=f"an estimate: {guess.provider}, {guess.calls} calls, {guess.input_tokens} tokens in,"
        f" {guess.output_tokens} out, {'free' if guess.free else most}",
        total=guess.calls,
        notes=guess.notes,
    )
    told = runs.told(report)
    limit = "" if guess.free or guess.nano is None else f", max_cost_usd={usd.text(guess.nano)}"
    assert told.structured_content is not None
    told.structured_content |= {
        "run_id": None,
        "status": None,
        "timeline": None,
        "cost": told.structured_content["cost"]
        | {
            "reserved_usd": None if guess.nano is None else usd.text(guess.nano),
            "input_tokens": guess.input_tokens,
            "output_tokens": guess.output_tokens,
            "basis": "unpriced" if guess.nano is None else "estimated",
        },
        "next": f"run_swarm(task={json.dumps(order.task)}, pattern={json.dumps(order.pattern)}{limit})",
    }
    text = "\n".join([report.reason, *guess.notes, f"next: {told.structured_content['next']}"])
    told.content[0].text = text  # type: ignore[union-attr]
    return told


TOOL = ToolRecord(
    call=run_swarm,
    read_only=False,
    idempotent=False,
    destructive=False,
    open_world=True,
    structured=True,
    toolset="swarm",
)
