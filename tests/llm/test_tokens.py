"""Token counts against known encodings, and the shipped form of the ranks."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_mcp.llm import ranks, tokens

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


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_no_text_counts_more_than_its_ceiling(text: str) -> None:
    assert tokens.count(text) <= tokens.ceiling(text)


@given(st.text(max_size=200), st.integers(0, 50))
@settings(max_examples=100, deadline=None)
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
    code = "import sophia_mcp.llm.tokens as t; assert t.encoding.cache_info().currsize == 0"
    subprocess.run([sys.executable, "-c", code], check=True)
