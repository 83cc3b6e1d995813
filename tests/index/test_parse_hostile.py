"""Text made to break parsers: it is cut all the same, and without recursion."""

from __future__ import annotations

import random
import sys
from types import FrameType
from typing import Any

import pytest

from sophia_mcp.index.languages import LANGUAGES
from sophia_mcp.index.parsing.grammars import Unreadable, reader
from sophia_mcp.index.parsing.parse import parse

pytestmark = pytest.mark.requirement("languages.bombs")

_NOISE = "(){}[]<>\"'`$;:,.=+-*/\\#@!%^&|~abc \n"


def _bombs(size: int) -> dict[str, str]:
    """Inputs of about ``size`` characters."""
    rng = random.Random(size)
    repeated = {
        "parens": "(",
        "braces": "{",
        "brackets": "[",
        "angles": "<",
        "templates": "`${",
        "quotes": "'",
        "double": '"',
        "backticks": "`",
        "comments": "/*",
        "hashes": "#",
        "dots": "a.",
        "calls": "a(",
        "generics": "A<",
        "arrows": "x=>",
        "tags": "<a>",
        "lists": "- ",
        "nul": "\0",
        "bidi": "\u202e\u2066x",
        "newlines": "\n",
        "semicolons": ";",
        "plus": "1+",
        "functions": "def f():\n ",
        "classes": "class A{",
        "blocks": "function f(){",
        "ifs": "if x:\n",
        "lisp": "(define (f x) ",
        "begin": "begin\n",
        "end": "end ",
        "module": "module M\n",
        "heredoc": "cat <<E\n",
    }
    bombs = {name: text * (size // len(text)) for name, text in repeated.items()}
    bombs["chain"] = "a()" + ".b()" * (size // 4)
    bombs["noise"] = "".join(rng.choice(_NOISE) for _ in range(size))
    bombs["stairs"] = "".join(" " * min(i, 200) + "a:\n" for i in range(size // 100))
    bombs["unclosed"] = '"' + "a" * size
    bombs["surrogate"] = "\ud800 = 1\n" * (size // 6)
    return bombs


@pytest.mark.parametrize("language", [*sorted(LANGUAGES), "markdown", "rst", "asciidoc", "notebook"])
def test_no_hostile_text_stops_the_cutting(language: str) -> None:
    for name, text in _bombs(2000).items():
        parsed = parse(text, language)
        assert parsed.chunks or not text.strip(), name


@pytest.mark.parametrize("language", ["python", "javascript", "c", "yaml"])
def test_nesting_deeper_than_any_stack_is_cut(language: str) -> None:
    for name in ("parens", "calls", "chain", "functions", "templates"):
        assert parse(_bombs(200_000)[name], language).chunks, name


@pytest.mark.parametrize("language", ["java", "csharp", "typescript", "cpp"])
def test_types_that_are_never_closed_take_no_memory(language: str) -> None:
    assert "nested too deeply" in parse("A<" * 200_000, language).fallback


@pytest.mark.parametrize(("language", "text"), [("yaml", "- " * 5000), ("perl", '"${' * 5000)])
def test_text_that_would_crash_a_scanner_is_cut_by_lines(language: str, text: str) -> None:
    assert "nested too deeply" in parse(text, language).fallback


def test_a_hostile_file_says_why_its_syntax_was_not_used() -> None:
    assert "syntax errors" in parse("(" * 200_000, "python").fallback


@pytest.mark.requirement("index.parse_limit")
def test_a_parse_whose_time_is_over_ends_and_the_next_one_is_whole() -> None:
    read = reader(LANGUAGES["javascript"])
    with pytest.raises(Unreadable, match="too long"):
        read.tree(b"`${" * 100_000, seconds=0.001)
    assert not read.tree(b"f(`${a}`)\n").root_node.has_error


@pytest.mark.parametrize("name", [",a:", "let a", "|a: b,"])
def test_white_space_in_the_text_of_a_macro_is_looked_at_once(name: str) -> None:
    """From each of its places, it would take an hour."""
    assert parse(f"fn f() {{ m!({name}{' ' * 400_000}c()); }}", "rust").references


def _steps(text: str, language: str) -> int:
    """Lines of Python that run for one parse."""
    steps = 0

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal steps
        steps += 1
        return count

    traced = sys.gettrace()
    sys.settrace(count)
    try:
        parse(text, language)
    finally:
        sys.settrace(traced)
    return steps


@pytest.mark.parametrize(
    ("language", "before", "repeated", "behind", "most"),
    [
        ("rust", "fn f() { m!(", "a.b().", "c()); }", 200),
        ("csharp", "class A {\n", "extension(Till t) {\n", "}" * 400 + "}", 60),
    ],
)
def test_what_repeats_costs_as_much_each_time(
    language: str, before: str, repeated: str, behind: str, most: int
) -> None:
    parse("x", language)
    less, more = (_steps(before + repeated * n + behind, language) for n in (200, 400))
    assert more - less < most * 200
