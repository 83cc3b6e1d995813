"""Who imports a file, asked by its path or by the name of its module."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.modes")]

FILES = {
    "app/__init__.py": "",
    "app/tools/__init__.py": "",
    "app/tools/url.py": "def strip(text):\n    return text\n\n\ndef join(*parts):\n    return parts\n",
    "app/whole.py": "import app.tools.url\n\nshown = app.tools.url.strip('')\n",
    "app/names.py": "from app.tools.url import (\n    join,\n    strip,\n)\n\nshown = strip(join())\n",
    "app/tools/near.py": "from .url import strip\n\nshown = strip('')\n",
    "app/tools/beside.py": "from . import url\n\nshown = url.strip('')\n",
    "app/other.py": "from somewhere.url import strip\n\nshown = strip('')\n",
    "tests/short.py": "import url\n\nshown = url.strip('')\n",
    "lib/url.py": "def strip(text):\n    return text\n",
    "web/core/util.js": "export function trim(text) { return text; }\n",
    "web/main.js": "import { trim } from './core/util.js';\nimport url from 'url';\n\ntrim('');\n",
    "web/core/peer.ts": "import { trim } from './util';\n\ntrim('');\n",
    "net/buffer.h": "int length(void);\n",
    "net/buffer.c": '#include "buffer.h"\n\nint length(void) { return 1; }\n',
    "net/main.c": '#include "net/buffer.h"\n\nint main(void) { return length(); }\n',
}


@pytest.mark.parametrize(
    ("query", "importers"),
    [
        ("app/tools/url.py", {"app/whole.py:1", "app/names.py:1", "app/tools/near.py:1", "app/tools/beside.py:1"}),
        ("app.tools.url", {"app/whole.py:1", "app/names.py:1", "app/tools/near.py:1", "app/tools/beside.py:1"}),
        ("web/core/util.js", {"web/main.js:1", "web/core/peer.ts:1"}),
        ("net/buffer.h", {"net/buffer.c:1", "net/main.c:1"}),
    ],
)  # fmt: skip
async def test_who_imports_a_file_is_listed_once_for_each_statement(
    index_of, query: str, importers: set[str]
) -> None:
    async with index_of(FILES) as ask:
        answer = await ask(query, mode="references")
    sure = [hit for hit in answer.hits if "import-resolved" in hit.why]
    assert {f"{hit.path}:{hit.start_line}" for hit in sure} == importers
    assert answer.total == len(importers)
    assert answer.notes[0].startswith(f"{len(importers)} imports of ")


async def test_an_import_that_may_mean_another_file_is_a_guess(index_of) -> None:
    async with index_of(FILES) as ask:
        answer = await ask("lib/url.py", mode="references")
    assert [(hit.path, hit.why) for hit in answer.hits] == [
        ("tests/short.py", "import at 1 (guess: name only)")
    ]
    assert (answer.total, answer.notes) == (
        0,
        ("0 imports of lib/url.py; 1 more may mean it (guesses, not counted)",),
    )


@pytest.mark.parametrize("named", [True, False])
async def test_a_package_of_go_is_imported_by_the_name_that_its_module_has(
    index_of, named: bool
) -> None:
    files = {
        "go.mod": "module example.com/shop\n",
        "shop.go": "package shop\n\nfunc Open() {}\n",
        "store/store.go": "package store\n\nfunc Open() {}\n",
        "app/run.go": 'package app\n\nimport (\n\t"example.com/shop"\n\t"example.com/shop/store"\n)\n',
        "app/far.go": 'package app\n\nimport "example.com/elsewhere/store"\n',
    }
    if not named:
        del files["go.mod"]
    async with index_of(files) as ask:
        answers = [await ask(path, mode="references") for path in ("store/store.go", "shop.go")]
    found = [[(hit.path, hit.start_line) for hit in answer.hits] for answer in answers]
    guesses = [("app/far.go", 3), ("app/run.go", 3)]  # the ends of paths agree
    assert found == ([[("app/run.go", 3)]] * 2 if named else [guesses, []])
    assert answers[0].total == (1 if named else 0)


async def test_a_package_of_go_below_no_module_is_imported_by_the_path_of_its_folder(index_of) -> None:
    files = {
        "src/example.com/shop/store/store.go": "package store\n\nfunc Open() {}\n",
        "src/example.com/shop/main.go": 'package main\n\nimport "example.com/shop/store"\n',
        "src/example.com/shop/other.go": 'package main\n\nimport "example.com/other/store"\n',
    }
    async with index_of(files) as ask:
        answer = await ask("src/example.com/shop/store/store.go", mode="references")
    assert [hit.path for hit in answer.hits] == ["src/example.com/shop/main.go"]
    assert answer.total == 1


async def test_a_class_of_php_is_imported_by_its_name_in_its_namespace(index_of) -> None:
    files = {
        "composer.json": '{"autoload": {"psr-4": {"Acme\\\\Shop\\\\": "src/"}}}',
        "src/Cart.php": "<?php\nnamespace Acme\\Shop;\nclass Cart {}\n",
        "src/Run.php": "<?php\nnamespace Acme\\Run;\nuse Acme\\Shop\\{Bag, Cart};\n",
        "src/Far.php": "<?php\nnamespace Acme\\Far;\nuse Src\\Cart;\nuse Other\\Shop\\Cart as Bag;\n",
        "web/index.php": "<?php\nrequire '../src/Cart.php';\n",
    }
    async with index_of(files) as ask:
        answer = await ask("src/Cart.php", mode="references")
    assert {(hit.path, hit.start_line) for hit in answer.hits} == {
        ("src/Run.php", 3),
        ("web/index.php", 2),
    }
    assert answer.notes[0].startswith("2 imports of ")


async def test_a_source_that_nobody_includes_is_not_said_to_be_included(index_of) -> None:
    async with index_of(FILES) as ask:
        answer = await ask("net/buffer.c", mode="references")
    assert answer.notes[0].startswith("not here: net/buffer.c is a file")


async def test_filters_narrow_who_imports(index_of) -> None:
    async with index_of(FILES) as ask:
        answer = await ask("app/tools/url.py", mode="references", paths=("app/tools",))
    assert {hit.path for hit in answer.hits} == {"app/tools/near.py", "app/tools/beside.py"}
