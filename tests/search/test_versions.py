"""A version leads to what the changelog tells of it, and a number to where it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.anyio

FILES = {
    "CHANGELOG.md": (
        "# Changelog\n\nAll that changed.\n\n"
        "## [2.10.0](https://example.org/compare/2.9.1...2.10.0) - 2024-05-06\n\n- Carts can be parked.\n\n"
        "## v2.9.1\n\n- Money is rounded.\n\n## 2.9.1rc1\n\n- Money may be rounded.\n\n"
        "## 2.1.0\n\n### Fixed\n\n- The till opens.\n"
    ),
    "README.md": "# Shop\n\nThe version of the shop and what changed: see the changelog. Needs Money 12.9.1.\n",
    "shop/version.py": '"""The version and the changelog."""\nCHANGED = "2.9.1.5"\nSINCE = "2.10.0"\n',
    "shop/serve.py": 'def serve(port=8080, host="127.0.0.1"):\n    """Сервер 日本語です"""\n    return open(port, host)\n',
    "tests/test_serve.py": "def test_serve():\n    assert serve(port=8080)\n",
}


@pytest.mark.parametrize(
    ("asked", "headings"),
    [
        ("CHANGELOG v2.10.0", ["2.10.0"]),
        ("changelog 2.9.1", ["v2.9.1"]),
        ("what changed between 2.9.1 and 2.10.0?", ["v2.9.1", "2.10.0"]),
        ("v2.9.1rc1", ["2.9.1rc1"]),
        ("2.10.0", ["2.10.0"]),
        ("what's new in 2.10.0", ["2.10.0"]),
        ("whats new 2.10.0", ["2.10.0"]),
        ("what is new since 2.9.1", ["v2.9.1"]),
    ],
)
@pytest.mark.requirement("search.modes")
async def test_a_version_leads_to_its_section_of_the_changelog(
    index_of: Callable[..., Any], asked: str, headings: list[str]
) -> None:
    async with index_of(FILES) as ask:
        answer = await ask(asked)
    told = [hit for hit in answer.hits if hit.why.startswith("tells of ")]
    assert [hit.symbol.rpartition("Changelog.")[2].split("]")[0].strip("[") for hit in told] == headings
    assert list(answer.hits[: len(told)]) == told
    assert answer.notes[0].startswith(f"{len(told)} section")


@pytest.mark.parametrize("name", ["NEWS", "ChangeLog", "CHANGES", "history.txt"])
@pytest.mark.requirement("search.modes")
async def test_a_changelog_without_markup_has_sections_too(
    index_of: Callable[..., Any], name: str
) -> None:
    news = "version 2.10 (2024-05-06)\n\tCarts can be parked.\n\nversion 2.9 (2023-04-05)\n\tMoney is rounded.\n"
    async with index_of({**FILES, name: news}) as ask:
        best = (await ask("what changed in 2.9")).hits[0]
    assert (best.path, best.start_line, best.end_line, best.why) == (name, 4, 5, "tells of 2.9")


@pytest.mark.parametrize(
    "asked", ["wait 2.9.1 seconds until the till opens", "how is the new wait of 2.9.1 seconds served"]
)
@pytest.mark.requirement("search.modes")
async def test_a_number_in_a_question_about_something_else_is_no_version(
    index_of: Callable[..., Any], asked: str
) -> None:
    async with index_of(FILES) as ask:
        answer = await ask(asked)
        assert not any(hit.why.startswith("tells of ") for hit in answer.hits)


@pytest.mark.parametrize(
    ("asked", "places"),
    [
        ("8080", ["shop/serve.py", "tests/test_serve.py"]),
        ("127.0.0.1", ["shop/serve.py"]),
        ("12.9.1", ["README.md"]),
        ("2024-05-06", ["CHANGELOG.md"]),
        ("日本語", ["shop/serve.py"]),
    ],
)
@pytest.mark.requirement("search.modes", "search.not_here")
async def test_what_no_index_of_words_holds_is_found_where_it_stands(
    index_of: Callable[..., Any], asked: str, places: list[str]
) -> None:
    async with index_of(FILES) as ask:
        answer = await ask(asked)
        assert [hit.path for hit in answer.hits if hit.why.startswith("has this text")] == places
        assert (await ask("8081")).notes[0].startswith("not here: ")


@pytest.mark.requirement("search.modes")
async def test_the_mentions_of_a_version_follow_its_section(index_of: Callable[..., Any]) -> None:
    async with index_of(FILES) as ask:
        hits = (await ask("2.10.0")).hits
    assert [hit.path for hit in hits] == ["CHANGELOG.md", "shop/version.py"]
