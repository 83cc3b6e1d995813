"""Regular expressions: what they match to the letter, and what they may take of the process."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from sophia_mcp.errors import BadQuery
from sophia_mcp.search.text import regex

pytestmark = pytest.mark.anyio


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


@pytest.mark.parametrize(
    ("pattern", "total"), [("def ", 3), ("def", 5), (" +$", 1), (" 1", 2), ("default\n", 1)]
)
@pytest.mark.requirement("search.regex_exact")
async def test_spaces_at_the_ends_of_a_pattern_count(index_of, pattern: str, total: int) -> None:
    text = "def a():\n    return 1 \n\ndef default():\n    return 1\n\ndef b(): pass\n# default\n"
    async with index_of({"a.py": text}) as ask:
        assert (await ask(pattern, mode="regex")).total == total


@pytest.mark.requirement("search.regex_exact")
async def test_a_match_over_several_lines_is_shown_whole(index_of) -> None:
    body = "".join(f"    step_{i}()\n" for i in range(40))
    async with index_of({"a.py": f"def short():\n    begin()\n    end()\n\ndef long():\n{body}"}) as ask:
        answer = await ask(r"short\(\):\n.*\n.*end", mode="regex")
        assert (answer.hits[0].start_line, answer.hits[0].end_line) == (1, 3)
        assert answer.total == 1
        longest = (await ask(r"(?s)step_0.*step_39", mode="regex")).hits[0]
        assert (longest.start_line, longest.end_line) == (6, 25)
        ending = (await ask(r"short\(\):\n", mode="regex")).hits[0]
        assert (ending.start_line, ending.end_line) == (1, 1)


@pytest.mark.requirement("search.regex_exact", "search.filters")
async def test_kinds_narrow_the_matches_and_their_count(index_of) -> None:
    files = {
        "a.py": "# mark\ndef one():\n    mark()\n\nclass Box:\n    def two(self):\n        mark()\n        mark()\n",
        "b.md": "# Title\n\nmark\n",
    }
    async with index_of(files) as ask:
        for kind, total in (("function", 1), ("method", 2), ("doc", 1)):
            answer = await ask("mark", mode="regex", kinds=(kind,))
            assert answer.total == total
            assert {hit.kind for hit in answer.hits} == {kind}
        assert (await ask("mark", mode="regex", kinds=("config",))).notes[0].startswith("not here")


@pytest.mark.requirement("search.regex_exact")
def test_matches_of_nothing_are_looked_at_up_to_a_bound() -> None:
    body = b"x" * 50 + b"\n" + b"y" * 500
    pattern = regex.compile("x*")
    whole = regex.scan(0, body, pattern)
    assert whole.count == 2
    assert regex.scan(0, body, pattern, 100).looked_at == 101
