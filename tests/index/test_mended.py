"""A broken statement hides what it breaks, and not what a file defines elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from sophia_mcp.index.languages.detect import language_of
from sophia_mcp.index.parsing import mended
from sophia_mcp.index.parsing.mended import ASTRAY
from sophia_mcp.index.parsing.parse import parse
from sophia_mcp.types import Symbol

SAMPLES = Path(__file__).parents[1] / "samples"
BROKEN = ('"abc', "'", "(", ")", "{", "= = ;", "if (")
SCRIPT = "one() {\n    echo 1\n}\n\ntwo() {\n    [[ $a == *@(*/|[.~])* ]] || return\n    one\n}\n\nthree() {\n    two\n}\n"


def _symbols(text: str, path: str) -> list[Symbol]:
    parsed = parse(text, language_of(path, text.encode()))
    return [each for each in parsed.symbols if each.kind in ("class", "function", "method")]


@pytest.mark.parametrize("language", sorted(ASTRAY))
def test_definitions_outlive_a_broken_statement_elsewhere(language: str) -> None:
    (path,) = (file for file in (SAMPLES / language).iterdir() if file.name != "expected.toml")
    text = path.read_text(encoding="utf-8")
    lines, known = text.split("\n"), _symbols(text, path.name)
    lost = looked_at = 0
    for broken in BROKEN:
        at = len(lines) // 2
        found = _symbols("\n".join([*lines[:at], broken, *lines[at:]]), path.name)
        there = {(each.name, each.start_line) for each in found}
        for each in known:
            if not each.start_line <= at <= each.end_line:
                looked_at += 1
                lost += (each.name, each.start_line + (each.start_line > at)) not in there
    assert lost <= looked_at / 8


def test_a_function_with_an_error_inside_is_one_all_the_same() -> None:
    parsed = parse(SCRIPT, "bash")
    assert [(each.name, each.start_line, each.end_line) for each in parsed.symbols] == [
        ("one", 1, 3),
        ("two", 5, 8),
        ("three", 10, 12),
    ]
    assert parsed.fallback == ""
    assert any(each.start_line <= 6 <= each.end_line for each in parsed.chunks)


def test_a_file_that_takes_too_long_to_mend_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mended, "MEND_SECONDS", -1.0)
    assert [each.name for each in parse(SCRIPT, "bash").symbols] != ["one", "two", "three"]
