"""The page about breakages names what is there: modules, promises, and the tests that caught each."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from tests.requirements import REQUIREMENTS

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "run" / "breakages.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| what was broken |")
]
MADE = [row for row in ROWS if len(row) == 4]


def told(test: str) -> tuple[Path, str]:
    """The file of a test named ``file: sentence``, and the sentence as a name has it."""
    file, _, sentence = test.partition("`: ")
    return ROOT / "tests" / file.strip("` "), re.sub(r"\W+", "_", sentence.strip())


def promises(file: Path) -> dict[str, set[str]]:
    """The promises that each test of a file is linked to, by the test's name without ``test_``."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    of_all = {id for node in tree.body if isinstance(node, ast.Assign) for id in named(node.value)}
    return {
        node.name.removeprefix("test_"): of_all
        | {id for mark in node.decorator_list for id in named(mark)}
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def named(mark: ast.expr) -> list[str]:
    texts = [node.value for node in ast.walk(mark) if isinstance(node, ast.Constant)]
    return [text for text in texts if isinstance(text, str) and text in REQUIREMENTS]


@pytest.mark.requirement("commands.breakages")
def test_every_breakage_names_its_module_its_promise_and_the_linked_test_that_caught_it() -> None:
    wrong = []
    for what, where, promise, test in MADE:
        file, name = told(test)
        if not (ROOT / "src" / "sophia_mcp" / where.strip("`")).exists():
            wrong.append(f"{what}: there is no {where}")
        if promise.strip("`") not in promises(file).get(name, set()):
            wrong.append(f"{what}: {name} is not there, or not linked to {promise}")
    assert not wrong


@pytest.mark.requirement("commands.breakages")
def test_the_page_counts_its_breakages_and_they_are_enough() -> None:
    assert f"were run: {len(MADE)} breakages, each caught" in " ".join(PAGE.split())
    assert len(MADE) >= 30


@pytest.mark.requirement("commands.breakages")
def test_what_first_went_unnoticed_is_a_breakage_that_was_made_and_names_its_test() -> None:
    noticed = {what for what, *_ in MADE}
    for what, test in (row for row in ROWS if len(row) == 2):
        file, name = told(test)
        assert name in promises(file), what
        assert what in noticed
