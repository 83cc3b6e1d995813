"""Where files are cut: every line once, definitions whole, long ones at statements."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_mcp.index.languages import LANGUAGES
from sophia_mcp.index.parsing import chunk, documents
from sophia_mcp.index.parsing.chunk import LINE_CHARS, MOST, TARGET
from sophia_mcp.index.parsing.parse import parse
from sophia_mcp.index.schema import CHUNKS_PER_BLOB
from sophia_mcp.types import Parsed

_SOURCES = sorted(Path(documents.__file__).parent.rglob("*.py"))
_PIECES = (
    *(
        "def f(x):\n",
        "    return x\n",
        "class A:\n",
        "\n",
        "  \n",
        "# note\n",
        '"""doc"""\n',
        "@d\n",
        "{\n",
        "}\n",
    ),
    *(
        "function g() {\n",
        "end\n",
        "if (x) {\n",
        "<a>\n",
        "</a>\n",
        "'",
        '"',
        "`${",
        "(",
        ")",
        "\t",
        "x = 1\n",
    ),
    *(
        "/* c */\n",
        "// c\n",
        "-- c\n",
        "\u202e",
        "\x00",
        "a: b\n",
        "- c\n",
        "# T\n",
        "====\n",
        "[s]\n",
        "é\n",
    ),
)
_TEXTS = st.lists(st.sampled_from(_PIECES), max_size=60).map("".join)


def _uncovered(text: str, parsed: Parsed) -> list[int]:
    """Lines that are not blank and not in exactly one chunk."""
    seen: dict[int, int] = {}
    for each in parsed.chunks:
        for line in range(each.start_line, each.end_line + 1):
            seen[line] = seen.get(line, 0) + 1
    lines = text.split("\n")
    return [
        n for n, line in enumerate(lines, 1) if seen.get(n, 0) > 1 or (line.strip() and n not in seen)
    ]


@pytest.mark.parametrize(
    "language", [*sorted(LANGUAGES), "markdown", "rst", "asciidoc", "text", "unknown"]
)
@settings(max_examples=15)
@given(text=_TEXTS)
@pytest.mark.requirement("languages.every_line")
def test_every_line_with_text_is_in_exactly_one_chunk(language: str, text: str) -> None:
    parsed = parse(text, language)
    assert _uncovered(text, parsed) == []
    assert [c.ordinal for c in parsed.chunks] == list(range(len(parsed.chunks)))
    assert all(a.end_line < b.start_line for a, b in zip(parsed.chunks, parsed.chunks[1:], strict=False))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.requirement("languages.every_line")
def test_every_line_of_a_mutated_file_is_in_exactly_one_chunk(seed: int) -> None:
    rng = random.Random(seed)
    lines = rng.choice(_SOURCES).read_text().split("\n")
    for _ in range(rng.randrange(1, 30)):
        at = rng.randrange(len(lines))
        action = rng.randrange(4)
        if action == 0:
            del lines[at : at + rng.randrange(1, 6)]
            lines = lines or [""]
        elif action == 1:
            lines.insert(at, rng.choice(_PIECES).rstrip("\n"))
        elif action == 2:
            lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
        else:
            lines[at:at] = lines[rng.randrange(len(lines)) :][: rng.randrange(40)]
    text = "\n".join(lines)
    assert _uncovered(text, parse(text, "python")) == []


@pytest.mark.parametrize("path", _SOURCES, ids=lambda path: path.stem)
def test_a_definition_that_fits_is_never_torn(path: Path) -> None:
    text = path.read_text()
    parsed = parse(text, "python")
    lines = chunk.Lines(text)
    for symbol in parsed.symbols:
        if lines.size(symbol.start_line - 1, symbol.end_line - 1) > TARGET // 2:
            continue
        around = [
            c
            for c in parsed.chunks
            if c.start_line <= symbol.end_line and c.end_line >= symbol.start_line
        ]
        whole = [
            c for c in around if c.start_line <= symbol.start_line and c.end_line >= symbol.end_line
        ]
        larger = [s for s in parsed.symbols if s.container == symbol.container and s.name == symbol.name]
        assert whole or len(around) == 1 or len(larger) > 1, symbol


def test_chunks_stay_within_the_limit_where_statements_allow() -> None:
    text = "def f():\n" + "".join(f"    value_{i} = compute(value_{i - 1}, {i})\n" for i in range(400))
    parsed = parse(text, "python")
    lines = chunk.Lines(text)
    assert len(parsed.chunks) > 5
    assert all(lines.size(c.start_line - 1, c.end_line - 1) <= MOST for c in parsed.chunks)
    assert {c.symbol for c in parsed.chunks} == {"f"}
    assert parsed.chunks[0].names == ("f",)


def test_a_long_function_is_cut_between_statements_and_not_inside_one() -> None:
    block = "    call(\n" + "".join(f"        argument_{i},\n" for i in range(30)) + "    )\n"
    text = "def f():\n" + block * 8
    starts = [text.split("\n")[c.start_line - 1] for c in parse(text, "python").chunks]
    assert starts == ["def f():", *["    call("] * (len(starts) - 1)]
    assert len(starts) > 3


def test_comments_and_decorators_stay_with_what_follows() -> None:
    filler = "".join(f"    x_{i} = some_function_name({i})\n" for i in range(28))
    text = f"def a():\n{filler}\n# About b.\n# More.\n@cached\ndef b():\n{filler}"
    parts = parse(text, "python").chunks
    assert [text.split("\n")[c.start_line - 1] for c in parts] == ["def a():", "# About b."]
    assert parts[1].symbol == "b"
    assert parts[1].doc == "# About b.\n# More."


def test_a_container_is_opened_and_its_members_know_it() -> None:
    body = "".join(f"        x_{i} = some_function_name({i})\n" for i in range(28))
    text = f"class A(Base):\n    '''Says what A is for.'''\n\n    def one(self):\n{body}\n    def two(self):\n{body}"
    parts = parse(text, "python").chunks
    assert [(c.symbol, c.context) for c in parts] == [("A.one", ("A",)), ("A.two", ("A",))]
    assert parts[0].names == ("A", "one")
    assert parts[1].signature == "def two(self)"


def test_a_longer_class_header_is_a_chunk_of_its_own() -> None:
    body = "".join(f"        x_{i} = some_function_name({i})\n" for i in range(28))
    fields = "".join(f"    field_{i}: SomeType = default_of(field_{i})\n" for i in range(12))
    parts = parse(
        f"class A:\n{fields}\n    def one(self):\n{body}\n    def two(self):\n{body}", "python"
    ).chunks
    assert [(c.symbol, c.kind) for c in parts] == [
        ("A", "class"),
        ("A.one", "method"),
        ("A.two", "method"),
    ]
    assert parts[0].signature == "class A"


def test_small_siblings_share_a_chunk_and_keep_their_names() -> None:
    text = "".join(f"def f{i}():\n    return {i}\n\n\n" for i in range(6))
    parsed = parse(text, "python")
    assert [c.names for c in parsed.chunks] == [tuple(f"f{i}" for i in range(6))]
    assert parsed.chunks[0].symbol == ""
    assert parsed.symbols[5].start_line == 21


def test_no_blob_has_more_chunks_than_an_id_can_number() -> None:
    text = ("x" * 1300 + "\n\n") * (CHUNKS_PER_BLOB + 500)
    parsed = parse(text, "text")
    assert 1 < len(parsed.chunks) <= CHUNKS_PER_BLOB
    assert _uncovered(text, parsed) == []


def test_long_lines_are_cut_for_indexing_and_counted_as_cut() -> None:
    text = "a" * 10_000 + "\nb"
    lines = chunk.Lines(text)
    assert lines.size(0, 0) == LINE_CHARS + 1
    first = parse(text, None).chunks[0]
    shown = chunk.short(lines.text)[first.start_line - 1 : first.end_line]
    assert max(map(len, shown)) == LINE_CHARS
