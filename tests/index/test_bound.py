"""What is a variable of, where a type parameter, a pattern, a declaration of its own kind or a generic base says it?"""

from __future__ import annotations

import pytest

from sophia_mcp.index.parsing.parse import parse


@pytest.mark.parametrize(
    ("language", "text", "stated"),
    [
        ("java", "class A<T extends Conn> { T t; <U extends Conn> void f(U u) { t.run(); } }", "Conn"),
        ("java", "class A { <U extends Conn<U>> void f(U u) { u.run(); } }", "Conn"),
        ("java", "class A { <U> void f(U u) { u.run(); } }", ""),
        (
            "java",
            "class A { void f(Object o) { if (o.x instanceof Conn c && a) { c.run(); } } }",
            "Conn",
        ),
        ("java", "class A { void f(Conn o) { if (o instanceof Till<?> c) { c.run(); } } }", "Till"),
        ("kotlin", "class A<T : Conn>(val t: T) { fun f() { t.run() } }", "Conn"),
        ("csharp", "class A<T> where T : Conn { T t; void F() { t.run(); } }", "Conn"),
        ("csharp", "class A { void F() { var x = Create(1); x.run(); } }", "Create()"),
        (
            "csharp",
            "class A { void F() { var x = Till.Open(1).Conn(); x.run(); } }",
            "Till.Open()>Conn()",
        ),
        ("rust", "fn f<T: Conn>(c: &T) { c.run(); }", "Conn"),
        ("rust", "fn f<T>(c: T) where T: Conn { c.run(); }", "Conn"),
        ("typescript", "function f<T extends Conn>(c: T) { c.run(); }", "Conn"),
        ("typescript", "class A<T extends Conn> { f<T>(c: T) { c.run(); } }", ""),
        ("typescript", "function f<T extends Conn | Till>(c: T) { c.run(); }", ""),
        ("typescript", "function f<T extends Conn | undefined>(c: T) { c?.run(); }", "Conn"),
        ("typescript", "function f<T>(c: T): T extends Conn ? A : B { c.run(); }", ""),
        ("java", "class A<T extends Conn> { <T> List<T> f(T c) { c.run(); } }", ""),
        ("java", "class A<T extends Conn> { List<T> f(T c) { c.run(); } }", "Conn"),
        ("java", "class A<T extends Conn> { class B<T> { void f(T c) { c.run(); } } }", ""),
        ("java", "class A { void f() { var c = new Till(1, g(2)).conn(); c.run(); } }", "Till()>conn()"),
        ("java", "class A { void f() { var c = new Conn() { int g() { a.b(); } }; c.run(); } }", "Conn"),
        ("csharp", "class A { void F() { var c = new Till(1).Conn; c.run(); } }", "Till()>Conn"),
        ("typescript", "const c = new Till().conn(); c.run();", "Till()>conn()"),
        ("kotlin", "fun f() { val c = Till().conn(); c.run() }", "Till()>conn()"),
        ("kotlin", "fun f() { val c = Conn().apply { a() }; c.run() }", "Conn"),
        ("rust", "fn f() { let c = Till::new().conn(); c.run(); }", "Till::new()>conn()"),
        ("cpp", "void f() { auto c = Till(1).conn(); c.run(); }", "Till()>conn()"),
        ("lua", "local c = Till.new():conn() c:run()", ""),
        ("perl", "my $c = Till->new->conn; $c->run();", ""),
        ("dart", "void f() { final c = Till(1).conn; c.run(); }", "Till()>conn"),
        ("dart", "void f() { final c = Conn(1)..a()..b = 1; c.run(); }", "Conn"),
        ("ruby", "def f\n c = Conn.new { 1 }\n c.run(1)\nend", "Conn"),
        ("ruby", "def f\n c = Conn.new { 1 }.till\n c.run(1)\nend", "Conn>till"),
        ("ruby", "def f\n c = Conn.new do |x|\n x\n end.till\n c.run(1)\nend", ""),
        ("typescript", "function f() {\n  using c = new Conn();\n  c.run();\n}", "Conn"),
        ("typescript", "function f() {\n  await using c: Conn = open();\n  c.run();\n}", "Conn"),
        ("javascript", "function f() {\n  await using c = new Conn();\n  c.run();\n}", "Conn"),
        ("php", "<?php (new Conn)->run();", "Conn()"),
        ("dart", "class A { final Conn c; void f() { c.run(); } }", "Conn"),
        ("dart", "void f(Conn c) { all((x) => c.run()); }", "Conn"),
        ("dart", "void f(Conn c) { all((c) => c.run()); }", ""),
        (
            "dart",
            "Future<void> f() async { final c = await Till.open(1); c.run(); }",
            "Till.open()>__await__()",
        ),
        ("dart", "void f() { var c = Conn(1); c.run(); }", "Conn"),
        ("dart", "void f() { Conn(1).run(); }", "Conn"),
    ],
)
def test_a_name_is_of_what_is_said_of_it(language: str, text: str, stated: str) -> None:
    types = [each.receiver_type for each in parse(text, language).references if each.name == "run"]
    assert types == [stated]


@pytest.mark.parametrize(
    ("language", "text", "bases"),
    [
        ("python", "class A(Base[int], m.Other[str], metaclass=M): ...\n", {"Base", "m.Other"}),
        ("scala", "class A extends Base[Int] { def f = 1 }", {"Base"}),
        ("go", "package a\ntype A struct {\n\tBase[int]\n\t*m.Other[string]\n}\n", {"Base", "m.Other"}),
    ],
)
def test_a_generic_base_is_one(language: str, text: str, bases: set[str]) -> None:
    found = [each for each in parse(text, language).references if each.kind == "base"]
    assert {f"{each.receiver}.{each.name}".lstrip(".") for each in found} == bases


def test_calls_of_dart_are_read() -> None:
    text = (
        "void main() {\n  run();\n  a.b?.run(1)\n    ..sum<int>(2);\n  super.put(f(x));\n  new Till.open(1);\n"
        "  go;\n  final g = go(1)[0];\n}\n"
    )
    found = {(each.receiver, each.name, each.line) for each in parse(text, "dart").references}
    assert found == {
        ("", "run", 2),
        ("a.b", "run", 3),
        ("?", "sum", 4),
        ("super", "put", 5),
        ("", "f", 5),
        ("", "Till", 6),
        ("", "go", 8),
    }


def test_what_an_import_defers_has_its_name() -> None:
    text = 'import defer * as late from "./late";\nimport defer from "./defer";\n'
    found = [(each.module, each.name, each.alias) for each in parse(text, "typescript").imports]
    assert found == [("./late", "", "late"), ("./defer", "default", "defer")]
