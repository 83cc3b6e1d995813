"""The tool `run_swarm`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, InputRequiredResult, TextContent
from pydantic import Field

from sophia_mcp.cost import usd
from sophia_mcp.errors import BadArgument
from sophia_mcp.security.text import counted
from sophia_mcp.server import runs, sampling
from sophia_mcp.server.tools import ToolRecord
from sophia_mcp.types import Order

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
        float | None, Field(ge=0, description="Hard limit; required unless free; resume takes another")
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
) -> Annotated[CallToolResult, runs.RunAnswer] | InputRequiredResult:
    """Let several agents review, fix, refactor, document, test or research, with every claim checked against the code before you see it.
    Costs at most max_cost_usd. Never edits files: a patch is an answer. Use it for work worth several opinions, not for one lookup.
    Returns findings with path, line and quote, or status needs_steps with prompts to answer, and the next call."""
    state = ctx.request_context.lifespan_context
    app, project = await state.open()
    swarm = await app.swarm()
    state.follow_runs(swarm)
    auto = action == "start" and provider == "auto"
    asked = sampling.take((await app.models()).desk, ctx)
    if asked is not None:  # the same call again, with the answers of the client's model
        return await _answer(ctx, app, asked, wait_s, auto=auto)
    order = Order(
        task=task or "",
        pattern=pattern,
        repo=repo,
        paths=tuple(paths or ()),
        diff=diff,
        max_cost_nano=None if max_cost_usd is None else usd.parse(max_cost_usd, "max_cost_usd"),
        provider=provider,
        tier=tier,
        debate_rounds=debate_rounds,
    )
    notes = _unused(action, order, run_id, results)
    if action in ("answer", "resume", "cancel"):
        if run_id is None:
            raise BadArgument(
                f'action="{action}" needs run_id', why="none was given", next="get_run() lists the runs"
            )
        if action == "answer":
            await swarm.answer(run_id, results or {})
        elif action == "resume":
            await swarm.resume(run_id, order.max_cost_nano)
        else:
            await swarm.cancel(run_id)
        return await _answer(ctx, app, run_id, 0 if action == "cancel" else wait_s, notes=notes)
    placed = await app.placed(order, project)
    if action == "estimate":
        return await _estimate(ctx, app, order, placed, notes)
    started = await swarm.start(placed, can_sample=sampling.offered(ctx))
    return await _answer(ctx, app, started, wait_s, auto=auto, notes=notes)


def _unused(
    action: Action, order: Order, run_id: str | None, results: dict[str, Any] | None
) -> list[str]:
    """A note that names the arguments which say nothing to this action, so that none is lost unsaid."""
    begins, plain = action in ("start", "estimate"), Order("")
    ordered = ("task", "pattern", "repo", "paths", "diff", "provider", "tier", "debate_rounds")
    idle = [name for name in ordered if not begins and getattr(order, name) != getattr(plain, name)]
    idle += (
        ["max_cost_usd"] if order.max_cost_nano is not None and action in ("answer", "cancel") else []
    )
    idle += ["run_id"] if run_id is not None and begins else []
    idle += ["results"] if results and action != "answer" else []
    return [f'not used with action="{action}": {", ".join(idle)}'] if idle else []


async def _answer(
    ctx: Context[Any],
    app: Any,
    run_id: str,
    wait_s: int,
    *,
    auto: bool = False,
    notes: Sequence[str] = (),
) -> CallToolResult | InputRequiredResult:
    """How the run stands after at most ``wait_s``, the client's model having done what it could."""
    swarm, desk = await app.swarm(), (await app.models()).desk
    tell = runs.teller(ctx)
    await tell(0, 0, run_id)
    lent = sampling.offered(ctx) and (await swarm.report(run_id)).provider == "sampling"
    if lent and not sampling.stateless(ctx):
        found = await sampling.lend(ctx, desk, swarm, run_id, wait_s, tell)
    else:
        found = await swarm.report(run_id, wait_s=wait_s, tell=tell, every_s=runs.PROGRESS_S)
        if lent and found.status == "needs_steps":
            asked = sampling.questions(desk, run_id)
            if asked is not None:
                return asked
    said = [f"auto: {found.provider} answers"] if auto else []
    return runs.told(found, lent=lent, notes=[*said, *notes])


async def _estimate(
    ctx: Context[Any], app: Any, order: Order, placed: Order, notes: Sequence[str]
) -> CallToolResult:
    """What the order may take at most; nothing is asked of a model and nothing is begun."""
    guess = await (await app.swarm()).estimate(placed, can_sample=sampling.offered(ctx))
    most = None if guess.nano is None else usd.text(guess.nano)
    price = "free" if guess.free else "no known price" if most is None else f"at most ${most}"
    reason = (
        f"an estimate: {guess.provider}, {counted(guess.calls, 'call')}, {guess.input_tokens} tokens in,"
        f" {guess.output_tokens} out, {price}"
    )
    answer = runs.RunAnswer(
        run_id=None,
        pattern=guess.pattern,
        status=None,
        reason=reason,
        progress={"done": 0, "total": guess.calls},
        steps=[],
        outcome=None,
        left_out=[],
        gates=[],
        cost={
            "usd": "0.00",
            "reserved_usd": most,
            "input_tokens": guess.input_tokens,
            "output_tokens": guess.output_tokens,
            "cached_tokens": 0,
            "basis": "unpriced" if most is None else "estimated",
        },
        timeline=None,
        next=_start(order, None if guess.free else most),
        notes=[*guess.notes, *notes],
    )
    lines = [reason, *(f"note: {note}" for note in answer.notes), f"next: {answer.next}"]
    return CallToolResult(
        content=[TextContent(type="text", text="\n".join(lines))],
        structured_content=answer.model_dump(),
    )


def _start(order: Order, limit: str | None) -> str:
    """The call that starts just this order, with at least ``limit`` dollars to spend."""
    plain = Order(order.task)
    given: dict[str, Any] = {"task": order.task} if order.task else {}
    given["pattern"] = order.pattern
    for name in ("repo", "paths", "provider", "tier", "debate_rounds"):
        if getattr(order, name) != getattr(plain, name):
            given[name] = getattr(order, name)
    words = [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in given.items()]
    words += ["diff=…"] if order.diff is not None else []
    words += [f"max_cost_usd={limit}"] if limit is not None else []
    return f"run_swarm({', '.join(words)})"


TOOL = ToolRecord(
    call=run_swarm,
    read_only=False,
    idempotent=False,
    destructive=False,
    open_world=True,
    structured=True,
    toolset="swarm",
    meta=runs.ROOM,
)
