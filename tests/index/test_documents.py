"""Prose at its headings, notebooks at their cells, configuration at its keys."""

from __future__ import annotations

import json
import time

import pytest

from sophia_mcp.index.parsing.parse import parse

pytestmark = pytest.mark.requirement("languages.documents")

_LONG = "words about it " * 60 + "\n"


def test_markdown_is_cut_at_headings_and_sections_know_their_parents() -> None:
    text = f"# One\n{_LONG}\n## Two\n{_LONG}\n```\n# not a heading\n```\n\nThree\n-----\n{_LONG}"
    parsed = parse(text, "markdown")
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


def test_a_fence_that_nothing_closes_hides_no_heading() -> None:
    text = "# One\n\n```sh\n# a comment\n```\n\n``` run this\nand that ```\n\n# Two\n\n~~~\n# a comment\n~~~\n"
    assert [s.name for s in parse(text, "markdown").symbols] == ["One", "Two"]


@pytest.mark.parametrize(
    "heads",
    [
        ("version 2.90", "version 2.89"),
        ("2.6.1 (2021-10-19) - a696b6b155f9c8af87a6a496c0d298c58e6fe369", "2.6.0 (2021-10-03)"),
        ("v3.6.0      Sat Aug 20 22:57:47 CDT 2022", "v3.5.0      Fri Mar 12 22:29:44 CST 2021"),
        ("What's new in version 3.2.2", "What's new in version 3.2.1"),
        (
            "Changes with nginx 1.25.1                13 Jun 2023",
            "Changes with nginx 1.25.0    23 May 2023",
        ),
        (
            "* Noteworthy changes in release 9.1 (2022-04-15) [stable]",
            "* Noteworthy changes in release 9.0",
        ),
        ("hello (2.10-3) unstable; urgency=medium", "hello (2.10-2) unstable; urgency=low"),
        ("1.2.3\n=====", "1.2.2\n====="),
        ("===== 1.2.3 =====", "===== 1.2.2 ====="),
        ("=====\n1.2.3\n=====", "=====\n1.2.2\n====="),
    ],
)
def test_a_plain_text_tells_each_version_in_a_section(heads: tuple[str, str]) -> None:
    below = (
        "\n\n  * Something that runs on Python 3.8 or later.\n\nThe rest of 1.0 is told elsewhere.\n\n"
    )
    text = f"History of it\n\n{heads[0]}{below}{heads[1]}{below}"
    found = parse(text, "text").symbols
    lines = text.split("\n")
    titles = [head.partition("\n")[0] for head in heads]
    assert [lines[symbol.start_line - 1] for symbol in found] == titles
    assert found[0].end_line == found[1].start_line - 2


def test_what_plain_text_says_of_versions_is_no_title() -> None:
    text = (
        "Needs Windows NT 4.0\n\nIt was fixed in 1.2 by the new parser\n\n"
        "10.0.0.1\n10.0.0.2\n\n  1.3.1 indented\n\nSince 2.0 and 3.0\n"
    )
    assert parse(text, "text").symbols == ()


@pytest.mark.parametrize("word", ["(1111111;", "11111111", "released)", "jan.1234,"])
def test_a_line_of_many_dates_is_read_as_soon_as_another(word: str) -> None:
    text = "".join(f"1.{row} {' '.join([word] * 8)} and more\n\n" for row in range(100))
    began = time.process_time()
    assert parse(text, "text").symbols == ()
    assert time.process_time() - began < 2


def test_short_subsections_share_a_chunk_and_keep_their_titles() -> None:
    parsed = parse("# A\nx\n## B\ny\n## C\nz\n", "markdown")
    assert [c.names for c in parsed.chunks] == [("A", "B", "C")]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("rst", "=====\nTitle\n=====\n\ntext\n\nPart\n----\n\nmore\n"),
        ("asciidoc", "= Title\n\ntext\n\n== Part\n\nmore\n"),
    ],
)
def test_other_markup_has_headings_too(language: str, text: str) -> None:
    assert [(s.name, s.container) for s in parse(text, language).symbols] == [
        ("Title", ""),
        ("Part", "Title"),
    ]


def test_a_notebook_is_cut_by_cell_without_outputs_at_the_lines_of_the_file() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Loading\n", "text"]},
        {"cell_type": "code", "outputs": [{"data": "iVBOR"}], "source": ["%magic\n", "def load(x):\n", "    return x"]},
    ]  # fmt: skip
    text = json.dumps({"cells": cells, "metadata": {}}, indent=1)
    parsed = parse(text, "notebook")
    lines = text.split("\n")
    assert [(c.kind, c.names) for c in parsed.chunks] == [("doc", ("Loading",)), ("function", ("load",))]
    assert "def load" in lines[parsed.symbols[0].start_line - 1]
    shown = "\n".join("\n".join(lines[c.start_line - 1 : c.end_line]) for c in parsed.chunks)
    assert "iVBOR" not in shown


def test_a_notebook_on_one_line_is_read_as_json() -> None:
    text = json.dumps({"cells": [{"cell_type": "code", "source": ["x"]}]})
    assert len(parse(text, "notebook").chunks) == 1


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
    parsed = parse(text, language)
    assert [s.name for s in parsed.symbols] == keys
    assert {c.kind for c in parsed.chunks} == {"config"}
