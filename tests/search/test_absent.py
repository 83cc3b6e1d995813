"""Trees of a few files: what they do not have is not here, and what they have in other words is."""

from __future__ import annotations

import pytest
from tests.search.conftest import Asked

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.not_here")]


@pytest.mark.parametrize(
    "question",
    [
        "send the customer an encrypted mail over a websocket",
        "a queue of jobs that workers take from Redis",
        "log in with OAuth before paying",
    ],
)
async def test_what_a_small_tree_lacks_is_not_here_though_some_words_are(
    ask: Asked, question: str
) -> None:
    answer = await ask(question)
    assert answer.notes[0].startswith("not here:")
    assert answer.hits


@pytest.mark.parametrize(
    "question",
    [
        "what everything together costs",
        "forget what a customer wanted to buy",
        "two amounts of different currencies cannot be added",
        "fewer are left than were asked for",
    ],
)
async def test_what_a_small_tree_has_is_answered(ask: Asked, question: str) -> None:
    answer = await ask(question)
    assert not any(note.startswith("not here:") for note in answer.notes)


async def test_in_a_tree_of_very_few_files_one_word_is_enough(index_of) -> None:
    files = {f"part{n}.py": f"def weigh_part{n}(page):\n    return page.free * {n}\n" for n in range(3)}
    async with index_of(files) as ask:
        some = await ask("how are free pages quarantined overnight")
        none = await ask("quarantined overnight")
    assert not any(note.startswith("not here:") for note in some.notes)
    assert none.notes[0].startswith("not here:")
