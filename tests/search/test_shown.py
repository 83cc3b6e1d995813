"""Lines are shown as masking their whole file would leave them, whichever of them are shown."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from tests.security.planted import plant

from sophia_mcp.search.question.query import Query
from sophia_mcp.search.reply.shown import Masked
from sophia_mcp.search.view.content import Lines, Text
from sophia_mcp.security.secrets import mask

CODE = ("def total(items):", "", "    return sum(item.price for item in items)", "", "")


@pytest.mark.requirement("security.secrets")
def test_no_choice_of_lines_shows_a_part_of_a_secret(seed: int) -> None:
    rng = random.Random(seed)
    touched = 0
    for secret in plant(300, seed):
        spread = (
            secret.code.replace("\n", "\n" * rng.randint(2, 9)) if rng.random() < 0.2 else secret.code
        )
        lines = [*CODE * rng.randint(0, 60), *spread.split("\n"), *CODE * rng.randint(0, 60)]
        masked = mask("\n".join(lines)).text.split("\n")
        first = next(place for place, line in enumerate(lines, 1) if line == spread.split("\n")[0])
        for _ in range(12):
            shown = _masked(lines)
            start = min(max(first + rng.randint(-12, 12), 1), shown.length(0))
            end = min(start + rng.randint(0, 12), shown.length(0))
            assert shown.lines(0, start, end) == masked[start - 1 : end], (secret, start, end)
            touched += bool(shown.secrets)
    assert touched > 900


@pytest.mark.requirement("security.secrets")
@pytest.mark.parametrize("blank", [0, 1, 9, 30, 200])
def test_a_value_is_masked_that_only_a_line_above_tells(blank: int) -> None:
    value = "hJ7kQ2wL9xV4bN8mR3tY6"
    lines = [*CODE, "//registry.example/:_authToken =", *[""] * blank, value, *CODE]
    assert mask(value).text == value
    place = lines.index(value) + 1
    assert _masked(lines).lines(0, place, place) == ["«masked npm_token»"]


def _masked(lines: Sequence[str]) -> Masked:
    raw = "\n".join(lines).encode()
    return Masked({0: Text(Lines(raw), len(raw))}, None, Query("", "path"))
