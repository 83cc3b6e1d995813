"""Code that somebody copied is found where it stands, whatever else its characters might mean."""

from __future__ import annotations

import pytest
from tests.search.conftest import Asked

from sophia_mcp.search.text import regex

pytestmark = pytest.mark.anyio

FILES = {
    "web/request.py": (
        "def read_body(environ):\n"
        '    stream = environ["wsgi.input"]\n'
        "    return stream.read(int(environ['content-length']) + 1)\n\n\n"
        "def header_of(environ_get, name):\n"
        '    return environ_get("wsgi", name)\n'
    ),
    "web/page.php": (
        "<?php\nclass Page\n{\n    private $container;\n\n"
        "    public function show($args)\n    {\n        return $this->container->get($args[0]);\n    }\n}\n"
    ),
    "web/text.py": (
        "class Text:\n"
        "    def __init__(self, raw):\n        self.raw = raw\n\n\n"
        "class Line:\n"
        "    def __init__(self, raw, number):\n        self.raw, self.number = raw, number\n\n\n"
        "def spread(lines):\n"
        "    return sorted(\n        lines,\n        key=lambda line: line.number)\n\n\n"
        "def refuse(path):\n    log('the page cannot be shown twice')\n"
    ),
    "tests/test_text.py": "def test_refusal():\n    assert said == 'the page cannot be shown twice'\n",
    "web/main.py": "from .text import Line\n\n\n" + "".join(f"VALUE_{i} = {i}\n" for i in range(9)),
    "web/flags.c": "int open_flags(void)\n{\n    return FLAG_A|FLAG_B;\n}\nint only(void)\n{\n    return FLAG_B;\n}\n",
}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('environ["wsgi.input"]', "web/request.py:1-3"),
        ("environ['content-length']", "web/request.py:1-3"),
        ("$container", "web/page.php:2-10"),
        ("$this->container->get($args[0])", "web/page.php:6-9"),
        ("return stream.read(int(environ['content-length']) + 1)", "web/request.py:1-3"),
        ("def __init__(self, raw, number):", "web/text.py:7-8"),
        ("return sorted( lines, key=lambda line: line.number)", "web/text.py:11-14"),
        ("'the page cannot be shown twice'", "web/text.py:17-18"),
        ('\x1b[1mstream = environ["wsgi.input"]\x1b[0m', "web/request.py:1-3"),
        ("from .text import Line", "web/main.py:1-12"),
    ],
)
@pytest.mark.requirement("search.modes")
async def test_copied_code_is_found_where_it_stands(index_of, text: str, place: str) -> None:
    async with index_of(FILES) as ask:
        answer = await ask(text)
        first = answer.hits[0]
        assert f"{first.path}:{first.start_line}-{first.end_line}" == place
        assert first.why.startswith("has this text at")
        assert not any(note.startswith("not here") for note in answer.notes)


@pytest.mark.requirement("search.modes", "search.cursor")
async def test_all_places_of_a_copied_text_are_counted_and_paged(index_of) -> None:
    files = {f"a{i}.php": f"<?php\nfunction f{i}($box) {{ return $box; }}\n" for i in range(9)}
    async with index_of(files) as ask:
        page = await ask("$box", limit=4)
        assert page.notes[0] == "this text as it is: 18 places in 9 files"
        seen = [hit.path for hit in page.hits]
        while page.next_cursor:
            page = await ask("$box", limit=4, cursor=page.next_cursor)
            seen += [hit.path for hit in page.hits if hit.why.startswith("has this text")]
        assert sorted(seen) == sorted(files)


@pytest.mark.requirement("search.modes")
async def test_a_long_definition_is_shown_from_its_head_or_around_the_text(index_of) -> None:
    body = "".join(f"    step({i}, again=True)\n" for i in range(100))
    async with index_of({"a.py": f"x = 1\n\n\ndef prepare(first):\n{body}"}) as ask:
        head = (await ask("def prepare(first):")).hits[0]
        assert (head.start_line, head.kind) == (4, "function")
        whole = (await ask("def prepare(first):", detail="full", limit=1)).hits[0]
        assert (whole.start_line, whole.end_line) == (4, 104)
        inside = (await ask("step(50, again=True)")).hits[0]
        assert (inside.start_line, inside.end_line) == (49, 61)
        every = [hit for hit in (await ask("again=True)", limit=20)).hits if "at" in hit.why]
        lines = [line for hit in every for line in range(hit.start_line, hit.end_line + 1)]
        assert len(lines) == len(set(lines)) > 60


@pytest.mark.requirement("search.modes")
async def test_of_many_files_that_may_hold_a_text_some_are_read_and_that_is_said(
    index_of, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"a{i}.php": f"<?php\nfunction f{i}() {{ return array($i); }}\n" for i in range(9)}
    async with index_of(files) as ask:
        assert (await ask("return array($i);")).notes[0] == "this text as it is: 9 places in 9 files"
        monkeypatch.setattr(regex, "_READ_MOST", 3 * 5000)
        assert (await ask("return array($i);")).notes[
            0
        ] == "this text as it is: at least 3 places in 3 files"
        monkeypatch.setattr(regex, "_READ_MOST", 0)
        assert (await ask("return array($i);")).hits


@pytest.mark.requirement("search.modes", "search.filters")
async def test_copied_text_is_looked_for_where_the_filters_say(index_of) -> None:
    async with index_of(FILES) as ask:
        answer = await ask("'the page cannot be shown twice'", scope="tests")
        assert [hit.path for hit in answer.hits] == ["tests/test_text.py"]
        narrowed = await ask('environ["wsgi.input"]', kinds=("class",))
        assert all(hit.kind == "class" for hit in narrowed.hits)


@pytest.mark.parametrize("text", [r"environ\[.wsgi", "FLAG_A|FLAG_B", "FLAG_[AB]"])
@pytest.mark.requirement("search.modes", "search.regex_exact")
async def test_what_can_only_be_a_pattern_is_one(index_of, text: str) -> None:
    async with index_of(FILES) as ask:
        assert (await ask(text)).total == (await ask(text, mode="regex")).total > 0


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("stream=environ[ 'wsgi.input' ]", ["web/request.py:1-3"]),
        ("environ[ 'wsgi.output' ]", []),
        ('stream=environ[ "wsgi.input" ]', ["web/request.py:1-3"]),
        ("sorted(lines, key = lambda line : line.number )", ["web/text.py:11-14"]),
        ("FLAG_A | FLAG_B", ["web/flags.c:1-4"]),
        ("environ_get( 'wsgi' , name|open_flags ( void", []),
        ("header_of(environ_get|open_flags(void)", ["web/request.py:6-7", "web/flags.c:1-4"]),
        ("read_body(|refuse(", ["web/request.py:1-3", "web/text.py:17-18"]),
        ("read_body(environ) | refuse(path)", ["web/request.py:1-3", "web/text.py:17-18"]),
        ("x=[1", []),
    ],
)
@pytest.mark.requirement("search.modes")
async def test_code_that_is_typed_otherwise_or_not_to_its_end_is_found(
    index_of, text: str, places: list[str]
) -> None:
    async with index_of(FILES) as ask:
        answer = await ask(text)
    held = [hit for hit in answer.hits if hit.why.startswith("has this text at")]
    assert answer.exact == len(held)
    assert sorted(f"{hit.path}:{hit.start_line}-{hit.end_line}" for hit in held) == sorted(places)
    if places:
        said = (
            "these texts as they are" if len(places) > 1 else "this text but for its spaces and quotes"
        )
        assert answer.notes[0].startswith(f"{said}: {len(places)} place")


@pytest.mark.requirement("search.modes")
async def test_other_spellings_are_looked_for_where_all_files_are_soon_read(
    index_of, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with index_of({f"{name}.py": "a = b\n" for name in ("one", "two", "three")}) as ask:
        assert (await ask("a=b")).notes == (
            "this text but for its spaces and quotes: 3 places in 3 files",
        )
        monkeypatch.setattr(regex, "_READ_MOST", 5_000)
        assert (await ask("a=b")).exact == 0
        assert (await ask("a = b")).notes[0].startswith("this text as it is: at least 1 place")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("raise ShopError(", "shop/error.py"),
        ("} catch (ShopError e) {", "shop/Shop.java"),
        ("except ShopError:", "shop/main.py"),
        ("extends Counter", "shop/Shop.java"),
        ("implements Closeable, Runnable", "shop/Shop.java"),
        ("return count, total", "shop/main.py"),
        ("import tallies", "shop/main.py"),
        ("require './shop/till'", "shop/shop.js"),
    ],
)
@pytest.mark.requirement("search.modes")
async def test_a_statement_is_looked_for_as_it_is(index_of, text: str, path: str) -> None:
    files = {
        "shop/error.py": "class ShopError(Exception):\n    pass\n\n\ndef fail():\n    raise ShopError('count')\n",
        "shop/main.py": (
            "import tallies\n\n\ndef count_total():\n    try:\n        count = total = 1\n"
            "    except ShopError:\n        fail()\n    return count, total\n"
        ),
        "shop/Shop.java": (
            "class Shop extends Counter implements Closeable, Runnable {\n  void run() {\n    try {\n      go();\n"
            "    } catch (ShopError e) {\n    }\n  }\n}\n"
        ),
        "shop/shop.js": 'const { till } = require_shop();\nconst { shop } = require "./shop/till";\n',
        "shop/Counter.java": "class Counter {\n  int count, total;\n  Counter counter() { return this; }\n}\n",
    }
    async with index_of(files) as ask:
        answer = await ask(text)
    assert (answer.hits[0].path, answer.exact) == (path, 1)


@pytest.mark.requirement("search.modes")
async def test_code_that_no_line_has_is_not_passed_off_as_found(index_of) -> None:
    async with index_of(FILES) as ask:
        assert "no line has this text or matches it" in (await ask("raw[number]raw")).notes
        assert "no line has this text or matches it" not in (await ask("$args[0]")).notes


@pytest.mark.requirement("search.modes")
async def test_a_pattern_that_matches_nothing_may_be_code_after_all(index_of) -> None:
    async with index_of({"a.go": "package a\n\nvar f = math.Log(float64(n)+1.0)\n"}) as ask:
        answer = await ask("math.Log(float64(n)+1.0)")
        assert answer.hits[0].start_line == 3 or answer.hits[0].end_line >= 3
        assert (await ask("math.Log(float64(n)+2.0)")).notes[0].startswith("not here")


@pytest.mark.parametrize("name", ["\\Shop\\Cart", "::Shop::Cart", "\\Shop\\Cart::total()"])
@pytest.mark.requirement("search.modes")
async def test_a_name_said_from_the_outermost_namespace_on_is_found(index_of, name: str) -> None:
    php = "<?php\nnamespace Shop;\n\nclass Cart\n{\n    public function total()\n    {\n        return 1;\n    }\n}\n"
    async with index_of({"Cart.php": php, "other.php": "<?php\nclass Other\n{\n}\n"}) as ask:
        first = (await ask(name)).hits[0]
        assert first.why == f"defines {'total' if 'total' in name else 'Cart'}"


@pytest.mark.requirement("search.modes")
async def test_words_of_a_sentence_are_not_looked_for_as_they_are(ask: Asked) -> None:
    for text in ("add money", "where is the sum of two amounts", "Cart", "class Cart"):
        assert not any("as it is" in note for note in (await ask(text)).notes)


@pytest.mark.requirement("search.modes")
@pytest.mark.parametrize("mode", ["auto", "regex"])
async def test_code_stands_before_the_documents_and_tests_that_repeat_it(index_of, mode: str) -> None:
    use = "box = open_box('a')\n"
    files = {
        "CHANGES.md": f"# Changes\n\n{use * 3}",
        "docs/a.md": f"# Use\n\n{use}",
        "src/use.py": f"def main():\n    {use}",
        "tests/test_use.py": f"def test_use():\n    {use}",
    }
    query = "open_box('a')" if mode == "auto" else r"open_box\('"
    async with index_of(files) as ask:
        answer = await ask(query, mode=mode)
    assert answer.hits[0].path == "src/use.py"
    assert {hit.path for hit in answer.hits} == files.keys()


@pytest.mark.requirement("search.modes")
async def test_a_sentence_of_a_changelog_leads_to_the_code_that_it_is_about(index_of) -> None:
    said = "The jar is emptied when `drain()` is called twice"
    files = {
        "CHANGES.md": f"# Changes\n\n- {said} (#12)\n",
        "jar.py": "def drain(jar):\n    # called twice: the jar is emptied\n    jar.clear()\n",
    }
    async with index_of(files) as ask:
        for text in (said, f"{said} (#12)"):
            assert (await ask(text)).hits[0].path == "jar.py"


PASTED = (
    "def read_body(environ):\n"
    '    stream = environ["wsgi.input"]\n'
    "    if not stream:\n        raise ValueError('none')\n"
    "    return stream.read(int(environ['content-length']) + 1)\n"
)
FOREIGN = "fn rotate(left: &mut Tree) {\n    let pivot = left.take();\n    pivot.weigh(left);\n    drop(pivot)\n}\n"


@pytest.mark.requirement("search.modes")
async def test_of_pasted_code_that_stands_nowhere_the_answer_says_so_and_shows_what_is_like_it(
    index_of,
) -> None:
    async with index_of(FILES) as ask:
        edited = await ask(PASTED)
        foreign = await ask(FOREIGN)
        there = await ask("stream = environ['wsgi.input']\n    return stream.read(\n")
    assert edited.notes[0] == "no file has this code as it is; like it: 1 place"
    assert (edited.hits[0].path, edited.hits[0].start_line) == ("web/request.py", 1)
    assert "alike" in edited.hits[0].why
    assert any("no file has this code, or code like it" in note for note in foreign.notes)
    assert not any("no file has this code" in note for note in there.notes)


@pytest.mark.requirement("search.modes")
async def test_pasted_code_of_a_test_is_found_whatever_its_comments_say(index_of) -> None:
    code = (
        "def test_jar():\n    # what the jar holds, and why it is not the one that we were given\n"
        "    jar = open_jar(\n        lid=None,\n    )\n    assert not jar.holds(1)\n"
    )
    async with index_of(FILES | {"tests/test_jar.py": f"import jar\n\n\n{code}"}) as ask:
        answer = await ask(code)
    assert answer.notes[0] == "this text as it is: 1 place in 1 file"
    assert answer.hits[0].path == "tests/test_jar.py"
