"""Which prompts can a person pick in the client? One for each swarm pattern, of the same name."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.prompts.base import Prompt, PromptArgument

from sophia_mcp.swarm.patterns import PATTERNS, Pattern

_ARGUMENTS = (
    PromptArgument(name="task", description="What is wanted, in plain words", required=False),
    PromptArgument(name="paths", description="Files or folders, separated by commas", required=False),
    PromptArgument(
        name="max_cost_usd", description="Hard limit; empty: you do the steps", required=False
    ),
)


def publish(server: MCPServer[Any]) -> None:
    """Add a prompt for every shipped pattern."""
    for pattern in PATTERNS.all():
        server.add_prompt(
            Prompt(
                name=pattern.name,
                title=pattern.title,
                description=pattern.summary,
                arguments=list(_ARGUMENTS),
                fn=partial(text, pattern),
            )
        )


def text(pattern: Pattern, task: str = "", paths: str = "", max_cost_usd: str = "") -> str:
    """What the assistant is asked to do: one call, and what to make of its answer."""
    named = [path.strip() for path in paths.split(",") if path.strip()]
    arguments = [f"pattern={json.dumps(pattern.name)}"]
    arguments += [f"task={json.dumps(task)}"] if task else []
    arguments += [f"paths={json.dumps(named)}"] if named else []
    arguments += [f"max_cost_usd={max_cost_usd}"] if max_cost_usd else ['provider="host"']
    return (
        f"Call run_swarm({', '.join(arguments)}). {pattern.summary}.\n"
        "While it is running, call get_run as its `next` says. When it answers needs_steps, do each step "
        "yourself, in a context of its own where you can, and send the answers with the call it names. "
        "Then report the findings with path, line and quote as they stand, and say what it cost. "
        "Show a patch before you apply it."
    )
