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


@pytest.mark.requirement("search.filters")
async def test_a_misspelt_language_leads_to_the_one_that_was_meant(ask: Asked) -> None:
    answer = await ask("Cart", languages=("pyhton",))
    assert answer.notes[0] == "not here: no file is in pyhton; here: python"


@pytest.mark.requirement("search.not_here")
async def test_a_file_that_is_asked_for_and_not_there_is_not_passed_over(ask: Asked) -> None:
    answer = await ask("cart.js")
    assert not answer.hits
    assert answer.notes[0] == "not here: no indexed file is 'cart.js'; nearest: shop/cart.py"
    assert not any("no indexed file" in note for note in (await ask("cart.py")).notes)


@pytest.mark.parametrize("mode", ["callers", "references"])
@pytest.mark.requirement("search.filters", "search.not_here")
async def test_who_uses_a_name_elsewhere_is_not_said_to_be_nobody(index_of, mode) -> None:
    files = {
        "lib/a.py": "def gathered():\n    return 1\n",
        "app/b.py": "from lib.a import gathered\n\n\ndef run():\n    return gathered()\n",
        "web/c.py": "def stop():\n    return 2\n",
    }
    async with index_of(files) as ask:
        answer = await ask("gathered", mode=mode, paths=("web",))
        assert answer.notes[0].startswith("not here: gathered is defined but never ")
        assert answer.notes[0].endswith("in the 1 file of app that pass the filters")
        assert answer.notes[1] == f'next: search_code("gathered", mode="{mode}")'
        assert (await ask("gathered", mode=mode)).hits


@pytest.mark.requirement("search.filters")
async def test_kinds_narrow_an_answer_or_it_says_that_they_do_not(index_of) -> None:
    body = "        total = first + second * 3\n        if total > 10:\n            raise ValueError(total)\n        return [total, first, second]\n"
    loose = body.replace("    " * 2, "    ", 1).replace("\n    " * 1, "\n")
    files = {
        "a.py": f"class A:\n    def one(self, first, second):\n{body}",
        "b.py": f"class B:\n    def two(self, first, second):\n{body}",
        "c.py": f"def three(first, second):\n{loose}",
        "d.py": "from c import three\n\n\ndef run():\n    return three(1, 2)\n",
    }
    async with index_of(files) as ask:
        alike = await ask("a.py:2", mode="similar", kinds=("method",))
        assert {hit.path for hit in alike.hits} == {"b.py"}
        assert "c.py" in {hit.path for hit in (await ask("a.py:2", mode="similar")).hits}
        for text, mode in (("three", "callers"), ('File "d.py", line 5, in run', "auto")):
            answer = await ask(text, mode=mode, kinds=("class",))
            assert any(note.startswith("kinds=class does not narrow") for note in answer.notes)


@pytest.mark.requirement("search.filters", "search.place")
@pytest.mark.parametrize("query", ["one", "*.py"])
async def test_a_glob_without_a_folder_means_every_folder(index_of, query: str) -> None:
    files = dict.fromkeys(("setup.py", "app/one.py", "app/net/two.py"), "def one():\n    pass\n")
    async with index_of({**files, "app/three.js": "function one() {}\n"}) as ask:
        answer = await ask(query, paths=("*.py",))
        assert {hit.path for hit in answer.hits} == set(files)
        assert {hit.path for hit in (await ask(query, paths=("app/*.py",))).hits} == {"app/one.py"}
        left = await ask("one", paths=("!*.py",))
        assert {hit.path for hit in left.hits} == {"app/three.js"}


async def test_a_language_that_no_file_is_in_is_named_beside_those_that_are(ask: Asked) -> None:
    answer = await ask("put an article into the cart", languages=("python", "nosuch", "zig"))
    assert answer.hits
    assert "no file is in nosuch, zig" in answer.notes
    assert not any("no file is in" in note for note in (await ask("cart", languages=("py", "js"))).notes)
