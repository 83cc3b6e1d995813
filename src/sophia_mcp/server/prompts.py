"""Which prompts can a person pick in the client? One for each swarm pattern, of the same name, and one
for any pattern."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from mcp import MCPError
from mcp.server import MCPServer, ServerRequestContext
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware
from mcp.server.mcpserver.prompts.base import Prompt, PromptArgument
from mcp.types import INVALID_PARAMS

from sophia_mcp.cost import usd
from sophia_mcp.errors import AgentError, BadArgument, NotFound
from sophia_mcp.server.errors import describe
from sophia_mcp.server.state import State
from sophia_mcp.swarm.patterns import PATTERNS
from sophia_mcp.types import Order

ANY = "swarm"
"""The prompt that takes a pattern by name, also one of the person's own."""

_TASK = "What is wanted, in plain words"
_MORE = (
    PromptArgument(name="paths", description="Files or folders, separated by commas", required=False),
    PromptArgument(
        name="max_cost_usd", description="Hard limit; empty: you do the steps", required=False
    ),
)


def publish(server: MCPServer[Any]) -> None:
    """Add a prompt for every shipped pattern, and one for any pattern."""
    for pattern in PATTERNS.all():
        needed = set(pattern.requires) == {"task"}
        server.add_prompt(
            Prompt(
                name=pattern.name,
                title=pattern.title,
                description=pattern.summary,
                arguments=[PromptArgument(name="task", description=_TASK, required=needed), *_MORE],
                fn=partial(text, pattern.name, f" {pattern.summary}."),
            )
        )
    server.add_prompt(
        Prompt(
            name=ANY,
            title="Swarm",
            description="Any pattern by its name, also one of your own",
            arguments=[
                PromptArgument(name="pattern", description="Its name", required=True),
                PromptArgument(name="task", description=_TASK, required=False),
                *_MORE,
            ],
            fn=lambda pattern, task="", paths="", max_cost_usd="": text(
                pattern, "", task, paths, max_cost_usd
            ),
        )
    )


def checked(server: MCPServer[Any]) -> ServerMiddleware[Any]:
    """Middleware around `prompts/get`: arguments that a prompt does not know are left out; a name that is no
    prompt, and an argument that is missing, are refused with words."""

    async def check(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        asked = ctx.params if ctx.method == "prompts/get" and isinstance(ctx.params, Mapping) else {}
        name, given = asked.get("name"), asked.get("arguments") or {}
        if not isinstance(name, str) or not isinstance(given, Mapping):
            return await call_next(ctx)
        known = {prompt.name: prompt.arguments or [] for prompt in await server.list_prompts()}
        if name not in known:
            raise _refused(
                NotFound(
                    f"no prompt named {name!r}",
                    why=f"prompts: {', '.join(known)}",
                    next=f"ask for one of these; {ANY!r} takes the name of any pattern",
                )
            )
        arguments = {argument.name: bool(argument.required) for argument in known[name]}
        for argument, required in arguments.items():
            if required and argument not in given:
                raise _refused(
                    BadArgument(
                        f"{name}: {argument} is missing",
                        why=f"{argument} is required",
                        next=f"ask for the prompt again with {argument}",
                    )
                )
        taken = {argument: value for argument, value in given.items() if argument in arguments}
        return await call_next(replace(ctx, params={**asked, "arguments": taken}))

    return check


def _refused(error: AgentError) -> MCPError:
    return MCPError(INVALID_PARAMS, describe(error))


async def patterns_known(state: State) -> list[str]:
    """The names of all patterns the caller may use, for completion."""
    app, project = await state.open()
    order = Order("", repo=str(project) if project is not None else None)
    return list((await app.swarm()).means.library(order).names())


def text(pattern: str, about: str, task: str = "", paths: str = "", max_cost_usd: str = "") -> str:
    """What the assistant is asked to do: one call, and what to make of its answer. Raises MCPError for a
    limit that is no amount."""
    limit = f"max_cost_usd={_dollars(max_cost_usd)}" if max_cost_usd.strip() else 'provider="host"'
    named = [path.strip() for path in paths.split(",") if path.strip()]
    arguments = [f"pattern={json.dumps(pattern, ensure_ascii=False)}"]
    arguments += [f"task={json.dumps(task, ensure_ascii=False)}"] if task.strip() else []
    arguments += [f"paths={json.dumps(named, ensure_ascii=False)}"] if named else []
    return (
        f"Call run_swarm({', '.join([*arguments, limit])}).{about}\n"
        "While it is running, call get_run as its `next` says. When it answers needs_steps, do each step "
        "yourself, in a context of its own where you can, and send the answers with the call it names. "
        "Then report the findings with path, line and quote as they stand, and say what it cost. "
        "Show a patch before you apply it."
    )


def _dollars(amount: str) -> str:
    try:
        return usd.text(usd.parse(amount, "max_cost_usd"))
    except BadArgument as error:
        raise _refused(error) from None
