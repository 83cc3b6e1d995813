"""A finding stays only where its quote stands."""

from __future__ import annotations

import pytest

from sophia_mcp.swarm.gates.quotes import DRIFT, quoted
from sophia_mcp.types import Finding

pytestmark = pytest.mark.requirement("swarm.quotes")

SECRET = "AKIA" + "Z7Q4M2N3R5T6V3W6"
TEXT = (
    "def divide(a, b):\n"
    "    if b == 1:\n"
    "        return a\n"
    "    return a / b\n"
    "\n"
    f"KEY = '{SECRET}'\n" + "x = 1\n" * 100 + "def last():\n    return last\n"
)
FILES = {"calc.py": TEXT, "gone.py": None}


def one(line: int, quote: str, path: str = "calc.py") -> Finding | None:
    found, _ = quoted([Finding("low", path, line, quote, "claim")], FILES)
    return found[0] if found else None


def test_a_verbatim_quote_stands() -> None:
    assert one(4, "    return a / b") == Finding("low", "calc.py", 4, "    return a / b", "claim")


def test_a_quote_of_several_lines_stands() -> None:
    found = one(2, "    if b == 1:\n        return a")
    assert found is not None
    assert found.quote.count("\n") == 1


@pytest.mark.parametrize("line", [1, 2, 3, 5, 4 + DRIFT])
def test_a_small_drift_is_moved_and_said(line: int) -> None:
    found, result = quoted([Finding("low", "calc.py", line, "    return a / b", "c")], FILES)
    assert found[0].line == 4
    assert f"calc.py:{line} moved to line 4" in result.detail
    assert result.passed


@pytest.mark.parametrize("line", [4 + DRIFT + 1, 100_000, -DRIFT])
def test_a_quote_far_from_its_line_is_dropped(line: int) -> None:
    assert one(line, "    return a / b") is None


@pytest.mark.parametrize(
    "quote",
    [
        "    return a * b",
        "    return A / b",
        "return a / b\n    return a / b",
        "",
        "   ",
        "}",
        ")\n(",
        "    if b == 1:\n    return a / b",
        "return a / b  # noqa and more",
        "return",
    ],
)
def test_a_quote_that_is_not_there_is_dropped(quote: str) -> None:
    found, result = quoted([Finding("low", "calc.py", 4, quote, "c")], FILES)
    assert not found
    assert not result.passed
    assert "calc.py:4 dropped" in result.detail


@pytest.mark.parametrize("path", ["gone.py", "never.py", "../calc.py", "/etc/passwd"])
def test_a_path_that_is_no_file_of_the_tree_is_dropped(path: str) -> None:
    assert one(4, "    return a / b", path) is None


def test_what_is_kept_is_the_file_s_own_text() -> None:
    found = one(4, "return a / b   \n")
    assert found is not None
    assert found.quote == "    return a / b"
    lost = one(2, "if b == 1:\n        return a")
    assert lost is not None
    assert lost.quote == "    if b == 1:\n        return a"


def test_numbers_and_marks_that_were_copied_along_do_not_matter() -> None:
    for quote in (
        "4│    return a / b",
        "  4 | return a / b",
        "    4│+    return a / b",
        "+    return a / b",
    ):
        found = one(4, quote)
        assert found is not None, quote
        assert found.quote == "    return a / b"


def test_a_part_of_one_line_stands_when_it_says_something() -> None:
    found = one(1, "divide(a, b)")
    assert found is not None
    assert found.quote == "divide(a, b)"


def test_a_masked_line_is_quoted_as_it_was_shown_and_the_secret_proves_nothing_more() -> None:
    shown = one(6, "KEY = '«masked aws_access_key»'")
    assert shown is not None
    raw = one(6, f"KEY = '{SECRET}'")
    assert raw is None or SECRET not in raw.quote


def test_of_several_places_the_nearest_is_meant() -> None:
    found = one(60, "x = 1\nx = 1")
    assert found is not None
    assert found.line == 60
