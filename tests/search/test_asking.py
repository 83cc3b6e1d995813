"""What a question is taken for, asked as people and assistants write it."""

from __future__ import annotations

import json

import pytest
from tests.search.conftest import Asked

from sophia_mcp.errors import BadQuery

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "query",
    [
        "who calls add_money",
        "Who calls `add_money`?",
        "what calls the function add_money()",
        "callers of add_money",
        "show all callers of add_money",
        "where is add_money called?",
    ],
)
@pytest.mark.requirement("search.modes")
async def test_a_sentence_that_asks_for_callers_is_answered_with_them(ask: Asked, query: str) -> None:
    answer = await ask(query)
    assert answer.hits
    assert [hit.path for hit in answer.hits] == [
        hit.path for hit in (await ask("add_money", mode="callers")).hits
    ]
    assert all(hit.why.startswith("calls it at") for hit in answer.hits)


@pytest.mark.parametrize(
    "query", ["where is add_money used?", "usages of add_money", "find references to add_money"]
)
@pytest.mark.requirement("search.modes")
async def test_a_sentence_that_asks_for_uses_is_answered_with_them(ask: Asked, query: str) -> None:
    assert (await ask(query)).hits == (await ask("add_money", mode="references")).hits != ()


@pytest.mark.requirement("search.modes", "search.not_here")
async def test_who_calls_a_function_that_is_called_like_a_word_is_told(index_of) -> None:
    files = {
        "out.py": "def echo(text):\n    print(text)\n\n\nlevel = 3\n",
        "run.py": "from out import echo\n\n\ndef run():\n    echo('all')\n",
    }
    async with index_of(files) as ask:
        for query in ("who calls echo", "show callers of echo?", "where is the function echo called"):
            assert [hit.why for hit in (await ask(query)).hits] == ["calls it at 5 (import-resolved)"]
        for query in ("what calls the echo", "who calls level", "who calls home"):
            assert not any("calls it" in hit.why for hit in (await ask(query)).hits)


@pytest.mark.requirement("search.modes", "search.cursor")
async def test_pages_of_such_a_sentence_go_on(ask: Asked) -> None:
    first = await ask("usages of add_money", limit=1)
    second = await ask("usages of add_money", limit=1, cursor=first.next_cursor)
    assert first.hits[0] != second.hits[0]


@pytest.mark.parametrize("query", ["who calls nosuch_thing", "where is caching used", "who uses what"])
@pytest.mark.requirement("search.modes")
async def test_a_sentence_about_no_known_name_stays_a_question(ask: Asked, query: str) -> None:
    answer = await ask(query)
    assert not any("calls it" in hit.why or "text only" in hit.why for hit in answer.hits)
    assert not any("neither defined" in note for note in answer.notes)


@pytest.mark.parametrize(
    "query", ["who calls add_mony", "where is `add_mony` defined?", "def add_mony(a)"]
)
@pytest.mark.requirement("search.modes", "search.not_here")
async def test_a_name_of_a_sentence_that_no_file_says_is_told_with_the_nearest(
    ask: Asked, query: str
) -> None:
    assert "no file says 'add_mony'; nearest names: add_money" in (await ask(query)).notes
    assert not any("no file says" in note for note in (await ask(query.replace("mony", "money"))).notes)


@pytest.mark.requirement("search.filters", "search.not_here")
async def test_what_other_files_have_is_said_of_those_alone_that_pass_the_filters(index_of) -> None:
    loop = "for (const each of carts) {\n  each.close();\n  count(each);\n}\n"
    files = {
        "web/close.js": f"import {{ tillOf }} from 'shop'\n\n{loop}",
        "app/till.py": "def till():\n    pass\n",
    }
    async with index_of(files) as ask:
        for query in ("where is `tillOf` defined?", loop):
            notes = (await ask(query, paths=("app/**",))).notes
            assert any(note.startswith("no file that passes the filters ") for note in notes)
            assert not any(note.startswith("no file ") for note in (await ask(query)).notes)


@pytest.mark.parametrize("query", [".", "/", "*", "**", "./"])
@pytest.mark.requirement("search.modes")
async def test_the_whole_repository_is_answered_with_its_map(ask: Asked, query: str) -> None:
    assert (await ask(query)).hits == (await ask(".", mode="outline")).hits != ()


@pytest.mark.requirement("search.place")
async def test_a_glob_reaches_folders_inside_others(index_of) -> None:
    async with index_of({"src/app/net/a.py": "A = 1\n", "src/app/net/b.py": "B = 1\n"}) as ask:
        answer = await ask("net/*.py", detail="locations")
    assert [hit.path for hit in answer.hits] == ["src/app/net/a.py", "src/app/net/b.py"]


@pytest.mark.parametrize(
    ("query", "following"),
    [
        ("lib/shop/cart.py", 'search_code("shop/cart.py")'),
        ("lib/shop/cart.py:3-9", 'search_code("shop/cart.py:3-9")'),
        ("nosuch/*.py", 'search_code(".", mode="outline")'),
    ],
)
@pytest.mark.requirement("search.not_here", "search.place")
async def test_a_file_that_is_not_there_is_not_answered_with_words(
    ask: Asked, query: str, following: str
) -> None:
    answer = await ask(query)
    assert answer.hits == ()
    assert answer.notes[0].startswith(f"not here: no indexed file is '{query.partition(':')[0]}'")
    assert answer.notes[1] == f"next: {following}"


@pytest.mark.parametrize(
    "query", ["out/app.min.js", "app.min.js", "out/app.min.js:1", "node_modules/x/y.js"]
)
@pytest.mark.requirement("search.not_here", "search.place")
async def test_a_file_that_is_left_out_is_said_to_be_there(index_of, query: str) -> None:
    files = {
        "app.py": "def run():\n    return 1\n",
        "out/app.min.js": "var a=1;" * 2000,
        "node_modules/x/y.js": "module.exports = 1\n",
    }
    async with index_of(files) as ask:
        answer = await ask(query)
    assert answer.hits == ()
    why = "vendored" if "node" in query else "minified"
    assert f"is left out of the index: {why}" in answer.notes[0]
    assert answer.notes[1] == 'next: index_repo(path="app", action="status")'


@pytest.mark.requirement("search.not_here", "search.filters")
async def test_a_filter_says_that_a_repository_of_its_own_is_left_out_and_how_to_search_it(
    index_of,
) -> None:
    files = {
        "app.py": "def run():\n    return 1\n",
        "vend/lib/.git/HEAD": "ref: refs/heads/main\n",
        "vend/lib/deep/lib.py": "def parse():\n    return 1\n",
        "node_modules/x/y.js": "module.exports = 1\n",
    }
    async with index_of(files) as ask:
        apart = await ask("parse", paths=("vend/lib/deep",))
        read = await ask("vend/lib/deep/lib.py:1-2")
        vendored = await ask("parse", paths=("node_modules",))
    root = json.dumps(f"{ask.root}/vend/lib")
    assert "vend/lib/ is left out of the index: a repository of its own" in apart.notes[0]
    assert apart.notes[1] == f'next: search_code("parse", repo={root})'
    assert read.notes[1] == f'next: search_code("deep/lib.py:1-2", repo={root})'
    assert "node_modules/ is left out of the index: vendored" in vendored.notes[0]


@pytest.mark.requirement("search.not_here")
async def test_the_next_call_of_a_miss_is_a_pattern_that_can_be_used(ask: Asked) -> None:
    answer = await ask("?(")
    assert answer.notes[1] == r'next: search_code("\\?\\(", mode="regex")'
    assert (await ask(r"\?\(", mode="regex")).notes[0].startswith("not here: no line matches")


@pytest.mark.requirement("search.not_here")
@pytest.mark.parametrize(
    ("trace", "said"),
    [
        (
            'Traceback (most recent call last):\n  File "/x/zzz.py", line 3, in f\n    g()\nKeyError: 7',
            "KeyError: 7",
        ),
        (
            "x.E: no such bean\n\tat a.B.c(B.java:1)\nCaused by: y.F: z\n\tat a.G.h(G.java:2)\n\t... 12 more",
            "x.E: no such bean",
        ),
        (
            "E: a\n   at A.B(String s) in c:\\b\\A.cs:line 12\n--- End of stack trace ---",
            "E: a",
        ),
        (
            "System.Exception: a\n   at A.B(String s) in c:\\b\\A.cs:line 12\n--- End ---",
            "System.Exception: a",
        ),
        ("\x1b[31mpanic: bad\x1b[0m\n\ngoroutine 1:\nmain.f()\n\t/x/zz.go:1 +0x1\n", "panic: bad"),
    ],
)
async def test_the_next_call_of_a_foreign_trace_asks_for_what_went_wrong(
    ask: Asked, trace: str, said: str
) -> None:
    assert (await ask(trace)).notes[1] == f'next: search_code("{said}", mode="text")'


@pytest.mark.parametrize(
    ("pattern", "said", "why"),
    [
        ("(((", "missing ): (((", "not a regular expression"),
        ("(?<=a)b", "invalid perl operator", "no look-around"),
    ],
)
@pytest.mark.requirement("search.modes")
async def test_a_pattern_that_cannot_be_used_says_why(
    ask: Asked, pattern: str, said: str, why: str
) -> None:
    with pytest.raises(BadQuery) as caught:
        await ask(pattern, mode="regex")
    assert said in caught.value.what
    assert "(?m)" not in caught.value.what
    assert why in caught.value.why


@pytest.mark.requirement("search.trace")
async def test_a_file_of_another_project_is_not_taken_for_one_of_the_same_name(index_of) -> None:
    files = {
        "jar/worker/tasks.py": "def drain(jar):\n    jar.clear()\n",
        "jar/testing/tasks.py": "def ping():\n    return 'pong'\n",
        "jar/run.py": "def run(task):\n    return task()\n",
    }
    trace = (
        "Traceback (most recent call last):\n"
        '  File "/usr/lib/python3/site-packages/jar/run.py", line 2, in run\n'
        '  File "/srv/shop/tasks.py", line 1, in {}\n'
        "ZeroDivisionError: division by zero\n"
    )
    async with index_of(files) as ask:
        foreign, moved = await ask(trace.format("add")), await ask(trace.format("drain"))
    assert [hit.path for hit in foreign.hits] == ["jar/run.py"]
    assert foreign.notes[1] == "elsewhere: /srv/shop/tasks.py"
    assert [hit.path for hit in moved.hits] == ["jar/worker/tasks.py", "jar/run.py"]


TESTED = {
    "jar.py": "def drain(jar):\n    return jar.clear()\n\n\ndef refill(jar, count):\n    jar.lids += count\n",
    "shop.py": "from jar import drain\n\n\ndef close(jar):\n    drain(jar)\n",
    "tests/test_jar.py": "from jar import drain\n\n\ndef test_it_is_empty():\n    drain(JAR)\n    assert not JAR\n",
    "tests/test_lids.py": "def test_each_jar_has_its_lid_back():\n    assert lids(full()) == 3\n",
}


@pytest.mark.requirement("search.scopes")
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("where is drain() tested?", "tests/test_jar.py"),
        ("which tests cover `drain`", "tests/test_jar.py"),
        ("tests for jar.drain", "tests/test_jar.py"),
        ("where are lids of a jar tested", "tests/test_lids.py"),
    ],
)
async def test_who_asks_for_tests_is_shown_tests(index_of, text: str, place: str) -> None:
    async with index_of(TESTED) as ask:
        answer = await ask(text)
        assert answer.hits[0].path == place
        assert all(hit.path.startswith("tests/") for hit in answer.hits)
        if "drain" in text:
            assert answer.notes[0].startswith("2 resolved uses; ")
        assert answer.notes[-1] == "asked for tests: only these were searched"


@pytest.mark.requirement("search.filters")
async def test_who_uses_a_name_is_told_of_a_place_that_does_not_define_it(index_of) -> None:
    async with index_of(TESTED) as ask:
        answer = await ask("who uses drain()", paths=("shop.py",))
    assert [(hit.path, hit.why) for hit in answer.hits][:1] == [
        ("shop.py", "import at 1 (import-resolved)")
    ]


@pytest.mark.requirement("search.scopes")
async def test_who_asks_for_tests_where_there_are_none_is_told(index_of) -> None:
    async with index_of({"jar.py": TESTED["jar.py"]}) as ask:
        answer = await ask("where is the draining of a jar tested")
    assert answer.hits[0].path == "jar.py"
    assert answer.notes[-1] == "asked for tests, and no file that may answer is one"


@pytest.mark.requirement("search.scopes")
async def test_to_test_for_something_is_to_check_it(index_of) -> None:
    async with index_of(TESTED) as ask:
        answer = await ask("test for a drained jar")
    assert "asked for tests: only these were searched" not in answer.notes


async def test_who_asks_for_the_uses_of_a_name_in_another_spelling_is_told_them(ask: Asked) -> None:
    answer = await ask("who calls addMoney")
    assert answer.notes[0].endswith("addMoney is spelt add_money here")
    assert answer.hits[0].path == "shop/cart.py"
