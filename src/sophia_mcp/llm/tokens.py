"""How many tokens is a text? Exact o200k counts from ranks shipped in the package.

Nothing is loaded before the first count. ``ceiling`` is a cheap upper bound for callers that only
need to know that a text surely fits.
"""

from __future__ import annotations

from functools import lru_cache

import tiktoken

from sophia_mcp.llm import ranks

_SPLIT = "|".join(
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)
"""The pre-tokeniser of o200k, as published with the vocabulary."""


@lru_cache(1)
def encoding() -> tiktoken.Encoding:
    """The o200k encoding, built once from the shipped ranks; no network."""
    return tiktoken.Encoding(
        name="o200k", pat_str=_SPLIT, mergeable_ranks=ranks.load(), special_tokens={}
    )


def count(text: str) -> int:
    """Exact number of o200k tokens of ``text``."""
    return len(encoding().encode_ordinary(text))


def ceiling(text: str) -> int:
    """An upper bound without loading anything: no token is shorter than one byte."""
    return len(text.encode("utf-8", "surrogatepass"))


def cut(text: str, tokens: int) -> str:
    """The longest prefix of ``text`` that counts at most ``tokens``, cut between characters."""
    encoded = encoding().encode_ordinary(text)
    if len(encoded) <= tokens:
        return text
    return encoding().decode_bytes(encoded[: max(tokens, 0)]).decode("utf-8", "ignore")
