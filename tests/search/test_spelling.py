"""A word that code writes in the other English is found, and what neither writes is still absent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sophia_mcp.embed.providers import static
from sophia_mcp.search.question import spelling

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.not_here")]

PAIRS = [
    ("colours", "colors"),
    ("behavioural", "behavioral"),
    ("initialised", "initialized"),
    ("serialisation", "serialization"),
    ("analyser", "analyzer"),
    ("centred", "centered"),
    ("metres", "meters"),
    ("catalogue", "catalog"),
    ("cancelled", "canceled"),
    ("labelling", "labeling"),
    ("licences", "licenses"),
    ("acknowledgement", "acknowledgment"),
    ("grey", "gray"),
]


@pytest.mark.parametrize("pair", PAIRS + [(american, british) for british, american in PAIRS])
def test_each_english_knows_the_other(pair: tuple[str, str]) -> None:
    assert pair[1] in spelling.others(pair[0])


@pytest.mark.parametrize("word", ["four", "filled", "size", "retry", "cart"])
def test_other_words_are_left_alone(word: str) -> None:
    assert not {"for", "filed", "sise"} & set(spelling.others(word))


async def test_a_question_is_asked_in_the_spelling_of_the_repository(
    index_of: Callable[..., Any],
) -> None:
    rows = "".join(
        f'def row_{i}(report):\n    """Row {i}."""\n    return report\n\n\n' for i in range(40)
    )
    files = {f"shop/part{i}.py": rows for i in range(40)}
    files["shop/paint.py"] = (
        'def add_color(report, row):\n    """The color of a row."""\n    report[row] = "color"\n'
    )
    files["shop/ship.py"] = (
        'def cancelled(order):\n    """Whether the order was cancelled."""\n    return order\n'
    )
    async with index_of(files) as ask:
        told = await ask("add colours to rows of the report")
        assert told.hits[0].symbol == "add_color"
        assert told.notes == ("colours is spelt colors here",)
        assert (await ask("was the order canceled")).hits[0].symbol == "cancelled"
        assert not any("spelt" in note for note in (await ask("was the order cancelled")).notes)
        assert (await ask("harbour customs of the parcels")).notes[0].startswith("not here:")


@pytest.mark.parametrize(
    ("slip", "word"),
    [
        ("retreive", "retrieve"),
        ("sesion", "session"),
        ("calcualted", "calculated"),
        ("lenght", "length"),
        ("seperate", "separate"),
        ("enviroment", "environment"),
        ("connnection", "connection"),
    ],
)
def test_a_slip_of_the_finger_means_a_usual_word(slip: str, word: str) -> None:
    assert word in spelling.meant(slip, static.own().place)


@pytest.mark.parametrize("word", ["websocket", "casting", "cookie", "kubernetes", "poll", "drawn"])
def test_a_usual_word_is_no_slip(word: str) -> None:
    assert not list(spelling.meant(word, static.own().place))


async def test_a_question_is_asked_without_slips(index_of: Callable[..., Any]) -> None:
    files = {f"shop/part{i}.py": f"def row_{i}(report):\n    return report\n" for i in range(40)}
    files["shop/login.py"] = (
        'def retrieve_token(session):\n    """The token of the session."""\n    return session.token\n'
    )
    files["shop/waive.py"] = 'def waive_fee(order):\n    """Waive the fee."""\n    return order\n'
    files["shop/wave.py"] = "".join(f'def wave_{i}():\n    """A wave."""\n\n\n' for i in range(40))
    async with index_of(files) as ask:
        told = await ask("where do we retreive the sesion token")
        assert told.hits[0].symbol == "retrieve_token"
        assert told.notes == ("retreive is spelt retrieve, sesion is spelt session here",)
        kept = await ask("how do we waive the fee")
        assert (kept.hits[0].symbol, kept.notes) == ("waive_fee", ())


def test_a_word_as_long_as_a_question_is_no_slip() -> None:
    asked = list[str]()

    def place(word: str) -> int | None:
        asked.append(word)
        return None

    assert list(spelling.meant("retreiv" + "e" * 1990, place)) == []
    assert len(asked) < 10
