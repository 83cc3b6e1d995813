"""How is a further call of the tool written, for whoever reads the answer?"""

from __future__ import annotations

from sophia_mcp.security.text import call_of
from sophia_mcp.types import Request

EVERYWHERE = "*"
"""The name that stands for every repository."""


def call(request: Request, query: str, **arguments: object) -> str:
    """A call of the tool for the repository of this request, as an agent would write it."""
    if request.repo is not None and "repo" not in arguments:
        arguments["repo"] = request.repo
    return call_of("search_code", query, **arguments)
