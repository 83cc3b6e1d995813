"""What a run reads fits into its tokens, however much there is, and what does not is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.swarm.runs import Tree

from sophia_mcp.llm.counting import tokens
from sophia_mcp.swarm.asking.material import gather, is_diff
from sophia_mcp.swarm.patterns import PATTERNS
from sophia_mcp.types import Order

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("swarm.executes")]

REVIEW = PATTERNS.load("code_review")
ROOM = 500
SMALL = replace(REVIEW, context=replace(REVIEW.context, diff=ROOM, paths=ROOM, search=0, memory=0))


def change(name: str, lines: int) -> str:
    body = "".join(f"+value_{number} = {number}\n" for number in range(lines))
    return f"diff --git a/{name} b/{name}\n--- a/{name}\n+++ b/{name}\n@@ -0,0 +1,{lines} @@\n{body}"


async def test_files_of_a_diff_that_do_not_fit_leave_room_for_those_that_do() -> None:
    tree = Tree(changes=change("huge.py", 20_000) + change("small.py", 3))
    found = await gather(SMALL, Order(""), tree)
    assert found.sections[0].text == change("small.py", 3)
    assert found.notes == (f"1 changed files did not fit into {ROOM} tokens of diff",)


@pytest.mark.parametrize("lines", [40, 200, 200_000])
async def test_a_text_that_is_too_long_is_cut_where_its_room_ends(lines: int) -> None:
    text = "".join(f"value_{number} = {number}\n" for number in range(lines))
    tree = Tree(files={"long.py": text}, changes=change("long.py", lines))
    found = await gather(SMALL, Order("", paths=("long.py",)), tree)
    for section, whole in zip(found.sections, (change("long.py", lines), text), strict=True):
        assert whole.startswith(section.text)
        size = tokens.count(section.text)
        assert size <= ROOM
        assert section.text == whole if lines == 40 else size > ROOM - 10
    assert bool(found.notes) == (lines > 40)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("", True),
        (" \n", True),
        ("diff --git a/x b/x\nsimilarity index 100%\nrename from x\nrename to y\n", True),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", True),
        ("diff --cc x\n@@@ -1,2 -1,2 +1,3 @@@\n", True),
        ("src/pay.py", False),
        ("please review my change", False),
        ("def f():\n    return '@@ -1'\n", False),
    ],
)
async def test_a_diff_is_told_from_other_text(text: str, is_one: bool) -> None:
    assert is_diff(text) is is_one
