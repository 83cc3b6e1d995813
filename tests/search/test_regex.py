"""Regular expressions of strangers: what they may take of the process."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from sophia_mcp.errors import BadQuery
from sophia_mcp.search import regex


def held() -> int:
    """Bytes of memory that are this process's own."""
    rows = dict(row.split(":", 1) for row in Path("/proc/self/status").read_text().splitlines())
    return int(rows["RssAnon"].split()[0]) << 10


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.requirement("search.regex_exact")
def test_patterns_that_were_asked_before_hold_no_memory(seed: int) -> None:
    letters = random.Random(seed).choices("abcdefgh\n", k=300_000)
    body = "".join(letters).encode()

    def asked(number: int) -> None:
        pattern = rf"(?:a[a-h]{{{8 + number % 5},12}}|b[a-h]{{9}}|c.{{{number}}})z"
        regex.scan(0, body, regex.compile(pattern))

    asked(0)
    before = held()
    for number in range(1, 41):
        asked(number)
    assert held() - before < 40 << 20  # one automaton may take 8 MB; forty took over a hundred


@pytest.mark.requirement("search.regex_exact")
def test_half_a_character_is_no_pattern() -> None:
    with pytest.raises(BadQuery, match="half a character"):
        regex.compile("caf\ud83d+")
    assert not regex.usable("caf\ud83d+")
