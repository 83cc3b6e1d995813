"""Who uses a name, however the name is said, and what is not taken for a use."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.anyio

QUEUE = {
    "queue.py": "class Base:\n    def push(self, item):\n        return item\n\n\n"
    "class Disk(Base):\n    def push(self, item):\n        return super().push(item)\n\n"
    "    def push_all(self, items):\n        for item in items:\n            self.push(item)\n",
}
HEADERS = {
    "db/name.h": "namespace store {\nbool ParseName(const char* text);\n}  // namespace store\n",
    "db/name.cc": '#include "db/name.h"\n\nnamespace store {\n'
    "bool ParseName(const char* text) { return text[0] == 'x'; }\n}  // namespace store\n",
    "db/recover.cc": '#include "db/name.h"\n\nnamespace store {\n'
    'bool Recover() { return ParseName("x"); }\n}  // namespace store\n',
    "tool.cc": '#include "db/name.h"\n\nint main() { return store::ParseName("y"); }\n',
    "other.cc": "namespace store {\nbool Other() { return ParseName(0); }\n}  // namespace store\n",
}


@pytest.mark.requirement("search.callers_proof")
async def test_a_call_of_the_parent_is_no_proven_call_of_the_class_it_stands_in(index_of) -> None:
    async with index_of(QUEUE) as ask:
        answer = await ask("Disk.push", mode="callers")
    assert [(hit.symbol, hit.why) for hit in answer.hits] == [
        ("Disk.push_all", "calls it at 12 (receiver-typed)"),
        ("Disk.push", "calls it at 8 (guess: name only)"),
    ]


@pytest.mark.requirement("search.callers_proof")
async def test_a_variable_is_not_taken_for_the_object_itself(index_of) -> None:
    text = "struct A;\nimpl A {\n    fn run(&self) {\n        let me = other();\n        me.run();\n    }\n}\n"
    async with index_of({"a.rs": text}) as ask:
        answer = await ask("A.run", mode="callers")
    assert [hit.why for hit in answer.hits] == ["calls it at 5 (guess: name only)"]


@pytest.mark.requirement("search.callers_proof")
async def test_an_included_name_is_known_inside_its_namespace_and_by_it(index_of) -> None:
    async with index_of(HEADERS) as ask:
        answer = await ask("ParseName", mode="callers")
    assert [(hit.path, hit.why) for hit in answer.hits] == [
        ("db/recover.cc", "calls it at 4 (import-resolved)"),
        ("tool.cc", "calls it at 3 (import-resolved)"),
        ("other.cc", "calls it at 2 (guess: name only)"),
    ]


@pytest.mark.requirement("search.callers_proof")
async def test_a_module_that_is_imported_by_its_name_brings_no_other(index_of) -> None:
    files = {
        "tools.py": "def load(path):\n    return path\n",
        "app.py": "import tools\n\n\ndef run(load):\n    return load(tools)\n",
    }
    async with index_of(files) as ask:
        answer = await ask("load", mode="callers")
    assert [hit.why for hit in answer.hits] == ["calls it at 5 (guess: name only)"]


@pytest.mark.requirement("search.modes")
@pytest.mark.parametrize("name", ["parsename", "parse_name", "ParseNames", "db/name.cc:4"])
async def test_uses_are_found_of_a_name_that_is_spelt_otherwise_or_of_a_place(
    index_of, name: str
) -> None:
    async with index_of(HEADERS) as ask:
        answer = await ask(name, mode="callers")
        exact = await ask("ParseName", mode="callers")
    assert answer.hits == exact.hits
    assert ("is spelt ParseName here" in answer.notes[0]) is not (":" in name)


@pytest.mark.requirement("search.not_here")
async def test_what_is_no_name_is_not_called_unused(index_of) -> None:
    async with index_of(HEADERS) as ask:
        file = await ask("db/name.cc", mode="references")
        outside = await ask("db/name.cc:1", mode="callers")
        gone = await ask("db/nam.cc:1", mode="callers")
        whole = await ask("db/nam.cc", mode="references")
        bare = await ask("nam.cc", mode="callers")
    assert file.notes[0] == "not here: db/name.cc is a file, and a name is used; name what it defines"
    assert file.notes[1] == 'next: search_code("db/name.cc", mode="outline")'
    assert outside.notes[0] == "not here: db/name.cc:1 is in no definition"
    near = "not here: no indexed file is 'db/nam.cc'; nearest: db/name.cc"
    assert gone.notes[0].startswith(near)
    assert whole.notes[0].startswith(near)
    assert bare.notes[0].startswith("not here: no indexed file is 'nam.cc'; nearest: db/name.cc")


@pytest.mark.requirement("search.not_here")
async def test_a_function_in_a_table_is_never_called_but_written(index_of) -> None:
    text = "int run(void) { return 1; }\nstruct entry { int (*exec)(void); } e = { .exec = run };\n"
    async with index_of({"a.c": text}) as ask:
        answer = await ask("run", mode="callers")
    assert answer.notes[0].endswith("run is defined but never called in app; lines that write it: 1")
    assert answer.notes[1] == 'next: search_code("run", mode="references")'


async def test_definitions_of_another_container_are_said_to_be_of_others(index_of) -> None:
    async with index_of(QUEUE) as ask:
        answer = await ask("Heap.push_all", mode="callers")
    assert answer.notes[0].endswith(
        "; no class, file or folder here is called Heap: every push_all is meant"
    )


async def test_what_is_called_on_the_object_itself_is_of_no_class_of_that_name(index_of) -> None:
    async with index_of(QUEUE) as ask:
        answer = await ask("self.push", mode="callers")
    assert answer.notes[0].endswith("; self may be of any class: every push is meant")


@pytest.mark.requirement("search.callers_proof")
@pytest.mark.parametrize("mode", ["callers", "references"])
async def test_where_calls_are_not_read_the_lines_that_write_a_name_answer(index_of, mode: str) -> None:
    files = {"pay.nim": "proc settle() = discard\n", "run.nim": "import pay\nsettle()\n"}
    async with index_of(files) as ask:
        answer = await ask("settle", mode=mode)
        unwritten = await ask("nothing_such", mode=mode)
    assert [(hit.path, hit.start_line) for hit in answer.hits] == [("run.nim", 2)]
    assert answer.notes[0].startswith("calls in nim are not read; 0 resolved ")
    assert "told by text only" in answer.notes[0]
    assert unwritten.notes[0].startswith("not here: nothing_such is neither defined nor ")


@pytest.mark.requirement("search.callers_proof")
@pytest.mark.parametrize("mode", ["callers", "references"])
async def test_of_tables_and_keys_it_is_not_said_that_their_calls_are_not_read(
    index_of, mode: str
) -> None:
    files = {"a.sql": "create table settle (id int);\nselect * from settle;\n", "a.yaml": "settle: 1\n"}
    async with index_of(files) as ask:
        answer = await ask("settle", mode=mode)
    assert "are not read" not in answer.notes[0]
