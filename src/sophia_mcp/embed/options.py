"""Does what a caller asked of a provider fit what the provider takes?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches

from sophia_mcp.errors import BadSetting


def check(provider: str, given: Mapping[str, object], known: Collection[str]) -> None:
    """Raise BadSetting for an option that the provider does not know."""
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise BadSetting(
                f"the embedder {provider} has no option {name!r}",
                why=f"known: {', '.join(sorted(known)) or 'none'}",
                next=f"use {near[0]!r}" if near else "remove it",
            )


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
