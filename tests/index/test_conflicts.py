"""A file that a merge or rebase left in conflict: agents are asked to settle those."""

from __future__ import annotations

import pytest

from sophia_mcp.index.languages import conflicts
from sophia_mcp.index.parsing.parse import parse

_SIDES = {
    "python": (
        "class A:\n",
        "    def b(self, x):\n        return x\n",
        "    def b(self, y):\n        return -y\n",
        "\n    def c(self):\n        return 3\n",
    ),
    "java": (
        "class A {\n",
        "  int b(int x) {\n    return x;\n",
        "  int b(int y) {\n    return -y;\n",
        "  }\n  int c() { return 3; }\n}\n",
    ),
    "rust": (
        "struct S;\nimpl A {\n",
        "    fn b(&self) -> i32 { 1 }\n",
        "    fn b(&self) -> u32 { 1 }\n",
        "    fn c(&self) {}\n}\n",
    ),
    "vue": (
        "<template><p/></template>\n<script>\nclass A {\n  a() {}\n",
        "  b() { return 1 }\n",
        "  b() { return 2\n",
        "  c() {}\n}\n</script>\n",
    ),
}


@pytest.mark.parametrize("base", ["", "||||||| 1a2b3c\n  nothing (\n"])
@pytest.mark.parametrize("language", sorted(_SIDES))
def test_a_conflict_hides_no_definition_behind_it(language: str, base: str) -> None:
    before, ours, theirs, after = _SIDES[language]
    text = f"{before}<<<<<<< HEAD\n{ours}{base}=======\n{theirs}>>>>>>> feature\n{after}"
    parsed = parse(text, language)
    settled = parse(before + ours + after, language)
    assert parsed.fallback == ""
    assert [(s.container, s.name, s.kind) for s in parsed.symbols] == [
        (s.container, s.name, s.kind) for s in settled.symbols
    ]
    said = {line for chunk in parsed.chunks for line in range(chunk.start_line, chunk.end_line + 1)}
    assert said >= {number for number, line in enumerate(text.splitlines(), 1) if line.strip()}


def test_what_only_looks_like_a_conflict_is_read_whole() -> None:
    for text in (b"Title\n=======\n\ntext\n", b"<<<<<<< a\nx\n>>>>>>> b\n", b"<<<<<<< a\n=======\nx\n"):
        assert conflicts.own(text) == text
    lone = b"=======\r\n<<<<<<< a\r\none\r\n=======\r\ntwo\r\n>>>>>>> b\r\nend\r\n"
    settled = conflicts.own(lone)
    assert len(settled) == len(lone)
    assert settled.split() == [b"=======", b"one", b"end"]
