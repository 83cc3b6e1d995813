"""A file, however its path is written, and what is said of one that is not there."""

from __future__ import annotations

from typing import Any

import pytest
from tests.search.conftest import Asked

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("search.modes")
@pytest.mark.parametrize(
    "path",
    [
        "shop/net/retry",
        "../net/retry",
        "@/shop/net/retry",
        "RETRY.PY",
        "Shop\\Net\\Retry.py",
        "net/retry.py",
    ],
)
async def test_a_path_is_found_as_imports_and_other_systems_write_it(ask: Asked, path: str) -> None:
    answer = await ask(path)
    assert [hit.path for hit in answer.hits] == ["shop/net/retry.py"]
    assert answer.hits[0].why == "path match"


@pytest.mark.requirement("search.place")
@pytest.mark.parametrize(
    ("written", "lines"),
    [
        ('"shop/cart.py"', None),
        ("`shop/cart.py:5-7`", (5, 7)),
        ("shop/cart.py(5,7)", (5, 5)),
        ("shop/cart.py lines 5-7", (5, 7)),
        ("shop/cart.py (lines 5 to 7)", (5, 7)),
        ("cart.py 5", (5, 5)),
        ("`shop/cart.py`:5", (5, 5)),
        ('"shop/cart.py" lines 5-7', (5, 7)),
        ("{root}/shop/cart.py#L5-L7", (5, 7)),
        ("https://github.com/acme/shop/blob/v1.2/shop/cart.py#L5-L7", (5, 7)),
        ("https://github.com/acme/shop/blob/v1.2/shop/cart.py?plain=1#L5", (5, 5)),
        ("https://gitlab.com/a/b/shop/-/blob/main/shop/cart.py", None),
        ("{root}/shop/cart.py", None),
    ],
)
async def test_a_place_is_understood_as_people_and_their_tools_write_it(
    ask: Asked, written: str, lines: tuple[int, int] | None
) -> None:
    answer = await ask(written.replace("{root}", ask.root.as_uri()), detail="full")
    assert [hit.path for hit in answer.hits] == ["shop/cart.py"]
    if lines:
        assert answer.hits[0].why == "the place asked for"
        assert answer.hits[0].start_line <= lines[0] <= lines[1] <= answer.hits[0].end_line


SAID = {
    "src/total_cents.py": "def total_cents(cart):\n    return sum(cart)\n",
    "src/Cart": "not code\n",
    "vue.js": "var v = 1\n" * 10,
    "setup.py": 'HOME = "https://github.com/acme/other/blob/main/setup.py#L1"\n',
    "NEWS.md": "# News\n\nRuns with Vue.js 3 and total_cents lines 5-7; see src/total_cents.py.\n",
}


@pytest.mark.requirement("search.place")
@pytest.mark.parametrize(
    ("words", "path"),
    [
        ("`total_cents`", "src/total_cents.py"),
        ("total_cents(3)", "src/total_cents.py"),
        ("total_cents lines 5-7", "NEWS.md"),
        ("Vue.js 3", "NEWS.md"),
        ("setup.py 2024", "setup.py"),
        ("https://github.com/acme/other/blob/main/setup.py#L1", "setup.py"),
        ("https://github.com/acme/app/blob/main/setup.cfg and its other parts", "setup.py"),
        ("runs with vue and says the total of cents " * 30 + "vue.js lines 5-7", "NEWS.md"),
    ],
)
async def test_what_no_file_is_called_is_searched(index_of, words: str, path: str) -> None:
    async with index_of(SAID) as ask:
        hits = (await ask(words)).hits
    assert path in {hit.path for hit in hits}
    assert not {"the place asked for", "path match"} & {hit.why for hit in hits}


@pytest.mark.requirement("search.place")
@pytest.mark.parametrize("quoted", ["src/total_cents.py", '"src/total_cents.py"', "vue.js 3"])
async def test_the_text_of_a_place_is_searched_where_text_is_asked_for(index_of, quoted: str) -> None:
    async with index_of(SAID) as ask:
        hits = (await ask(quoted, mode="text")).hits
    assert "NEWS.md" in {hit.path for hit in hits}
    assert not {"the place asked for", "path match"} & {hit.why for hit in hits}


@pytest.mark.requirement("search.place")
@pytest.mark.parametrize(
    "written",
    ['"shop/net"', "`shop/net/`", "https://github.com/acme/shop/tree/main/shop/net", "{root}/shop/net"],
)
@pytest.mark.parametrize("mode", ["auto", "outline"])
async def test_a_folder_is_mapped_however_it_is_written(ask: Asked, written: str, mode: str) -> None:
    answer = await ask(written.replace("{root}", ask.root.as_uri()), mode=mode)
    assert answer.notes[0].endswith("in shop/net, most used first")


@pytest.mark.requirement("search.place")
@pytest.mark.parametrize("written", ["`shop/cart.py`", "shop/cart.py:5", "{root}/shop/cart.py#L5"])
async def test_a_file_is_outlined_however_it_is_written(ask: Asked, written: str) -> None:
    answer = await ask(written.replace("{root}", ask.root.as_uri()), mode="outline")
    assert [hit.path for hit in answer.hits] == ["shop/cart.py"]


@pytest.mark.requirement("search.place")
async def test_the_code_at_lines_is_compared_however_they_are_written(index_of) -> None:
    same = "def total(cart):\n    result = 0\n    for item in cart:\n        result += item\n    return result\n"
    async with index_of({"my shop/a.py": same, "b.py": same}) as ask:
        for written in ("my shop/a.py:1-5", "my shop/a.py lines 1-5"):
            answer = await ask(written, mode="similar")
            assert [hit.path for hit in answer.hits] == ["b.py"]
        whole = await ask("my shop/a.py", mode="similar")
    assert whole.notes[0].startswith("not here: similar needs lines of a file, and my shop/a.py has ")


@pytest.mark.requirement("search.modes")
async def test_a_folder_is_mapped_though_nothing_speaks_of_it(index_of) -> None:
    async with index_of({"lib/a.py": "def go():\n    return 1\n", "b.py": "x = 1\n"}) as ask:
        answer = await ask("lib")
    assert answer.notes == ("1 file in lib, most used first",)
    assert [hit.path for hit in answer.hits] == ["lib/a.py"]


@pytest.mark.requirement("search.modes")
@pytest.mark.parametrize("name", ["app", "repo"])
async def test_a_folder_is_mapped_though_the_repository_is_called_so(index_of, name: str) -> None:
    files = {f"{name}/a.py": "def go():\n    return 1\n", "b.py": "x = 1\n"}
    async with index_of(files) as ask:
        answer = await ask(name)
    assert answer.notes == (f"1 file in {name}, most used first",)


@pytest.mark.requirement("search.not_here")
@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("keys", {}),
        ("src/", {}),
        ("a.py:5", {}),
        (".", {"mode": "outline"}),
        ("key.+", {"mode": "regex"}),
        ("keys", {"mode": "text"}),
        ("keys", {"mode": "symbol"}),
        ("keys", {"mode": "references"}),
        ("keys", {"mode": "callers"}),
        ("x = keys(1)", {"mode": "similar"}),
        ("keys", {"scope": "docs"}),
        ("keys", {"languages": ("python",)}),
    ],
)
async def test_of_a_tree_without_files_it_is_said_that_there_are_none(
    index_of, query: str, asked: dict[str, Any]
) -> None:
    async with index_of({"key.pem": "-----BEGIN PRIVATE KEY-----\n"}) as ask:
        first, following, *_ = (await ask(query, **asked)).notes
        [left_out, *_] = (await ask("key.pem")).notes
    assert first.startswith("not here: no file of ")
    assert first.endswith(" is indexed (skipped: 1 secret file)")
    assert 'action="status"' in following
    assert "key.pem is left out of the index" in left_out


@pytest.mark.requirement("search.place")
@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("app/net", "3 files in app/net, most used first"),
        ("./app/net", "3 files in app/net, most used first"),
        ("org.acme.net", "1 file in java/org/acme/net, most used first"),
        ("app/net/retry", "app/net/retry.py"),
        ("app/tools", "app/tools.py"),
        ("app.net", "app/net/__init__.py"),
        ("*_test.py", "app/net/retry_test.py"),
        ("Wid*.java", "java/org/acme/net/Widget.java"),
    ],
)
async def test_a_folder_without_its_slash_and_files_by_their_ends_are_places(
    index_of, written: str, shown: str
) -> None:
    files = {
        "app/net/__init__.py": "from .retry import again\n",
        "app/net/retry.py": "def again():\n    return 1\n",
        "app/net/retry_test.py": "def test_again():\n    assert again()\n",
        "app/tools.py": "def tool():\n    return 1\n",
        "app/tools/hammer.py": "def hammer():\n    return 1\n",
        "java/org/acme/net/Widget.java": "class Widget {\n}\n",
    }
    async with index_of(files) as ask:
        answer = await ask(written)
    assert shown in (answer.notes or tuple(hit.path for hit in answer.hits))


@pytest.mark.requirement("search.not_here")
async def test_a_folder_that_is_not_there_is_not_here(ask: Asked) -> None:
    answer = await ask("shopping/")
    assert answer.notes[0].startswith("not here: no indexed file or folder is 'shopping/'")
    assert not answer.hits
    assert (await ask("shop/")).hits


@pytest.mark.requirement("search.not_here")
async def test_an_outline_that_is_not_there_names_the_nearest(ask: Asked) -> None:
    answer = await ask("shop/card.py", mode="outline")
    assert answer.notes[0].startswith(
        "not here: no indexed file or folder is 'shop/card.py'; nearest: shop/cart.py"
    )
    assert answer.notes[1] == 'next: search_code("shop/cart.py")'
    named = await ask("call_withRetries", mode="outline")
    assert [hit.symbol for hit in named.hits] == ["call_with_retries"]


@pytest.mark.requirement("search.modes")
async def test_a_dotted_path_means_a_module_before_members_of_others(index_of) -> None:
    files = {
        "app/tools/url.py": "def strip(text):\n    return text\n",
        "app/request.py": "class Request:\n    def url(self):\n        return self.raw\n",
        "app/Request/url.md": "# Url\n",
    }
    async with index_of(files) as ask:
        module = await ask("app.tools.url")
        member = await ask("Request.url")
    assert [hit.path for hit in module.hits] == ["app/tools/url.py"]
    assert member.hits[0].symbol == "Request.url"


@pytest.mark.requirement("search.filters")
@pytest.mark.parametrize("query", ["shop/cart.py", "shop/cart.py:1-3", "cart", "shop/"])
@pytest.mark.parametrize(
    "filters",
    [{"paths": ("web",)}, {"languages": ("javascript",)}, {"scope": "docs"}],
    ids=["paths", "languages", "scope"],
)
async def test_a_place_that_the_filters_leave_out_is_not_shown(
    ask: Asked, query: str, filters: dict[str, Any]
) -> None:
    answer = await ask(query, **filters)
    assert not any(hit.path.startswith("shop/") for hit in answer.hits)
    if query != "cart":  # which is a word, too
        said, following = answer.notes
        assert said.startswith("not here: shop/")
        assert f"left out by {next(iter(filters))}=" in said
        assert following == f'next: search_code("{query}")'
    assert (await ask("shop/cart.py:1-3", paths=("shop",))).hits


@pytest.mark.requirement("search.filters")
async def test_a_place_says_that_kinds_do_not_narrow_it(ask: Asked) -> None:
    assert (await ask("shop/cart.py:1-3", kinds=("doc",))).notes == (
        "kinds=doc does not narrow a place",
    )


BARE = {
    "src/config.py": "def load():\n    return open('settings.json')\n",
    "src/page.js": "class Page {\n  json() {\n    return {}\n  }\n}\nclass Sheet extends Page {}\n",
    "tests/test_config_everywhere.py": "def test_config(): ...\n",
}


@pytest.mark.requirement("search.place", "search.not_here")
async def test_the_name_of_a_file_that_is_not_there_is_no_word(index_of) -> None:
    async with index_of(BARE) as ask:
        answer = await ask("confg.py")
        assert not answer.hits
        assert answer.notes == (
            "not here: no indexed file is 'confg.py'; nearest: src/config.py",
            'next: search_code("src/config.py")',
        )
        assert (await ask("config.json")).notes[0].startswith("not here: no indexed file is")
        written = await ask("settings.json")
        assert written.notes == (
            "no indexed file is 'settings.json', but it is written: 1 place in 1 file",
        )
        assert [hit.path for hit in written.hits][:1] == ["src/config.py"]


@pytest.mark.requirement("search.place")
async def test_the_signatures_of_lines_are_those_of_the_definitions_in_them(index_of) -> None:
    text = (
        "class Till:\n    def open(self):\n        return 1\n\n    def shut(self):\n        return 2\n"
    )
    async with index_of({"till.py": text}) as ask:
        (every,) = (await ask("till.py:1-6", detail="signatures")).hits
        (inner,) = (await ask("till.py:2-3", detail="signatures")).hits
        (body,) = (await ask("till.py:6-6", detail="signatures")).hits
    assert [line.split()[1:] for line in every.text.splitlines()] == [
        ["class", "Till"],
        ["def", "open(self)"],
        ["def", "shut(self)"],
    ]
    assert inner.text.split() == ["2-3", "def", "open(self)"]
    assert body.text.split() == ["5-6", "def", "shut(self)"]


@pytest.mark.requirement("search.not_here")
async def test_a_file_in_a_folder_is_missed_though_something_is_called_as_it_ends(index_of) -> None:
    async with index_of(BARE) as ask:
        answer = await ask("conf/other.json")
        assert answer.notes[0] == "not here: no indexed file is 'conf/other.json'"
        assert not answer.hits


@pytest.mark.requirement("search.not_here")
async def test_the_nearest_of_what_is_not_there_is_spelt_like_it(index_of) -> None:
    files = dict.fromkeys(("app/core/lockfile.py", "app/test/read.py", "web/read.d.ts"), "x = 1\n")
    async with index_of(files) as ask:
        near = {
            "zorkfile.py": "",
            "app/leader.py": "",
            "web/core/locksfile.py": "; nearest: app/core/lockfile.py",
            "app/read.js": "; nearest: app/test/read.py",
            "test/raed.ts": "; nearest: web/read.d.ts",
            "app/coer/": "; nearest: app/core/",
        }
        for asked, said in near.items():
            what = "file or folder" if asked.endswith("/") else "file"
            answer = await ask(asked)
            assert answer.notes[0] == f"not here: no indexed {what} is {asked!r}{said}"
        filtered = await ask("x", paths=("app/coer",))
        assert filtered.notes[0].endswith("matches paths=['app/coer']; near: app/core/")


@pytest.mark.requirement("search.not_here")
@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("//", ()),
        ("///:1", ()),
        ("where is // tested", ()),
        ('File "/", line 1, in total_cents\n    pay()\nValueError: no', ()),
        ("total_cents", ("\0",)),
        ("shop/cart.py\0/shop/money.py", ()),
    ],
)
async def test_a_path_without_a_name_or_with_a_nul_is_not_here(
    ask: Asked, query: str, paths: tuple[str, ...]
) -> None:
    """To look for it never ended, and the server answered nobody any more."""
    answer = await ask(query, paths=paths)
    assert answer.notes[0].startswith("not here: ")
    assert not answer.hits


@pytest.mark.requirement("search.place")
@pytest.mark.parametrize("name", ["Page.json", "Sheet.json", "page.json"])
async def test_a_member_that_is_called_as_a_file_may_end_is_none(index_of, name: str) -> None:
    async with index_of(BARE) as ask:
        assert (await ask(name)).hits[0].symbol == "Page.json"


@pytest.mark.requirement("search.place", "search.not_here")
async def test_a_file_whose_name_might_be_words_is_found_and_named_where_it_is_misspelt(
    index_of,
) -> None:
    files = {
        "lib/c d.py": "c = 1\n",
        "lib/.gitignore": "*.log\n",
        "app/.gitignore": "*.tmp\n",
        ".env": "A=1\n",
    }
    files |= {"lib/d.py": "d = 2  # the lib of c\n", "lib/middleware.py": "middle = 3\n"}
    files |= {"lib/data-stream.py": "streamed = 4  # data\n"}
    async with index_of(files) as ask:
        for asked in ("c d.py", "lib/c d.py", "c d.py:1"):
            assert [hit.path for hit in (await ask(asked)).hits] == ["lib/c d.py"]
        for asked, near in {
            "lib/.gitignor": "lib/.gitignore",
            ".gitignor": "app/.gitignore",
            "lib/c dd.py": "lib/c d.py",
        }.items():
            answer = await ask(asked)
            assert answer.notes[0] == f"not here: no indexed file is {asked!r}; nearest: {near}"
            assert answer.notes[1] == f'next: search_code("{near}")'
            assert not answer.hits
        left_out = (await ask(".env")).notes[0]
        assert left_out.startswith(
            "not here: no indexed file is '.env'; .env is left out of the index: "
        )
        assert [hit.path for hit in (await ask("what c means in d.py")).hits]
        for said in ("show middleware.py", "data stream.py"):
            told = await ask(said)
            assert told.hits
            assert not any("no indexed file" in note for note in told.notes)


@pytest.mark.parametrize(
    ("text", "lines"), [("x = 1\n", 1), ("x = 1", 1), ("x = 1\n\n", 2), ("", 1), ("a\nb\n", 2)]
)
async def test_a_file_has_as_many_lines_as_are_ended(index_of, text: str, lines: int) -> None:
    async with index_of({"a.py": text, "b.py": "y = 2\n"}) as ask:
        for asked in ("a.py", "a.py:1-9"):
            (hit,) = (await ask(asked)).hits
            assert (hit.start_line, hit.end_line) == (1, lines)
