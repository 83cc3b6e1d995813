"""Uses that only other files prove: of what a class inherits, a module hands on, a header includes."""

from __future__ import annotations

import pytest
from tests.search.callers import callers

from sophia_mcp.search.uses import graph

pytestmark = pytest.mark.anyio

PYTHON = {
    "app/base.py": "class Base:\n    def push(self):\n        pass\n\n    def pull(self):\n        pass\n",
    "app/kit.py": "from app.base import Base\n",
    "app/disk.py": "from app.kit import Base as Root\n\n\nclass Disk(Root):\n    def pull(self):\n"
    "        super().pull()\n        self.push()\n",
    "app/use.py": "from app.disk import Disk\n\n\ndef run(disk: Disk):\n    disk.push()\n    disk.pull()\n",
    "app/other.py": "from elsewhere import Base\n\n\nclass Other(Base):\n    def run(self):\n        self.push()\n",
}


@pytest.mark.requirement("search.callers_proof")
async def test_what_a_class_inherits_is_called_on_it_and_its_own_by_super(index_of) -> None:
    assert await callers(index_of, PYTHON, "Base.push") == [
        ("app/disk.py", "calls it at 7 (receiver-typed)"),
        ("app/use.py", "calls it at 5 (receiver-typed)"),
        ("app/other.py", "calls it at 6 (guess: name only)"),
    ]
    assert await callers(index_of, PYTHON, "Base.pull") == [
        ("app/disk.py", "calls it at 6 (receiver-typed)"),
        ("app/use.py", "calls it at 6 (guess: name only)"),  # that of Disk
    ]


@pytest.mark.requirement("search.callers_proof")
async def test_a_name_alone_is_a_method_only_where_the_language_says_so(index_of) -> None:
    python = {
        "a.py": "from b import trim\n\n\nclass A:\n    def trim(self):\n        return trim(self)\n",
        "b.py": "def trim(text):\n    return text\n",
    }
    assert await callers(index_of, python, "A.trim") == [("a.py", "calls it at 6 (guess: name only)")]
    java = {
        "A.java": "class A {\n  void clip() {}\n}\n",
        "B.java": "class B extends A {\n  void go() { clip(); }\n}\n",
    }
    assert await callers(index_of, java, "clip") == [("B.java", "calls it at 2 (receiver-typed)")]


@pytest.mark.requirement("search.callers_proof")
async def test_a_function_inside_a_function_is_called_there_and_nowhere_else(index_of) -> None:
    text = (
        "def outer():\n    def inner():\n        pass\n    inner()\n\n\ndef other(inner):\n    inner()\n"
    )
    assert await callers(index_of, {"a.py": text}, "inner") == [
        ("a.py", "calls it at 4 (same file)"),
        ("a.py", "calls it at 8 (guess: name only)"),
    ]


@pytest.mark.requirement("search.callers_proof")
async def test_a_name_is_followed_through_the_modules_that_hand_it_on(index_of) -> None:
    files = {
        "lib/deep/shape.ts": "export function area() {}\nexport class Shape { static make() {} }\n",
        "lib/index.ts": "export * from './deep';\n",
        "lib/deep/index.ts": "export { area, Shape } from './shape';\n",
        "app.ts": "import { area, Shape } from './lib';\nimport * as lib from './lib';\n"
        "area();\nShape.make();\nlib.area();\n",
        "odd.ts": "import { area, Shape } from 'elsewhere';\narea();\nShape.make();\n",
    }
    assert await callers(index_of, files, "area") == [
        ("app.ts", "calls it at 3 (import-resolved)"),
        ("app.ts", "calls it at 5 (import-resolved)"),
        ("odd.ts", "calls it at 2 (guess: name only)"),
    ]
    assert await callers(index_of, files, "make") == [
        ("app.ts", "calls it at 4 (import-resolved)"),
        ("odd.ts", "calls it at 3 (guess: name only)"),
    ]


@pytest.mark.requirement("search.callers_proof")
async def test_a_source_has_what_its_headers_include(index_of) -> None:
    files = {
        "db/all.h": '#include "db/status.h"\n',
        "db/status.h": "namespace db {\nclass Status {\n public:\n  static Status OK();\n};\n"
        "int Fail(int code);\n}  // namespace db\n",
        "db/open.cc": '#include "db/all.h"\n\nnamespace db {\nint Open() {\n  Status::OK();\n  return Fail(1);\n}\n'
        "}  // namespace db\n",
        "odd.cc": "namespace db {\nint Odd() {\n  Status::OK();\n  return Fail(1);\n}\n}  // namespace db\n",
    }
    for name, line in (("OK", {"db/open.cc": 5, "odd.cc": 3}), ("Fail", {"db/open.cc": 6, "odd.cc": 4})):
        assert await callers(index_of, files, name) == [
            ("db/open.cc", f"calls it at {line['db/open.cc']} (import-resolved)"),
            ("odd.cc", f"calls it at {line['odd.cc']} (guess: name only)"),
        ]


@pytest.mark.requirement("search.callers_proof")
async def test_bases_that_go_around_in_a_circle_end(index_of) -> None:
    files = {
        "a.py": "from b import B\n\n\nclass A(B):\n    def run(self):\n        self.push()\n",
        "b.py": "from a import A\n\n\nclass B(A):\n    pass\n",
        "c.py": "class C:\n    def push(self):\n        pass\n",
    }
    assert await callers(index_of, files, "push") == [("a.py", "calls it at 6 (guess: name only)")]


@pytest.mark.requirement("search.callers_proof")
async def test_a_module_called_main_is_one(index_of) -> None:
    files = {
        "app/main.py": "def start():\n    pass\n",
        "app/run.py": "from app.main import start\n\nstart()\n",
    }
    assert await callers(index_of, files, "start") == [("app/run.py", "calls it at 3 (import-resolved)")]


@pytest.mark.requirement("search.callers_proof")
async def test_a_field_has_the_type_that_another_file_states(index_of) -> None:
    files = {
        "app/settings.py": "class Settings:\n    def read(self):\n        pass\n",
        "app/crawler.py": "from app.settings import Settings\n\n\nclass Base:\n    def __init__(self):\n"
        "        self.settings: Settings = Settings()\n\n    @property\n    def late(self) -> Settings:\n"
        "        return self.settings\n",
        "app/run.py": "from app.crawler import Base\n\n\nclass Crawler(Base):\n    def go(self):\n"
        "        self.settings.read()\n\n\ndef run(crawler: Crawler, other: Unknown):\n"
        "    crawler.settings.read()\n    crawler.late.read()\n    other.settings.read()\n",
    }
    assert await callers(index_of, files, "read") == [
        ("app/run.py", "calls it at 6 (receiver-typed)"),
        ("app/run.py", "calls it at 10, 11 (receiver-typed)"),
        ("app/run.py", "calls it at 12 (guess: name only)"),
    ]


@pytest.mark.requirement("search.callers_proof")
async def test_a_header_announces_the_class_of_a_field_that_a_source_includes(index_of) -> None:
    files = {
        "store.h": "namespace n {\nclass Store {\n public:\n  void Flush();\n};\n}\n",
        "db.h": "namespace n {\nclass Store;\nclass Db {\n  void Close();\n  Store* store_;\n};\n}\n",
        "db.cc": '#include "db.h"\n#include "store.h"\n\nnamespace n {\nvoid Db::Close() { store_->Flush(); }\n}\n',
    }
    assert await callers(index_of, files, "Flush") == [("db.cc", "calls it at 5 (receiver-typed)")]


@pytest.mark.requirement("search.callers_proof")
async def test_a_package_is_one_in_its_sources_and_its_tests(index_of) -> None:
    files = {
        "src/main/java/app/Store.java": "package app;\nclass Store {\n  static int size() { return 1; }\n}\n",
        "src/test/java/app/StoreTest.java": "package app;\nclass StoreTest {\n  void t() { Store.size(); }\n}\n",
        "src/test/java/web/PageTest.java": "package web;\nclass PageTest {\n  void t() { Store.size(); }\n}\n",
        "src/main/java/web/Page.java": "package web;\nimport static app.Store.size;\nclass Page {\n"
        "  int n() { return size(); }\n}\n",
    }
    assert await callers(index_of, files, "size") == [
        ("src/main/java/web/Page.java", "calls it at 4 (import-resolved)"),
        ("src/test/java/app/StoreTest.java", "calls it at 3 (import-resolved)"),
        ("src/test/java/web/PageTest.java", "calls it at 3 (guess: name only)"),
    ]


@pytest.mark.requirement("search.callers_proof")
async def test_of_too_many_files_those_near_the_definition_are_read_and_the_answer_says_so(
    index_of, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, "_FILES_MOST", 2)
    files = {f"a{i}/use.py": "from z.kit import trim\n\n\ndef run():\n    trim()\n" for i in range(3)}
    near = {"z/kit.py": "def trim():\n    pass\n", "z/use.py": "from z.kit import trim\n\ntrim()\n"}
    async with index_of(files | near) as ask:
        answer = await ask("trim", mode="callers")
        narrowed = await ask("trim", mode="callers", paths=("a1/",))
    assert [hit.path for hit in answer.hits] == ["z/use.py"]
    assert answer.notes[1] == (
        "not complete: 3 more files may write the name, and only the 2 nearest were read; to read others: "
        'search_code("trim", mode="callers", paths=["<folder>/"])'
    )
    assert [hit.path for hit in narrowed.hits] == ["a1/use.py"]
    assert not any("not complete" in note for note in narrowed.notes)
