"""Questions in German, French, Spanish, Portuguese, Italian and Dutch: what they name is found, and what is absent is not here."""

from __future__ import annotations

import pytest
from tests.search.conftest import Asked

from sophia_mcp.search.question.foreign import content
from sophia_mcp.search.question.query import classify

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.not_here")]


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("wo wird das Popup geöffnet?", "Popup geöffnet?"),
        ("Wie werden Jobs in Redis gespeichert", "Jobs Redis gespeichert"),
        ("où est vérifié le mot de passe check_password_hash", "vérifié mot passe check_password_hash"),
        ("dónde se leen las cookies", "leen cookies"),
        ("onde os campos desconhecidos são validados", "campos desconhecidos validados"),
        ("como o Schema lê uma lista de campos", "Schema lê lista campos"),
        ("dove vengono validati i campi dello Schema", "validati i campi Schema"),
        (
            "waar worden onbekende velden gevalideerd in het Schema",
            "onbekende velden gevalideerd Schema",
        ),
        ("hoe wordt een token vernieuwd", "token vernieuwd"),
        ("cancelar un pago con tarjeta de crédito", "cancelar pago tarjeta crédito"),
    ],
)
def test_function_words_of_other_languages_are_left_out(text: str, about: str) -> None:
    assert content(text) == about
    query = classify(text)
    assert (query.text, query.written, query.is_foreign) == (about, text, True)


@pytest.mark.parametrize(
    "text",
    [
        "where does the worker die on war",
        "how is a comment in la de da parsed",
        "wo",
        "der",
        "install par with mit license",
        "where are un-ignored files read",
        "ist der",
        "come back and do something in another directory",
        "a non blocking read of the door sensor",
        "import os, tem and word",
        "def est(des, les):",
    ],
)
def test_other_texts_are_taken_whole(text: str) -> None:
    query = classify(text)
    assert not query.is_foreign
    assert query.written == text


@pytest.mark.parametrize(
    "text",
    [
        "Wo ist die Anmeldung mit Fingerabdruck",
        "wie wird das Bild in Graustufen umgewandelt",
        "où se trouve la reconnaissance faciale",
        "cómo se convierte una imagen a escala de grises",
        "onde está o reconhecimento facial",
        "dove viene convertita una immagine in scala di grigi",
        "waar wordt de vingerafdruk gecontroleerd",
    ],
)
async def test_what_is_absent_is_not_here_in_other_languages(ask: Asked, text: str) -> None:
    answer = await ask(text)
    assert answer.notes[0].startswith("not here: nothing in shop speaks of")
    assert "asked in English, more may be found" in answer.notes[0]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("wo wird der Cart zusammengezählt", "shop/cart.py"),
        ("wie wird die Queue geleert", "web/mail.js"),
        ("où sont les retry limitées", "shop/net/retry.py"),
    ],
)
async def test_what_is_named_is_found_in_other_languages(ask: Asked, text: str, path: str) -> None:
    answer = await ask(text)
    assert path in [hit.path for hit in answer.hits][:3]
    assert not answer.is_miss
    assert answer.notes[-1].startswith("no file says '")
    assert answer.notes[-1].endswith("asked in English, more may be found")


async def test_a_third_of_the_words_is_enough_in_a_large_tree_too(index_of) -> None:
    files = {f"lib/part_{n}.py": f"def part_{n}(size):\n    return size * {n}\n" for n in range(40)}
    files["shop/cart.py"] = "class Cart:\n    def total(self):\n        return sum(self.prices)\n"
    async with index_of(files) as ask:
        answer = await ask("wo wird der Cart zusammengezählt und storniert")
        absent = await ask("wo wird die Rechnung zusammengezählt und storniert")
    assert not answer.is_miss
    assert answer.hits[0].path == "shop/cart.py"
    assert absent.is_miss


async def test_a_message_in_another_language_is_found_as_it_is_written(index_of) -> None:
    files = {
        "a.py": "def fail(name):\n    raise Halt(f'Der Eintrag {name} ist in der Liste nicht da')\n",
        "b.py": "def eintrag(liste, name):\n    return liste[name]\n",
    }
    async with index_of(files) as ask:
        answer = await ask("Der Eintrag 'Tee' ist in der Liste nicht da")
    assert (answer.hits[0].path, answer.exact) == ("a.py", 1)
