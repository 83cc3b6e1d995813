"""Prose at its headings, notebooks at their cells, configuration at its keys."""

from __future__ import annotations

import json

import pytest

from sophia_mcp.index.parsing.parse import parse

pytestmark = pytest.mark.requirement("languages.documents")

_LONG = "words about it " * 60 + "\n"


def test_markdown_is_cut_at_headings_and_sections_know_their_parents() -> None:
    text = f"# One\n{_LONG}\n## Two\n{_LONG}\n```\n# not a heading\n```\n\nThree\n-----\n{_LONG}"
    parsed = parse(text, "a.md", "markdown")
    assert [(c.symbol, c.context, c.kind) for c in parsed.chunks] == [
        ("One", (), "doc"),
        ("One > Two", ("One",), "doc"),
        ("One > Three", ("One",), "doc"),
    ]
    assert [(s.name, s.start_line, s.end_line, s.container) for s in parsed.symbols] == [
        ("One", 1, 13, ""),
        ("Two", 4, 9, "One"),
        ("Three", 11, 13, "One"),
    ]


def test_short_subsections_share_a_chunk_and_keep_their_titles() -> None:
    parsed = parse("# A\nx\n## B\ny\n## C\nz\n", "a.md", "markdown")
    assert [c.names for c in parsed.chunks] == [("A", "B", "C")]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("rst", "=====\nTitle\n=====\n\ntext\n\nPart\n----\n\nmore\n"),
        ("asciidoc", "= Title\n\ntext\n\n== Part\n\nmore\n"),
    ],
)
def test_other_markup_has_headings_too(language: str, text: str) -> None:
    assert [(s.name, s.container) for s in parse(text, "a", language).symbols] == [
        ("Title", ""),
        ("Part", "Title"),
    ]


def test_a_notebook_is_cut_by_cell_without_outputs_at_the_lines_of_the_file() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Loading\n", "text"]},
        {"cell_type": "code", "outputs": [{"data": "iVBOR"}], "source": ["%magic\n", "def load(x):\n", "    return x"]},
    ]  # fmt: skip
    text = json.dumps({"cells": cells, "metadata": {}}, indent=1)
    parsed = parse(text, "a.ipynb", "notebook")
    lines = text.split("\n")
    assert [(c.kind, c.names) for c in parsed.chunks] == [("doc", ("Loading",)), ("function", ("load",))]
    assert "def load" in lines[parsed.symbols[0].start_line - 1]
    shown = "\n".join("\n".join(lines[c.start_line - 1 : c.end_line]) for c in parsed.chunks)
    assert "iVBOR" not in shown


def test_a_notebook_on_one_line_is_read_as_json() -> None:
    text = json.dumps({"cells": [{"cell_type": "code", "source": ["x"]}]})
    assert len(parse(text, "a.ipynb", "notebook").chunks) == 1


@pytest.mark.parametrize(
    ("language", "text", "keys"),
    [
        ("json", '{"a": {"b": 1}, "c": [1]}', ["a", "c"]),
        ("yaml", "a: 1\nb:\n  c:\n    - d\n", ["a", "b"]),
        ("toml", "x = 1\n[a.b]\ny = 2\n[[c]]\nz = 1\n", ["x", "a.b", "c"]),
        ("ini", "[a]\nx=1\n\n[b]\ny=2\n", ["a", "b"]),
        ("properties", "a.b=1\nc=d\n", ["a.b", "c"]),
        ("xml", '<a>\n<b id="q"><c/></b></a>\n', ["q"]),
    ],
)
def test_configuration_is_cut_by_key(language: str, text: str, keys: list[str]) -> None:
    parsed = parse(text, "a", language)
    assert [s.name for s in parsed.symbols] == keys
    assert {c.kind for c in parsed.chunks} == {"config"}
