"""Which options does a provider need, and are they there?"""

from __future__ import annotations

from collections.abc import Mapping

from sophia_mcp.errors import BadSetting


def text(provider: str, given: Mapping[str, object], name: str) -> str:
    """A required, non-empty text option. Raises BadSetting when it is missing."""
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise BadSetting(
            f"the embedder {provider} needs {name}",
            why="it is empty or missing" if not value else f"it is a {type(value).__name__}, not a text",
            next=f"set embed.{name}",
        )
    return value
