"""Options, keys of configurations, marks of issues: what is no name of code is found where it is written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.search.conftest import Asked, open_engine, write

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.modes")]

OPTIONS = """
static const struct option opts[] = {
  { "edns-packet-max", 1, 0, 'P' },
  { "dhcp-host", 1, 0, 'G' },
};
#ifdef HAVE_DNSSEC
static int validated;
#endif
"""
BASES = "class Base:\n    def run(self):\n        return 1\n\n\n"
FILES = {
    "src/option.c": OPTIONS,
    "src/edns.c": "/* packets of EDNS, and how large they are at most */\nint edns_packet(int max) { return max; }\n",
    "README": "Use --edns-packet-max for a smaller packet. The option dhcp-host names hosts.\n",
    "man/tool.8": ".B --edns-packet-max\nThe largest packet of EDNS.\n",
    "CHANGELOG": "version 2.1\n\tFix CVE-2020-25684.\n\nversion 2.0\n\tAll is new.\n",
    "Makefile": "CFLAGS = -O2 -Wall -std=c++17\n\nrun:\n\tjava -Xmx512m -jar tool.jar\n",
    "cmd/run.go": 'package main\n\nimport "flag"\n\nvar wait = flag.Int("linger", 5, "Seconds until it ends")\n'
    'var kept = flag.Int("store.kept-days", 5, "Days")\nvar since = flag.Int("store.kept.time", 5, "Days")\n',
    "t/words.t": "use Test::More;\nmy @args = qw( -w --passthru );\nok( run(@args) );\n",
    "doc/cli.md": "# Variables\n\n## TOOL_MEMORY_LIMIT\n\nHow much memory the tool takes.\n",
    "bin/tool.php": "<?php\nif ($limit = getenv('TOOL_MEMORY_LIMIT')) {\n    ini_set('memory_limit', $limit);\n}\n",
    "shop/base.py": BASES,
    "shop/tall.py": "from shop.base import Base\n\n\nclass Tall(Base):\n    pass\n\n\nprint(Base().run())\n",
    "shop/time.go": "package shop\n\nfunc Time() {}\n",
    "shop/row.py": "from shop.tall import Tall\n\nrow = Tall()\n",
    "shop/wide.py": "from shop.base import Base\n\n\nclass Wide(Base):\n    pass\n",
}


@pytest.fixture(scope="module")
async def held(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Asked]:
    folder = tmp_path_factory.mktemp("keys")
    async with open_engine(write(folder / "tool", FILES), folder / "home") as asked:
        yield asked


@pytest.mark.parametrize(
    ("asked", "path", "line"),
    [
        ("--edns-packet-max", "src/option.c", 3),
        ("--edns-packet-max=1232", "src/option.c", 3),
        ("edns-packet-max", "src/option.c", 3),
        ("where is edns-packet-max parsed?", "src/option.c", 3),
        ("where is the option `dhcp-host` defined", "src/option.c", 4),
        ("where is HAVE_DNSSEC set", "src/option.c", 6),
        ("CVE-2020-25684", "CHANGELOG", 2),
        ("tests for -w", "t/words.t", 2),
        ("--passthru", "t/words.t", 2),
        ("-Wall", "Makefile", 1),
        ("where is -Wall set", "Makefile", 1),
        ("who uses -Wall?", "Makefile", 1),
        ("-std=c++17", "Makefile", 1),
        ("-std=c++20", "Makefile", 1),
        ("-Xmx512m", "Makefile", 4),
        ("-Xmx", "Makefile", 4),
        ("-jar", "Makefile", 4),
        ("-linger=9s", "cmd/run.go", 5),
        ("--store.kept-days=3", "cmd/run.go", 6),
        ("-store.kept-days", "cmd/run.go", 6),
        ("--store.kept.time", "cmd/run.go", 7),
        ("where is --store.kept-days set?", "cmd/run.go", 6),
        ("where is edns-packet-max used", "src/option.c", 3),
    ],
)
async def test_what_is_no_name_is_found_as_it_is_written(
    held: Asked, asked: str, path: str, line: int
) -> None:
    best = (await held(asked)).hits[0]
    assert best.path == path
    assert best.why == f"has this text at {line}"


async def test_code_that_reads_a_variable_comes_before_the_heading_that_tells_of_it(held: Asked) -> None:
    answer = await held("TOOL_MEMORY_LIMIT")
    assert [hit.path for hit in answer.hits[:2]] == ["bin/tool.php", "doc/cli.md"]
    assert answer.notes[0].startswith("no definition of TOOL_MEMORY_LIMIT is known but in documents")


async def test_a_folder_whose_name_is_none_of_code_is_mapped(index_of) -> None:
    files = {"tool-core/a.py": "def go():\n    return 1\n", "setup.cfg": "[modules]\nall = tool-core\n"}
    async with index_of(files) as ask:
        answer = await ask("tool-core")
    assert [hit.path for hit in answer.hits] == ["tool-core/a.py"]
    assert answer.notes[0] == "1 file in tool-core, most used first"


async def test_a_folder_that_may_not_answer_hides_no_place_that_may(index_of) -> None:
    files = {"docs/tool-core/a.md": "# About\n", "setup.cfg": "[modules]\nall = tool-core\n"}
    async with index_of(files) as ask:
        assert [hit.path for hit in (await ask("tool-core", paths=("setup.cfg",))).hits] == ["setup.cfg"]
        mapped = await ask("tool-core", paths=("docs/",))
    assert [hit.path for hit in mapped.hits] == ["docs/tool-core/a.md"]


async def test_a_short_option_is_no_difference_of_two_names(index_of) -> None:
    async with index_of(
        {"a.c": "int f(int a, int w) { return a-w; }\n", "b.sh": "tool -w all\n"}
    ) as ask:
        answer = await ask("-w")
    assert [hit.path for hit in answer.hits if hit.why.startswith("has this text")] == ["b.sh"]


async def test_an_option_that_nobody_writes_is_not_here(held: Asked) -> None:
    for option in ("--frobnicate-deeply", "-Wfrobnicate"):
        assert (await held(option)).notes[0].startswith("not here:")


@pytest.mark.parametrize(
    "asked", ["who extends Base?", "subclasses of Base", "which classes inherit from Base"]
)
async def test_who_extends_a_class_is_told_alone(held: Asked, asked: str) -> None:
    hits = (await held(asked)).hits
    told = [(hit.path, hit.start_line) for hit in hits if "(text only)" not in hit.why]
    assert told == [("shop/tall.py", 4), ("shop/wide.py", 4)]


async def test_a_class_that_nothing_extends_is_shown_where_it_is_used_and_that_is_said(
    held: Asked,
) -> None:
    answer = await held("who extends Tall")
    assert answer.notes[0].startswith("nothing is seen to extend it; ")
    assert answer.hits[0].path == "shop/row.py"
    assert not any("extend" in note for note in (await held("who extends Base")).notes)


async def test_a_folder_of_perl_tests_holds_tests(held: Asked) -> None:
    answer = await held("where is it tested that words are passed through")
    assert {hit.path for hit in answer.hits} == {"t/words.t"}


async def test_a_name_in_a_file_that_is_left_out_is_told(tmp_path: Path) -> None:
    large = "class LargeTable {\n  void growTable() {}\n}\n" + "// filler of a large class\n" * 50_000
    ruby = "def is_grown? = true\n" + "# filler of a large file\n" * 50_000
    files = {
        "src/large.rb": ruby,
        "src/LargeTable.java": large,
        "src/User.java": "class User {\n  LargeTable held;\n}\n",
    }
    async with open_engine(write(tmp_path / "app", files), tmp_path / "home") as ask:
        left_out = "src/LargeTable.java is left out of the index: too large"
        assert any("src/LargeTable.java (1)" in note for note in (await ask("LargeTable")).notes)
        assert any("src/LargeTable.java (1)" in note for note in (await ask("growTable")).notes)
        assert any("src/large.rb (1)" in note for note in (await ask("is_grown?")).notes)
        trace = await ask(
            "at app.LargeTable.growTable(LargeTable.java:2)\nat app.Main.main(Main.java:9)"
        )
        assert left_out in trace.notes
        assert left_out in (await ask("LargeTable.java:growTable")).notes[0]


FILLER = {
    f"lib/part{number}.ex": f"defmodule Part{number} do\n  def rows(x), do: x\nend\n"
    for number in range(40)
}
MODULES = {
    **FILLER,
    "lib/enum.ex": "defmodule Enum do\n  def chunk_every(list, count, step, rest) do\n    list\n  end\nend\n",
    "lib/macros.ex": "defmodule Macros do\n  defmacro cite(text) do\n    text\n  end\nend\n",
    "src/lwt_stream.ml": "let next s = s\n",
    "src/lwt_unix.cppo.ml": "let sleep n = n\n",
    "src/lwt.ml": "module Let_syntax = struct\n  let bind t f = bind t f\nend\n\nlet bind p f =\n  chain p f\n",
    "src/lwt_result.ml": "let bind m f = map m f\n\nmodule Let_syntax = struct\n  let bind m f = bind m f\nend\n",
    "src/other.ml": "let sleep n = Lwt_unix.sleep n\n\nlet read s = Lwt_stream.next s\n",
    "php/solve.php": "<?php\nfunction solve($rules) {\n    return array_map('rule', $rules);\n}\n",
    "pyproject.toml": '[project]\nname = "tool"\nrequires-python = ">=3.11"\n',
}


@pytest.fixture(scope="module")
async def modules(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Asked]:
    folder = tmp_path_factory.mktemp("modules")
    async with open_engine(write(folder / "tool", MODULES), folder / "home") as asked:
        yield asked


@pytest.mark.parametrize(
    ("asked", "path", "symbol"),
    [
        ("Enum.chunk_every/4", "lib/enum.ex", "Enum.chunk_every"),
        ("defmacro cite", "lib/macros.ex", "Macros.cite"),
        ("Lwt_stream", "src/lwt_stream.ml", ""),
        ("Lwt_unix.sleep", "src/lwt_unix.cppo.ml", "sleep"),
        ("Lwt.bind", "src/lwt.ml", "bind"),
    ],
)
async def test_modules_and_what_they_define_go_by_the_names_that_languages_give_them(
    modules: Asked, asked: str, path: str, symbol: str
) -> None:
    answer = await modules(asked)
    assert (answer.hits[0].path, answer.hits[0].symbol) == (path, symbol)
    assert not any("is known, but of others" in note for note in answer.notes)


async def test_a_module_is_shown_once_where_its_file_writes_its_name(index_of) -> None:
    files = {
        "src/lwt_pool.ml": "(* Lwt_pool holds them. *)\nlet next s = s\n",
        "a.ml": "let b = Lwt_pool.next 1\n",
    }
    async with index_of(files) as ask:
        answer = await ask("Lwt_pool")
    assert [hit.path for hit in answer.hits] == ["src/lwt_pool.ml", "a.ml"]
    assert answer.notes[0].startswith("no definition of Lwt_pool is known")


@pytest.mark.parametrize(
    "asked", ["does array_map keep numeric positions", "pyproject.toml lowest interpreter version"]
)
async def test_what_names_a_function_of_a_library_or_a_file_is_spoken_of_here(
    modules: Asked, asked: str
) -> None:
    assert not (await modules(asked)).is_miss
    assert (await modules("does array_filter keep numeric positions")).is_miss
