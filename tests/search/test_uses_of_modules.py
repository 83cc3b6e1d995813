"""What proves a call that names a module: by the file it is in, by its whole name, or by what a file hands over."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.callers_proof")]

GUESS = "guess: name only"


async def _callers(index_of, files: dict[str, str], name: str) -> list[tuple[str, str]]:
    async with index_of(files) as ask:
        answer = await ask(name, mode="callers")
    return [(hit.path, hit.why) for hit in answer.hits]


async def test_a_call_of_erlang_names_the_file_of_the_function(index_of) -> None:
    files = {
        "src/shop_db.erl": "-module(shop_db).\n-export([write/1]).\nwrite(X) -> {ok, X}.\n",
        "src/shop_log.erl": "-module(shop_log).\n-export([write/1]).\nwrite(X) -> X.\n",
        "src/shop.erl": "-module(shop).\n-export([sell/1, wait/1]).\nsell(X) -> shop_db:write(X).\n"
        "wait(X) -> disk_log:write(X).\n",
    }
    assert await _callers(index_of, files, "write") == [
        ("src/shop.erl", "calls it at 3 (import-resolved)"),
        ("src/shop.erl", f"calls it at 4 ({GUESS})"),
    ]
    assert await _callers(index_of, files, "shop_log:write") == [
        ("src/shop.erl", f"calls it at 3 ({GUESS})"),
        ("src/shop.erl", f"calls it at 4 ({GUESS})"),
    ]


async def test_a_call_of_elixir_names_the_module_wherever_its_file_is(index_of) -> None:
    body = (
        "defmodule Shop.Till do\n  alias Shop.Data.{Store, Log}\n  alias Shop.Data\n"
        "  import Shop.Tools, only: [rounded: 1]\n\n"
        "  def one(x), do: Store.save(x)\n  def two(x), do: Data.Store.save(x)\n"
        "  def three(x), do: Shop.Data.Store.save(x)\n  def four(x), do: Log.save(x)\n"
        "  def five(x), do: rounded(x)\n  def six(x), do: Other.Store.save(x)\nend\n"
    )
    files = {
        "lib/shop/data/store.ex": "defmodule Shop.Data.Store do\n  def save(x), do: x\nend\n",
        "lib/shop/tools.ex": "defmodule Shop.Tools do\n  def rounded(x), do: x\nend\n",
        "lib/shop/till.ex": body,
    }
    assert await _callers(index_of, files, "Store.save") == [
        *(("lib/shop/till.ex", f"calls it at {line} (import-resolved)") for line in (6, 7, 8)),
        *(("lib/shop/till.ex", f"calls it at {line} ({GUESS})") for line in (9, 11)),
    ]
    assert await _callers(index_of, files, "rounded") == [
        ("lib/shop/till.ex", "calls it at 10 (import-resolved)")
    ]


LUA = {
    "app/store.lua": "local M = {}\nlocal Row = {}\n\nfunction M.save(x) return x end\nfunction Row.read(x) end\n"
    "M.read = function(x) return Row.read(x) end\n\nlocal function hidden()\n  local function lost() end\nend\n"
    "return M\n",
    "app/main.lua": 'local store = require "app.store"\nlocal save = store.save\nlocal other = elsewhere.save\n\n'
    "local function one() store.save(1) end\nlocal function two() save(1) end\n"
    "local function three() other(1) end\nlocal function four() store.read(1) end\n"
    "local function five() store.lost(1) end\n",
}


async def test_a_module_of_lua_is_a_table_that_its_file_calls_otherwise(index_of) -> None:
    assert await _callers(index_of, LUA, "save") == [
        ("app/main.lua", "calls it at 5 (import-resolved)"),
        ("app/main.lua", "calls it at 6 (import-resolved)"),
    ]
    assert await _callers(index_of, LUA, "lost") == [("app/main.lua", f"calls it at 9 ({GUESS})")]


async def test_which_of_two_tables_a_module_of_lua_hands_over_is_not_guessed(index_of) -> None:
    assert await _callers(index_of, LUA, "Row.read") == [
        ("app/store.lua", "calls it at 6 (same file)"),
        ("app/main.lua", f"calls it at 8 ({GUESS})"),
    ]


async def test_the_files_of_a_package_of_r_and_its_tests_see_one_another(index_of) -> None:
    files = {
        "DESCRIPTION": "Package: shop\n",
        "R/store.R": "save_all <- function(x) x\n",
        "R/till.R": "sell <- function(x) save_all(x)\n",
        "tests/testthat/test-store.R": 'test_that("it saves", {\n  save_all(1)\n})\n',
        "scripts/run.R": "save_all(2)\n",
    }
    assert await _callers(index_of, files, "save_all") == [
        ("R/till.R", "calls it at 1 (import-resolved)"),
        ("tests/testthat/test-store.R", "calls it at 2 (import-resolved)"),
        ("scripts/run.R", f"calls it at 1 ({GUESS})"),
    ]


async def test_a_component_of_vue_calls_its_own_methods_on_itself(index_of) -> None:
    page = (
        "<template><p/></template>\n<script>\nfunction reset() {}\nexport default {\n  methods: {\n"
        "    load() { this.check(); this.reset(); },\n    check() {},\n  },\n};\n</script>\n"
    )
    files = {"src/page.vue": page, "src/other.vue": page.replace("check() {}", "gone() {}")}
    assert await _callers(index_of, files, "check") == [
        ("src/page.vue", "calls it at 6 (same file)"),
        ("src/other.vue", f"calls it at 6 ({GUESS})"),
    ]
    assert {why for _, why in await _callers(index_of, files, "reset")} == {f"calls it at 6 ({GUESS})"}


async def test_a_function_is_named_with_its_module_as_its_language_does(index_of) -> None:
    files = {
        "src/shop_db.erl": "-module(shop_db).\nwrite(X) -> {ok, X}.\n",
        "src/shop_log.erl": "-module(shop_log).\nwrite(X) -> X.\n",
        "till.lua": "local Till = {}\nfunction Till:open(x) end\nreturn Till\n",
        "door.lua": "local Door = {}\nfunction Door:open(x) end\nreturn Door\n",
    }
    async with index_of(files) as ask:
        for query in (
            "shop_log:write",
            "shop_log:write/1",
            "`shop_log:write(X)`",
            "where is shop_log:write/1 defined?",
        ):
            first = (await ask(query)).hits[0]
            assert (first.path, first.why) == ("src/shop_log.erl", "defines write"), query
        assert (await ask("Till:open")).hits[0].path == "till.lua"
        assert (await ask("Till:open", mode="symbol")).total == 1
        assert (await ask("note:write")).hits[0].why != "defines write"
