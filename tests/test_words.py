"""How identifiers become words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sophia_mcp import words


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("getHTTPServer_v2", ("get", "http", "server", "v", "2")),
        ("snake_case_name", ("snake", "case", "name")),
        ("XMLHttpRequest", ("xml", "http", "request")),
        ("__init__", ("init",)),
        ("größeÄndern", ("grösse", "ändern")),
        ("имяФайла2", ("имя", "файла", "2")),
    ],
)
def test_identifiers_are_split_at_case_digit_and_underscore_borders(
    identifier: str, expected: tuple[str, ...]
) -> None:
    assert words.parts(identifier) == expected


def test_a_whole_identifier_stays_findable_beside_its_parts() -> None:
    assert words.terms("retryPolicies") == ("retri", "polici", "=retrypolicies")


def test_a_question_of_function_words_alone_is_not_emptied() -> None:
    assert words.query_terms("what is this") == ["what", "is", "thi"]
    assert words.query_terms("where is the retry policy") == ["retri", "polici"]


@given(st.text(max_size=60))
def test_any_text_has_words_and_asking_twice_gives_the_same(text: str) -> None:
    assert words.words(text) == words.words(text)
    assert all(part for part in words.words(text))
    assert set(words.query_terms(text)) <= set(words.text_terms(text))


@given(st.text(alphabet="aZ_9é².-\x1c\n \u00a0数", max_size=40) | st.text(max_size=60))
def test_the_runs_of_a_text_hold_its_identifiers(text: str) -> None:
    held = [name for run in words.runs(text) for name in words.identifiers(run)]
    assert held == words.IDENTIFIER.findall(text)


@given(st.lists(st.text(alphabet="aZ_9é \x01.-", max_size=20), max_size=5), st.sampled_from((1, 30)))
def test_texts_split_together_hold_what_each_holds(texts: list[str], times: int) -> None:
    texts = texts * times
    split = words.split(texts)
    found = split.replaced([split.identifiers[number] for number in split.different])
    assert [text.split() for text in found] == [words.IDENTIFIER.findall(text) for text in texts]
