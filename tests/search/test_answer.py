"""Questions to the sample application, from classification to the packed answer."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.index.trees import commit_all, make_repository
from tests.search.conftest import Asked, open_engine, write
from tests.search.sample import FILES, line_of

from sophia_mcp.errors import BadArgument, BadQuery
from sophia_mcp.llm.counting import tokens
from sophia_mcp.search.candidates import lexicon
from sophia_mcp.search.reply.render import render
from sophia_mcp.types import Answer, Request

pytestmark = pytest.mark.anyio


def covers(answer, path: str, text: str, first: int = 8) -> bool:
    line = line_of(path, text)
    return any(
        hit.path == path and hit.start_line <= line <= hit.end_line for hit in answer.hits[:first]
    )


@pytest.mark.parametrize(
    ("question", "path", "text"),
    [
        ("how long do we wait before trying again", "shop/net/retry.py", "def backoff"),
        ("sum of two amounts in the same currency", "shop/money.py", "def add_money"),
        ("take articles out of the free stock", "shop/stock.py", "def reserve"),
        ("refuse clients that ask too often", "server/server.go", "TooManyRequests"),
        ("fill values into a text template", "web/template.js", "export function render"),
        ("when are orders given to the carrier", "README.md", "carrier every evening"),
    ],
)
@pytest.mark.requirement("search.modes")
async def test_a_question_in_words_finds_the_lines(
    ask: Asked, question: str, path: str, text: str
) -> None:
    assert covers(await ask(question), path, text, 3)


@pytest.mark.requirement("search.modes", "search.why")
async def test_an_identifier_finds_its_definition_first(ask: Asked) -> None:
    answer = await ask("add_money")
    assert (answer.hits[0].path, answer.hits[0].symbol) == ("shop/money.py", "add_money")
    assert answer.hits[0].why == "defines add_money"


@pytest.mark.requirement("search.modes", "search.budget")
async def test_a_definition_asked_for_by_name_takes_the_room_that_is_left(tmp_path: Path) -> None:
    body = "\n".join(f"    total += weigh(parts[{i}], rates[{i}])" for i in range(60))
    text = f"def settle(parts, rates):\n    total = 0\n{body}\n    return total\n"
    write(
        tmp_path / "tree",
        {"a.py": text, "b.py": "from a import settle\n\n\ndef run():\n    settle([], [])\n"},
    )
    async with open_engine(tmp_path / "tree", tmp_path / "home") as ask:
        whole = await ask("settle", limit=1)
        half = await ask("settle", limit=1, max_tokens=1000)
    assert (whole.hits[0].start_line, whole.hits[0].end_line) == (1, 63)
    assert 10 < half.hits[0].end_line < 63
    assert any(f"a.py:{half.hits[0].end_line + 1}-63" in name for name in half.omitted)
    assert tokens.count(render(half, Request("settle", limit=1, max_tokens=1000))) <= 1000


@pytest.mark.requirement("search.modes")
async def test_a_qualified_name_finds_the_method_of_that_class(ask: Asked) -> None:
    answer = await ask("Cart.total")
    assert answer.hits[0].symbol == "Cart.total"


@pytest.mark.parametrize(
    "text",
    [
        "`Cart`",
        '"Cart"',
        "class Cart:",
        "Cart class",
        "the Cart class",
        "cart.py Cart",
        "shop/cart.py::Cart",
        "shop/cart.py:Cart",
        "Cart(customer)",
    ],
)
@pytest.mark.requirement("search.modes")
async def test_a_name_is_found_however_code_writes_it(ask: Asked, text: str) -> None:
    answer = await ask(text)
    assert (answer.hits[0].path, answer.hits[0].symbol) == ("shop/cart.py", "Cart")
    assert not any(note.startswith("not here:") for note in answer.notes)


@pytest.mark.requirement("search.modes")
async def test_symbol_mode_takes_a_name_however_code_writes_it(ask: Asked) -> None:
    answer = await ask("class Cart", mode="symbol")
    assert [(hit.path, hit.symbol) for hit in answer.hits] == [("shop/cart.py", "Cart")]


TWICE = {
    "shop/cart.py": "class Router:\n    def add(self):\n        return 1\n",
    "net/cart.py": "class Router:\n    def add(self):\n        return 2\n\n\nclass Wire:\n    pass\n",
    "net/cart.rs": "pub struct Router {}\nimpl Router {\n    pub fn add(&self) -> u8 {\n        3\n    }\n}\n",
}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("shop/cart.py::Router", "shop/cart.py"),
        ("net/cart.py::Router", "net/cart.py"),
        ("net/cart.py#Router", "net/cart.py"),
        ("net/cart.py::Router::add", "net/cart.py"),
        ("shop/cart.py::Router.add", "shop/cart.py"),
        ("cart.rs::Router", "net/cart.rs"),
    ],
)
@pytest.mark.parametrize("mode", ["symbol", "auto"])
@pytest.mark.requirement("search.modes")
async def test_a_name_behind_a_file_is_that_of_the_file(index_of, text: str, where: str, mode) -> None:
    async with index_of(TWICE) as ask:
        answer = await ask(text, mode=mode)
    assert {hit.path for hit in answer.hits} == {where}
    assert answer.hits[0].symbol.endswith(text[-3:])


@pytest.mark.requirement("search.modes")
async def test_a_name_that_the_file_does_not_define_is_said_to_be_elsewhere(index_of) -> None:
    async with index_of(TWICE) as ask:
        elsewhere = await ask("shop/cart.py::Wire", mode="symbol")
        qualified = await ask("lib.Router::add", mode="symbol")
    assert [hit.path for hit in elsewhere.hits] == ["net/cart.py"]
    assert elsewhere.notes[0].startswith("shop/cart.py does not define Wire")
    assert {hit.path for hit in qualified.hits} == {"net/cart.py", "net/cart.rs", "shop/cart.py"}
    assert not any("lib.Router" in note for note in qualified.notes)


async def test_a_declaration_of_what_is_not_defined_stays_words(ask: Asked) -> None:
    answer = await ask("class customer")
    assert all(not hit.why.startswith("defines") for hit in answer.hits)


@pytest.mark.requirement("search.modes")
async def test_symbol_mode_answers_with_definitions_only(ask: Asked) -> None:
    answer = await ask("render", mode="symbol")
    assert [(hit.path, hit.symbol) for hit in answer.hits] == [("web/template.js", "render")]


async def test_another_case_is_found_and_said(ask: Asked) -> None:
    answer = await ask("CART", mode="symbol")
    assert answer.hits[0].symbol == "Cart"
    assert "no exact match" in answer.notes[0]


@pytest.mark.requirement("search.modes")
async def test_an_error_text_finds_the_line_that_raises_it(ask: Asked) -> None:
    answer = await ask("CurrencyMismatch: cannot add USD to EUR: convert first")
    assert covers(answer, "shop/money.py", "raise CurrencyMismatch", 1)


@pytest.mark.requirement("search.place")
async def test_a_path_with_lines_is_read(ask: Asked) -> None:
    answer = await ask("shop/stock.py:5-9", detail="full")
    (hit,) = answer.hits
    assert (hit.start_line, hit.end_line) == (5, 9)
    assert hit.text == "\n".join(FILES["shop/stock.py"].split("\n")[4:9])


@pytest.mark.requirement("search.place")
async def test_a_path_with_one_line_shows_the_definition_around_it(ask: Asked) -> None:
    line = line_of("shop/stock.py", "raise OutOfStock")
    answer = await ask(f"stock.py:{line}")
    assert answer.hits[0].symbol == "reserve"


@pytest.mark.requirement("search.place")
async def test_a_whole_file_can_be_read(ask: Asked) -> None:
    answer = await ask("shop/money.py", detail="full", max_tokens=5000)
    assert answer.hits[0].text.rstrip("\n") == FILES["shop/money.py"].rstrip("\n")


@pytest.mark.requirement("search.place", "search.not_here")
async def test_a_missing_path_names_the_nearest(ask: Asked) -> None:
    answer = await ask("shop/monney.py:3-9")
    assert answer.notes[0].startswith("not here:")
    assert "shop/money.py" in answer.notes[0]


@pytest.mark.parametrize("link", ["shop/money.py#L3-L9", "shop/money.py:3-9", "money.py:L3-L9"])
@pytest.mark.requirement("search.place")
async def test_a_link_to_lines_is_read(ask: Asked, link: str) -> None:
    answer = await ask(link, detail="full")
    assert [(hit.path, hit.start_line, hit.end_line) for hit in answer.hits] == [("shop/money.py", 3, 9)]


@pytest.mark.requirement("search.place")
async def test_the_column_of_a_compiler_is_not_a_last_line(ask: Asked) -> None:
    line = line_of("shop/money.py", "def add_money")
    answer = await ask(f"shop/money.py:{line}:5")
    assert answer.hits[0].symbol == "add_money"
    assert answer.hits[0].end_line > line


async def test_a_file_name_without_extension_is_a_place(ask: Asked) -> None:
    answer = await ask("*.go")
    assert {hit.path for hit in answer.hits} == {"server/server.go", "server/limit.go"}


@pytest.mark.requirement("search.filters")
async def test_a_folder_is_a_path_filter(ask: Asked) -> None:
    answer = await ask("render a message", paths=("web",))
    assert answer.hits
    assert all(hit.path.startswith("web/") for hit in answer.hits)


@pytest.mark.parametrize("paths", [("web/mail.js",), ("**/mail.js",), ("*.js",), ("mail.js",)])
@pytest.mark.requirement("search.filters")
async def test_files_and_globs_are_path_filters(ask: Asked, paths: tuple[str, ...]) -> None:
    answer = await ask("queue of messages", paths=paths)
    assert answer.hits[0].path == "web/mail.js"


@pytest.mark.requirement("search.filters")
async def test_absolute_paths_inside_the_repository_are_path_filters(ask: Asked) -> None:
    answer = await ask("queue of messages", paths=(f"{ask.root}/web/mail.js",))
    assert {hit.path for hit in answer.hits} == {"web/mail.js"}
    assert (await ask("cart", paths=(str(ask.root),))).hits


@pytest.mark.requirement("search.filters")
async def test_a_filter_that_matches_nothing_says_so_and_returns_nothing(ask: Asked) -> None:
    answer = await ask("cart", paths=("shopp",))
    assert not answer.hits
    assert answer.notes[0].startswith("not here:")
    assert "shop" in answer.notes[0]


@pytest.mark.requirement("search.filters")
async def test_filters_are_joined_by_and(ask: Asked) -> None:
    answer = await ask("render", paths=("web",), languages=("python",))
    assert not answer.hits
    assert "exclude one another" in answer.notes[0]


@pytest.mark.requirement("search.filters")
async def test_languages_and_their_short_names_filter(ask: Asked) -> None:
    answer = await ask("limit of requests", languages=("go",))
    assert {hit.language for hit in answer.hits} == {"go"}
    assert {hit.language for hit in (await ask("total", languages=("py",))).hits} == {"python"}


@pytest.mark.requirement("search.filters")
async def test_kinds_filter_spans(ask: Asked) -> None:
    answer = await ask("cart of a customer", kinds=("class",))
    assert answer.hits
    assert {hit.kind for hit in answer.hits} == {"class"}


@pytest.mark.requirement("search.scopes")
async def test_scopes_divide_code_tests_and_documents(ask: Asked) -> None:
    assert {hit.path for hit in (await ask("total of a cart", scope="tests")).hits} == {
        "tests/test_cart.py"
    }
    assert {hit.path for hit in (await ask("orders", scope="docs")).hits} == {"README.md"}
    for question, elsewhere in (("total of a cart", "tests/test_cart.py"), ("orders", "README.md")):
        assert elsewhere in {hit.path for hit in (await ask(question)).hits}
        code = {hit.path for hit in (await ask(question, scope="code")).hits}
        assert code
        assert not code & {"tests/test_cart.py", "README.md"}


@pytest.mark.parametrize(
    "question", ["kubernetes_autoscaler", "quaternion interpolation of skeletal animation"]
)
@pytest.mark.requirement("search.not_here")
async def test_an_absent_thing_is_not_here(ask: Asked, question: str) -> None:
    answer = await ask(question)
    assert answer.notes[0].startswith("not here:")
    assert any(note.startswith("next: search_code(") for note in answer.notes)


@pytest.mark.requirement("search.not_here")
async def test_a_name_that_no_file_holds_is_not_here_even_when_its_words_are(ask: Asked) -> None:
    answer = await ask("add_money_v2")
    assert answer.notes[0].startswith("not here:")
    assert "add_money" in answer.notes[0]
    written = await ask("CurrencyMismatch")
    assert not written.notes or not written.notes[0].startswith("not here:")


@pytest.mark.parametrize(
    ("query", "arguments"),
    [
        ("nosuch.py:3-9", {}),
        ("nosuch.py:3", {"mode": "similar"}),
        ("xyzzy[0-9]+", {"mode": "regex"}),
        ("nosuch_name", {"mode": "references"}),
        ("nosuch_name", {"mode": "symbol"}),
        ("nosuch/folder", {"mode": "outline"}),
        ("cart", {"paths": ("nosuch",)}),
        ("nosuch_name", {}),
    ],
)
@pytest.mark.requirement("search.not_here")
async def test_every_miss_says_the_next_call(ask: Asked, query: str, arguments: dict[str, str]) -> None:
    first, second, *_ = (await ask(query, **arguments)).notes
    assert first.startswith("not here:")
    assert second.startswith("next: search_code(")


@pytest.mark.requirement("search.scope_changed")
async def test_a_question_about_ones_own_changes_is_not_refused(tmp_path: Path) -> None:
    root = write(tmp_path / "app", {"a.py": "x = 1\n"})
    commit_all(make_repository(root))
    (root / "b.py").write_text("def added():\n    return 1\n")
    async with open_engine(root, tmp_path / "home") as ask:
        answer = await ask("what changed", scope="changed")
    assert [hit.path for hit in answer.hits] == ["b.py"]
    assert not answer.notes


@pytest.mark.requirement("search.place")
async def test_a_path_with_spaces_is_a_path(index_of) -> None:
    async with index_of({"my docs/käse.py": "def go():\n    return 1\n"}) as ask:
        whole = await ask("my docs/käse.py", detail="full")
        line = await ask("my docs/käse.py:2-2", detail="full")
        linked = await ask("my docs/käse.py#L2-L2", detail="full")
    assert linked.hits == line.hits
    assert whole.hits[0].text == "def go():\n    return 1"
    assert (line.hits[0].start_line, line.hits[0].text) == (2, "    return 1")


@pytest.mark.requirement("search.place")
async def test_the_name_of_a_module_finds_its_file(index_of) -> None:
    files = {"app/_winapi.py": "def go():\n    return 1\n", "app/net/__init__.py": "x = 1\n"}
    async with index_of(files) as ask:
        assert [hit.path for hit in (await ask("_winapi")).hits] == ["app/_winapi.py"]
        assert [hit.path for hit in (await ask("app::net")).hits] == ["app/net/__init__.py"]


@pytest.mark.requirement("search.not_here")
async def test_a_miss_names_the_nearest_spelling(ask: Asked) -> None:
    answer = await ask("parse_mony", mode="symbol")
    assert "parse_money" in answer.notes[0]


@pytest.mark.parametrize(
    ("query", "arguments"),
    [
        ("parse_mony", {}),
        ("nosuch_name", {"mode": "references"}),
        ("docs/nosuch.md:4", {}),
        ("nosuch/folder", {"mode": "outline"}),
        ("money", {"paths": ["nosuch"]}),
    ],
)
@pytest.mark.requirement("search.not_here")
async def test_the_next_call_asks_the_repository_that_was_asked(
    ask: Asked, query: str, arguments: dict[str, Any]
) -> None:
    missed = await ask(query, repo="shop@main", **arguments)
    assert missed.notes[0].startswith("not here:")
    assert missed.notes[1].startswith("next: search_code(")
    assert missed.notes[1].endswith('repo="shop@main")')
    own = await ask(query, **arguments)
    assert "repo=" not in own.notes[1]


@pytest.mark.requirement("search.budget")
async def test_what_was_cut_is_named_with_its_repository(ask: Asked) -> None:
    answer = await ask("shop/cart.py", detail="full", max_tokens=250, repo="shop")
    assert answer.omitted[0].endswith('detail="full", repo="shop")')


@pytest.mark.requirement("search.cursor")
async def test_pages_never_repeat_a_span(ask: Asked) -> None:
    seen: list[tuple[str, int]] = []
    cursor = None
    for _ in range(12):
        answer = await ask("items of the cart and their money", limit=10, cursor=cursor)
        seen += [
            (hit.path, line) for hit in answer.hits for line in range(hit.start_line, hit.end_line + 1)
        ]
        cursor = answer.next_cursor
        if cursor is None:
            break
    assert cursor is None
    assert len(seen) == len(set(seen))
    assert len({path for path, _ in seen}) > 3


@pytest.mark.parametrize(
    ("query", "mode"), [("**/*.py", "auto"), ("*.py", "outline"), ("Thing", "outline")]
)
@pytest.mark.requirement("search.cursor")
async def test_pages_of_outlines_hold_every_match(index_of, query: str, mode: str) -> None:
    files = {f"p/m{i}.py": f"class Thing:\n    def run_{i}(self):\n        pass\n" for i in range(7)}
    shown: list[str] = []
    async with index_of(files) as ask:
        answer = await ask(query, mode=mode, limit=3)
        shown += [hit.path for hit in answer.hits]
        while answer.next_cursor:
            answer = await ask(query, mode=mode, limit=3, cursor=answer.next_cursor)
            shown += [hit.path for hit in answer.hits]
    assert answer.total == 7
    assert sorted(shown) == sorted(files)


@pytest.mark.requirement("search.cursor")
async def test_a_cursor_of_another_question_is_refused(ask: Asked) -> None:
    answer = await ask("items of the cart", limit=1)
    assert answer.next_cursor
    with pytest.raises(BadQuery, match="another question"):
        await ask("something else", cursor=answer.next_cursor)
    with pytest.raises(BadQuery, match="damaged"):
        await ask("items of the cart", cursor="bm90IGEgY3Vyc29y")


async def test_several_files_answer_before_one_file_answers_alone(ask: Asked) -> None:
    answer = await ask("money amounts in the cart", limit=20, max_tokens=8000)
    paths = [hit.path for hit in answer.hits]
    assert len(set(paths[:4])) >= 2
    assert len(paths) > len(set(paths))


@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize("budget", [200, 350, 900, 2500])
@pytest.mark.requirement("search.budget")
async def test_the_budget_holds_for_the_rendered_answer(ask: Asked, budget: int, format: str) -> None:
    request = Request("cart total money queue", limit=50, max_tokens=budget, format=format)  # type: ignore[arg-type]
    answer = await ask("cart total money queue", limit=50, max_tokens=budget, format=format)
    assert answer.hits
    assert tokens.count(render(answer, request)) <= budget


@pytest.mark.requirement("search.json")
async def test_json_has_exactly_the_fields_of_the_contract(ask: Asked) -> None:
    whole = json.loads(await ask.text("add_money", format="json"))
    assert set(whole) == {"hits", "total", "next_cursor", "index", "notes"}
    assert set(whole["hits"][0]) == {
        "repo", "path", "start_line", "end_line", "symbol", "kind", "language", "score", "why", "freshness", "text",
    }  # fmt: skip
    assert set(whole["index"]) == {
        "state", "commit", "files_indexed", "files_total", "stale_files", "checked_s_ago",
    }  # fmt: skip


async def test_text_shows_lines_with_their_numbers(ask: Asked) -> None:
    text = await ask.text("add_money", limit=1)
    line = line_of("shop/money.py", "def add_money")
    assert f"shop/money.py:{line}-" in text.split("\n")[0]
    assert f"{line} def add_money(left: Money, right: Money) -> Money:" in text


@pytest.mark.parametrize(
    ("detail", "lines"), [("locations", 0), ("signatures", 3), ("snippets", 40), ("full", 400)]
)
@pytest.mark.requirement("search.budget")
async def test_detail_bounds_the_lines_of_a_hit(ask: Asked, detail: str, lines: int) -> None:
    answer = await ask("total cost of the cart", detail=detail, max_tokens=20_000)
    assert answer.hits
    assert max(hit.text.count("\n") + bool(hit.text) for hit in answer.hits) <= lines


@pytest.mark.requirement("search.fresh")
async def test_hits_are_fresh_on_an_untouched_tree(ask: Asked) -> None:
    answer = await ask("add_money")
    assert {hit.freshness for hit in answer.hits} == {"fresh"}
    assert "fresh" not in await ask.text("add_money")


@pytest.mark.requirement("search.fresh")
async def test_an_edit_is_never_answered_from_the_old_text(own: Asked) -> None:
    await own("add_money")
    place = own.root / "shop/money.py"
    place.write_text(
        "# a new first line\n" + FILES["shop/money.py"].replace("def add_money", "def sum_money")
    )
    answer = await own("sum_money")
    hit = answer.hits[0]
    assert (hit.path, hit.symbol) == ("shop/money.py", "sum_money")
    assert place.read_text().split("\n")[hit.start_line - 1 : hit.end_line] == hit.text.split("\n")


@pytest.mark.requirement("search.fresh")
async def test_a_touched_file_is_still_fresh(own: Asked) -> None:
    await own("add_money")
    os.utime(own.root / "shop/money.py")
    assert {hit.freshness for hit in (await own("add_money")).hits} == {"fresh"}


@pytest.mark.requirement("search.fresh")
async def test_a_deleted_file_gives_no_hit(own: Asked) -> None:
    await own("add_money")
    (own.root / "shop/money.py").unlink()
    answer = await own("add_money", mode="symbol")
    assert all(hit.path != "shop/money.py" or hit.freshness == "stale" for hit in answer.hits)


@pytest.mark.requirement("search.masked")
async def test_secrets_are_masked_in_answers(index_of) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    async with index_of({"deploy.py": f'def deploy_token():\n    return "{secret}"\n'}) as ask:
        text = await ask.text("deploy_token")
    assert "deploy_token" in text
    assert secret not in text
    assert "masked" in text


@pytest.mark.parametrize(
    "arguments", [{"limit": 0}, {"limit": 51}, {"max_tokens": 199}, {"max_tokens": 20_001}]
)
@pytest.mark.requirement("search.budget")
async def test_bounds_are_checked(ask: Asked, arguments: dict[str, int]) -> None:
    with pytest.raises(BadArgument):
        await ask("cart", **arguments)


@pytest.mark.requirement("search.partial")
async def test_files_that_were_left_out_are_not_called_missing(index_of) -> None:
    minified = "var a=" + ",".join(f"b{i}=function(c){{return c+{i}}}" for i in range(2000)) + ";"
    async with index_of({"app.py": "def go():\n    return 1\n", "lib/x.js": minified}) as ask:
        await ask.update()
        answer, text = await ask("go"), await ask.text("go")
        counted = await ask("go", mode="regex")
    assert answer.index.files_total == answer.index.files_indexed == 1
    assert "so far" not in text
    assert "not complete" not in counted.notes[0]


async def test_an_empty_or_endless_query_is_refused(ask: Asked) -> None:
    for query in ("  ", "x" * 2001):
        with pytest.raises(BadArgument):
            await ask(query)


@pytest.mark.requirement("search.not_here")
async def test_a_miss_names_the_words_that_no_file_says(index_of) -> None:
    files = {f"part{n}.py": f"def weigh_part{n}(page):\n    return page.free * {n}\n" for n in range(40)}
    async with index_of(files) as ask:
        answer = await ask("how are free pages quarantined overnight")
        alone = await ask("quarantined overnight")
    assert answer.notes[0].startswith("not here:")
    assert "; no file says 'quarantined', 'overnight'; " in answer.notes[0]
    assert alone.notes[0].startswith("not here:")
    assert "no file says" not in alone.notes[0]


@pytest.mark.requirement("search.not_here")
async def test_a_miss_goes_on_with_a_word_that_some_file_says(index_of) -> None:
    files = {f"a{i}.py": f"def parcel_{i}(weight):\n    return weight * {i}\n" for i in range(40)}
    async with index_of(files) as ask:
        for text in ("how does this do kubernetes weight", "where is the weight encrypted for kafka"):
            answer = await ask(text)
            assert answer.notes[0].startswith("not here:")
            assert answer.notes[1] == 'next: search_code("weight", mode="regex")'


@pytest.mark.requirement("search.budget")
async def test_a_long_definition_has_one_signature_whatever_part_of_it_answers(index_of) -> None:
    steps = "".join(f"    charge_card_{i}(order)\n    refund_card_{i}(order)\n" for i in range(120))
    files = {
        "pay.py": f"# What is paid.\ndef settle(order):\n{steps}",
        "ship.py": "def ship(order): ...\n",
    }
    async with index_of(files) as ask:
        for query in ("settle", "refund card 119 of an order"):
            answer = await ask(query, detail="signatures", limit=20)
            texts = [hit.text for hit in answer.hits if hit.symbol == "settle"]
            assert len(texts) == 1
            assert texts[0].startswith("def settle(order):")
            assert all(hit.why for hit in answer.hits)


async def test_answers_are_the_same_however_little_is_remembered(
    ask: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [
        "how long do we wait before trying again",
        "sum of two amounts in the same currency",
        "take articles out of the free stock",
    ]
    told = [await ask(question) for question in asked]
    monkeypatch.setattr(lexicon, "_MOST_READ", 1)
    async with open_engine(write(tmp_path / "shop", FILES), tmp_path / "home") as forgetful:
        alone = [await forgetful(question) for question in asked]
        beside: dict[str, Answer] = {}

        async def put(question: str) -> None:
            beside[question] = await forgetful(question)

        async with anyio.create_task_group() as group:
            for question in asked:
                group.start_soon(put, question)

    def shown(answers: Iterable[Answer]) -> list[list[tuple[object, ...]]]:
        return [
            [(hit.path, hit.start_line, hit.end_line, hit.why) for hit in answer.hits]
            for answer in answers
        ]

    assert shown(told) == shown(alone) == shown(beside[question] for question in asked)
    assert all(answer.hits for answer in told)
