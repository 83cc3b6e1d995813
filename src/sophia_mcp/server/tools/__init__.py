"""The tools of the server, one file each: the file name is the tool's name, ``TOOL`` its record.

A tool's function takes the SDK's ``Context`` and plain parameters; its docstring is the description
an agent reads: what it does, when to use it and when not, what comes back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sophia_mcp.registry import Folder


@dataclass(frozen=True)
class ToolRecord:
    """One tool, described by itself. The hints are the protocol's annotations; all are always set.

    ``structured``: the function returns a `CallToolResult` with structured content beside the text;
    otherwise it returns text and has no output schema. ``toolset`` groups tools that are published
    together.
    """

    call: Callable[..., Awaitable[Any]]
    read_only: bool
    idempotent: bool
    destructive: bool
    open_world: bool
    structured: bool
    toolset: str
    meta: Mapping[str, Any] = field(default_factory=dict)


TOOLS: Folder[ToolRecord] = Folder(__name__, "TOOL", ToolRecord, group="sophia_mcp.tools")
