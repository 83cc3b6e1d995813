"""What is embedded for the chunks of a file?"""

from __future__ import annotations

from collections.abc import Sequence

from sophia_mcp.types import Passage

HEADER_NAMES = 3
"""Enclosing definitions that are part of a chunk's meaning, innermost last."""


def passages(path: str, contexts: Sequence[Sequence[str]], bodies: Sequence[str]) -> list[Passage]:
    """The passages of all chunks of a file, so that every pass embeds the same."""
    place = without_suffix(path)
    return [
        Passage((place, *tuple(context)[-HEADER_NAMES:]), body)
        for context, body in zip(contexts, bodies, strict=True)
    ]


def without_suffix(path: str) -> str:
    """A path as it is read for its words: without the ending of its file."""
    folder, slash, name = path.rpartition("/")
    stem = name.rpartition(".")[0] if "." in name.lstrip(".") else name
    return f"{folder}{slash}{stem}"
