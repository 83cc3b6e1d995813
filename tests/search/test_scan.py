"""Words found by arithmetic on bytes are those that the word splitter finds."""

from __future__ import annotations

import random

import numpy as np
import pytest

from sophia_mcp import words
from sophia_mcp.search.candidates.lexicon import Lexicon
from sophia_mcp.search.candidates.scan import scan
from sophia_mcp.search.ranking.scene import sorted_out
from sophia_mcp.search.view.content import Lines
from sophia_mcp.search.view.spans import Span


def test_every_line_holds_the_words_that_the_splitter_finds_there() -> None:
    rng = random.Random(7)
    lines = ["".join(rng.choices("aAbBzZ09_ .-\r\t", k=rng.randrange(14))) for _ in range(20_000)]
    found = scan(lines)
    assert len(found.first) == len(lines) + 1
    for i, line in enumerate(lines):
        held = range(int(found.first[i]), int(found.first[i + 1]))
        assert [found.word(place) for place in held] == words.words(line), line


def test_equal_words_and_no_others_have_equal_hashes() -> None:
    rng = random.Random(8)
    lines = ["".join(rng.choices("abcdefghijXYZ019", k=rng.randrange(1, 20))) for _ in range(20_000)]
    found = scan(lines)
    of_hash: dict[int, str] = {}
    for place, hashed in enumerate(found.hashes.tolist()):
        assert of_hash.setdefault(hashed, found.word(place)) == found.word(place)
    assert len(set(of_hash.values())) == len(of_hash)


def test_upper_bits_tell_short_words_apart() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    short = [*letters, *(left + right for left in letters for right in letters)]
    upper = {number >> 47 for number in scan(short).hashes.tolist()}
    assert len(upper) > len(short) / 5  # nearly all, but for a few bases that a process may draw


def test_lines_of_other_scripts_stand_among_the_others() -> None:
    lexicon = Lexicon()
    lines = ["größeÜber = getURL()", "", "def read_file", "имяФайла", "naïveCache2", "x"]
    numbers, first = lexicon.lines(lines)
    for i, line in enumerate(lines):
        expected = [lexicon.word(word) for word in words.words(line)]
        assert numbers[first[i] : first[i + 1]].tolist() == expected, line


def test_of_a_very_long_line_the_words_are_read_that_the_index_reads() -> None:
    lexicon = Lexicon()
    numbers, first = lexicon.lines(["ab " * 100_000, "é " * 100_000, "cd"])
    assert np.diff(first).tolist() == [667, 1000, 1]  # of 2,000 characters
    assert len(numbers) == 1668


def test_a_span_has_the_words_of_its_lines_comments_signature_name_and_container() -> None:
    lexicon = Lexicon()
    text = ["# Opens the box", "def open_box(lid):", "    return lid  # not one", "", "other"]
    span = Span(1, 3, "function", "open_box", "Größe", "def open_box(\nlid)")
    lexicon.read([((1, 0), [span], 1, text), ((1, 1), [Span(5, 5, "text")], 4, text[3:])])

    def numbered(text: str) -> list[int]:
        return [lexicon.word(word) for word in words.words(text)] or [-1]

    chunks = [lexicon.chunk((1, 0)), lexicon.chunk((1, 1))]
    said = sorted_out([chunk.words for chunk in chunks if chunk is not None])._asdict()
    expected = {
        "body": ("\n".join(text[:3]), "other"),
        "comments": (text[0], ""),
        "heads": ("def open_box lid", ""),
        "names": ("open_box", ""),
        "homes": ("Größe", ""),
    }
    for sort, (first, second) in expected.items():
        assert said[sort].numbers.tolist() == numbered(first) + numbered(second), sort
        assert said[sort].starts.tolist() == [0, len(numbered(first))], sort


def test_of_a_chunk_only_spans_of_the_wanted_kinds_are_read() -> None:
    lexicon = Lexicon()
    text = ["import box", "def open_box():", "    # carefully", "class Lid:"]
    spans = [Span(1, 1, "text"), Span(2, 3, "function", "open_box"), Span(4, 4, "class", "Lid")]
    lexicon.read([((1, 0), spans, 1, text)])
    held = lexicon.chunk((1, 0))
    assert held is not None
    kept = held.only(("function", "method"))
    assert [span.name for span in kept.spans] == ["open_box"]
    said = sorted_out([kept.words])
    assert said.body.numbers.tolist() == lexicon.text("def open_box carefully")
    assert said.comments.numbers.tolist() == lexicon.text("carefully")
    assert not held.only(("method",)).spans


def test_lines_cut_on_demand_are_those_of_the_whole_text() -> None:
    rng = random.Random(9)
    for _ in range(300):
        text = "".join(rng.choices(["a", "é", "\n", "\r", "字", " x"], k=rng.randrange(30)))
        held, whole = Lines(text.encode()), text.split("\n")
        assert list(held) == whole
        assert len(held) == len(whole)
        assert [held[i] for i in range(-len(whole), len(whole))] == whole + whole
        for _slice in range(5):
            start, end = rng.randrange(-3, 30), rng.randrange(-3, 30)
            assert held[start:end] == whole[start:end]
            assert held[start:end:-1] == whole[start:end:-1]
        with pytest.raises(IndexError):
            held[len(whole)]
