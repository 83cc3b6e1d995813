"""How does the client's own model do the steps of a run while a call is open?

The handshake era lets the server ask within the call. The stateless era returns the questions in
place of a result, and the client calls again with the answers. In both, steps that nobody answers
wait at the desk, and the assistant may do them itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
from mcp import MCPError
from mcp.server.mcpserver import Context
from mcp.types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    CreateMessageResultWithTools,
    InputRequiredResult,
    SamplingMessage,
    TextContent,
)
from pydantic import ValidationError

from sophia_mcp.errors import NotFound, ProviderError
from sophia_mcp.llm.desk import Desk
from sophia_mcp.server import sdk
from sophia_mcp.server.runs import PROGRESS_S
from sophia_mcp.types import Ask, Packet

if TYPE_CHECKING:
    from sophia_mcp.swarm.swarm import Swarm
    from sophia_mcp.types import RunReport

STATELESS = "2026-07-28"
"""The first protocol version in which a server asks by returning."""

_CUT = frozenset({"maxTokens"})


def offered(ctx: Context[Any]) -> bool:
    """Whether this caller's client lends its model."""
    capabilities = ctx.client_capabilities
    return capabilities is not None and capabilities.sampling is not None


def stateless(ctx: Context[Any]) -> bool:
    """Whether questions to this client are returned, not sent."""
    return (ctx.protocol_version or "") >= STATELESS


def questions(desk: Desk, run_id: str) -> InputRequiredResult | None:
    """The steps that wait as questions to the client of the stateless era; None when none waits."""
    asked = {packet.key: _request(packet, ask) for packet, ask in desk.waiting(run_id)}
    return InputRequiredResult(input_requests=asked, request_state=run_id) if asked else None


def take(desk: Desk, ctx: Context[Any]) -> str | None:
    """Lay the answers of a client that calls again on the desk; the run they belong to, None where
    this call brings none. What nobody waits for any more is left aside."""
    run_id = ctx.request_state
    for key, given in (ctx.input_responses or {}).items():
        if run_id is not None and isinstance(given, CreateMessageResult | CreateMessageResultWithTools):
            with suppress(NotFound):
                _lay(desk, run_id, key, given)
    return run_id


async def lend(
    ctx: Context[Any],
    desk: Desk,
    swarm: Swarm,
    run_id: str,
    seconds: float,
    tell: Callable[[int, int, str], Awaitable[None]],
) -> RunReport:
    """Let the client's model answer whatever waits, until the run has ended or ``seconds`` are over;
    ``tell`` hears now and then how far it is."""
    until = anyio.current_time() + seconds
    spoken = anyio.current_time()
    busy: set[str] = set()

    async def ask(packet: Packet, asked: Ask) -> None:
        try:
            await _ask(ctx, desk, run_id, packet, asked)
        finally:
            busy.discard(packet.key)

    async with anyio.create_task_group() as tasks:
        while True:
            changed = swarm.changes.next(run_id)
            for packet, asked in desk.waiting(run_id):
                if packet.key not in busy:
                    busy.add(packet.key)
                    tasks.start_soon(ask, packet, asked)
            found = await swarm.report(run_id)
            left = until - anyio.current_time()
            if found.status not in ("running", "needs_steps") or left <= 0:
                tasks.cancel_scope.cancel()
                break
            if anyio.current_time() - spoken >= PROGRESS_S:
                spoken = anyio.current_time()
                await tell(found.done, found.total, f"{found.pattern}: {found.status}")
            with anyio.move_on_after(min(left, 1.0)):
                await changed.wait()
    return found


async def _ask(ctx: Context[Any], desk: Desk, run_id: str, packet: Packet, ask: Ask) -> None:
    try:
        answered = await sdk.sample(ctx.request_context, _request(packet, ask), ask.deadline_s)
    except (MCPError, ValidationError) as error:
        refused = ProviderError(
            f"the client's model did not answer the step {packet.key}",
            why=str(error)[:200],
            next='use provider="host": the assistant does the steps itself',
        )
        with suppress(NotFound):
            desk.refuse(run_id, packet.key, refused)
        return
    with suppress(NotFound):
        _lay(desk, run_id, packet.key, answered)


def _lay(
    desk: Desk,
    run_id: str,
    key: str,
    answered: CreateMessageResult | CreateMessageResultWithTools,
) -> None:
    blocks = answered.content if isinstance(answered.content, list) else [answered.content]
    text = "\n".join(block.text for block in blocks if isinstance(block, TextContent))
    finish = "length" if answered.stop_reason in _CUT else "stop"
    desk.answer(run_id, key, text, model=answered.model, finish=finish)  # type: ignore[arg-type]


def _request(packet: Packet, ask: Ask) -> CreateMessageRequest:
    system = "\n\n".join(m.text for m in ask.messages if m.role == "system")
    spoken: Sequence[SamplingMessage] = [
        SamplingMessage(
            role="assistant" if m.role == "assistant" else "user",
            content=TextContent(type="text", text=m.text),
        )
        for m in ask.messages
        if m.role != "system"
    ]
    whole = SamplingMessage(role="user", content=TextContent(type="text", text=packet.prompt))
    return CreateMessageRequest(
        params=CreateMessageRequestParams(
            messages=list(spoken) or [whole],
            system_prompt=system or None,
            max_tokens=ask.max_tokens,
            temperature=ask.temperature,
        )
    )
