"""A changed file has no more syntax errors than before."""

from __future__ import annotations

import pytest

from sophia_mcp.swarm.gates.syntax import parses

pytestmark = pytest.mark.requirement("swarm.patch")


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("a.py", "def f(x):\n    return x\n", "def f(x:\n    return x\n"),
        ("a.js", "function f() { return 1; }\n", "function f() { return 1;\n"),
        ("a.go", "package a\n\nfunc f() int { return 1 }\n", "package a\n\nfunc f( int { return 1 }\n"),
        ("a.json", '{"a": [1, 2]}\n', '{"a": [1, 2}\n'),
        ("A.java", "class A { int a; }\n", "class A { int a }\n"),
        ("a.rs", "fn f() -> i32 { 1 }\n", "fn f( -> i32 { 1 }\n"),
        ("a.c", "int f(void) { return 1; }\n", "int f(void) { return 1; \n"),
    ],
)
def test_a_new_error_is_found_with_its_line(path: str, good: str, bad: str) -> None:
    assert parses({path: good}, {path: good + "\n"}).passed
    worse = parses({path: good}, {path: bad})
    assert not worse.passed
    assert f"{path}:" in worse.detail
    assert not parses({path: None}, {path: bad}).passed


def test_an_old_error_may_stay() -> None:
    assert parses({"a.py": "def f(:\n"}, {"a.py": "def f(:\n\n\nx = 1\n"}).passed


def test_files_no_grammar_reads_and_removed_ones_pass() -> None:
    assert parses({"a.unknown": "((("}, {"a.unknown": "(((", "b.py": None}).passed
