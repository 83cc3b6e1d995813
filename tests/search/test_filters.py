"""Which files may answer, in the spellings a caller uses, and what is said of a place that is not there."""

from __future__ import annotations

import pytest
from tests.search.conftest import Asked

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("search.filters")
@pytest.mark.parametrize(
    "paths",
    [("!web",), ("!web/mail.js", "!web/*.md"), (".", "!web/**"), ("!**/mail.js", "!WEB", "*.js")],
)
async def test_places_behind_a_mark_are_left_out(ask: Asked, paths: tuple[str, ...]) -> None:
    assert "web/mail.js" in {hit.path for hit in (await ask("queue of messages")).hits}
    answer = await ask("queue of messages", paths=paths)
    assert "web/mail.js" not in {hit.path for hit in answer.hits}
    if "*.js" not in paths:
        assert "shop/cart.py" in {hit.path for hit in (await ask("Cart", paths=paths)).hits}


@pytest.mark.requirement("search.filters")
async def test_a_place_that_is_not_there_is_named_beside_those_that_are(ask: Asked) -> None:
    answer = await ask("queue of messages", paths=("web", "webb", "!wob"))
    assert answer.hits[0].path == "web/mail.js"
    assert answer.notes == ("no indexed file matches 'webb'", "no indexed file matches '!wob'")
    assert not (await ask("queue of messages", paths=("web",))).notes


@pytest.mark.requirement("search.filters")
async def test_a_range_that_ends_before_it_begins_is_a_name(index_of) -> None:
    async with index_of(
        {"[z-a]/x.py": "def one():\n    pass\n", "b.py": "def one():\n    pass\n"}
    ) as ask:
        answer = await ask("one", paths=("[z-a]",))
        assert {hit.path for hit in answer.hits} == {"[z-a]/x.py"}
        answer = await ask("one", paths=("[9-0].py",))
        assert not answer.hits
        assert "no indexed file matches" in "".join(answer.notes)


@pytest.mark.requirement("search.filters")
@pytest.mark.parametrize(
    ("language", "paths"),
    [
        ("typescript", {"a.ts", "b.tsx"}),
        ("ts", {"a.ts", "b.tsx"}),
        ("tsx", {"b.tsx"}),
        (".PY", {"c.py"}),
        ("c++", {"d.cc", "g.h"}),
        ("hpp", {"d.cc", "g.h"}),
        ("Terraform", {"e.tf"}),
        ("h", {"d.cc", "f.h", "g.h"}),
    ],
)
async def test_languages_go_by_their_names_and_endings(index_of, language: str, paths: set[str]) -> None:
    files = {
        "a.ts": "export function shown(): number { return 1; }\n",
        "b.tsx": "export function shown() { return <p>1</p>; }\n",
        "c.py": "def shown():\n    return 1\n",
        "d.cc": "int shown() { return 1; }\n",
        "f.h": "int shown(void);\n",
        "g.h": "class Shown {\n public:\n  int shown();\n};\n",
        "e.tf": 'variable "shown" {\n  default = 1\n}\n',
    }
    async with index_of(files) as ask:
        answer = await ask("shown", languages=(language,))
    assert {hit.path for hit in answer.hits} == paths


@pytest.mark.requirement("search.filters")
async def test_what_is_no_name_and_no_ending_is_no_language(ask: Asked) -> None:
    answer = await ask("Cart", languages=("../cart.py",))
    assert answer.notes[0].startswith("not here: no file is in ../cart.py; here: ")


@pytest.mark.requirement("search.not_here")
async def test_a_file_that_is_asked_for_and_not_there_is_not_passed_over(ask: Asked) -> None:
    answer = await ask("cart.js")
    assert answer.hits
    assert "no indexed file is 'cart.js'" in answer.notes
    assert not any("no indexed file" in note for note in (await ask("cart.py")).notes)
