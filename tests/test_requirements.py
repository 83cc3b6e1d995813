"""The manifest of promises and the tests that prove them name each other."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.requirements import _ALL, REQUIREMENTS

TESTS = Path(__file__).parent


def named_in_tests() -> dict[str, list[str]]:
    """Requirement ids by the tests that name them, read from the syntax trees."""
    found: dict[str, list[str]] = {}
    for path in TESTS.rglob("test_*.py"):
        if "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr != "requirement":
                continue
            for argument in node.args:
                if isinstance(argument, ast.Constant):
                    found.setdefault(str(argument.value), []).append(f"{path.name}:{node.lineno}")
    return found


def test_no_id_is_given_twice() -> None:
    assert len(REQUIREMENTS) == len(_ALL)


def test_every_promise_that_is_not_deferred_is_named_by_a_test() -> None:
    named = named_in_tests()
    missing = [
        r.id for r in REQUIREMENTS.values() if not (r.deferred or r.measured) and r.id not in named
    ]
    assert not missing


def test_every_id_a_test_names_is_a_promise() -> None:
    unknown = {id: places for id, places in named_in_tests().items() if id not in REQUIREMENTS}
    assert not unknown


def test_a_promise_that_has_a_test_is_not_called_deferred() -> None:
    named = named_in_tests()
    assert not [r.id for r in REQUIREMENTS.values() if r.deferred and r.id in named]


def test_a_figure_names_the_benchmark_that_states_it() -> None:
    measured = [r for r in REQUIREMENTS.values() if r.measured]
    assert measured
    assert not [r.id for r in measured if not (TESTS.parent / r.measured / "run.py").is_file()]
