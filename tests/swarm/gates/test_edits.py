"""Edits of a model: whole lines, once, and nothing that was masked for it."""

from __future__ import annotations

import pytest

from sophia_mcp.swarm.answers.proposals import Edit
from sophia_mcp.swarm.gates.edits import Refused, edited

pytestmark = pytest.mark.requirement("swarm.patch")

SECRET = "AKIA" + "Z7Q4M2N3R5T6V3W6"
TEXT = f"import os\n\n\ndef f(x):\n    return x\n\n\ndef g(x):\n    return x\n\n\nKEY = '{SECRET}'\nlast = 1\n"


def change(old: str, new: str, text: str | None = TEXT) -> str:
    return edited({"a.py": text}, [Edit("a.py", old, new)]).get("a.py", "unchanged")


def test_whole_lines_are_replaced() -> None:
    assert change("def f(x):\n    return x", "def f(x):\n    return x + 1") == TEXT.replace(
        "return x", "return x + 1", 1
    )


def test_lines_are_removed_and_a_part_of_a_line_is_replaced_when_it_is_one() -> None:
    assert change("last = 1\n", "") == TEXT.replace("last = 1\n", "")
    assert change("last = ", "first = ") == TEXT.replace("last", "first")


@pytest.mark.parametrize(
    ("old", "why"),
    [
        ("    return x", "2 times"),
        ("return", "more than once"),
        ("    return y", "not in the file"),
        ("def f(x):\n\n    return x", "not in the file"),
    ],
)
def test_lines_that_are_not_there_once_are_refused(old: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        change(old, "x")


def test_later_edits_meet_what_earlier_ones_left() -> None:
    edits = [Edit("a.py", "last = 1", "last = 2"), Edit("a.py", "last = 2", "last = 3")]
    assert edited({"a.py": TEXT}, edits)["a.py"] == TEXT.replace("last = 1", "last = 3")


def test_a_new_file_is_made_and_an_existing_one_is_not_overwritten() -> None:
    assert change("", "x = 1", None) == "x = 1\n"
    with pytest.raises(Refused, match="exists"):
        change("", "x = 1")
    with pytest.raises(Refused, match="no such file"):
        change("x", "y", None)


def test_an_edit_around_a_masked_line_keeps_the_secret_as_it_was() -> None:
    changed = change(
        "KEY = '«masked aws_access_key»'\nlast = 1", "KEY = '«masked aws_access_key»'\nlast = 2"
    )
    assert changed == TEXT.replace("last = 1", "last = 2")


@pytest.mark.parametrize(
    "new", ["KEY = '«masked aws_access_key»'  # rotated", "KEY = env['«masked aws_access_key»']"]
)
def test_an_edit_that_writes_a_mask_is_refused(new: str) -> None:
    with pytest.raises(Refused, match="masked"):
        change("KEY = '«masked aws_access_key»'", new)
    with pytest.raises(Refused, match="masked"):
        change("", new, None)


def test_line_ends_and_the_missing_last_one_stay() -> None:
    assert change("b", "c", "a\r\nb\r\n") == "a\r\nc\r\n"
    assert change("b", "c", "a\nb") == "a\nc"


def test_what_changes_nothing_is_left_out() -> None:
    assert edited({"a.py": TEXT}, [Edit("a.py", "last = 1", "last = 1")]) == {}
