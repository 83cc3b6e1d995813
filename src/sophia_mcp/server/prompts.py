"""Which prompts can a person pick in the client? One for each swarm pattern, of the same name."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.mcpserver.prompts.base import Prompt, PromptArgument
from mcp.types import INVALID_PARAMS

from sophia_mcp.cost import usd
from sophia_mcp.errors import BadArgument
from sophia_mcp.server.errors import describe
from sophia_mcp.swarm.patterns import PATTERNS, Pattern


def publish(server: MCPServer[Any]) -> None:
    """Add a prompt for every shipped pattern."""
    for pattern in PATTERNS.all():
        server.add_prompt(
            Prompt(
                name=pattern.name,
                title=pattern.title,
                description=pattern.summary,
                arguments=_arguments(pattern),
                fn=partial(text, pattern),
            )
        )


def _arguments(pattern: Pattern) -> list[PromptArgument]:
    return [
        PromptArgument(
            name="task",
            description="What is wanted, in plain words",
            required=set(pattern.requires) == {"task"},
        ),
        PromptArgument(
            name="paths", description="Files or folders, separated by commas", required=False
        ),
        PromptArgument(
            name="max_cost_usd", description="Hard limit; empty: you do the steps", required=False
        ),
    ]


def text(pattern: Pattern, task: str = "", paths: str = "", max_cost_usd: str = "") -> str:
    """What the assistant is asked to do: one call, and what to make of its answer. Raises MCPError for a
    limit that is no amount."""
    limit = f"max_cost_usd={_dollars(max_cost_usd)}" if max_cost_usd.strip() else 'provider="host"'
    named = [path.strip() for path in paths.split(",") if path.strip()]
    arguments = [f"pattern={json.dumps(pattern.name)}"]
    arguments += [f"task={json.dumps(task, ensure_ascii=False)}"] if task.strip() else []
    arguments += [f"paths={json.dumps(named, ensure_ascii=False)}"] if named else []
    return (
        f"Call run_swarm({', '.join([*arguments, limit])}). {pattern.summary}.\n"
        "While it is running, call get_run as its `next` says. When it answers needs_steps, do each step "
        "yourself, in a context of its own where you can, and send the answers with the call it names. "
        "Then report the findings with path, line and quote as they stand, and say what it cost. "
        "Show a patch before you apply it."
    )


def _dollars(amount: str) -> str:
    try:
        return usd.text(usd.parse(amount, "max_cost_usd"))
    except BadArgument as error:
        raise MCPError(INVALID_PARAMS, describe(error)) from None
