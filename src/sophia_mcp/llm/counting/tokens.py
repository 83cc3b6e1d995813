"""How many tokens is a text? Exact o200k counts from ranks shipped in the package.

Nothing is loaded before the first count. ``ceiling`` is a cheap upper bound for callers that only
need to know that a text surely fits.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import tiktoken

_SHORT = 200
"""Pieces of so many characters are counted here, and remembered; for a longer one, which hardly any
text has, the library's encoder is built."""

_REMEMBERED = 1 << 15


def _split(letter: str, upper: str, lower: str, digit: str) -> str:
    """The pre-tokeniser of o200k, as published with the vocabulary, for these classes of characters."""
    shortened = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    return "|".join(
        (
            rf"[^\r\n{letter}{digit}]?[{upper}]*[{lower}]+{shortened}",
            rf"[^\r\n{letter}{digit}]?[{upper}]+[{lower}]*{shortened}",
            rf"[{digit}]{{1,3}}",
            rf" ?[^\s{letter}{digit}]+[\r\n/]*",
            r"\s*[\r\n]+",
            r"\s+(?!\S)",
            r"\s+",
        )
    )


_SPLIT = _split(r"\p{L}", r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}", r"\p{N}")
_ASCII_PIECES = re.compile(_split("A-Za-z", "A-Z", "a-z", "0-9"), re.ASCII).findall
"""The interpreter's own engine does without properties, and takes a third of the time."""


@lru_cache(1)
def encoding() -> tiktoken.Encoding:
    """The o200k encoding, built once from the shipped ranks; no network."""
    import tiktoken

    from sophia_mcp.llm.counting import ranks

    return tiktoken.Encoding(
        name="o200k", pat_str=_SPLIT, mergeable_ranks=ranks.load(), special_tokens={}
    )


@lru_cache(1)
def _counting() -> tuple[Callable[[str], list[str]], Callable[[str], int]]:
    """What cuts a text into pieces, and what counts the tokens of a short one."""
    import regex

    from sophia_mcp.llm.counting import ranks
    from sophia_mcp.llm.counting.vocabulary import Vocabulary

    vocabulary = Vocabulary(*ranks.shipped())

    @lru_cache(_REMEMBERED)
    def tokens_of(piece: str) -> int:
        return vocabulary.count(piece.encode())

    return regex.compile(_SPLIT).findall, tokens_of


def count(text: str) -> int:
    """Exact number of o200k tokens of ``text``."""
    pieces, tokens_of = _counting()
    if text.isascii():
        found = _ASCII_PIECES(text)
    else:
        try:
            text.encode()
        except UnicodeEncodeError:  # half a surrogate pair counts as the character that replaces it
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        found = pieces(text)
    if len(text) <= _SHORT or len(max(found, key=len)) <= _SHORT:
        return sum(map(tokens_of, found))
    return sum(
        tokens_of(piece) if len(piece) <= _SHORT else len(encoding().encode_ordinary(piece))
        for piece in found
    )


def ceiling(text: str) -> int:
    """An upper bound without loading anything: no token is shorter than one byte."""
    return len(text.encode("utf-8", "surrogatepass"))


def cut(text: str, tokens: int) -> str:
    """The longest prefix of ``text`` that counts at most ``tokens``, cut between characters."""
    encoded = encoding().encode_ordinary(text)
    if len(encoded) <= tokens:
        return text
    return encoding().decode_bytes(encoded[: max(tokens, 0)]).decode("utf-8", "ignore")
