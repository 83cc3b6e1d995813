"""Token counts against known encodings, and the shipped form of the ranks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_mcp.llm.counting import ranks, tokens
from sophia_mcp.llm.counting.vocabulary import Vocabulary

pytestmark = pytest.mark.requirement("search.tokens")


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("hello world", [24912, 2375]),
        ("", []),
        (" ", [220]),
    ],
)
def test_texts_encode_as_o200k_does(text: str, encoded: list[int]) -> None:
    assert tokens.encoding().encode_ordinary(text) == encoded


def test_the_vocabulary_is_whole() -> None:
    held = ranks.load()
    assert len(held) == 199_998
    assert sorted(held.values()) == list(range(199_998))


_TRICKY = "aBsSſ'’ \t\n\r\x1c\x85\xa0\u2028\u30001٣Ⅷée\u0301数яЯǅʰ_-/{\ud800😀\u200b\x00K"


_ASCII = st.characters(max_codepoint=127)


@given(
    st.one_of(
        st.text(max_size=300),
        st.text(_TRICKY, max_size=40),
        st.text(_ASCII, max_size=100),
        st.text("ab-= ", max_size=600),
    )
)
@settings(max_examples=400)
def test_counts_are_those_of_the_encoder(text: str) -> None:
    assert tokens.count(text) == len(tokens.encoding().encode_ordinary(text))


def test_code_counts_as_the_encoder_counts_it() -> None:
    for source in (tokens.__file__, ranks.__file__, __file__):
        text = Path(source).read_text()
        assert tokens.count(text) == len(tokens.encoding().encode_ordinary(text))


def test_every_token_is_found_under_its_rank() -> None:
    vocabulary = Vocabulary(*ranks.shipped())
    held = ranks.load()
    assert all(vocabulary.rank(token) == rank for token, rank in held.items())
    assert vocabulary.rank(b"") == vocabulary.rank(b"no token is as long as this one") == -1


@given(st.text(max_size=300))
@settings(max_examples=100)
def test_no_text_counts_more_than_its_ceiling(text: str) -> None:
    assert tokens.count(text) <= tokens.ceiling(text)


@given(st.text(max_size=200), st.integers(0, 50))
@settings(max_examples=100)
def test_a_cut_text_is_a_prefix_within_its_count(text: str, most: int) -> None:
    kept = tokens.cut(text, most)
    assert text.startswith(kept)
    assert len(tokens.encoding().encode_ordinary(kept)) <= max(most, 0) + 1


def test_packing_and_unpacking_agree() -> None:
    vocabulary = {b"a": 0, b"bc": 1, b"\x00": 2}
    assert ranks.unpack(ranks.pack(vocabulary)) == vocabulary
    with pytest.raises(ValueError, match="without gaps"):
        ranks.pack({b"a": 0, b"b": 2})


def test_importing_tokens_loads_no_ranks() -> None:
    code = "import sophia_mcp.llm.counting.tokens as t; assert t.encoding.cache_info().currsize == 0"
    subprocess.run([sys.executable, "-c", code], check=True)
